"""One order, or one day of activity, as an app brings it: stored and counted like a line of a file, all or nothing.

Lines go through the inbox of the files: a file that brings the same line later finds it a duplicate, and the other way
round; the same line with another amount is refused (brought.py). What a file's line may wait for is refused here,
because somebody stands at the till: a refund of an unknown line, or of more than is left; a member who is frozen. An
order is not refused for being large: its points are cut to what a line may earn, as those of a file are, and the answer
says so.
The answer is read from what stands, so whoever sends the same again is told the same.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import func, select

from member_hub import counting, tiers
from member_hub.access import Caller
from member_hub.clock import business_day
from member_hub.counting import Loyalty
from member_hub.db.base import Tx
from member_hub.db.bulk import among, table_of
from member_hub.errors import BadInput, NotFound
from member_hub.identity import normalise
from member_hub.identity.kinds import ClaimKind
from member_hub.identity.queries import account_tokens, accounts_by_token
from member_hub.ids import MemberId, OriginId
from member_hub.ingest import brought
from member_hub.ingest.brought import LineDiffers
from member_hub.ingest.parse_activity import COUNT_MAX
from member_hub.ingest.parse_order import AMOUNT_MAX_FEN
from member_hub.members.serving import refuse_inactive
from member_hub.members.tables import Channel, ChannelAccount
from member_hub.orders.actions import Filing, Orders, filings_of
from member_hub.orders.rules import (
    LINE_NO_MAX,
    ActivityKind,
    ActivityStatement,
    OrderStatement,
    OrderStatus,
    order_number,
)
from member_hub.orders.tables import OrderLine
from member_hub.organisation import Organisation, UnknownPlace
from member_hub.points.claiming import key_of
from member_hub.points.earning import Line, line_t
from member_hub.points.refusals import BadLine, OccurredTooFar, OrderLineUnknown
from member_hub.points.rules import OCCURRED_MAX, happened
from member_hub.points.words import LineAct, LotKind
from member_hub.tiers.tables import GrowthEntry

LINES_MAX: Final = 100  # of one order at once

account_t = table_of(ChannelAccount)
growth_t = table_of(GrowthEntry)
order_t = table_of(OrderLine)


class TooManyLines(BadInput):
    zh = "一次提交 1 至 100 个订单行，行号不得重复。"
    en = "An order is recorded by 1 to 100 lines at once, each line number once."


class BadLineAmount(BadInput):
    zh = "订单行金额须为 1 至 10^10 分的整数。"
    en = "The amount of an order line is a whole number of fen from 1 to 10^10."


class StoreNeeded(BadInput):
    zh = "在门店购买的订单须注明门店。"
    en = "An order that was bought in a store says in which one."


class NoStore(BadInput):
    zh = "不是在门店购买的订单不注明门店。"
    en = "An order that was not bought in a store names none."


class DayTooFar(OccurredTooFar):
    zh = "该日期早于七天前，或晚于今天。"
    en = "The day is more than seven days ago, or after today."


class BadCount(BadInput):
    zh = "次数须为 0 至 32767 的整数。"
    en = "A count is a whole number from 0 to 32767."


@dataclass(frozen=True, slots=True, repr=False)
class RecordedLine:
    """`amount_fen` is what was paid, or what goes back where `refund_of` (order, line) says of what; above zero."""

    line_no: int
    amount_fen: int
    refund_of: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True, repr=False)
class RecordedOrder:
    channel: Channel
    order_no: str
    store: str | None
    occurred_at: datetime | None
    lines: Sequence[RecordedLine]


@dataclass(frozen=True, slots=True)
class OrderCame:
    """What the order's lines came to, whenever they were counted.

    `at_most`: how many earned the most that one line may. `duplicates`: how many changed nothing then; a line whose
    points had been earned without its order still grew by it, and is none.
    """

    points: int
    taken_back: int
    growth: int
    at_most: int
    duplicates: int


@dataclass(frozen=True, slots=True)
class ActivityCame:
    """The growth of a day and kind, from so many entries of that account."""

    growth: int
    origin_id: OriginId
    entries: int


async def account_of(tx: Tx, loyalty: Loyalty, organisation: Organisation, account: tuple[Channel, str]) -> OriginId:
    """The channel account with that number. Raises NotFound for an unknown one, and for what is no number."""
    channel, number = account
    read = normalise.identifier(ClaimKind.CARD if channel is Channel.STORE else ClaimKind.ACCOUNT, number).value
    tokens = [] if read is None else account_tokens(loyalty.vault, organisation, channel, read)
    found = await accounts_by_token(tx, set(tokens))
    if not found:
        raise NotFound(field="account")
    return next(iter(found.values()))


async def record_order(
    tx: Tx,
    caller: Caller,
    member_id: MemberId,
    *,
    order: RecordedOrder,
    origin_id: OriginId | None,
    loyalty: Loyalty,
    organisation: Organisation,
    now: datetime,
) -> OrderCame:
    """Store and count the lines of an order for a root whose row the caller holds; tiers are looked at in the same act.

    Raises TooManyLines, BadLine, BadLineAmount, StoreNeeded, NoStore, UnknownPlace, OccurredTooFar, LineDiffers,
    PointsFrozen, OrderLineUnknown, RefundTooLarge, NotFound, ClockJumped.
    """
    at = _checked(order, organisation, now)
    await counting.refuse_behind(tx, now=now)
    filing = await _filing(tx, member_id, order.channel, origin_id)
    said = [_statement(order, line, at) for line in order.lines]
    places = {Line(one.channel, one.order_no, one.line_no): f"lines.{n}" for n, one in enumerate(said)}
    lines = await brought.new_lines(tx, loyalty.vault, said, filing, places=places)
    await Orders(loyalty.vault, organisation).store_orders(tx, lines, counted_at=now)
    here = {one.message_id for _, one in lines}
    before = [one for one in said if one.message_id not in here]
    lines += await brought.own_lines(tx, loyalty.vault, member_id, before, places=places, counted_at=now)
    await counting.count_lines(tx, caller, lines, needs=loyalty, now=now, stated=places)
    counted = {one.line_no for _, one in lines}
    came = await _came(tx, loyalty, member_id, said, now, counted=counted)
    if lines:
        await tiers.review(tx, loyalty.tiers, [member_id], now=now, caller=caller, is_waited_for=True)
    return came


async def order_came(
    tx: Tx, loyalty: Loyalty, member_id: MemberId, order: RecordedOrder, *, done_at: datetime
) -> OrderCame:
    """What a request that was carried out before came to."""
    return await _came(tx, loyalty, member_id, [_statement(order, line, done_at) for line in order.lines], done_at)


async def record_activity(
    tx: Tx,
    caller: Caller,
    member_id: MemberId,
    *,
    channel: Channel,
    origin_id: OriginId | None,
    day: date | None,
    kind: ActivityKind,
    count: int,
    loyalty: Loyalty,
    organisation: Organisation,
    now: datetime,
) -> ActivityCame:
    """The count of a kind on a day, in place of the former one; the tier is looked at in the same act.

    Raises BadCount, OccurredTooFar, NotFound, MemberNotActive, ClockJumped.
    """
    today = business_day(now)
    on = day or today
    if type(count) is not int or not 0 <= count <= COUNT_MAX:
        raise BadCount(field="count")
    if not today - OCCURRED_MAX <= on <= today:
        raise DayTooFar(field="day")
    filing = await _filing(tx, member_id, channel, origin_id)
    await refuse_inactive(tx, member_id)
    await counting.refuse_behind(tx, now=now)
    said = (filing, ActivityStatement(channel, "", on, kind, count))
    await Orders(loyalty.vault, organisation).store_activity(tx, [said], counted_at=now)
    await counting.count_activity(tx, [said], needs=loyalty, now=now)
    await tiers.review(tx, loyalty.tiers, [member_id], now=now, caller=caller, is_waited_for=True)
    return await activity_came(tx, loyalty, filing.origin_id, on, kind)


async def activity_came(
    tx: Tx, loyalty: Loyalty, origin_id: OriginId, on: date, kind: ActivityKind, *, entries: int | None = None
) -> ActivityCame:
    """What a day's activity of an account has come to; or had come to with so many entries: later ones are of counts
    that were said later."""
    key = loyalty.growth_key(f"{origin_id}/{on}/{kind}")
    filed = select(account_t.c.filed_under).where(account_t.c.origin_id == origin_id).scalar_subquery()
    told = select(func.coalesce(func.sum(growth_t.c.amount), 0), func.count())
    source = growth_t.c.source == tiers.Source.ACTIVITY
    told = told.where(growth_t.c.member_id == filed, source, growth_t.c.source_key == key)
    if entries is not None:
        told = told.where(growth_t.c.number <= entries)
    growth, number = (await tx.execute(told)).one()
    return ActivityCame(int(growth), origin_id, number)


def _checked(order: RecordedOrder, organisation: Organisation, now: datetime) -> datetime:
    """When it happened. Raises for what is no order."""
    numbers = [line.line_no for line in order.lines]
    if not 0 < len(numbers) <= LINES_MAX or len(set(numbers)) < len(numbers):
        raise TooManyLines(field="lines")
    _check_key(order.order_no, 0)
    for number, line in enumerate(order.lines):
        _check_key(order.order_no, line.line_no, f"lines.{number}.")
        if line.refund_of is not None:
            _check_key(*line.refund_of, f"lines.{number}.refundOf.")
        if type(line.amount_fen) is not int or not 0 < line.amount_fen <= AMOUNT_MAX_FEN:
            raise BadLineAmount(field=f"lines.{number}.amountFen")
    is_bought = any(line.refund_of is None for line in order.lines)
    needs_store = order.channel is Channel.STORE and is_bought
    if order.store is None and needs_store:
        raise StoreNeeded(field="store")
    if order.store is not None and order.channel is not Channel.STORE:
        raise NoStore(field="store")
    if order.store is not None and order.store not in organisation.stores:
        raise UnknownPlace(field="store")
    if order.channel not in organisation.channels:
        raise UnknownPlace(field="channel")
    return happened(order.occurred_at, now)


def _check_key(order_no: str, line_no: int, within: str = "") -> None:
    if order_number(order_no) is None:
        raise BadLine(field=f"{within}orderNo")
    if type(line_no) is not int or not 0 <= line_no <= LINE_NO_MAX:
        raise BadLine(field=f"{within}lineNo")


def _statement(order: RecordedOrder, line: RecordedLine, at: datetime) -> OrderStatement:
    """As a file would have said it: what goes back is below zero, and an order's number has one spelling."""
    of_order, of_line = line.refund_of or (None, None)
    order_no = order_number(order.order_no)
    assert order_no is not None, "it was looked at first"
    return OrderStatement(
        order.channel,
        order_no,
        line.line_no,
        order.channel,
        "",
        order.store,
        line.amount_fen if line.refund_of is None else -line.amount_fen,
        at,
        OrderStatus.PAID if line.refund_of is None else OrderStatus.REFUNDED,
        order_number(of_order),
        of_line,
    )


