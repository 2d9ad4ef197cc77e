"""The keys of some subjects inside one transaction: sealing and opening their values."""

import logging
import os
from collections.abc import Collection, Iterable
from typing import NamedTuple
from uuid import UUID

from member_hub.crypto import sealing
from member_hub.crypto.keycache import KeyCache, OpenKey, WrappedKey
from member_hub.crypto.sealing import CLASS_CODES, HEADER, HEADER_BYTES, Place, Sealed, SealedColumn, place_of
from member_hub.crypto.wrapping import AES_256_GCM, NONCE_BYTES, CannotOpen, joined
from member_hub.privacy import DataClass

_log = logging.getLogger(__name__)


class Item(NamedTuple):
    """One value to open."""

    column: SealedColumn
    subject: UUID
    sealed: bytes
    row: bytes = b""


class KeySet:
    """Seals and opens for the subjects and classes that `Vault.keys_for` was asked for.

    Valid for the transaction that it was read in. Keys are unwrapped when first used: one that was tampered with
    spoils its own values and no others.
    """

    def __init__(
        self,
        wanted: Collection[tuple[UUID, int]],
        rows: Iterable[WrappedKey],
        cache: KeyCache,
        *,
        for_writing: bool,
    ) -> None:
        self._wanted = wanted  # subject and code of the data class
        self._for_writing = for_writing
        self._cache = cache
        self._rows: dict[tuple[UUID, bytes], WrappedKey] = {}
        self._newest: dict[tuple[UUID, int], WrappedKey] = {}
        self._opened: dict[tuple[UUID, bytes], OpenKey] = {}
        self._current: dict[tuple[UUID, int], OpenKey] = {}
        for row in rows:
            self._add(row)

    def has(self, subject: UUID, data_class: DataClass) -> bool:
        """Whether a key stands: nothing opens without."""
        return (subject, CLASS_CODES[data_class]) in self._newest

    def seal(self, column: SealedColumn, subject: UUID, value: str | bytes, *, row: bytes = b"") -> Sealed:
        """The value as the column stores it, under the subject's newest key.

        Only in a set read with `create=True`: that one holds its keys against a rekeying until the transaction ends.
        """
        if not self._for_writing:
            raise ValueError("These keys were read for opening; sealing needs keys_for(..., create=True).")
        place = place_of(column)
        key = self._current.get((subject, place.code)) or self._current_key(subject, place.code)
        if key is None:
            raise CannotOpen(place.field_id, subject)
        return sealing.seal(
            key.cipher, place, value, version=key.version, subject=key.subject, row=row, nonce=os.urandom(NONCE_BYTES)
        )

    def open(self, column: SealedColumn, subject: UUID, sealed: bytes, *, row: bytes = b"") -> str:
        """The text. Raises CannotOpen if it was not sealed for exactly this place, or its key is gone."""
        text = _text(self.open_bytes(column, subject, sealed, row=row))
        if text is None:
            raise CannotOpen(place_of(column).field_id, subject)
        return text

    def open_bytes(self, column: SealedColumn, subject: UUID, sealed: bytes, *, row: bytes = b"") -> bytes:
        """As `open`, for what was sealed as bytes."""
        place = place_of(column)
        name = (subject, sealed[:HEADER_BYTES])
        key = self._opened.get(name) or self._named_key(name, place)
        value = sealing.unseal(key.cipher, place, sealed, subject=key.subject, row=row) if key else None
        if value is None:
            raise CannotOpen(place.field_id, subject)
        return value

    def open_many(self, items: Iterable[Item], *, reason: str) -> list[str | CannotOpen]:
        """Each item's text, or an error of its own; neighbours open. What does not open is logged with `reason`."""
        opened: list[str | CannotOpen] = []
        for column, subject, sealed, row in items:
            try:
                opened.append(self.open(column, subject, sealed, row=row))
            except CannotOpen as error:
                _log.warning("%s While: %s.", error, reason)
                opened.append(error)
        return opened

    def digest(self, subject: UUID, data_class: DataClass, *parts: bytes) -> bytes:
        """16 bytes that tell parts of one subject apart: comparable with no other subject's, gone with the key."""
        code = CLASS_CODES[data_class]
        key = self._current.get((subject, code)) or self._current_key(subject, code)
        if key is None:
            raise CannotOpen(f"the {data_class} key", subject)
        return key.digest(joined(*parts))

    def is_newest(self, column: SealedColumn, subject: UUID, sealed: bytes) -> bool:
        """Whether the value says of itself that the newest key sealed it (nothing is opened, nothing is proven)."""
        newest = self._newest.get((subject, place_of(column).code))
        return newest is not None and sealed[:HEADER_BYTES] == _header(newest)

    def _add(self, row: WrappedKey) -> None:
        self._rows[row.subject, _header(row)] = row
        newest = self._newest.get((row.subject, row.data_class))
        if newest is None or newest.version < row.version:
            self._newest[row.subject, row.data_class] = row

    def _named_key(self, name: tuple[UUID, bytes], place: Place) -> OpenKey | None:
        row = self._rows.get(name)
        if row is None:
            self._require_asked(name[0], place.code)
            return None
        key = self._cache.opened(row)
        if key is not None:
            self._opened[name] = key
        return key

    def _current_key(self, subject: UUID, code: int) -> OpenKey | None:
        row = self._newest.get((subject, code))
        if row is None:
            self._require_asked(subject, code)
            return None
        key = self._cache.opened(row)
        if key is not None:
            self._current[subject, code] = key
        return key

    def _require_asked(self, subject: UUID, code: int) -> None:
        """A key that nobody asked for is a mistake in the program, not a value that was tampered with."""
        if (subject, code) not in self._wanted:
            raise ValueError(f"keys_for was not asked for data class {code} of {subject}.")


def _header(row: WrappedKey) -> bytes:
    return HEADER.pack(AES_256_GCM, row.data_class, row.version)


def _text(value: bytes) -> str | None:
    """None where the bytes are not UTF-8: the error itself would carry them."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None
