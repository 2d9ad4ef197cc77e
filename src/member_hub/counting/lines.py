"""Order lines and refunds that orders/ has stored: points lots, growth, and a look at the tier.

Lines come as they are stored, marked as counted already or not; the mark is put right at the end: it stands on what is
counted. Beside the lines given those refunds are counted that have waited for one of them.
The multiplier is that of the tier on record when the line was bought; a standing is never backdated, so what is older
than the first earns at 1. A refund is taken from whoever earned for its line, and its growth is dated as that line.
A line whose points somebody else counted still grows here (growing.py).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, null, select, tuple_, update

from member_hub import points, tiers
from member_hub.access import Caller
from member_hub.counting.growing import StoredRefund, growth_of
from member_hub.counting.needs import Counted, Loyalty
from member_hub.db.base import Tx
from member_hub.db.bulk import parameters, table_of, values_of
from member_hub.db.direct import Direct
from member_hub.ids import MemberId, OriginId
from member_hub.members.tables import Channel
from member_hub.orders.actions import FiledOrder
from member_hub.orders.rules import OrderStatement, OrderStatus
from member_hub.orders.tables import OrderLine
from member_hub.points import Line
from member_hub.points.claiming import Paid, Refund, Stated
from member_hub.points.refusals import OrderLineUnknown, PointsFrozen

WAITING_MAX: Final = 2_000  # refunds that waited for the lines of one batch; more are the back-fill's

order_t = table_of(OrderLine)
ORDER_KEY: Final = ("member_id", "channel", "order_no", "line_no")
_GIVEN_KEYS: Final = values_of([order_t.c[name] for name in ORDER_KEY])


@dataclass(frozen=True, slots=True)
class Batch:
    """Lines in hand: paid ones, and refunds with the line that each takes back."""

    paid: Sequence[FiledOrder]
    refunds: Sequence[StoredRefund]


async def count_lines(
    tx: Tx,
    caller: Caller,
    lines: Sequence[FiledOrder],
    *,
    needs: Loyalty,
    now: datetime,
    are_marked: bool = True,
    stated: Stated | None = None,
) -> Counted:
    """Count lines, some hundreds at most, once each. The transaction keeps their accounts from moving meanwhile.

    `are_marked`: they were stored as counted. Of those that are `stated` nothing is cut and nothing waits: it raises
    PointsFrozen, OrderLineUnknown for a refund of what nobody bought, and what points.count_lines raises then.
    """
    paid = [one for one in lines if one[1].status is OrderStatus.PAID]
    refunds = [StoredRefund(f.filed_under, f.origin_id, one) for f, one in lines if one.status is OrderStatus.REFUNDED]
    waited = await _waited_for(tx, [said for _, said in paid], refunds) if paid else []
    batch = Batch(paid, [*refunds, *waited])
    if not batch.paid and not batch.refunds:
        return Counted()
    rules = (await tiers.in_force(tx, needs.tiers, now=now)).rules
    earning = await _earning(tx, batch, rules)
    taking = [Refund(_line(one.said), _original(one.said), -one.said.amount_fen) for one in batch.refunds]
    done = await points.count_lines(tx, caller, needs.asked(now), earning, taking, stated=stated)
    if stated is not None:
        _refuse_waiting(batch, done, stated)
    growth = await growth_of(
        tx,
        needs,
        rules,
        [batch.paid[n] for n in done.paid],
        {n: batch.refunds[n] for n in done.refunds},
        earned_by={n: one.origin_id for n, one in done.refunds.items()},
        absent={said.message_id for n, (_, said) in enumerate(batch.paid) if n not in done.paid},
    )
    await tiers.grow(tx, growth.grown, now=now)
    await tiers.touch(tx, growth.members, now=now)
    await _mark(tx, batch, done.paid.keys(), growth.settled, now, marked=len(refunds) if are_marked else None)
    counted, resumed = len(done.paid) + len(growth.settled), sum(n >= len(refunds) for n in growth.settled)
    return Counted(
        lines=counted,
        earned=sum(one.points for one in done.paid.values() if one.is_new),
        taken_back=sum(one.points for one in done.refunds.values() if one.is_new),
        waiting=len(lines) - counted + resumed,
        resumed=resumed,
        cut=sum(one.is_cut for one in done.paid.values()),
        refunds_cut=sum(one.is_cut for one in done.refunds.values()),
    )


def _refuse_waiting(batch: Batch, done: points.Counted, stated: Stated) -> None:
    """Of the lines that were asked for; others that waited may go on waiting."""
    if len(done.paid) < len(batch.paid):
        raise PointsFrozen(field="member")
    for n, one in enumerate(batch.refunds):
        if n not in done.refunds and (place := stated.get(_line(one.said))) is not None:
            raise OrderLineUnknown(field=f"{place}.refundOf")


async def _waited_for(tx: Tx, paid: Sequence[OrderStatement], known: Collection[StoredRefund]) -> list[StoredRefund]:
    """Refunds that are stored and not counted, of these lines; locked, so that nobody else counts them meanwhile."""
    keys = [(p.channel, p.order_no, p.line_no) for p in paid]
    rows = [SimpleNamespace(**row) for row in await _WAITING.every(tx, parameters(ORDER_KEY[1:], keys))]
    here = {one.said.message_id for one in known}
    found = [StoredRefund(MemberId(row.member_id), OriginId(row.origin_id), statement_of(row)) for row in rows]
    return [one for one in found if one.said.message_id not in here]


async def _earning(tx: Tx, batch: Batch, rules: tiers.TierRules) -> list[Paid]:
    held = await tiers.held_at(tx, [(filing.member_id, said.ordered_at) for filing, said in batch.paid])
    return [
        Paid(
            _line(said),
            filing.member_id,
            filing.origin_id,
            said.amount_fen,
            said.ordered_at,
            rules.multiplier_bp(tier),
        )
        for (filing, said), tier in zip(batch.paid, held, strict=True)
    ]


async def _mark(
    tx: Tx, batch: Batch, paid: Collection[int], refunds: Collection[int], now: datetime, *, marked: int | None
) -> None:
    """The mark stands on what is counted, and on nothing else; of refunds the first `marked` bear one, and all paid."""
    on, off = [], []
    for n, (filing, said) in enumerate(batch.paid):
        if marked is None and n in paid:
            on.append(_row_key(filing.filed_under, said))
        elif marked is not None and n not in paid:
            off.append(_row_key(filing.filed_under, said))
    for n, one in enumerate(batch.refunds):
        if n >= (marked or 0) and n in refunds:
            on.append(_row_key(one.filed_under, one.said))
        elif marked is not None and n < marked and n not in refunds:
            off.append(_row_key(one.filed_under, one.said))
    for keys, value in ((on, now), (off, null())):
        if keys:
            await tx.execute(_marking().values(counted_at=value), parameters(ORDER_KEY, keys))


def _marking() -> Any:
    same = [order_t.c[name] == _GIVEN_KEYS.c[name] for name in ORDER_KEY]
    condition: ColumnElement[bool] = same[0]
    for one in same[1:]:
        condition = condition & one
    return update(order_t).where(condition)


def _waiting() -> Select[Any]:
    given = values_of([order_t.c[name] for name in ORDER_KEY[1:]], "paid")
    return (
        select(order_t)
        .where(
            order_t.c.counted_at.is_(None),
            order_t.c.refund_of_order.is_not(None),
            tuple_(order_t.c.channel, order_t.c.refund_of_order, order_t.c.refund_of_line).in_(
                select(given.c.channel, given.c.order_no, given.c.line_no)
            ),
        )
        .order_by(*(order_t.c[name] for name in ORDER_KEY))
        .limit(WAITING_MAX)
        .with_for_update()
    )


_WAITING: Final = Direct(_waiting())


def statement_of(row: Any) -> OrderStatement:
    """A stored line as it was said, but for the account's own number, which nobody asks for here."""
    return OrderStatement(
        Channel(row.channel),
        row.order_no,
        row.line_no,
        Channel(row.channel),
        "",
        row.store,
        row.amount_fen,
        row.ordered_at,
        OrderStatus(row.status),
        row.refund_of_order,
        row.refund_of_line,
    )


def _row_key(filed_under: MemberId, said: OrderStatement) -> tuple[object, ...]:
    return filed_under, said.channel, said.order_no, said.line_no


def _line(said: OrderStatement) -> Line:
    return Line(said.channel, said.order_no, said.line_no)


def _original(said: OrderStatement) -> Line:
    assert said.refund_of_order is not None
    assert said.refund_of_line is not None
    return Line(said.channel, said.refund_of_order, said.refund_of_line)
