"""What is stored of growth and tiers: entries of growth, rules by version, where each member stands and how it came.

    growth_entry     what was grown, once by its key; filed under a member id for life, read by account (DESIGN 7)
    tier_standing    one row of a root: its tier, and when it has to be looked at again
    tier_merge       where two stood until they were merged, as long as the merge stands
    tier_change      every decision with the numbers it went by: what the explanation shows (PIPL 24, 55)
    tier_rise        which decisions about what was earned nobody has looked at for a gift yet (benefits/gifts.py)
    tier_rules       rules proposed, and which a second person approved
    tier_threshold   population quantiles that criteria compare with; about nobody
    tier_review_day  for which rules the thresholds were computed last, and everybody marked to be looked at

Decision: entries and changes may be added and removed, and not altered (a right that the app lacks). Unlike points they
are nobody's money and no books rest on them, so an erased person's go (PIPL 47).
Decision: entries are keyed by what they came from, so that the key itself keeps a line from growing twice; activity is
told in counts that replace each other, so its entries are numbered, each the difference to what stood before.
Decision: a member who was only marked to be looked at has a row without a tier: the lowest, since joining.
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.orm import Mapped, mapped_column

from member_hub.db.base import Base
from member_hub.privacy import SERVICE, Purpose, personal, technical
from member_hub.tiers.words import Source, Why

GUARD = "member.loyalty"
FOR = SERVICE | {Purpose.ANALYTICS, Purpose.MARKETING, Purpose.PERSONALISATION}


def _one_of(column: str, words: object) -> str:
    return f"{column} IN ({', '.join(repr(str(word)) for word in words)})"  # type: ignore[attr-defined]


def _said(zh: str, en: str) -> dict[Any, Any]:
    return personal(zh=zh, en=en, guard=GUARD, purposes=FOR)


class GrowthEntry(Base):
    """What one order line, refund or day of activity brought in growth."""

    __tablename__ = "growth_entry"
    __table_args__ = (
        CheckConstraint(_one_of("source", Source), name="source"),
        Index("ix_growth_entry_origin_id", "origin_id", "occurred_at", postgresql_include=["amount"]),
    )

    member_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("filed under, for life"))
    source: Mapped[str] = mapped_column(Text, primary_key=True, info=technical("order, refund or activity"))
    source_key: Mapped[bytes] = mapped_column(
        LargeBinary, primary_key=True, info=technical("keyed digest of the order line, or of account, day and kind")
    )
    number: Mapped[int] = mapped_column(Integer, primary_key=True, info=technical("of the entries under this key"))
    origin_id: Mapped[UUID] = mapped_column(PgUuid, info=technical("the account that grew"))
    amount: Mapped[int] = mapped_column(BigInteger, info=_said("成长值变动", "growth of this entry"))
    occurred_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info=_said("发生时间", "occurred at"))
    recorded_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info=_said("入账时间", "recorded at"))


class TierStanding(Base):
    """Where a root stands. `tier` is what counts: the highest of one's own, the floor and what a splitting protects."""

    __tablename__ = "tier_standing"
    __table_args__ = (
        CheckConstraint(_one_of("reason", Why), name="reason"),
        CheckConstraint(
            "num_nonnulls(tier, own_tier, since, reason) IN (0, 4)",
            name="decided",
        ),
        CheckConstraint("(floor IS NULL) = (floor_until IS NULL)", name="floor"),
        CheckConstraint("(protected IS NULL) = (protected_until IS NULL)", name="protected"),
        Index("ix_tier_standing_due_at", "due_at", "member_id", postgresql_where=text("due_at IS NOT NULL")),
        {"postgresql_with": {"fillfactor": "80"}},  # every review rewrites the row: it stays on its page
    )

    member_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("the root"))
    tier: Mapped[str | None] = mapped_column(Text, info=_said("会员等级", "tier"))
    rank: Mapped[int] = mapped_column(SmallInteger, server_default="0", info=technical("place of the tier, from 0"))
    since: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), info=_said("等级起始时间", "since"))
    reason: Mapped[str | None] = mapped_column(Text, info=_said("定级原因", "why this tier"))
    own_tier: Mapped[str | None] = mapped_column(Text, info=_said("自有等级", "tier without the floor"))
    own_rank: Mapped[int] = mapped_column(SmallInteger, server_default="0", info=technical("place of that tier"))
    until: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=_said("等级有效期至", "not below it before")
    )
    term_since: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=_said("本等级周期起始时间", "the term of this tier began")
    )
    in_grace: Mapped[bool] = mapped_column(server_default="false", info=technical("whether `until` is that of a grace"))
    term_until: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=_said("本等级周期截止时间", "the term of this tier ended, before its grace")
    )
    given_days: Mapped[int] = mapped_column(
        Integer, server_default="0", info=technical("added to the grace of this term, for time in which nobody looked")
    )
    floor: Mapped[str | None] = mapped_column(Text, info=_said("人工保底等级", "placed by hand, at least"))
    floor_rank: Mapped[int] = mapped_column(SmallInteger, server_default="0", info=technical("place of the floor"))
    floor_until: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=_said("人工保底有效期至", "placed by hand until")
    )
    protected: Mapped[str | None] = mapped_column(Text, info=_said("分拆保护等级", "kept for a time after a splitting"))
    protected_rank: Mapped[int] = mapped_column(SmallInteger, server_default="0", info=technical("place of that tier"))
    protected_until: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=_said("分拆保护有效期至", "kept after a splitting until")
    )
    notice_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=_said("降级提醒时间", "told of a demotion ahead at")
    )
    notice_until: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=_said("提醒的降级日期", "the demotion told of")
    )
    notice_needed: Mapped[int | None] = mapped_column(
        BigInteger, info=_said("保级还需成长值", "growth that was still needed")
    )
    notice_sent_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), info=technical("when it went out"))
    rules_version: Mapped[int | None] = mapped_column(Integer, info=technical("of the rules it was decided by"))
    due_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), info=technical("when to look again"))


