"""What a purpose's bit on a member row means, and who may see minors: the tables behind the gate of every read.

`hub.member.consent_bits` holds a bit per purpose and named recipient; `hub.consent_gate` says which bit counts, and
since when. A material change of a notice is a fresh bit in one new row here: every earlier grant is stale with that
commit, and no member is rewritten. Bits that no longer count are cleared in batches and given out again.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, Index, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.orm import Mapped, mapped_column

from member_hub.db.base import Base
from member_hub.privacy import technical

BITS = 63  # of a bigint, without its sign


class ConsentGate(Base):
    """Which bit of the members of a handler says that consent stands, from `effective_at` on; the newest counts."""

    __tablename__ = "consent_gate"
    __table_args__ = (
        CheckConstraint(f"bit BETWEEN 0 AND {BITS - 1}", name="bit"),
        Index("uq_consent_gate_bit", "handler", "bit", unique=True, postgresql_where=text("freed_at IS NULL")),
    )

    handler: Mapped[str] = mapped_column(Text, primary_key=True, info=technical("the legal entity of the notice"))
    purpose: Mapped[str] = mapped_column(Text, primary_key=True, info=technical("the purpose that rests on consent"))
    recipient: Mapped[str] = mapped_column(Text, primary_key=True, info=technical("named recipient; empty: none"))
    effective_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), primary_key=True, info=technical("since when this bit counts")
    )
    bit: Mapped[int] = mapped_column(SmallInteger, info=technical("number of the bit"))
    notice_id: Mapped[UUID] = mapped_column(PgUuid, info=technical("the notice that began it"))
    freed_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=technical("when no member had the bit any more, so that it may be used again")
    )


class MinorApproval(Base):
    """A responsible manager lets staff see minors: standing, per role and store for a term, or once (PIPL.md 1b)."""

    __tablename__ = "minor_approval"
    __table_args__ = (
        CheckConstraint("kind IN ('standing', 'single_use')", name="kind"),
        CheckConstraint("(kind = 'single_use') = (member_id IS NOT NULL)", name="single_use"),
        Index("ix_minor_approval_role", "handler", "role", "store", "expires_at"),
        Index("ix_minor_approval_member_id", "member_id", postgresql_where=text("member_id IS NOT NULL")),
    )

    approval_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("random id"))
    kind: Mapped[str] = mapped_column(Text, info=technical("standing or single_use"))
    handler: Mapped[str] = mapped_column(Text, info=technical("the legal entity"))
    role: Mapped[str] = mapped_column(Text, info=technical("the role that may see minors"))
    store: Mapped[str | None] = mapped_column(Text, info=technical("in which store; null: a role without stores"))
    member_id: Mapped[UUID | None] = mapped_column(PgUuid, info=technical("whose data, where it is for one use"))
    operation: Mapped[str | None] = mapped_column(Text, info=technical("what may be done once"))
    granted_to: Mapped[str | None] = mapped_column(Text, info=technical("staff number of the one who may, once"))
    approved_by: Mapped[str] = mapped_column(Text, info=technical("staff number of the one who approved"))
    approved_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info=technical("when"))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info=technical("until when it holds"))
    used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), info=technical("when it was used"))
    revoked_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=technical("when it was taken back")
    )
