"""The audit head outside the database: a line per seal, appended and flushed, so that a cut-off database shows.

One file per month in the ledger folder. It is as good as the folder: whoever can write there and to the database can
cut both. So operators copy the newest line off the machine (`member-hub audit export-head`), and `verify --head`
compares. A line that was cut short by a crash is dropped: it is written again from the database, where its seal is.
"""

import os
from collections.abc import Iterable, Iterator
from datetime import UTC, date
from pathlib import Path
from typing import Final

from member_hub import private
from member_hub.audit.seal import Head
from member_hub.errors import HubError

PATTERN: Final = "audit-head-????-??.jsonl"
LINE_MAX_BYTES: Final = 1_024


class HeadBroken(HubError):
    """A line outside is not one that was written."""

    code = "AUDIT_HEAD_BROKEN"

    def __init__(self, file: str, line: int) -> None:
        super().__init__(f"The audit head {file} is broken at line {line}. Restore it from its copy, or move it away.")


def append(folder: Path, heads: Iterable[Head]) -> int:
    """Write down the heads that come behind the last one there; on return they are on disk. Returns how many."""
    private.ensure_folder(folder)
    with private.locked(folder):
        known = last(folder)
        fresh = [head for head in heads if known is None or head.number > known.number]
        for name in dict.fromkeys(_name(head) for head in fresh):
            _append(folder / name, b"".join(head.line + b"\n" for head in fresh if _name(head) == name))
    return len(fresh)


def last(folder: Path) -> Head | None:
    """The newest head that was written down whole. Raises HeadBroken."""
    for path in sorted(folder.glob(PATTERN), reverse=True):
        with os.fdopen(private.open_file(path, os.O_RDONLY), "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 4 * LINE_MAX_BYTES))
            whole, closing, _ = file.read().rpartition(b"\n")
        if closing:
            return _read(whole.rpartition(b"\n")[2], path, None)
    return None


def first(folder: Path) -> Head | None:
    """The oldest head that is still there. Raises HeadBroken."""
    return next((head for path in sorted(folder.glob(PATTERN)) for head in of_file(path)), None)


def every(folder: Path, *, up_to: int) -> Iterator[Head]:
    """The heads in the order in which they were written, without what comes meanwhile. Raises HeadBroken."""
    for path in sorted(folder.glob(PATTERN)):
        yield from (head for head in of_file(path) if head.number <= up_to)


def of_file(path: Path) -> Iterator[Head]:
    with path.open("rb") as file:
        number = 0
        while (line := file.readline(LINE_MAX_BYTES)).endswith(b"\n"):
            number += 1
            yield _read(line[:-1], path, number)
        if len(line) == LINE_MAX_BYTES:
            raise HeadBroken(path.name, number + 1)


def remove_before(folder: Path, month: date) -> None:
    """Remove the files of months before this one."""
    for path in sorted(folder.glob(PATTERN)):
        if path.name < _file_of(month):
            path.unlink()


def _append(path: Path, content: bytes) -> None:
    if not path.exists():
        private.create_file(path, b"")
    fd = private.open_file(path, os.O_RDWR)
    try:
        os.lseek(fd, _mended(fd), os.SEEK_SET)
        private.write_all(fd, content)
        os.fsync(fd)
    finally:
        os.close(fd)


def _mended(fd: int) -> int:
    """Where whole lines end; what was torn there is dropped."""
    size = os.fstat(fd).st_size
    start = max(0, size - 4 * LINE_MAX_BYTES)
    end = start + os.pread(fd, size - start, start).rfind(b"\n") + 1
    os.ftruncate(fd, end)
    return end


def _read(line: bytes, path: Path, number: int | None) -> Head:
    try:
        return Head.of_line(line)
    except ValueError:
        raise HeadBroken(path.name, number or 0) from None


def _name(head: Head) -> str:
    return _file_of(head.sealed_at.astimezone(UTC).date())


def _file_of(day: date) -> str:
    return f"audit-head-{day.year:04}-{day.month:02}.jsonl"
