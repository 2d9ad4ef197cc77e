"""Refunds of a file that are for more than is left of their line: refused before anything of them is stored.

What is left is what the line cost, less the refunds of it that are stored. A line is known once it was counted, or when
it stands before its refund in the batch in hand; it is found by its number alone, whoever bought it.
A refund that comes before its line cannot be told from a right one. It is stored, takes back no more than the line
brought, and is counted in the summary (refunds_cut); so are those of two files that bring refunds of one line in the
same moment, for no line is locked here.
"""

from collections.abc import Collection, Sequence
from typing import Any, Final

from sqlalchemy import Select, and_, func, select

from member_hub.crypto import Vault
from member_hub.db.base import Tx
from member_hub.db.bulk import constant, parameters, table_of, values_of
from member_hub.db.direct import Direct
from member_hub.members.tables import ChannelAccount
from member_hub.orders.rules import OrderStatement, OrderStatus
from member_hub.orders.tables import OrderLine
from member_hub.points import Line
from member_hub.points.claiming import key_of
from member_hub.points.tables import PointsLine
from member_hub.points.words import LineAct

Key = tuple[str, str, int]  # channel, order, line

account_t = table_of(ChannelAccount)
line_t = table_of(PointsLine)
order_t = table_of(OrderLine)


async def too_large(tx: Tx, vault: Vault, said: Sequence[OrderStatement]) -> set[int]:
    """Which of these lines, none of them stored yet, are refunds that their line cannot bear; by position."""
    refunds = {key for one in said if (key := _refunded(one)) is not None}
    if not refunds:
        return set()
    left = await _left(tx, vault, refunds)
    refused = set()
    for n, one in enumerate(said):
        key = _refunded(one)
        if key is None:
            left.setdefault((one.channel, one.order_no, one.line_no), one.amount_fen)
        elif key in left and left[key] + one.amount_fen < 0:
            refused.add(n)
        elif key in left:
            left[key] += one.amount_fen
    return refused


def _refunded(said: OrderStatement) -> Key | None:
    if said.status is not OrderStatus.REFUNDED:
        return None
    assert said.refund_of_order is not None
    assert said.refund_of_line is not None
    return said.channel, said.refund_of_order, said.refund_of_line


async def _left(tx: Tx, vault: Vault, keys: Collection[Key]) -> dict[Key, int]:
    """Of the lines among these that are known."""
    rows = [(key_of(vault, Line(*key)), *key) for key in sorted(keys)]
    found = await _LEFT.every(tx, parameters(_COLUMNS, rows))
    return {(row["channel"], row["order_no"], row["line_no"]): int(row["left_fen"]) for row in found}


def _known() -> Select[Any]:
    """Of a line that a till had counted by another amount the larger counts: who is refused here must be wrong."""
    given = values_of([line_t.c.order_key, *(order_t.c[name] for name in _COLUMNS[1:])], "wanted")
    refund = order_t.alias("refund")
    refunded = select(func.coalesce(func.sum(-refund.c.amount_fen), 0)).where(
        refund.c.refund_of_order == given.c.order_no,
        refund.c.refund_of_line == given.c.line_no,
        refund.c.channel == given.c.channel,
    )
    same = [line_t.c[name] == given.c[name] for name in ("order_key", "line_no")]
    stored = [order_t.c[name] == given.c[name] for name in _COLUMNS[1:]]
    tables = (
        given.join(line_t, and_(*same, line_t.c.act == constant(LineAct.PAID)))
        .outerjoin(account_t, account_t.c.origin_id == line_t.c.origin_id)
        .outerjoin(order_t, and_(order_t.c.member_id == account_t.c.filed_under, *stored))
    )
    cost = func.greatest(line_t.c.amount_fen, order_t.c.amount_fen)  # null, where there is none, is left out
    left = (cost - refunded.correlate(given).scalar_subquery()).label("left_fen")
    return select(*(given.c[name] for name in _COLUMNS[1:]), left).select_from(tables)


_COLUMNS: Final = ("order_key", "channel", "order_no", "line_no")
_LEFT: Final = Direct(_known())
