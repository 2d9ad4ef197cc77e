"""Who looked at or changed what, and the seals over it: inserted and never altered (DESIGN 9).

Entries and subjects are partitioned by month, so that what has expired goes as a whole (audit/retention.py).
"""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, Date, DateTime, ForeignKey, Index, Integer, LargeBinary, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.orm import Mapped, mapped_column

from member_hub.db.base import Base
from member_hub.privacy import technical

BY_MONTH = {"postgresql_partition_by": "RANGE (month)"}


class AuditEntry(Base):
    """One request: who, in which role, for which purpose, what, about whom; never values."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        Index("ix_audit_entry_happened_at", "happened_at", "writer", "sequence"),
        Index("ix_audit_entry_caller", "caller", "happened_at"),
        BY_MONTH,
    )

    month: Mapped[date] = mapped_column(Date, primary_key=True, info=technical("first day of the month, UTC"))
    writer: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("the process that wrote it"))
    sequence: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, info=technical("gap-free from 1 per month and writer")
    )
    happened_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info=technical("when"))
    request_id: Mapped[UUID] = mapped_column(PgUuid, info=technical("the request id in the answer"))
    caller_kind: Mapped[str] = mapped_column(Text, info=technical("APP, STAFF, MEMBER or SYSTEM"))
    caller: Mapped[str] = mapped_column(Text, info=technical("staff number, app name, or opaque member id"))
    role: Mapped[str] = mapped_column(Text, info=technical("the acting role"))
    purpose: Mapped[str] = mapped_column(Text, info=technical("the declared purpose"))
    operation: Mapped[str] = mapped_column(Text, info=technical("the API operation or command"))
    outcome: Mapped[str] = mapped_column(Text, info=technical("ok, missed, or the code of the refusal"))
    fields: Mapped[list[str]] = mapped_column(ARRAY(Text), info=technical("which guarded fields, with their state"))
    member_ids: Mapped[list[UUID]] = mapped_column(
        ARRAY(PgUuid), info=technical("whose data: opaque ids, kept after an erasure (PIPL 9, 56, 69)")
    )
    previous: Mapped[bytes] = mapped_column(LargeBinary, info=technical("digest of the entry before"))
    digest: Mapped[bytes] = mapped_column(LargeBinary, info=technical("keyed digest of all of the above"))


class AuditSubject(Base):
    """Which sealed entries name a member; filled by the sealer, for "who looked at me"."""

    __tablename__ = "audit_subject"
    __table_args__ = BY_MONTH

    member_id: Mapped[UUID] = mapped_column(
        PgUuid, primary_key=True, info=technical("whose data: an opaque id, kept after an erasure (PIPL 9, 56, 69)")
    )
    happened_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), primary_key=True, info=technical("when, as the entry says")
    )
    writer: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("of the entry"))
    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, info=technical("of the entry"))
    month: Mapped[date] = mapped_column(Date, primary_key=True, info=technical("of the entry"))


class AuditSeal(Base):
    """A signed Merkle root over the entries of its parts; each seal holds the digest of the one before."""

    __tablename__ = "audit_seal"

    number: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, info=technical("gap-free from 1")
    )
    sealed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info=technical("when"))
    entries: Mapped[int] = mapped_column(Integer, info=technical("how many entries"))
    root: Mapped[bytes] = mapped_column(LargeBinary, info=technical("Merkle root over the digests of the entries"))
    expired: Mapped[list[date]] = mapped_column(ARRAY(Date), info=technical("months whose retention is over"))
    previous: Mapped[bytes] = mapped_column(LargeBinary, info=technical("digest of the seal before"))
    key_id: Mapped[str] = mapped_column(Text, info=technical("fingerprint of the public key"))
    digest: Mapped[bytes] = mapped_column(LargeBinary, info=technical("SHA-256 of all of the above and the parts"))
    signature: Mapped[bytes] = mapped_column(LargeBinary, info=technical("Ed25519 over the digest"))


class AuditSealPart(Base):
    """From which to which entry of one writer a seal goes."""

    __tablename__ = "audit_seal_part"
    __table_args__ = (Index("ix_audit_seal_part_number", "number"),)

    month: Mapped[date] = mapped_column(Date, primary_key=True, info=technical("of the entries"))
    writer: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("of the entries"))
    last: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, info=technical("sequence of the last entry")
    )
    first: Mapped[int] = mapped_column(BigInteger, info=technical("sequence of the first entry"))
    number: Mapped[int] = mapped_column(
        BigInteger,
        ForeignKey("hub.audit_seal.number", name="fk_audit_seal_part_number_audit_seal"),
        info=technical("the seal, which is there"),
    )
    digest: Mapped[bytes] = mapped_column(LargeBinary, info=technical("digest of the last entry"))