async def _filing(tx: Tx, member_id: MemberId, channel: Channel, origin_id: OriginId | None) -> Filing:
    """Of the account that is named, else of the member's in that channel, else of the oldest. Raises NotFound."""
    statement = select(account_t.c.origin_id).where(account_t.c.member_id == member_id)
    if origin_id is not None:
        statement = statement.where(account_t.c.origin_id == origin_id)
    began = (account_t.c.filed_under == account_t.c.member_id).desc()
    statement = statement.order_by((account_t.c.channel == channel).desc(), began, account_t.c.origin_id).limit(1)
    found = await tx.scalar(statement)
    if found is None:
        raise NotFound(field="account")
    return (await filings_of(tx, [OriginId(found)]))[OriginId(found)]


async def _came(
    tx: Tx,
    loyalty: Loyalty,
    member_id: MemberId,
    said: Sequence[OrderStatement],
    at: datetime,
    *,
    counted: Collection[int] = (),
) -> OrderCame:
    """What stands for these lines, in the member's own accounts; a line that was not counted `at` changed nothing then.

    `counted`: what is counted in this act. Raises LineDiffers where a line is another's, or its points were counted
    without the order by another amount.
    """
    order_key = key_of(loyalty.vault, Line(said[0].channel, said[0].order_no, 0))
    lines = select(line_t).where(line_t.c.order_key == order_key, among(line_t.c.line_no, [s.line_no for s in said]))
    rows = (await tx.execute(lines)).all()
    own = select(account_t.c.origin_id, account_t.c.filed_under).where(account_t.c.member_id == member_id)
    filed = {row.origin_id: row.filed_under for row in await tx.execute(own)}
    _refuse_others(said, rows, filed, counted)
    points: Counter[str] = Counter()
    for row in rows:
        points[row.act] += row.points
    keys = [loyalty.growth_key(one.message_id) for one in said]
    growth = await _growth(tx, set(filed.values()), keys)
    most = loyalty.points.rules.earn[LotKind.PURCHASE].single_max
    at_most = sum(row.act == LineAct.PAID and row.points >= most for row in rows)
    here = await _counted_at(tx, set(filed.values()), said, at)
    return OrderCame(points[LineAct.PAID], points[LineAct.REFUNDED], growth, at_most, len(said) - here)


