"""Who looked at or changed what: one row per request, inserted and never altered (DESIGN 9)."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, Date, DateTime, Index, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.orm import Mapped, mapped_column

from member_hub.db.base import Base
from member_hub.privacy import technical


class AuditEntry(Base):
    """One request: who, in which role, for which purpose, what, about whom; never values."""

    __tablename__ = "audit_entry"
    __table_args__ = (Index("ix_audit_entry_member_ids", "member_ids", postgresql_using="gin"),)

    month: Mapped[date] = mapped_column(Date, primary_key=True, info=technical("first day of the month, UTC"))
    writer: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("the process that wrote it"))
    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, info=technical("gap-free per writer"))
    happened_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info=technical("when"))
    request_id: Mapped[UUID] = mapped_column(PgUuid, info=technical("the request id in the answer"))
    caller_kind: Mapped[str] = mapped_column(Text, info=technical("APP, STAFF, MEMBER or SYSTEM"))
    caller: Mapped[str] = mapped_column(Text, info=technical("staff number, app name, or opaque member id"))
    role: Mapped[str] = mapped_column(Text, info=technical("the acting role"))
    purpose: Mapped[str] = mapped_column(Text, info=technical("the declared purpose"))
    operation: Mapped[str] = mapped_column(Text, info=technical("the API operation or command"))
    outcome: Mapped[str] = mapped_column(Text, info=technical("ok, missed, or the code of the refusal"))
    fields: Mapped[list[str]] = mapped_column(ARRAY(Text), info=technical("which guarded fields, with their state"))
    member_ids: Mapped[list[UUID]] = mapped_column(ARRAY(PgUuid), info=technical("whose data"))
