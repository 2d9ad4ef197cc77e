"""Earning: by rule, by order line, and what a refund takes back.

An order line counts once, by channel, order and line, whoever brings it: its row is claimed before the account is
taken, here and for refunds, so that two who bring the same wait for each other in one order.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select, update
from sqlalchemy.dialects.postgresql import insert

from member_hub.access import Caller, CallerKind
from member_hub.clock import business_day
from member_hub.db.base import Tx
from member_hub.db.bulk import table_of
from member_hub.ids import MemberId, OriginId, uuid7
from member_hub.points.asking import Asked, Receipt, begin, finish, start
from member_hub.points.book import Book
from member_hub.points.calendar import day_of
from member_hub.points.daily import earned_on
from member_hub.points.guards import Wanted, channel_t, roots_of, take
from member_hub.points.lots import Cause, Lot
from member_hub.points.ordinary import Ordinary, earn_ordinary, ordinary
from member_hub.points.refunding import Sought, load_for_taking, take_back
from member_hub.points.refusals import AlreadyCounted, BadLine, BadReason, OrderLineUnknown
from member_hub.points.rules import FULL_BP, capped, happened, points_for, taken_back, whole
from member_hub.points.tables import PointsLine
from member_hub.points.words import EARNED_KINDS, Act, LineAct, LotKind, LotState, Reason

SOURCE = "points.order"
ORDER_NO_CHARS_MAX = 100
LINE_NO_MAX = 2**31 - 1

line_t = table_of(PointsLine)


@dataclass(frozen=True, slots=True, repr=False)
class Line:
    """An order line by its key."""

    channel: str
    order_no: str
    line_no: int

    def checked(self) -> "Line":
        """Raises BadLine."""
        if not 0 < len(self.order_no) <= ORDER_NO_CHARS_MAX or not self.order_no.isprintable():
            raise BadLine(field="orderNo")
        if type(self.line_no) is not int or not 0 <= self.line_no <= LINE_NO_MAX:
            raise BadLine(field="lineNo")
        return self


@dataclass(frozen=True, slots=True)
class Earning:
    """What is earned: `amount` fen where the kind has a rate, else points. `tier_bp` is the tier's multiplier."""

    kind: LotKind
    amount: int
    tier_bp: int = FULL_BP
    origin_id: OriginId | None = None  # the channel account that earns; None: the one the member began with
    occurred_at: datetime | None = None  # None: now


async def earn(
    tx: Tx, caller: Caller, member_id: MemberId, *, asked: Asked, earning: Earning, channel: str | None = None
) -> Receipt:
    """Earn by rule, under the day's cap. What comes to no points leaves an entry of none.

    Where no account is named, one in the channel earns, if there is one.
    Raises BadAmount, OverLimit, OccurredTooFar, UnknownPlace, and what `guards.take` raises.
    """
    earning, points = _worth(asked, earning, channel)
    one = _ordinary(caller, member_id, asked, earning, points, channel=channel)
    done = None if one is None else await earn_ordinary(tx, one)
    if done is not None:
        return done
    book = await start(tx, asked, member_id, Reason(earning.kind.value), wanted=Wanted(channel=channel))
    if isinstance(book, Receipt):
        return book
    await _post(tx, book, asked, earning, points)
    return await finish(tx, book, caller)


def as_ordinary(
    caller: Caller, member_id: MemberId, *, asked: Asked, earning: Earning, channel: str | None = None
) -> Ordinary | None:
    """What `earn` would try first; None where it has to look at more. Raises what `earn` does before it writes."""
    return _ordinary(caller, member_id, asked, *_worth(asked, earning, channel), channel=channel)


