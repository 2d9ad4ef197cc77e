"""What is stored of benefits: who has how many of which, what was used, and how far the clock's rounds have come.

A benefit that comes with a tier has no row until it is used; then one per period that counts. What was issued (by hand,
by a campaign, for a birthday) is a row from the beginning. Rows move with their channel account when members merge, and
of what is one per person only one counts (`folded_into`): the greater quantity, less what was used of either. A term of
the tier is each member's own: what was counted in the terms that ran counts in the one that runs then (`period`), and
`term` says in which it was counted first, for the day on which the accounts part again.
Uses stand for life under the id that was the root then. Nothing changes one; the app may remove them, with their
person, because no books depend on them (PIPL 47).
"""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Date, DateTime, Index, Text, text
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.orm import Mapped, mapped_column

from member_hub.benefits.words import Source, UseAct
from member_hub.db.base import Base
from member_hub.privacy import SERVICE, Purpose, personal, technical

GUARD = "member.loyalty"
FOR = SERVICE | {Purpose.ANALYTICS, Purpose.MARKETING, Purpose.PERSONALISATION}
COUNTS = "folded_into IS NULL AND is_one_per_person"


def _one_of(column: str, words: object) -> str:
    return f"{column} IN ({', '.join(repr(str(word)) for word in words)})"  # type: ignore[attr-defined]


def _count(zh: str, en: str) -> Mapped[int]:
    info = personal(zh=zh, en=en, guard=GUARD, purposes=FOR)
    return mapped_column(BigInteger, server_default="0", info=info)


class Entitlement(Base):
    """How many of a benefit one member has in one period, and how many of these are used."""

    __tablename__ = "entitlement"
    __table_args__ = (
        CheckConstraint(_one_of("source", Source), name="source"),
        CheckConstraint("granted >= 0 AND used >= 0 AND others_granted >= 0 AND others_used >= 0", name="counts"),
        Index("uq_entitlement_period", "member_id", "benefit", "period", unique=True, postgresql_where=text(COUNTS)),
        Index("ix_entitlement_entitlement_id", "entitlement_id"),
        Index("ix_entitlement_origin_id", "origin_id"),
    )

    member_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("whose it is now"))
    entitlement_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("random id, for life"))
    origin_id: Mapped[UUID | None] = mapped_column(PgUuid, info=technical("the account with which it moves"))
    benefit: Mapped[str] = mapped_column(Text, info=personal(zh="会员权益", en="benefit", guard=GUARD, purposes=FOR))
    source: Mapped[str] = mapped_column(Text, info=technical("tier, birthday, anniversary, promotion or issued"))
    is_one_per_person: Mapped[bool] = mapped_column(info=technical("whether two of a period count as one"))
    period: Mapped[date] = mapped_column(Date, info=technical("the day by which its period is known"))
    term: Mapped[date | None] = mapped_column(
        Date, info=technical("the term of the tier in which it was counted first; null: its period is no such term")
    )
    starts_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), info=personal(zh="权益开始时间", en="benefit from", guard=GUARD, purposes=FOR)
    )
    until: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=personal(zh="权益截止时间", en="benefit until", guard=GUARD, purposes=FOR)
    )
    granted: Mapped[int] = _count("权益次数", "how many")
    used: Mapped[int] = _count("已用次数", "of these used")
    others_granted: Mapped[int] = _count("合并前另一会籍的次数", "how many before merging, of the others")
    others_used: Mapped[int] = _count("合并前另一会籍的已用次数", "used before merging, of the others")
    folded_into: Mapped[UUID | None] = mapped_column(
        PgUuid, info=technical("the entitlement that counts instead since a merge; null: this one does")
    )
    reason: Mapped[str] = mapped_column(Text, info=technical("why, of a closed list"))
    issued_by_kind: Mapped[str] = mapped_column(Text, info=technical("app, staff, member or the hub itself"))
    issued_by: Mapped[str] = mapped_column(Text, info=technical("staff number, app or opaque member id"))
    request_id: Mapped[UUID] = mapped_column(PgUuid, info=technical("of the request"))
    issued_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), info=personal(zh="权益发放时间", en="benefit issued at", guard=GUARD, purposes=FOR)
    )


class BenefitUse(Base):
    """One use, or its voiding as a row of its own."""

    __tablename__ = "benefit_use"
    __table_args__ = (
        CheckConstraint(_one_of("act", UseAct), name="act"),
        CheckConstraint("(act = 'voided') = (of_use IS NOT NULL)", name="of_use"),
        Index("uq_benefit_use_of_use", "member_id", "of_use", unique=True, postgresql_where=text("of_use IS NOT NULL")),
        Index("ix_benefit_use_use_id", "use_id"),
    )

    member_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("filed under, for life"))
    use_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("random id"))
    act: Mapped[str] = mapped_column(Text, info=technical("used or voided"))
    of_use: Mapped[UUID | None] = mapped_column(PgUuid, info=technical("which use was voided"))
    entitlement_id: Mapped[UUID] = mapped_column(PgUuid, info=technical("of which entitlement"))
    benefit: Mapped[str] = mapped_column(
        Text, info=personal(zh="所用权益", en="benefit that was used", guard=GUARD, purposes=FOR)
    )
    tier: Mapped[str] = mapped_column(
        Text, info=personal(zh="使用时的等级", en="tier at that time", guard=GUARD, purposes=FOR)
    )
    store: Mapped[str | None] = mapped_column(
        Text, info=personal(zh="使用门店", en="store of the use", guard=GUARD, purposes=FOR)
    )
    actor_kind: Mapped[str] = mapped_column(Text, info=technical("app, staff, member or the hub itself"))
    actor_role: Mapped[str] = mapped_column(Text, info=technical("in which role"))
    actor: Mapped[str] = mapped_column(Text, info=technical("staff number, app or opaque member id"))
    request_id: Mapped[UUID] = mapped_column(PgUuid, info=technical("of the request"))
    at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), info=personal(zh="使用时间", en="used at", guard=GUARD, purposes=FOR)
    )


class BenefitRound(Base):
    """How far the clock has come with the birthdays, or the anniversaries, of a month."""

    __tablename__ = "benefit_round"

    source: Mapped[str] = mapped_column(Text, primary_key=True, info=technical("birthday, anniversary or promotion"))
    month: Mapped[date] = mapped_column(Date, primary_key=True, info=technical("first day of the month"))
    began_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info=technical("when this round began"))
    changed_since: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=technical("who did not change since is done; null: nobody is")
    )
    after_id: Mapped[UUID | None] = mapped_column(PgUuid, info=technical("the last member that was looked at"))
    finished_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=technical("when everybody had been looked at")
    )


class BenefitAgain(Base):
    """A member whose benefit of the month failed, and who is looked at again in the next day's round."""

    __tablename__ = "benefit_again"

    member_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("who"))
    source: Mapped[str] = mapped_column(Text, primary_key=True, info=technical("birthday or anniversary"))
    month: Mapped[date] = mapped_column(Date, primary_key=True, info=technical("first day of the month"))