def _differs(row: Any, amount_fen: int, *, is_new: bool) -> bool:
    """Of a refund that a file brought no more was counted than was left of its line: that is the same refund."""
    if row.act == LineAct.PAID:
        return bool(row.amount_fen != amount_fen)
    return is_new and bool(row.amount_fen != -amount_fen)


async def _counted_at(tx: Tx, filed_under: Collection[MemberId], said: Sequence[OrderStatement], at: datetime) -> int:
    """How many of these lines, all of one order, became points or growth at that moment."""
    counted = select(func.count()).select_from(order_t)
    these = counted.where(
        among(order_t.c.member_id, filed_under),
        order_t.c.channel == said[0].channel,
        order_t.c.order_no == said[0].order_no,
        among(order_t.c.line_no, [one.line_no for one in said]),
        order_t.c.counted_at == at,
    )
    return int(await tx.scalar(these) or 0)


def _refuse_others(
    said: Sequence[OrderStatement], rows: Sequence[Any], filed: Collection[OriginId], counted: Collection[int]
) -> None:
    """A refund takes back from whoever bought, which at a till has to be the member who stands there."""
    by_number = {row.line_no: row for row in rows}
    for n, one in enumerate(said):
        row = by_number.get(one.line_no)
        if row is None:
            continue
        if row.origin_id not in filed:
            is_refund = row.act == LineAct.REFUNDED
            raise OrderLineUnknown(field=f"lines.{n}.refundOf") if is_refund else LineDiffers(field=f"lines.{n}")
        if _differs(row, one.amount_fen, is_new=one.line_no in counted):
            raise LineDiffers(field=f"lines.{n}")  # points were earned or taken for it without an order


async def _growth(tx: Tx, filed_under: Collection[MemberId], keys: Sequence[bytes]) -> int:
    total = select(func.coalesce(func.sum(growth_t.c.amount), 0))
    these = total.where(among(growth_t.c.member_id, filed_under), among(growth_t.c.source_key, keys))
    return int(await tx.scalar(these) or 0)