async def earn_for_order_line(
    tx: Tx, caller: Caller, member_id: MemberId, *, asked: Asked, line: Line, earning: Earning
) -> Receipt:
    """Earn for a line of an order, once for ever, under the caps of order and day; its channel says for which account.

    The hub itself may bring lines of any age. Raises AlreadyCounted, and what `earn` raises.
    """
    whole(earning.amount, field="amountFen")
    if earning.kind is not LotKind.PURCHASE:
        raise BadReason(field="kind")
    asked.known_channel(line.checked().channel)
    earning = replace(earning, occurred_at=_when(caller, earning.occurred_at, asked))
    points = _by_rule(asked, earning)
    begun = await begin(tx, asked, member_id)
    if begun.done is not None:
        return begun.done
    counted = {"member_id": member_id, "operation_id": begun.operation_id}
    key = await _claim_line(tx, asked, line, counted | {"act": LineAct.PAID, "amount_fen": earning.amount})
    wanted = Wanted(channel=line.channel)
    book = await take(tx, member_id, Cause(begun.operation_id, Reason.PURCHASE), now=asked.now, wanted=wanted)
    order_max = asked.rules.earn[earning.kind].order_max
    if order_max:
        of_order = select(func.coalesce(func.sum(line_t.c.points), 0))
        earned = await tx.scalar(of_order.where(line_t.c.order_key == key, line_t.c.act == LineAct.PAID))
        points = capped(points, (order_max, int(earned or 0)))
    lot = await _post(tx, book, asked, earning, points)
    known: dict[str, Any] = {"member_id": book.member_id, "origin_id": earning.origin_id or book.own_origin}
    if lot is not None:
        known |= {"lot_id": lot.lot_id, "points": lot.earned}
    await tx.execute(update(line_t).where(_is(key, line.line_no)).values(known))
    return await finish(tx, book, caller)


async def reverse_order_line(
    tx: Tx,
    caller: Caller,
    member_id: MemberId,
    *,
    asked: Asked,
    line: Line,
    refund: Line,
    refund_fen: int,
    occurred_at: datetime | None = None,
) -> Receipt:
    """Take back what a line earned, for the part that is refunded; `refund` is the refund's own line, counted once.

    Raises OrderLineUnknown also where the line is another member's, RefundTooLarge, AlreadyCounted.
    """
    whole(refund_fen, field="amountFen")
    for one in (line, refund):
        asked.known_channel(one.checked().channel)
    _when(caller, occurred_at, asked)
    begun = await begin(tx, asked, member_id)
    if begun.done is not None:
        return begun.done
    counted = {"member_id": member_id, "operation_id": begun.operation_id}
    key = await _claim_line(tx, asked, refund, counted | {"act": LineAct.REFUNDED, "amount_fen": refund_fen})
    original = await _original(tx, _order_key(asked, line), line.line_no)
    whose = await _whose(tx, original)
    if whose != (await roots_of(tx, [member_id]))[0]:
        raise OrderLineUnknown(field="orderNo")
    due = taken_back(
        points=original.points,
        amount_fen=original.amount_fen,
        refunded_fen=original.refunded_fen,
        refund_fen=refund_fen,
    )
    book = await take(tx, member_id, Cause(begun.operation_id, Reason.REFUND), now=asked.now)
    sought = [Sought(original.lot_id, book, MemberId(original.member_id))] if original.lot_id is not None else []
    paying = await load_for_taking(tx, sought)
    taken = take_back(book, original.lot_id, due, asked.rules.negative_balance, paying=paying)
    refunded = update(line_t).where(_is(original.order_key, original.line_no))
    await tx.execute(refunded.values(refunded_fen=line_t.c.refunded_fen + refund_fen))
    known = {"member_id": book.member_id, "origin_id": original.origin_id, "points": taken, "lot_id": original.lot_id}
    await tx.execute(update(line_t).where(_is(key, refund.line_no)).values(known))
    return await finish(tx, book, caller)


def active_lot(book: Book, kind: LotKind, points: int, expires_at: datetime, origin_id: UUID | None = None) -> Lot:
    """A lot that is active at once."""
    origin = origin_id or book.own_origin
    return Lot(uuid7(), kind, origin, points, points, LotState.ACTIVE, book.now, book.now, expires_at)


def _worth(asked: Asked, earning: Earning, channel: str | None) -> tuple[Earning, int]:
    """The earning with its time, and its points before the cap of the day."""
    if earning.kind not in EARNED_KINDS:
        raise BadReason(field="kind")
    if channel is not None:
        asked.known_channel(channel)
    at = happened(earning.occurred_at, asked.now)
    earning = earning if earning.occurred_at is at else replace(earning, occurred_at=at)
    return earning, _by_rule(asked, earning)


