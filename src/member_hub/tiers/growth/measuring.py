"""What the figures of many members come to, each in spans of its own: one statement for each kind of figure.

Read over root and absorbed by account, as order lines are. Money and orders are net of the refunds of their lines,
whenever those came and from whichever of the member's accounts.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any, Final

from sqlalchemy import (
    CTE,
    Date,
    DateTime,
    Integer,
    Select,
    and_,
    bindparam,
    column,
    distinct,
    func,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.types import TypeEngine

from member_hub.db.base import Tx
from member_hub.db.bulk import table_of
from member_hub.ids import MemberId
from member_hub.members.tables import ChannelAccount
from member_hub.orders.rules import OrderStatus
from member_hub.orders.tables import Activity, OrderLine
from member_hub.tiers.rules.criteria import Ask
from member_hub.tiers.rules.windows import Span
from member_hub.tiers.tables import GrowthEntry
from member_hub.tiers.words import COUNTED_KINDS, OF_ACTIVITY, OF_ORDERS, Figure

Measured = dict[MemberId, dict[Ask, int]]
account_t = table_of(ChannelAccount)
entry_t = table_of(GrowthEntry)
order_t = table_of(OrderLine)
activity_t = table_of(Activity)
KINDS: Final = (*COUNTED_KINDS, Figure.ACTIVE_DAYS)


async def measure(tx: Tx, wanted: Mapping[MemberId, Collection[Ask]]) -> Measured:
    """Every figure that is wanted, 0 where there is nothing."""
    found: Measured = {member: dict.fromkeys(asks, 0) for member, asks in wanted.items()}
    spans: dict[str, set[tuple[MemberId, Span]]] = defaultdict(set)
    for member, asks in wanted.items():
        for figure, span in asks:
            spans[_kind_of(figure)].add((member, span))
    for kind, (statement, figures) in STATEMENTS.items():
        if kind in spans:
            await _read(tx, statement, figures, sorted(spans[kind]), found)
    return found


def _kind_of(figure: Figure) -> str:
    if figure in OF_ORDERS:
        return "orders"
    if figure is Figure.STREAK:
        return "streak"
    return "activity" if figure in OF_ACTIVITY else "growth"


async def _read(
    tx: Tx, statement: Select[Any], figures: Collection[Figure], pairs: list[tuple[MemberId, Span]], found: Measured
) -> None:
    given = {
        "members": [member for member, _ in pairs],
        "firsts": [span.first for _, span in pairs],
        "lasts": [span.last for _, span in pairs],
        "begins": [span.begins for _, span in pairs],
        "ends": [span.ends for _, span in pairs],
    }
    for row in await tx.execute(statement, given):
        member, span = pairs[row.place - 1]
        own = found[member]
        for figure, value in zip(figures, row[1:], strict=True):
            if (figure, span) in own:
                own[figure, span] = int(value or 0)


def _given() -> CTE:
    """The spans, numbered by their place in the arrays, each with the accounts of its member."""
    columns: dict[str, TypeEngine[Any]] = {
        "members": PgUuid(),
        "firsts": Date(),
        "lasts": Date(),
        "begins": DateTime(True),
        "ends": DateTime(True),
    }
    arrays = [bindparam(name, type_=ARRAY(kind)) for name, kind in columns.items()]
    given = (
        func.unnest(*arrays)
        .table_valued(*(column(name, kind) for name, kind in columns.items()), with_ordinality="place", name="span")
        .render_derived()
    )
    return select(given, account_t.c.origin_id).join(account_t, account_t.c.member_id == given.c.members).cte("given")


def _growth() -> Select[Any]:
    given = _given()
    within = and_(
        entry_t.c.origin_id == given.c.origin_id,
        entry_t.c.occurred_at >= given.c.begins,
        entry_t.c.occurred_at < given.c.ends,
    )
    total = func.greatest(func.sum(entry_t.c.amount), 0)
    return select(given.c.place, total).join(entry_t, within).group_by(given.c.place)


def _orders() -> Select[Any]:
    """A member has each span with each account: lines are met over one, refunds of them over any."""
    given = _given()
    refund = order_t.alias("refund")
    people = select(given.c.members, given.c.origin_id).distinct().subquery("people")
    back = (
        select(
            people.c.members,
            refund.c.channel,
            refund.c.refund_of_order,
            refund.c.refund_of_line,
            func.sum(func.abs(refund.c.amount_fen)).label("fen"),
        )
        .join(refund, refund.c.origin_id == people.c.origin_id)
        .where(refund.c.status == OrderStatus.REFUNDED.value)
        .group_by(people.c.members, refund.c.channel, refund.c.refund_of_order, refund.c.refund_of_line)
        .subquery("back")
    )
    within = and_(
        order_t.c.origin_id == given.c.origin_id,
        order_t.c.status == OrderStatus.PAID.value,
        order_t.c.ordered_at >= given.c.begins,
        order_t.c.ordered_at < given.c.ends,
    )
    of_line = and_(
        back.c.members == given.c.members,
        back.c.channel == order_t.c.channel,
        back.c.refund_of_order == order_t.c.order_no,
        back.c.refund_of_line == order_t.c.line_no,
    )
    left = func.greatest(order_t.c.amount_fen - func.coalesce(back.c.fen, 0), 0)
    orders = func.count(distinct(tuple_(order_t.c.channel, order_t.c.order_no))).filter(left > 0)
    joined = given.join(order_t, within).outerjoin(back, of_line)
    return select(given.c.place, orders, func.sum(left)).select_from(joined).group_by(given.c.place)


def _activity() -> Select[Any]:
    given = _given()
    counts = [func.sum(activity_t.c.count).filter(activity_t.c.kind == kind.value) for kind in COUNTED_KINDS]
    days = func.count(distinct(activity_t.c.day)).filter(activity_t.c.count > 0)
    return select(given.c.place, *counts, days).join(activity_t, _active(given)).group_by(given.c.place)


def _streak() -> Select[Any]:
    """Days in a row have one difference to their number among the days."""
    given = _given()
    checked_in = and_(activity_t.c.kind == Figure.CHECK_IN.value, activity_t.c.count > 0)
    days = select(given.c.place, activity_t.c.day).join(activity_t, _active(given)).where(checked_in).distinct()
    day = days.subquery("day")
    number = func.row_number().over(partition_by=day.c.place, order_by=day.c.day)
    runs = select(day.c.place, (day.c.day - number.cast(Integer)).label("run")).subquery("runs")
    long = select(runs.c.place, func.count().label("days")).group_by(runs.c.place, runs.c.run).subquery("long")
    return select(long.c.place, func.max(long.c.days)).group_by(long.c.place)


def _active(given: CTE) -> Any:
    return and_(
        activity_t.c.origin_id == given.c.origin_id,
        activity_t.c.day >= given.c.firsts,
        activity_t.c.day <= given.c.lasts,
    )


STATEMENTS: Final[Mapping[str, tuple[Select[Any], Collection[Figure]]]] = {
    "growth": (_growth(), (Figure.GROWTH,)),
    "orders": (_orders(), (Figure.ORDERS, Figure.SPEND_FEN)),
    "activity": (_activity(), KINDS),
    "streak": (_streak(), (Figure.STREAK,)),
}
