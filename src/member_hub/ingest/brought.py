"""Which lines of an order that an app brings are to be counted, and what is done about those that came before.

    nobody brought it                        it is stored as the app says it
    a file did, for an account of nobody     it waits no longer: who stands at the till with the account has bought it
    it is the member's own and waits         it is counted now, or refused with the reason
    it is the member's own and counted       it is a duplicate
    anything else                            it is another's, whatever became of that member, and refused

Decision: of a waiting line only channel, order, line and amount are compared; the account that a file named for it is
not. Nobody ever had it, and the app saw the member. Price: where it is somebody else's after all, whose account comes
later, the points stay where they are, and a person puts it right.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, select, update

from member_hub.counting.lines import statement_of
from member_hub.crypto import Vault
from member_hub.db.base import Tx
from member_hub.db.bulk import among, table_of
from member_hub.errors import Conflict
from member_hub.ids import MemberId, OriginId
from member_hub.ingest.applying import note
from member_hub.ingest.words import Source
from member_hub.members.tables import ChannelAccount
from member_hub.orders.actions import FiledOrder, Filing, filings_of
from member_hub.orders.rules import OrderStatement
from member_hub.orders.tables import OrderLine
from member_hub.orders.waiting import take_waiting
from member_hub.points.claiming import Stated, key_of
from member_hub.points.earning import Line, line_t

account_t = table_of(ChannelAccount)
order_t = table_of(OrderLine)


class LineDiffers(Conflict):
    zh = "该订单行此前已以不同金额入账，或属于其他会员。"
    en = "This order line came before with another amount, or it is another member's."


async def new_lines(
    tx: Tx, vault: Vault, said: Sequence[OrderStatement], filing: Filing, *, places: Stated
) -> list[FiledOrder]:
    """Those that are to be stored for this account: nobody has them yet. Raises LineDiffers for another amount."""
    fresh = await _receive(tx, vault, said, places)
    before = {one.message_id for one in said} - fresh
    fresh |= await take_waiting(tx, vault, before) if before else set()
    return [(filing, one) for one in said if one.message_id in fresh]


async def own_lines(
    tx: Tx,
    vault: Vault,
    member_id: MemberId,
    said: Sequence[OrderStatement],
    *,
    places: Stated,
    counted_at: datetime,
) -> list[FiledOrder]:
    """Of lines of one order that came before those of the member that wait to be counted, marked as counted.

    Raises LineDiffers for a line of another's that waits, or that nobody has any more. Of one that was counted, here or
    for somebody, the caller sees for whom.
    """
    if not said:
        return []
    own = select(account_t.c.origin_id).where(account_t.c.member_id == member_id)
    these = and_(
        order_t.c.member_id.in_(select(account_t.c.filed_under).where(account_t.c.member_id == member_id)),
        order_t.c.origin_id.in_(own),
        order_t.c.channel == said[0].channel,
        order_t.c.order_no == said[0].order_no,
        among(order_t.c.line_no, [one.line_no for one in said]),
    )
    marked = update(order_t).where(these, order_t.c.counted_at.is_(None)).values(counted_at=counted_at)
    waited = (await tx.execute(marked.returning(*order_t.c))).all()
    key = key_of(vault, Line(said[0].channel, said[0].order_no, 0))
    counted = select(line_t.c.line_no).where(line_t.c.order_key == key)
    known = set(await tx.scalars(select(order_t.c.line_no).where(these).union(counted)))
    for one in said:
        if one.line_no not in known:
            raise LineDiffers(field=places[_line(one)])
    return await _filed(tx, waited)


async def _filed(tx: Tx, rows: Collection[Any]) -> list[FiledOrder]:
    filings = await filings_of(tx, {OriginId(row.origin_id) for row in rows}) if rows else {}
    return [(filings[OriginId(row.origin_id)], statement_of(row)) for row in rows]


def _line(said: OrderStatement) -> Line:
    return Line(said.channel, said.order_no, said.line_no)


async def _receive(tx: Tx, vault: Vault, said: Sequence[OrderStatement], places: Stated) -> set[str]:
    """The message ids of lines that nobody brought before. Raises LineDiffers for another amount."""
    source = Source.ORDERS.value
    keys = {vault.message_key(source, one.message_id): one for one in said}
    digests = {key: vault.message_digest(str(one.amount_fen).encode()) for key, one in keys.items()}
    written, stored = await note(tx, source, list(digests.items()))
    for key, one in keys.items():
        if key not in written and stored[key] != digests[key]:
            raise LineDiffers(field=places[_line(one)])
    return {keys[key].message_id for key in written}