def _ordinary(
    caller: Caller, member_id: MemberId, asked: Asked, earning: Earning, points: int, *, channel: str | None = None
) -> Ordinary | None:
    """A cap of the day needs the lots of that day, under the account's lock."""
    if asked.rules.earn[earning.kind].day_max:
        return None
    lot = _pending_lot(asked, earning, points, earning.origin_id)
    return ordinary(caller, member_id, asked, lot, channel=channel)


def _by_rule(asked: Asked, earning: Earning) -> int:
    at, amount = earning.occurred_at or asked.now, whole(earning.amount)
    return points_for(asked.rules, earning.kind, amount=amount, tier_bp=earning.tier_bp, at=at)


def _when(caller: Caller, occurred_at: datetime | None, asked: Asked) -> datetime:
    is_import = caller.kind is CallerKind.SYSTEM and occurred_at is not None and occurred_at.tzinfo is not None
    if is_import and occurred_at is not None and occurred_at <= asked.now:
        return occurred_at
    return happened(occurred_at, asked.now)


async def _post(tx: Tx, book: Book, asked: Asked, earning: Earning, points: int) -> Lot | None:
    """The lot, or an entry of no points."""
    at = earning.occurred_at or asked.now
    rule = asked.rules.earn[earning.kind]
    if rule.day_max:
        points = capped(points, (rule.day_max, await _earned_on_day(tx, book, earning.kind, at)))
    if not points:
        book.nothing(Act.EARN)
        return None
    lot = _pending_lot(asked, earning, points, earning.origin_id or book.own_origin)
    book.add_pending(lot)
    return lot


def _pending_lot(asked: Asked, earning: Earning, points: int, origin_id: UUID | None) -> Lot:
    at, rule = earning.occurred_at or asked.now, asked.rules.earn[earning.kind]
    return Lot(
        lot_id=uuid7(),
        kind=earning.kind,
        origin_id=origin_id,
        earned=points,
        remaining=points,
        state=LotState.PENDING,
        earned_at=at,
        activates_at=rule.activates_at(at),
        expires_at=rule.lasting.until(at),
    )


async def _earned_on_day(tx: Tx, book: Book, kind: LotKind, at: datetime) -> int:
    """Of this kind on the business day of `at`, reversed or not; the account is locked."""
    begins, ends = day_of(at)
    days = await earned_on(tx, [book.member_id], kind, begins=begins, ends=ends)
    return days.get((book.member_id, business_day(at)), 0)


def _order_key(asked: Asked, line: Line) -> bytes:
    return asked.programme.vault.message_key(SOURCE, f"{line.channel}/{line.order_no}")


def _is(key: bytes, line_no: int) -> Any:
    return (line_t.c.order_key == key) & (line_t.c.line_no == line_no)


async def _claim_line(tx: Tx, asked: Asked, line: Line, counted: Mapping[str, Any]) -> bytes:
    """The key under which the line is counted from now on. Raises AlreadyCounted."""
    key = _order_key(asked, line)
    row = {
        "order_key": key,
        "line_no": line.line_no,
        "channel": asked.known_channel(line.channel),
        "order_no": line.order_no,
        "refunded_fen": 0,
        "points": 0,
        "counted_at": asked.now,
    }
    claim = insert(line_t).values(row | dict(counted)).on_conflict_do_nothing()
    if (await tx.execute(claim.returning(line_t.c.line_no))).first() is None:
        raise AlreadyCounted(field="orderNo")
    return key


async def _original(tx: Tx, key: bytes, line_no: int) -> Row[Any]:
    """The paid line, locked. Raises OrderLineUnknown."""
    statement = select(line_t).where(_is(key, line_no), line_t.c.act == LineAct.PAID).with_for_update()
    row = (await tx.execute(statement)).one_or_none()
    if row is None:
        raise OrderLineUnknown(field="orderNo")
    return row


async def _whose(tx: Tx, original: Row[Any]) -> UUID:
    """Who has the account that bought; an account that no one has any more: whose line it was."""
    owner = None
    if original.origin_id is not None:
        owner = await tx.scalar(select(channel_t.c.member_id).where(channel_t.c.origin_id == original.origin_id))
    return owner or (await roots_of(tx, [original.member_id]))[0]
