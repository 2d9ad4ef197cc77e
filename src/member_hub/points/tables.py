"""What is stored of points: the ledger, and the account, lots and holds as it leaves them.

`hub.points_entry` is the balance: the app may add entries and has no right to change or remove one. Account, lots and
holds are what follows from it, kept so that a till need not add up; the self-check proves them (checking.py).
Entries stand for life under the member id that was the root when they were written, and name the channel account
(DESIGN 7). When a person is erased, lots, holds and order numbers go; the entries stay under an id that leads to
nothing, because the books of the programme have to add up (PIPL 47 with the Accounting Law; PIPL.md 4).
Decision: an order line is known by a keyed digest, so one that was counted stays counted when its number is gone.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Index, Integer, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.orm import Mapped, mapped_column

from member_hub.db.base import Base
from member_hub.points.words import AccountState, Act, Fault, HoldState, LineAct, LotKind, LotState, Reason
from member_hub.privacy import OFFERED, SERVICE, OnErasure, Purpose, personal, technical

GUARD = "member.loyalty"
FOR = SERVICE | {Purpose.ANALYTICS, Purpose.MARKETING, Purpose.PERSONALISATION}
LIVE = "remaining > 0"


def _one_of(column: str, words: object) -> str:
    return f"{column} IN ({', '.join(repr(str(word)) for word in words)})"  # type: ignore[attr-defined]


def _points(zh: str, en: str, on_erasure: OnErasure = OnErasure.DELETE, *, default: bool = False) -> Mapped[int]:
    info = personal(zh=zh, en=en, guard=GUARD, purposes=FOR, on_erasure=on_erasure)
    return mapped_column(BigInteger, server_default="0" if default else None, info=info)


def _moment(zh: str, en: str, on_erasure: OnErasure = OnErasure.DELETE) -> Mapped[datetime]:
    info = personal(zh=zh, en=en, guard=GUARD, purposes=FOR, on_erasure=on_erasure)
    return mapped_column(DateTime(timezone=True), info=info)


def _moment_or_never(zh: str, en: str) -> Mapped[datetime | None]:
    info = personal(zh=zh, en=en, guard=GUARD, purposes=FOR)
    return mapped_column(DateTime(timezone=True), info=info)


class PointsAccount(Base):
    """The pots of one member id; of a merged one empty, everything went to the root."""

    __tablename__ = "points_account"
    __table_args__ = (
        CheckConstraint(_one_of("state", AccountState), name="state"),
        CheckConstraint("active >= 0 AND pending >= 0 AND held >= 0 AND debt >= 0", name="pots"),
        CheckConstraint("debt = 0 OR active = 0", name="debt"),
        Index("ix_points_account_due_at", "due_at", "member_id", postgresql_where=text("due_at IS NOT NULL")),
        {"postgresql_with": {"fillfactor": "70"}},  # every act rewrites the row: it stays on its page
    )

    member_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("whose points"))
    state: Mapped[str] = mapped_column(Text, info=technical("open, frozen, merged or closed"))
    active: Mapped[int] = _points("可用积分", "points to be spent", OnErasure.KEEP, default=True)
    pending: Mapped[int] = _points("待生效积分", "pending points", OnErasure.KEEP, default=True)
    held: Mapped[int] = _points("冻结积分", "points on hold", OnErasure.KEEP, default=True)
    debt: Mapped[int] = _points("欠分", "points owed", OnErasure.KEEP, default=True)
    sequence: Mapped[int] = mapped_column(BigInteger, server_default="0", info=technical("of the last entry"))
    version: Mapped[int] = mapped_column(BigInteger, server_default="0", info=technical("counts acts, without gaps"))
    due_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=technical("nothing activates, expires or times out before")
    )
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info=technical("when the row last changed"))


class PointsLot(Base):
    """Points that were earned together and expire together."""

    __tablename__ = "points_lot"
    __table_args__ = (
        CheckConstraint(_one_of("kind", LotKind), name="kind"),
        CheckConstraint(_one_of("state", LotState), name="state"),
        CheckConstraint("earned = remaining + spent + expired + reversed + moved", name="whole"),
        CheckConstraint("held BETWEEN 0 AND remaining", name="held"),
        CheckConstraint("owed BETWEEN 0 AND spent + held", name="owed"),
        CheckConstraint("spent >= 0 AND expired >= 0 AND reversed >= 0 AND moved >= 0", name="parts"),
        CheckConstraint("remaining = 0 OR state IN ('pending', 'active')", name="live"),
        Index("ix_points_lot_live", "member_id", "expires_at", "lot_id", postgresql_where=text(LIVE)),
        Index("ix_points_lot_owed", "member_id", postgresql_where=text("owed > 0")),
        Index("ix_points_lot_earned_at", "member_id", "earned_at"),
        Index("ix_points_lot_opening", "origin_id", postgresql_where=text("kind = 'opening'")),
    )

    member_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("in whose account"))
    lot_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("random id, the same when it moves"))
    kind: Mapped[str] = mapped_column(
        Text, info=personal(zh="积分种类", en="kind of points", guard=GUARD, purposes=FOR)
    )
    origin_id: Mapped[UUID | None] = mapped_column(PgUuid, info=technical("the account that earned; null: none did"))
    state: Mapped[str] = mapped_column(Text, info=technical("pending, active, expired, reversed or moved"))
    earned: Mapped[int] = _points("获得积分", "points earned")
    remaining: Mapped[int] = _points("剩余积分", "points that remain")
    held: Mapped[int] = _points("其中冻结", "of these on hold")
    spent: Mapped[int] = _points("已用积分", "points spent")
    expired: Mapped[int] = _points("过期积分", "points expired")
    reversed: Mapped[int] = _points("冲正积分", "points reversed")
    moved: Mapped[int] = _points("合并转移积分", "points moved by merging")
    earned_at: Mapped[datetime] = _moment("获得时间", "earned at")
    activates_at: Mapped[datetime] = _moment("生效时间", "active from")
    expires_at: Mapped[datetime] = _moment("到期时间", "expires at")
    owed: Mapped[int] = _points("退款未收回积分", "points that a refund could not take", default=True)
    owed_since: Mapped[datetime | None] = _moment_or_never("未收回起始时间", "not taken since")
    lapsed_at: Mapped[datetime | None] = _moment_or_never("首次到期时间", "expired first at")


class PointsEntry(Base):
    """One line of the ledger; numbered without gaps in its account, never changed."""

    __tablename__ = "points_entry"
    __table_args__ = (
        CheckConstraint(_one_of("act", Act), name="act"),
        CheckConstraint(_one_of("reason", Reason), name="reason"),
        CheckConstraint("amount >= 0", name="amount"),
        Index(  # what has a limit of the day: the few acts of people, so that earning pays for no further index
            "ix_points_entry_of_day",
            "member_id",
            "recorded_at",
            postgresql_where=text("act IN ('transfer_out', 'adjust')"),
        ),
        Index("ix_points_entry_operation_id", "operation_id"),
        Index("ix_points_entry_of_operation", "of_operation", postgresql_where=text("of_operation IS NOT NULL")),
    )

    member_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("the account"))
    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, info=technical("number in the account"))
    version: Mapped[int] = mapped_column(BigInteger, info=technical("of the account by this act"))
    operation_id: Mapped[UUID] = mapped_column(PgUuid, info=technical("what was asked for at once"))
    of_operation: Mapped[UUID | None] = mapped_column(PgUuid, info=technical("what this reverses"))
    act: Mapped[str] = mapped_column(Text, info=technical("what happened"))
    reason: Mapped[str] = mapped_column(Text, info=technical("why, of a closed list"))
    lot_id: Mapped[UUID | None] = mapped_column(PgUuid, info=technical("of which lot"))
    hold_id: Mapped[UUID | None] = mapped_column(PgUuid, info=technical("for which hold"))
    origin_id: Mapped[UUID | None] = mapped_column(PgUuid, info=technical("the account that earned the lot"))
    amount: Mapped[int] = _points("积分数量", "points of this entry", OnErasure.KEEP)
    active: Mapped[int] = _points("可用积分变动", "change of active points", OnErasure.KEEP)
    pending: Mapped[int] = _points("待生效积分变动", "change of pending points", OnErasure.KEEP)
    held: Mapped[int] = _points("冻结积分变动", "change of points on hold", OnErasure.KEEP)
    debt: Mapped[int] = _points("欠分变动", "change of points owed", OnErasure.KEEP)
    balance: Mapped[int] = _points("变动后余额", "balance afterwards", OnErasure.KEEP)
    actor_kind: Mapped[str] = mapped_column(Text, info=technical("app, staff, member or the hub itself"))
    actor: Mapped[str] = mapped_column(Text, info=technical("staff number, app or opaque member id"))
    approved_by: Mapped[str | None] = mapped_column(Text, info=technical("staff number of the second person"))
    request_id: Mapped[UUID] = mapped_column(PgUuid, info=technical("of the request"))
    occurred_at: Mapped[datetime] = _moment("发生时间", "occurred at", OnErasure.KEEP)
    recorded_at: Mapped[datetime] = _moment("入账时间", "recorded at", OnErasure.KEEP)


class PointsHold(Base):
    """Points kept for a purchase in hand, until they are captured, released or their time is over."""

    __tablename__ = "points_hold"
    __table_args__ = (
        CheckConstraint(_one_of("state", HoldState), name="state"),
        CheckConstraint("captured BETWEEN 0 AND amount", name="captured"),
        Index("ix_points_hold_open", "member_id", "expires_at", postgresql_where=text("state = 'open'")),
    )

    member_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("in whose account"))
    hold_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("random id, the same when it moves"))
    state: Mapped[str] = mapped_column(Text, info=technical("open, captured, released, timed_out or moved"))
    amount: Mapped[int] = _points("冻结数量", "points held at first")
    captured: Mapped[int] = _points("已扣数量", "of these captured")
    created_at: Mapped[datetime] = _moment("冻结时间", "held at")
    expires_at: Mapped[datetime] = _moment("冻结到期时间", "held until")


class PointsHoldLot(Base):
    """How much of which lot is still held."""

    __tablename__ = "points_hold_lot"
    __table_args__ = (CheckConstraint("held >= 0", name="held"),)

    member_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("in whose account"))
    hold_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("the hold"))
    lot_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("the lot"))
    held: Mapped[int] = _points("该批冻结积分", "points of this lot on hold")


class PointsLine(Base):
    """An order line, or its refund, that was counted; once, whoever asks again.

    `points` of a refund are those that it took. What was due, and not there to be taken, stands with the lot of the
    line that was paid (`owed`).
    """

    __tablename__ = "points_line"
    __table_args__ = (
        CheckConstraint(_one_of("act", LineAct), name="act"),
        CheckConstraint("refunded_fen BETWEEN 0 AND amount_fen AND points >= 0", name="refunded_fen"),
        Index("ix_points_line_member_id", "member_id"),
        Index("ix_points_line_origin_id", "origin_id"),  # whoever exports or erases looks by it
        Index("ix_points_line_lot_id", "lot_id"),
    )

    order_key: Mapped[bytes] = mapped_column(
        LargeBinary, primary_key=True, info=technical("keyed digest of channel and order number")
    )
    line_no: Mapped[int] = mapped_column(Integer, primary_key=True, info=technical("line of the order"))
    act: Mapped[str] = mapped_column(Text, info=technical("paid or refunded"))
    member_id: Mapped[UUID] = mapped_column(PgUuid, info=technical("in whose account, when it was counted"))
    origin_id: Mapped[UUID | None] = mapped_column(PgUuid, info=technical("the account that bought, if one did"))
    operation_id: Mapped[UUID] = mapped_column(PgUuid, info=technical("its entries"))
    lot_id: Mapped[UUID | None] = mapped_column(PgUuid, info=technical("what it earned; null: nothing"))
    channel: Mapped[str] = mapped_column(Text, info=technical("website, app or store"))
    order_no: Mapped[str | None] = mapped_column(
        Text,
        info=personal(
            zh="订单号", en="order number", guard="member.orders", purposes=OFFERED, on_erasure=OnErasure.CLEAR
        ),
    )
    amount_fen: Mapped[int] = mapped_column(
        BigInteger,
        info=personal(
            zh="计分金额", en="amount that counted", guard="member.orders", purposes=OFFERED, on_erasure=OnErasure.KEEP
        ),
    )
    refunded_fen: Mapped[int] = mapped_column(BigInteger, info=technical("of a paid line what was refunded"))
    points: Mapped[int] = _points("该行积分", "points of the line", OnErasure.KEEP)
    counted_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info=technical("when"))


class PointsOpening(Base):
    """That an account's balance in an old system was counted; once, whatever it was."""

    __tablename__ = "points_opening"
    __table_args__ = (Index("ix_points_opening_member_id", "member_id"),)

    origin_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("the channel account"))
    member_id: Mapped[UUID] = mapped_column(PgUuid, info=technical("in whose account, when it was counted"))
    points: Mapped[int] = _points("期初积分", "opening balance")
    counted_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info=technical("when"))


class PointsCheck(Base):
    """How far the self-check has come: one row."""

    __tablename__ = "points_check"

    name: Mapped[str] = mapped_column(Text, primary_key=True, info=technical("which check; there is one"))
    position: Mapped[UUID | None] = mapped_column(PgUuid, info=technical("accounts up to this id have been looked at"))
    began_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=technical("when this pass over all accounts began")
    )
    looked_at: Mapped[int] = mapped_column(BigInteger, server_default="0", info=technical("accounts of this pass"))
    ended_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=technical("when the last whole pass ended")
    )
    accounts: Mapped[int] = mapped_column(BigInteger, server_default="0", info=technical("accounts of that pass"))


class PointsFinding(Base):
    """An account that was not what its entries say when it was last looked at."""

    __tablename__ = "points_finding"
    __table_args__ = (CheckConstraint(_one_of("fault", Fault), name="fault"),)

    member_id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, info=technical("which account"))
    fault: Mapped[str] = mapped_column(Text, primary_key=True, info=technical("what disagrees"))
    found_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info=technical("when it was seen first"))
