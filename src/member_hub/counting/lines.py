"""Order lines and refunds that orders/ has stored: points lots, growth, and a look at the tier.

Lines come as they are stored, marked as counted already or not; the mark is put right at the end: it stands on what is
counted. Beside the lines given those refunds are counted that have waited for one of them.
The multiplier is that of the tier on record when the line was bought; a standing is never backdated, so what is older
than the first earns at 1. A refund is taken from whoever earned for its line, and its growth is dated as that line.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Row, null, select, tuple_, update

from member_hub import points, tiers
from member_hub.access import Caller
from member_hub.counting.needs import Counted, Loyalty
from member_hub.db.base import Tx
from member_hub.db.bulk import among, parameters, table_of, values_of
from member_hub.ids import MemberId, OriginId
from member_hub.members.tables import Channel, ChannelAccount
from member_hub.orders.actions import FiledOrder
from member_hub.orders.rules import OrderStatement, OrderStatus
from member_hub.orders.tables import OrderLine
from member_hub.points import Line
from member_hub.points.claiming import Paid, Refund, TakenBack
from member_hub.points.refusals import OrderLineUnknown, PointsFrozen
from member_hub.tiers import Grown, Source
from member_hub.tiers.tables import GrowthEntry

WAITING_MAX: Final = 2_000  # refunds that waited for the lines of one batch; more are the back-fill's

order_t = table_of(OrderLine)
channel_t = table_of(ChannelAccount)
growth_t = table_of(GrowthEntry)
ORDER_KEY: Final = ("member_id", "channel", "order_no", "line_no")
_GIVEN_KEYS: Final = values_of([order_t.c[name] for name in ORDER_KEY])
_GIVEN_LINES: Final = values_of([order_t.c[name] for name in ORDER_KEY[1:]], "paid")


@dataclass(frozen=True, slots=True)
class Batch:
    """Lines in hand: paid ones, and refunds with the line that each takes back; each with the key of its row."""

    paid: Sequence[FiledOrder]
    refunds: Sequence[tuple[MemberId, OrderStatement]]  # under which id it is filed


async def count_lines(
    tx: Tx,
    caller: Caller,
    lines: Sequence[FiledOrder],
    *,
    needs: Loyalty,
    now: datetime,
    are_marked: bool = True,
    is_strict: bool = False,
) -> Counted:
    """Count lines, some hundreds at most, once each. The transaction keeps their accounts from moving meanwhile.

    `are_marked`: they were stored as counted. Strictly, nothing is cut and nothing waits: it raises PointsFrozen,
    OrderLineUnknown for a refund of what the member did not buy, and what points.count_lines raises then.
    """
    paid = [one for one in lines if one[1].status is OrderStatus.PAID]
    refunds = [(filing.filed_under, said) for filing, said in lines if said.status is OrderStatus.REFUNDED]
    waited = await _waited_for(tx, [said for _, said in paid], refunds) if paid else []
    batch = Batch(paid, [*refunds, *waited])
    if not batch.paid and not batch.refunds:
        return Counted()
    rules = (await tiers.in_force(tx, needs.tiers, now=now)).rules
    earning = await _earning(tx, batch, rules)
    taking = [Refund(_line(one), _original(one), -one.amount_fen) for _, one in batch.refunds]
    done = await points.count_lines(tx, caller, needs.asked(now), earning, taking, is_strict=is_strict)
    if is_strict:
        _refuse_waiting(batch, done, len(refunds))
    new = [n for n, one in done.paid.items() if one.is_new]
    grown = _grown_by(needs, rules, [batch.paid[n] for n in done.paid])  # a till that asked for points alone grew none
    grown += await _shrunk(tx, needs, batch, done.refunds, {one.source_key: one for one in grown})
    await tiers.grow(tx, grown, now=now)
    fresh = {batch.paid[n][0].member_id for n, one in done.paid.items() if one.is_new}
    fresh |= {one.member_id for one in done.refunds.values() if one.is_new}
    await tiers.touch(tx, fresh, now=now)
    await _mark(tx, batch, done.paid.keys(), done.refunds.keys(), now, marked=len(refunds) if are_marked else None)
    return Counted(
        lines=len(new) + sum(one.is_new for one in done.refunds.values()),
        earned=sum(one.points for one in done.paid.values() if one.is_new),
        taken_back=sum(one.points for one in done.refunds.values() if one.is_new),
        waiting=len(batch.paid) - len(done.paid) + len(batch.refunds) - len(done.refunds),
    )


def _refuse_waiting(batch: Batch, done: points.Counted, asked: int) -> None:
    """Of the lines that were asked for; others that waited may go on waiting."""
    if len(done.paid) < len(batch.paid):
        raise PointsFrozen(field="member")
    for n in range(asked):
        if n not in done.refunds:
            raise OrderLineUnknown(field="refundOf")


async def _waited_for(
    tx: Tx, paid: Sequence[OrderStatement], known: Collection[tuple[MemberId, OrderStatement]]
) -> list[tuple[MemberId, OrderStatement]]:
    """Refunds that are stored and not counted, of these lines; locked, so that nobody else counts them meanwhile."""
    given = _GIVEN_LINES
    waiting = (
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
    rows = await tx.execute(waiting, parameters(ORDER_KEY[1:], [(p.channel, p.order_no, p.line_no) for p in paid]))
    here = {said.message_id for _, said in known}
    found = [(MemberId(row.member_id), statement_of(row)) for row in rows]
    return [one for one in found if one[1].message_id not in here]


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


def _grown_by(needs: Loyalty, rules: tiers.TierRules, paid: Iterable[FiledOrder]) -> list[Grown]:
    grown = []
    for filing, said in paid:
        key, amount = needs.growth_key(said.message_id), tiers.of_line(rules, said.amount_fen)
        grown.append(Grown(filing.filed_under, filing.origin_id, Source.ORDER, key, amount, said.ordered_at))
    return grown


async def _shrunk(
    tx: Tx, needs: Loyalty, batch: Batch, refunds: Mapping[int, TakenBack], stood: Mapping[bytes, Grown]
) -> list[Grown]:
    """What refunds take of the growth of their lines, once; `stood`: what lines of this batch grew.

    Those too that a till reversed for their points alone before a file told of them.
    """
    taken = {n: one for n, one in refunds.items() if one.of_fen and one.amount_fen and one.origin_id is not None}
    keys = {n: needs.growth_key(_message_id(_original(batch.refunds[n][1]))) for n in taken}
    origins = {one.origin_id for one in taken.values()}
    known = {**stood, **await _growth_of(tx, origins, set(keys.values()) - stood.keys())}
    shrunk = []
    for n, one in taken.items():
        of = known.get(keys[n])
        if of is None:  # it grew nothing
            continue
        amount = tiers.taken_back(
            of.amount, amount_fen=one.of_fen, refunded_fen=one.of_fen - one.left_fen, refund_fen=one.amount_fen
        )
        key = needs.growth_key(batch.refunds[n][1].message_id)
        shrunk.append(Grown(of.member_id, of.origin_id, Source.REFUND, key, -amount, of.occurred_at))
    return shrunk


async def _growth_of(tx: Tx, origins: Collection[UUID | None], keys: Collection[bytes]) -> dict[bytes, Grown]:
    """What these lines grew, by their keys; `origins` are the accounts that bought them."""
    if not keys:
        return {}
    filed = select(channel_t.c.filed_under).where(among(channel_t.c.origin_id, origins))
    statement = select(growth_t).where(
        growth_t.c.member_id.in_(filed), growth_t.c.source == Source.ORDER, among(growth_t.c.source_key, keys)
    )
    return {
        row.source_key: Grown(
            MemberId(row.member_id),
            OriginId(row.origin_id),
            Source.ORDER,
            row.source_key,
            row.amount,
            row.occurred_at,
        )
        for row in await tx.execute(statement)
    }


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
    for n, (filed_under, said) in enumerate(batch.refunds):
        if n >= (marked or 0) and n in refunds:
            on.append(_row_key(filed_under, said))
        elif marked is not None and n < marked and n not in refunds:
            off.append(_row_key(filed_under, said))
    for keys, value in ((on, now), (off, null())):
        if keys:
            await tx.execute(_marking().values(counted_at=value), parameters(ORDER_KEY, keys))


def _marking() -> Any:
    same = [order_t.c[name] == _GIVEN_KEYS.c[name] for name in ORDER_KEY]
    condition: ColumnElement[bool] = same[0]
    for one in same[1:]:
        condition = condition & one
    return update(order_t).where(condition)


def statement_of(row: Row[Any]) -> OrderStatement:
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


def _message_id(line: Line) -> str:
    return f"{line.channel}/{line.order_no}/{line.line_no}"
