"""What a purpose's bit on a member row means, who may see minors, whose guardian somebody is: the tables behind every
read. What follows a link to what stands in consent/machine.py.

`hub.member.consent_bits` holds a bit per purpose and named recipient; `hub.consent_gate` says which bit counts, and
since when. A material change of a notice is a fresh bit in one new row here: every earlier grant is stale with that
commit, and no member is rewritten. Bits that no longer count are cleared in batches and given out again.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, Index, LargeBinary, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.orm import Mapped, mapped_column

from member_hub.db.base import Base
from member_hub.privacy import DataClass, Purpose, personal, sealed, technical

BITS = 63  # of a bigint, without its sign


_FOR = (Purpose.MEMBER_SERVICE, Purpose.CUSTOMER_SUPPORT, Purpose.RIGHTS_HANDLING)


class LinkState(StrEnum):
    """Where a guardian's link to a child stands."""

    PROPOSED = "proposed"
    RELATION_PENDING = "relation_pending"
    ACTIVE = "active"
    DISPUTED = "disputed"
    HANDOVER = "handover"
    ENDED = "ended"
    REJECTED = "rejected"


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


class GuardianLink(Base):
    """A guardian of a child under 14 (PIPL 31), from the proposal to the hand-over."""

    __tablename__ = "guardian_link"
    __sealed_subject__ = "origin_id"
    __sealed_row__ = ("link_id",)
    __table_args__ = (
        CheckConstraint(f"state IN ({', '.join(repr(str(state)) for state in LinkState)})", name="state"),
        CheckConstraint("member_id <> guardian_id", name="two_people"),
        Index("ix_guardian_link_guardian_id", "guardian_id"),
        Index("ix_guardian_link_link_id", "link_id"),
        Index("ix_guardian_link_origin_id", "origin_id"),
        Index("ix_guardian_link_due_at", "due_at", postgresql_where=text("due_at IS NOT NULL")),
    )

    member_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("the child"))
    link_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("random id"))
    origin_id: Mapped[UUID] = mapped_column(PgUuid, info=technical("an account of the child: whose key seals"))
    guardian_id: Mapped[UUID] = mapped_column(
        PgUuid, info=personal(zh="监护人会员编号", en="member id of the guardian", purposes=_FOR)
    )
    state: Mapped[str] = mapped_column(Text, info=personal(zh="监护关系状态", en="state of the link", purposes=_FOR))
    proposed_by: Mapped[str] = mapped_column(Text, info=technical("kind and number of the one who proposed it"))
    proposed_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), info=personal(zh="提出时间", en="proposed at", purposes=_FOR)
    )
    self_verified_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=personal(zh="监护人核验时间", en="guardian verified at", purposes=_FOR)
    )
    relation: Mapped[bytes | None] = mapped_column(
        LargeBinary,
        info=sealed(
            DataClass.CONSENT,
            zh="监护关系及凭证",
            en="relation and its evidence",
            guard="member.consents",
            purposes=_FOR,
            block_bytes=64,
        ),
    )
    confirmed_by: Mapped[str | None] = mapped_column(
        Text, info=technical("staff number of the one who saw the evidence")
    )
    active_since: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=personal(zh="监护生效时间", en="guardian since", purposes=_FOR)
    )
    contested_by: Mapped[UUID | None] = mapped_column(PgUuid, info=technical("the link of a second guardian"))
    due_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=technical("when something happens to it by the clock")
    )
    ended_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=personal(zh="结束时间", en="ended at", purposes=_FOR)
    )
