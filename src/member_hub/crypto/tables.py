"""The keys in the database, each wrapped by an epoch key that is nowhere but in the key folder (DESIGN 6).

A row of `vault.data_key` is about 150 bytes; its primary key begins with the subject, whose ids are ordered by
time, so the keys of accounts that came together lie together, and a page of members reads few blocks.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, Integer, LargeBinary, SmallInteger, Text
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.orm import Mapped, mapped_column

from member_hub.db.base import VAULT, Base
from member_hub.privacy import technical


class KeyState(StrEnum):
    ACTIVE = "active"
    RETIRED = "retired"  # a higher version is in use; kept until nothing is left under this one


class RegisteredKey(Base):
    """The root and epoch keys by fingerprint only; the keys of the blind index, wrapped, per kind and version."""

    __tablename__ = "key_registry"
    __table_args__ = (
        CheckConstraint(f"state IN ({', '.join(repr(state.value) for state in KeyState)})", name="state"),
        CheckConstraint("version > 0", name="version"),
        {"schema": VAULT},
    )

    kind: Mapped[str] = mapped_column(Text, primary_key=True, info=technical("root, epoch, or a kind of index key"))
    version: Mapped[int] = mapped_column(
        Integer, primary_key=True, info=technical("counts the keys of a kind; of an epoch, its number")
    )
    epoch: Mapped[int | None] = mapped_column(Integer, info=technical("the epoch whose key wraps this one"))
    wrapped: Mapped[bytes | None] = mapped_column(
        LargeBinary, info=technical("the index key under its epoch key; null for root and epochs, kept as files")
    )
    fingerprint: Mapped[bytes] = mapped_column(
        LargeBinary, info=technical("check value that tells this key from another")
    )
    state: Mapped[str] = mapped_column(Text, info=technical("active or retired"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info=technical("when the key was made"))


class DataKey(Base):
    """The key of one subject and data class. Without its row nothing sealed under it opens again: that is erasure."""

    __tablename__ = "data_key"
    __table_args__ = (
        CheckConstraint("version > 0", name="version"),
        {"schema": VAULT},
    )

    subject: Mapped[UUID] = mapped_column(
        PgUuid, primary_key=True, info=technical("random id of a channel account, a member or an ingest run")
    )
    data_class: Mapped[int] = mapped_column(
        SmallInteger, primary_key=True, info=technical("code of the data class, as in the header of what it sealed")
    )
    version: Mapped[int] = mapped_column(
        Integer, primary_key=True, info=technical("grows with every rekeying; the highest one seals")
    )
    epoch: Mapped[int] = mapped_column(Integer, info=technical("the epoch whose key wraps this one"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info=technical("when the key was made"))
    wrapped: Mapped[bytes] = mapped_column(
        LargeBinary,
        info=technical("32 random bytes under the epoch key: opens what is sealed for the subject, until the row goes"),
    )
