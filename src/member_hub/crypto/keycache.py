"""Data keys in memory: unwrapped, for as long as the database still holds them."""

import struct
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from uuid import UUID

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hmac import HMAC

from member_hub.crypto.wrapping import DIGEST_LABEL, derived, joined, unwrap_for_sealing

DIGEST_BYTES = 16
CACHE_SUBJECTS_MAX = 20_000

_CONTEXT = struct.Struct(">16sBII")
_CONTEXT_PREFIX = joined(b"data")


class WrappedKey(NamedTuple):
    """A row of vault.data_key."""

    subject: UUID
    data_class: int
    version: int
    epoch: int
    wrapped: bytes


class OpenKey:
    """A data key in memory. Not a tuple or a dataclass, because these print what they hold."""

    __slots__ = ("_digesting", "_key", "cipher", "subject", "version")

    def __init__(self, subject: bytes, version: int, key: bytes, cipher: AESGCM) -> None:
        self.subject = subject
        self.version = version
        self.cipher = cipher
        self._key = key
        self._digesting: HMAC | None = None

    def digest(self, message: bytes) -> bytes:
        if self._digesting is None:
            self._digesting = HMAC(derived(self._key, DIGEST_LABEL), hashes.SHA256())
        digesting = self._digesting.copy()
        digesting.update(message)
        return digesting.finalize()[:DIGEST_BYTES]


def data_key_context(subject: UUID, code: int, version: int, epoch: int) -> bytes:
    return _CONTEXT_PREFIX + _CONTEXT.pack(subject.bytes, code, version, epoch)


class KeyCache:
    """Saves the unwrapping of keys that were read again; never the reading.

    An entry answers only to the very wrapped bytes, in the same place, that a transaction has just read: when their
    row is gone, nothing finds the entry any more. Holds the subjects used last, as raw keys (an AESGCM object is
    2.5 KB and built in 1 us); one event loop.
    """

    def __init__(self, epochs: Mapping[int, AESGCM], *, subjects_max: int = CACHE_SUBJECTS_MAX) -> None:
        self._epochs = epochs
        self._subjects_max = subjects_max
        self._subjects: OrderedDict[UUID, dict[bytes, tuple[bytes, bytes]]] = OrderedDict()

    def opened(self, key: WrappedKey) -> OpenKey | None:
        """The key; None if it is not what the epoch wrapped for this subject, class and version."""
        context = data_key_context(key.subject, key.data_class, key.version, key.epoch)
        name = context + key.wrapped
        keys = self._subjects.get(key.subject)
        found = keys.get(name) if keys else None
        if found is None:
            epoch = self._epochs.get(key.epoch)
            found = unwrap_for_sealing(epoch, key.wrapped, context) if epoch else None
            if found is None:
                return None
            self._subjects.setdefault(key.subject, {})[name] = found
        self._subjects.move_to_end(key.subject)
        if len(self._subjects) > self._subjects_max:
            self._subjects.popitem(last=False)
        return OpenKey(key.subject.bytes, key.version, found[0], AESGCM(found[1]))

    def forget(self, subjects: Iterable[UUID]) -> None:
        for subject in subjects:
            self._subjects.pop(subject, None)

    def __len__(self) -> int:
        return len(self._subjects)
