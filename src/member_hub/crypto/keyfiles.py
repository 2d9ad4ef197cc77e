"""The key folder: the root key, and the epoch keys that it wraps, as private files made on the first run.

Decision: nothing here ever replaces a key. A file that is missing although the database holds keys under it is a
refusal: a new root key would turn a lost folder into lost data without a word. Price: the operator has to restore
the folder, or to begin with an empty database. The database remembers fingerprints (vault.key_registry), so another
installation's folder is told apart too.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from member_hub import private
from member_hub.crypto.wrapping import (
    KEY_BYTES,
    NONCE_BYTES,
    fingerprint,
    joined,
    unwrap,
    wrap,
    wrapping_cipher,
)
from member_hub.errors import Misconfigured

ROOT_FILE = "root.key"
FILE_MAX_BYTES = 4096  # a wrapped key of a cloud service is larger than ours
RESTORE = "Restore the key folder of this database from its backup; MEMBER_HUB_KEY_DIR says where it is looked for."


class KeyProvider(Protocol):
    """Whoever holds the root key: a local file here; PKCS#11, Vault and cloud services later. Wraps epoch keys only."""

    name: str

    def fingerprint(self) -> bytes:
        """Tells one root key from another; kept in the database and compared at start."""

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """The key in a form that only this root key opens, and only for the same context."""

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes | None:
        """The key again; None where this root key does not open it."""


class LocalFile:
    """The root key as a file of 32 random bytes."""

    name = "local file"

    def __init__(self, key: bytes) -> None:
        self._cipher = wrapping_cipher(key)
        self._fingerprint = fingerprint(key)

    def fingerprint(self) -> bytes:
        return self._fingerprint

    def wrap(self, key: bytes, context: bytes) -> bytes:
        return wrap(self._cipher, key, context, os.urandom(NONCE_BYTES))

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes | None:
        return unwrap(self._cipher, wrapped, context)


def local_file(folder: Path, *, may_create: bool) -> LocalFile:
    """The root key of the folder. Makes folder and key only where `may_create`: the database knows no key yet."""
    if may_create:
        private.ensure_folder(folder)
    path = folder / ROOT_FILE
    key = _read_or_create(path, lambda: os.urandom(KEY_BYTES), may_create=may_create)
    if len(key) != KEY_BYTES:
        raise Misconfigured(f"{path} is not a root key.", remedy=RESTORE)
    return LocalFile(key)


def epoch_key(folder: Path, epoch: int, provider: KeyProvider, *, may_create: bool) -> bytes:
    """The key of an epoch: random, on disk only as the root wrapped it, and only for this number."""
    context = joined(b"epoch", str(epoch).encode())
    path = folder / f"epoch-{epoch}.key"
    wrapped = _read_or_create(path, lambda: provider.wrap(os.urandom(KEY_BYTES), context), may_create=may_create)
    key = provider.unwrap(wrapped, context)
    if key is None:
        raise Misconfigured(f"The root key does not open {path}.", remedy=RESTORE)
    return key


def _read_or_create(path: Path, fresh: Callable[[], bytes], *, may_create: bool) -> bytes:
    """The file's content. Of several processes that find it missing at once, one makes it and all read that one."""
    if not may_create and not path.exists():
        raise Misconfigured(f"{path} is missing, and the database holds keys that need it.", remedy=RESTORE)
    private.check_folder(path.parent)
    if may_create:
        with private.locked(path.parent):
            if not path.exists():
                private.create_file(path, fresh())
    return private.read_file(path, size_max=FILE_MAX_BYTES)
