"""What order lines grow and what refunds take of it: by the lines that are stored, whoever counted their points.

A till may ask for points of an order line, and take them back, before the files tell of either; that brings no growth,
and the file's line or refund still does. A refund takes what it leaves less of its line than the refunds before it did,
so it does not matter in which order they come; while its line is not counted it waits.
Price: the line is looked for with the members of the two accounts that are known, who brings the goods back and whose
the points were. Where the till had given them to a third, the refund's points are taken back and its growth waits.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, Select, Text, all_, and_, bindparam, func, select

from member_hub import tiers
from member_hub.counting.needs import Loyalty
from member_hub.db.base import Tx
from member_hub.db.bulk import parameters, table_of, values_of
from member_hub.ids import MemberId, OriginId
from member_hub.members.tables import ChannelAccount
from member_hub.orders.actions import FiledOrder
from member_hub.orders.rules import OrderStatement
from member_hub.orders.tables import OrderLine
from member_hub.tiers import Grown, Source
from member_hub.tiers.tables import GrowthEntry

order_t = table_of(OrderLine)
channel_t = table_of(ChannelAccount)
growth_t = table_of(GrowthEntry)


@dataclass(frozen=True, slots=True, repr=False)
class StoredRefund:
    """A refund and where its row stands."""

    filed_under: MemberId
    origin_id: OriginId
    said: OrderStatement


@dataclass(slots=True)
class Growth:
    """What is to be posted, of whom, and which refunds (by number) found their line counted."""

    grown: list[Grown] = field(default_factory=list)
    members: set[MemberId] = field(default_factory=set)
    settled: set[int] = field(default_factory=set)


@dataclass(slots=True)
class _Original:
    grown: Grown
    member_id: MemberId
    amount_fen: int
    refunded_fen: int


async def growth_of(
    tx: Tx,
    needs: Loyalty,
    rules: tiers.TierRules,
    paid: Sequence[FiledOrder],
    refunds: Mapping[int, StoredRefund],
    *,
    earned_by: Mapping[int, UUID | None],
    absent: Collection[str],
) -> Growth:
    """Of paid lines that are counted now, and of refunds. `earned_by`: whose account the points of a refund's line were
    in; `absent`: lines in hand that are stored and are not counted. The caller holds every refunded line's points."""
    growth, originals = Growth(), {}
    wanted = {original_of(one.said) for one in refunds.values()}
    for filing, said in paid:
        message_id = said.message_id
        key, amount = needs.growth_key(message_id), tiers.of_line(rules, said.amount_fen)
        one = Grown(filing.filed_under, filing.origin_id, Source.ORDER, key, amount, said.ordered_at)
        growth.grown.append(one)
        growth.members.add(filing.member_id)
        if message_id in wanted:
            originals[message_id] = _Original(one, filing.member_id, said.amount_fen, 0)
    if refunds:
        earlier = {n: one for n, one in refunds.items() if original_of(one.said) not in {*originals, *absent}}
        originals |= await _counted_before(tx, needs, earlier, earned_by)
    for n, refund in sorted(refunds.items(), key=lambda item: item[1].said.message_id):
        original = originals.get(original_of(refund.said))
        if original is not None:
            _take_back(growth, n, needs.growth_key(refund.said.message_id), refund.said, original)
    return growth


def original_of(said: OrderStatement) -> str:
    """The message id of the line that a refund takes back."""
    return f"{said.channel}/{said.refund_of_order}/{said.refund_of_line}"


def _take_back(growth: Growth, n: int, key: bytes, said: OrderStatement, original: _Original) -> None:
    of, refund_fen = original.grown, -said.amount_fen
    amount = tiers.taken_back(
        of.amount, amount_fen=original.amount_fen, refunded_fen=original.refunded_fen, refund_fen=refund_fen
    )
    original.refunded_fen += refund_fen
    growth.grown.append(Grown(of.member_id, of.origin_id, Source.REFUND, key, -amount, of.occurred_at))
    growth.members.add(original.member_id)
    growth.settled.add(n)


