"""Folders and files that nobody else on the machine may read: made, checked, locked and flushed to disk.

What is found looser than 0700 (folders) or 0600 (files), or belongs to somebody else, is refused and not repaired:
whoever could read it may have done so already, and only the operator can judge that.
"""

import fcntl
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from member_hub.errors import Misconfigured

SEED_BYTES: Final = 32
FOLDER_MODE = 0o700
FILE_MODE = 0o600
_OTHERS = 0o077


def ensure_folder(path: Path) -> None:
    """Make the folder (0700) where it is missing, and refuse one that others may enter. Safe to call twice at once."""
    if not path.is_dir():
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            path.mkdir(mode=FOLDER_MODE)
        except FileExistsError:
            pass  # made by another process meanwhile; the check below decides
        else:
            sync_folder(path.parent)
    check_folder(path)


def check_folder(path: Path) -> None:
    try:
        found = path.stat()
    except OSError as error:
        raise Misconfigured(f"The folder {path} cannot be used ({error.strerror}).", remedy="Make it anew.") from None
    if not stat.S_ISDIR(found.st_mode):
        raise Misconfigured(f"{path} is not a folder.", remedy="Choose another place.")
    _check(path, found, remedy=f"Run: chmod 700 {path}")


def open_file(path: Path, flags: int) -> int:
    """Open an existing file and return its descriptor. Raises FileNotFoundError, or Misconfigured if it is not private.

    The check is made on the open file: nobody can exchange it between check and use. Links are not followed.
    """
    try:
        fd = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Misconfigured(
            f"The file {path} cannot be opened ({error.strerror}).",
            remedy="It has to be an ordinary file of the hub's own user with mode 0600.",
        ) from None
    try:
        _check_file(path, os.fstat(fd))
    except BaseException:
        os.close(fd)
        raise
    return fd


def read_file(path: Path, *, size_max: int) -> bytes:
    """The content of a private file. Raises FileNotFoundError, or Misconfigured if it is loose or too large."""
    with os.fdopen(open_file(path, os.O_RDONLY), "rb") as file:
        content = file.read(size_max + 1)
    if len(content) > size_max:
        raise Misconfigured(f"The file {path} is larger than it can be.", remedy="Restore it from its backup.")
    return content


def create_file(path: Path, content: bytes) -> None:
    """Write a new file whole or not at all, and flush it and its name to disk. The caller holds `locked(folder)`."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)  # left by a process that died before the file had its name
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
    try:
        write_all(fd, content)
        os.fsync(fd)
    finally:
        os.close(fd)
    fresh.rename(path)
    sync_folder(path.parent)


def make_seed(path: Path, *, remedy: str) -> bytes:
    """The random bytes of a key file, made with its folder on first use; of processes that start at once all get the
    same. Raises Misconfigured, with `remedy` for a file that is damaged."""
    ensure_folder(path.parent)
    with locked(path.parent):
        if not path.exists():
            create_file(path, secrets.token_bytes(SEED_BYTES))
    return read_seed(path, remedy=remedy)


def read_seed(path: Path, *, remedy: str) -> bytes:
    """Raises FileNotFoundError, Misconfigured."""
    seed = read_file(path, size_max=10 * SEED_BYTES)
    if len(seed) != SEED_BYTES:
        raise Misconfigured(f"The key file {path.name} is damaged.", remedy=remedy)
    return seed


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock: one process at a time makes files in it. Released by the system if the process dies."""
    fd = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def write_all(fd: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(fd, rest) :]


def sync_folder(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _check_file(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise Misconfigured(f"{path} is not an ordinary file.", remedy="Put the file itself there.")
    _check(path, found, remedy=f"Run: chmod 600 {path}")


def _check(path: Path, found: os.stat_result, *, remedy: str) -> None:
    if found.st_uid != os.geteuid():
        raise Misconfigured(
            f"{path} belongs to another user (uid {found.st_uid}).",
            remedy="Run the hub as that user, or give it the file with chown.",
        )
    if found.st_mode & _OTHERS:
        raise Misconfigured(f"{path} is open to others (mode {stat.S_IMODE(found.st_mode):04o}).", remedy=remedy)
