"""Tables and keys of the tests' own: two sealed columns of every data class, and a table with a keyed digest."""

from collections.abc import Mapping
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Column, Index, Integer, LargeBinary, MetaData, Text
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from member_hub.crypto.keycache import KeyCache, WrappedKey, data_key_context
from member_hub.crypto.keyset import KeySet
from member_hub.crypto.ring import IndexKind, KeyRing, prepared_index
from member_hub.crypto.sealing import CLASS_CODES
from member_hub.crypto.wrapping import derived, wrap, wrapping_cipher
from member_hub.privacy import DataClass, sealed, technical

ANNA = UUID("01900000-0000-7000-8000-00000000000a")
BELA = UUID("01900000-0000-7000-8000-00000000000b")
EPOCH_KEY = bytes(range(100, 132))
NONCE = bytes(range(200, 212))


class Sample(DeclarativeBase):
    metadata = MetaData(schema="hub")


def _sealed(data_class: DataClass, block_bytes: int = 16) -> dict[Any, Any]:
    return sealed(data_class, zh="样本", en="sample", block_bytes=block_bytes)


class Card(Sample):
    """Two sealed columns of every data class: `contact`, `contact_too` and so on are added below."""

    __tablename__ = "sample_card"
    __sealed_subject__ = "owner"
    __sealed_row__ = ("line",)

    owner: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("whose"))
    line: Mapped[int] = mapped_column(Integer, primary_key=True, info=technical("which"))


for _class in DataClass:
    for _name in (_class.value, f"{_class.value}_too"):
        setattr(Card, _name, mapped_column(LargeBinary, nullable=True, info=_sealed(_class)))


class Saying(Sample):
    """What somebody said, told apart by a keyed digest that is part of the key and of what binds the value."""

    __tablename__ = "sample_saying"
    __sealed_subject__ = "origin"
    __sealed_row__ = ("field", "digest")
    __sealed_digest__: ClassVar = {"digest": ("field", "value")}
    __table_args__ = (Index("ix_sample_saying_origin", "origin"),)

    member: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("whose"))
    field: Mapped[str] = mapped_column(Text, primary_key=True, info=technical("what about"))
    origin: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("who said it"))
    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True, info=technical("keyed digest"))
    value: Mapped[bytes] = mapped_column(LargeBinary, info=_sealed(DataClass.CONTACT, 64))


def column_of(data_class: DataClass, *, too: bool = False) -> Column[Any]:
    return Card.__table__.c[f"{data_class.value}_too" if too else data_class.value]


def ring_of(
    epoch_keys: Mapping[int, bytes] | None = None, index: Mapping[tuple[str, int], bytes] | None = None
) -> KeyRing:
    """A key ring without files or database; the highest epoch wraps, every index key is 32 zeros unless given."""
    epochs = {n: wrapping_cipher(key) for n, key in (epoch_keys or {1: EPOCH_KEY}).items()}
    keys = {(kind.value, 1): bytes(32) for kind in IndexKind} | dict(index or {})
    return KeyRing("test", epochs, max(epochs), prepared_index(keys))


def wrapped_key(subject: UUID, data_class: DataClass, key: bytes, *, version: int = 1, epoch: int = 1) -> WrappedKey:
    code = CLASS_CODES[data_class]
    context = data_key_context(subject, code, version, epoch)
    return WrappedKey(subject, code, version, epoch, wrap(wrapping_cipher(EPOCH_KEY), key, context, NONCE))


def keys_of(*rows: WrappedKey) -> KeySet:
    """A set that opens and seals with the given keys, asked for all that the tests use."""
    wanted = {(subject, code) for subject in (ANNA, BELA) for code in CLASS_CODES.values()}
    return KeySet(wanted, rows, KeyCache(ring_of().epochs), for_writing=True)


def key_bytes(number: int) -> bytes:
    """A data key that is the same in every run and different for every number."""
    return derived(bytes(32), number.to_bytes(4))
