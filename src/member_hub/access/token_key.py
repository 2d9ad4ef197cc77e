"""The key files of tokens that the hub signs: made on first use, readable by its owner alone, or refused."""

import os
import secrets
import stat
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from member_hub.errors import Misconfigured

FILE = "development-token.key"
SEED_BYTES = 32
OTHERS = 0o077


def load_or_make(folder: Path, name: str = FILE) -> Ed25519PrivateKey:
    """The key of the folder. Two processes that start at once get the same one. Raises Misconfigured."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _refuse_looser(folder)
    file = folder / name
    if not file.exists():
        _make(file)
    return load(file)


def load(file: Path) -> Ed25519PrivateKey:
    """Raises Misconfigured for a file that is damaged or can be reached by others, FileNotFoundError."""
    _refuse_looser(file)
    seed = file.read_bytes()
    if len(seed) != SEED_BYTES:
        raise Misconfigured(
            f"The key file {file.name} is damaged.",
            remedy="Delete it: the next token makes a new one, earlier tokens end.",
        )
    return Ed25519PrivateKey.from_private_bytes(seed)


def _refuse_looser(path: Path) -> None:
    found = path.stat()
    if stat.S_IMODE(found.st_mode) & OTHERS or found.st_uid != os.geteuid():
        wanted = "0700" if path.is_dir() else "0600"
        raise Misconfigured(
            f"{path.name} in the key folder can be reached by others.",
            remedy=f"It has to belong to the user who runs the hub, with mode {wanted}.",
        )


def _make(file: Path) -> None:
    """Whole or not at all: written aside, flushed, then linked; whoever links second keeps the first one's key."""
    aside = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(secrets.token_bytes(SEED_BYTES))
            stream.flush()
            os.fsync(stream.fileno())
        try:
            os.link(aside, file)
        except FileExistsError:
            return
        _flush_folder(file.parent)
    finally:
        aside.unlink()


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
