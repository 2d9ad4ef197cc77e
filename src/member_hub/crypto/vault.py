"""The vault: one per process, holds the key ring; data keys by transaction, tokens, rekeying and destroying.

Decision: `keys_for` reads the rows of vault.data_key in the caller's transaction every time, and the cache saves the
unwrapping only. A destroyed key is gone for every process with the commit, without any message between them.
Price: one indexed read per request.

A reader that is under no lock reads keys and values in one snapshot (REPEATABLE READ): a rekeying that commits between
two statements would look like tampering. A writer asks with `create=True`, which holds the keys until the end of its
transaction: a rekeying waits for it and finds what it wrote.
"""

from collections.abc import Iterable
from typing import Self
from uuid import UUID

from cryptography.hazmat.primitives.hmac import HMAC
from sqlalchemy.orm import registry

from member_hub.clock import Clock
from member_hub.crypto import datakeys
from member_hub.crypto.keycache import KeyCache
from member_hub.crypto.keyset import KeySet
from member_hub.crypto.layout import layouts
from member_hub.crypto.rekeying import reseal
from member_hub.crypto.ring import IndexKind, KeyRing, load_ring
from member_hub.crypto.sealing import CLASS_CODES
from member_hub.crypto.wrapping import joined, utf8
from member_hub.db.base import Base, Tx, transaction
from member_hub.db.engines import Database
from member_hub.privacy import DataClass
from member_hub.settings import Settings

WANTED_MAX = 50_000  # keys in one set; an import batch of 500 records asks for some 3,000
TOKEN_BYTES = 16


class Vault:
    """Opens nothing by itself: values are opened through the KeySet of a transaction."""

    def __init__(self, ring: KeyRing, clock: Clock, *, mapped: registry = Base.registry) -> None:
        self._ring = ring
        self._clock = clock
        self._mapped = mapped
        self._cache = KeyCache(ring.epochs)
        self._newest = {kind: next(iter(versions.items())) for kind, versions in ring.index.items()}

    @classmethod
    async def open_ring(cls, database: Database, settings: Settings, clock: Clock) -> Self:
        """The vault of this process. On the first run of a database it makes the key folder and the keys.

        Raises Misconfigured where the key folder is open to others, lost, or another database's, and where a table
        with sealed columns does not say how they are found.
        """
        layouts(Base.registry)
        async with transaction(database.app) as tx:
            return cls(await load_ring(tx, settings.key_dir, clock.now()), clock)

    async def keys_for(self, tx: Tx, wanted: Iterable[tuple[UUID, DataClass]], *, create: bool = False) -> KeySet:
        """The keys of subjects and classes, for this transaction; all versions, the newest seals.

        `create` makes the missing ones and holds all of them until the transaction ends; without it the set only
        opens. Subjects without a key are no error: nothing of theirs opens. At most WANTED_MAX.
        """
        asked = set(wanted)
        if len(asked) > WANTED_MAX:
            raise ValueError(f"More than {WANTED_MAX} keys in one set.")
        names = {(subject, CLASS_CODES[data_class]) for subject, data_class in asked}
        rows = await datakeys.read(tx, names, hold=create) if names else []
        missing = names - {(row.subject, row.data_class) for row in rows}
        if create and missing:
            rows += await datakeys.make(tx, self._ring, missing, self._clock.now())
        return KeySet(names, rows, self._cache, for_writing=create)

    async def rekey(self, tx: Tx, subject: UUID, data_class: DataClass) -> int:
        """Seal what the tables still hold under a new key and destroy the old ones; returns how many values.

        Called after the values that shall be gone were deleted, in the same transaction, under the member's lock.
        Raises CannotOpen, and then nothing changes, where something that remains was tampered with.
        """
        keys = await datakeys.renew(tx, self._ring, subject, CLASS_CODES[data_class], self._clock.now())
        if not keys:
            return 0
        opened = KeySet({(subject, CLASS_CODES[data_class])}, keys, self._cache, for_writing=True)
        count = sum([await reseal(tx, layout, subject, data_class, keys=opened) for layout in layouts(self._mapped)])
        await datakeys.destroy_older(tx, keys[-1])
        self._cache.forget([subject])
        return count

    async def destroy(self, tx: Tx, subjects: Iterable[UUID]) -> int:
        """Delete every data key of the subjects, of all classes and versions: nothing sealed for them opens again."""
        gone = set(subjects)
        self._cache.forget(gone)
        return await datakeys.destroy(tx, gone) if gone else 0

    def token(self, kind: str, namespace: str, value: str, *, version: int | None = None) -> bytes:
        """The blind index of an identifier: 16 bytes, equal for equal (kind, namespace, value), else telling nothing.

        Raises KeyError for a kind or a version that has no key.
        """
        prepared = self._newest[kind][1] if version is None else self._ring.index[kind][version]
        return _keyed(prepared, utf8(namespace), utf8(value))

    def token_version(self, kind: str) -> int:
        """The version under which `token` makes new tokens of this kind."""
        return self._newest[kind][0]

    def tokens_all_versions(self, kind: str, namespace: str, value: str) -> dict[int, bytes]:
        """The token under every version that may still be stored, newest first: for looking up during a rotation."""
        parts = utf8(namespace), utf8(value)
        return {version: _keyed(prepared, *parts) for version, prepared in self._ring.index[kind].items()}

    def message_key(self, source: str, message_id: str) -> bytes:
        """What the inbox keeps of the id of a delivery."""
        return _keyed(self._newest[IndexKind.MESSAGE][1], utf8(source), utf8(message_id))

    def message_digest(self, payload: bytes) -> bytes:
        """What the inbox keeps of a delivery: tells a repetition from a change."""
        return _keyed(self._newest[IndexKind.PAYLOAD][1], payload)

    @property
    def provider(self) -> str:
        """Who holds the root key."""
        return self._ring.provider

    @property
    def epoch(self) -> int:
        return self._ring.epoch


def _keyed(prepared: HMAC, *parts: bytes) -> bytes:
    copy = prepared.copy()
    copy.update(joined(*parts))
    return copy.finalize()[:TOKEN_BYTES]