async def _counted_before(
    tx: Tx, needs: Loyalty, refunds: Mapping[int, StoredRefund], earned_by: Mapping[int, UUID | None]
) -> dict[str, _Original]:
    """The lines of these refunds that were counted in other batches, by their message ids."""
    if not refunds:
        return {}
    rows = list(_places(needs, refunds, earned_by))
    given: dict[str, Any] = {**parameters(COLUMNS, rows), "here": [one.said.message_id for one in refunds.values()]}
    found = {}
    for row in await tx.execute(_COUNTED_BEFORE, given):
        key, amount = row.source_key, row.growth or 0
        filed_under, origin = MemberId(row.filed_under), OriginId(row.origin_id)
        grown = Grown(filed_under, origin, Source.ORDER, key, amount, row.ordered_at)
        message_id = f"{row.channel}/{row.order_no}/{row.line_no}"
        found[message_id] = _Original(grown, MemberId(row.member_id), row.amount_fen, int(row.refunded_fen))
    return found


def _places(
    needs: Loyalty, refunds: Mapping[int, StoredRefund], earned_by: Mapping[int, UUID | None]
) -> Iterable[tuple[object, ...]]:
    """Each line once for each account with whose member it may be."""
    lines: dict[str, tuple[OrderStatement, set[UUID]]] = {}
    for n, one in refunds.items():
        _, origins = lines.setdefault(original_of(one.said), (one.said, set()))
        origins |= {one.origin_id, *filter(None, [earned_by.get(n)])}
    for message_id, (said, origins) in lines.items():
        key = needs.growth_key(message_id)
        for origin in sorted(origins):
            yield origin, said.channel, said.refund_of_order, said.refund_of_line, key


def _counted() -> Select[Any]:
    """Refunds that are in hand are stored already, and are not among those before."""
    own, beside, refund = channel_t.alias("own"), channel_t.alias("beside"), order_t.alias("refund")
    message_id = func.concat_ws("/", refund.c.channel, refund.c.order_no, refund.c.line_no)
    refunded = select(func.coalesce(func.sum(-refund.c.amount_fen), 0)).where(
        refund.c.refund_of_order == _GIVEN.c.order_no,
        refund.c.refund_of_line == _GIVEN.c.line_no,
        refund.c.channel == _GIVEN.c.channel,
        refund.c.counted_at.is_not(None),
        message_id != all_(bindparam("here", type_=ARRAY(Text))),
    )
    line = [order_t.c[name] == _GIVEN.c[name] for name in ("channel", "order_no", "line_no")]
    grown = and_(
        growth_t.c.member_id == order_t.c.member_id,
        growth_t.c.source == Source.ORDER.value,
        growth_t.c.source_key == _GIVEN.c.source_key,
    )
    tables = (
        _GIVEN.join(own, own.c.origin_id == _GIVEN.c.origin_id)
        .join(beside, beside.c.member_id == own.c.member_id)
        .join(order_t, and_(order_t.c.member_id == beside.c.filed_under, order_t.c.origin_id == beside.c.origin_id))
        .outerjoin(growth_t, grown)
    )
    return (
        select(
            *(order_t.c[name] for name in ("channel", "order_no", "line_no", "origin_id", "amount_fen", "ordered_at")),
            order_t.c.member_id.label("filed_under"),
            beside.c.member_id,
            growth_t.c.amount.label("growth"),
            _GIVEN.c.source_key,
            refunded.correlate(_GIVEN).scalar_subquery().label("refunded_fen"),
        )
        .select_from(tables)
        .where(*line, order_t.c.counted_at.is_not(None))
    )


COLUMNS: Final = ("origin_id", "channel", "order_no", "line_no", "source_key")
_GIVEN: Final = values_of(
    [channel_t.c.origin_id, *(order_t.c[name] for name in COLUMNS[1:4]), growth_t.c.source_key], "wanted"
)
_COUNTED_BEFORE: Final = _counted()
