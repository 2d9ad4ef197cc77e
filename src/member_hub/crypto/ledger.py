"""The erasure ledger: an append-only file outside the database, which a restored backup cannot roll back (DESIGN 6).

One line per entry: canonical JSON whose `hash` is the SHA-256 of the rest, `prev` among it. An append is the point of
no return of what it announces: it returns after the line is on disk. A process or machine that dies in between leaves
a torn last line, which nobody was told of: it is cut aside into a file of its own, with a warning. Everything else
that does not fit the chain is refused. Who can write here can also cut whole lines off the end or begin a new chain:
that shows against the head that the database keeps, not here.

Subjects are opaque ids and `scope` words of our own: no personal value, and no keyed digest of one, ever stands here.
"""

import fcntl
import hashlib
import logging
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from member_hub import private
from member_hub.crypto.chain import EMPTY, Entry, Head, LedgerBroken, Note, chained, check_note, entry_of, line_of

LEDGER_FILE: Final = "erasure.jsonl"
LINE_MAX_BYTES: Final = 256 * 1024
APPEND_MAX_BYTES: Final = 1024 * 1024

_TORN = re.compile(rb"\{[^{}\x00]*\x00*|\x00+")  # a line cut short, and what a file system may fill it up with
_log = logging.getLogger(__name__)


class Ledger:
    """The file, opened for each use: processes and threads may share it. Every call blocks (await it in a thread)."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Make folder and file where they are missing, cut a torn last line aside, and verify the whole chain."""
        private.ensure_folder(folder)
        path = folder / LEDGER_FILE
        with private.locked(folder):
            if not path.exists():
                private.create_file(path, b"")
        private.sync_folder(folder)  # who made it may have died before it could
        ledger = cls(path)
        with ledger._held(fcntl.LOCK_EX) as fd:
            _mended(fd, path)
        ledger.verify()
        return ledger

    def append(self, notes: Sequence[Note]) -> list[Entry]:
        """Chain the notes to the end, all of them with one flush; on return they are on disk.

        Raises OSError where the disk refuses, and then nothing was announced.
        """
        for note in notes:
            check_note(note)
        with self._held(fcntl.LOCK_EX) as fd:
            head, end = _mended(fd, self._path)
            entries = chained(head, notes)
            content = b"".join(line_of(entry) + b"\n" for entry in entries)
            if not 0 < len(content) <= APPEND_MAX_BYTES:
                raise ValueError(f"An append takes at least one note, and at most {APPEND_MAX_BYTES} bytes.")
            try:
                private.write_all(fd, content)
                os.fsync(fd)
            except OSError:
                os.ftruncate(fd, end)
                raise
        return entries

    def entries(self, *, after: int = 0) -> Iterator[Entry]:
        """The entries behind number `after`, each verified against the chain from the first one on."""
        with self._held(fcntl.LOCK_SH) as fd:
            tail = _tail(fd)
        head = EMPTY
        # Without the lock: what stands before the end is never written again.
        with os.fdopen(private.open_file(self._path, os.O_RDONLY), "rb") as file:
            while file.tell() < tail.end:
                entry = entry_of(file.readline(LINE_MAX_BYTES + 1).removesuffix(b"\n"), head)
                head = Head(entry.seq, entry.hash)
                if entry.seq > after:
                    yield entry

    def verify(self) -> Head:
        """Read everything. Raises LedgerBroken, naming the line, if anything was altered, removed or put in."""
        head = EMPTY
        for entry in self.entries():
            head = Head(entry.seq, entry.hash)
        return head

    def head(self) -> Head:
        """The last entry, without reading the others."""
        with self._held(fcntl.LOCK_SH) as fd:
            return _tail(fd).head

    @contextmanager
    def _held(self, lock: int) -> Iterator[int]:
        fd = private.open_file(self._path, os.O_RDWR | os.O_APPEND)
        try:
            fcntl.flock(fd, lock)
            yield fd
        finally:
            os.close(fd)


@dataclass(frozen=True, slots=True)
class _Tail:
    head: Head  # of the last whole line
    end: int  # where whole lines end
    torn: bytes  # what follows
    is_closed: bool  # whether the last whole line has its line break


def _tail(fd: int) -> _Tail:
    """The end of the file. Raises LedgerBroken where it is neither a whole line nor the beginning of one."""
    size = os.fstat(fd).st_size
    start = max(0, size - LINE_MAX_BYTES - APPEND_MAX_BYTES)
    whole, closing, rest = os.pread(fd, size - start, start).rpartition(b"\n")
    if start and not closing:
        raise LedgerBroken(None, "it has no line break")
    last = entry_of(whole.rpartition(b"\n")[2], None) if closing else None
    head = Head(last.seq, last.hash) if last else EMPTY
    if rest.endswith(b"}"):  # whole but for the line break: rather remembered than forgotten
        entry = entry_of(rest, head)
        return _Tail(Head(entry.seq, entry.hash), size, b"", is_closed=False)
    if rest and not _TORN.fullmatch(rest):
        raise LedgerBroken(head.seq + 1, "it does not end as a line cut short does")
    return _Tail(head, size - len(rest), rest, is_closed=True)


def _mended(fd: int, path: Path) -> tuple[Head, int]:
    """The head, and where to go on writing; what was torn there before stands in a file beside now."""
    tail = _tail(fd)
    if not tail.is_closed:
        private.write_all(fd, b"\n")
        os.fsync(fd)
        return tail.head, tail.end + 1
    if tail.torn:
        aside = path.with_name(f"torn-{tail.end}-{hashlib.sha256(tail.torn).hexdigest()[:16]}")
        private.create_file(aside, tail.torn)
        os.ftruncate(fd, tail.end)
        os.fsync(fd)
        _log.warning("The erasure ledger ended in a torn line of %d bytes; it now stands in %s.", len(tail.torn), aside)
    return tail.head, tail.end