class TierMerge(Base):
    """Two who were merged and still are: who was in each, and where each stood; a splitting takes it up again."""

    __tablename__ = "tier_merge"

    member_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("the root now"))
    merge_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("random id, ordered by time"))
    kept_ids: Mapped[list[UUID]] = mapped_column(ARRAY(PgUuid), info=technical("the one side, all of this person"))
    gone_ids: Mapped[list[UUID]] = mapped_column(ARRAY(PgUuid), info=technical("the other side, of this person too"))
    kept_stood: Mapped[Any | None] = mapped_column(JSONB, info=_said("合并前等级状态", "where the one stood before"))
    gone_stood: Mapped[Any | None] = mapped_column(JSONB, info=_said("合并前等级状态", "where the other stood before"))
    kept_term: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=_said("合并前等级周期起始时间", "since when the term of the one ran")
    )
    gone_term: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=_said("合并前等级周期起始时间", "since when the term of the other ran")
    )
    decided_by: Mapped[UUID | None] = mapped_column(
        PgUuid, info=technical("in whose log stands what the tier rests on")
    )
    merged_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info=_said("合并时间", "merged at"))


class TierChange(Base):
    """One decision about a standing; never altered."""

    __tablename__ = "tier_change"
    __table_args__ = (
        CheckConstraint(_one_of("reason", Why), name="reason"),
        Index("ix_tier_change_changed_at", "changed_at"),
    )

    member_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("the root at that time"))
    change_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("random id, ordered by time"))
    from_tier: Mapped[str] = mapped_column(Text, info=_said("原等级", "tier before"))
    to_tier: Mapped[str] = mapped_column(Text, info=_said("新等级", "tier after"))
    reason: Mapped[str] = mapped_column(Text, info=_said("变更原因", "why it was decided"))
    placing: Mapped[str | None] = mapped_column(Text, info=_said("人工定级原因", "why somebody placed it"))
    until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), info=_said("有效期至", "until"))
    rules_version: Mapped[int | None] = mapped_column(Integer, info=technical("of the rules it was decided by"))
    facts: Mapped[Any] = mapped_column(JSONB, info=_said("定级依据(数字)", "the numbers it went by"))
    actor_kind: Mapped[str] = mapped_column(Text, info=technical("app, staff, member or the hub itself"))
    actor: Mapped[str] = mapped_column(Text, info=technical("staff number, app or opaque member id"))
    approved_by: Mapped[str | None] = mapped_column(Text, info=technical("staff number of the second person"))
    changed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info=_said("变更时间", "decided at"))


class TierRise(Base):
    """A decision about what was earned that is still to be looked at for its gift; goes when that was done."""

    __tablename__ = "tier_rise"

    member_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("of the decision"))
    change_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("which decision"))


class StoredRules(Base):
    """Rules that somebody proposed; in force from `effective_at` once somebody else approved them."""

    __tablename__ = "tier_rules"
    __table_args__ = (
        CheckConstraint("(approved_by IS NULL) = (approved_at IS NULL)", name="approved"),
        CheckConstraint("version > 0", name="version"),
    )

    version: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False, info=technical("1, 2, 3"))
    rules: Mapped[Any] = mapped_column(JSONB, info=technical("as proposed; the shape of [tiers] in programme.toml"))
    note: Mapped[str] = mapped_column(Text, info=technical("what the proposal is for"))
    backtest: Mapped[Any] = mapped_column(JSONB, info=technical("what it would have changed, in numbers"))
    proposed_by: Mapped[str] = mapped_column(Text, info=technical("staff number"))
    proposed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info=technical("when"))
    approved_by: Mapped[str | None] = mapped_column(Text, info=technical("staff number of the second person"))
    approved_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), info=technical("when"))
    effective_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info=technical("in force from"))


class TierThreshold(Base):
    """A population quantile of a handler's members as of a day; null where too few of them have one."""

    __tablename__ = "tier_threshold"

    handler: Mapped[str] = mapped_column(Text, primary_key=True, info=technical("whose members were counted"))
    name: Mapped[str] = mapped_column(Text, primary_key=True, info=technical("figure, window and percentile"))
    day: Mapped[date] = mapped_column(Date, primary_key=True, info=technical("the last day of the window"))
    value: Mapped[int | None] = mapped_column(
        BigInteger, info=technical("so many members in a hundred do not pass it; null: of too few")
    )
    computed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info=technical("when"))


class TierReviewDay(Base):
    """The last day on which a handler's thresholds were computed, and the rules everybody was marked under."""

    __tablename__ = "tier_review_day"

    handler: Mapped[str] = mapped_column(Text, primary_key=True, info=technical("whose members"))
    rules_digest: Mapped[bytes] = mapped_column(LargeBinary, info=technical("of the rules in force then"))
    computed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info=technical("when"))
