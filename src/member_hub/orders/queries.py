"""Reading order lines: one page for each of some members, in one statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, literal, select, true, tuple_

from member_hub.db.base import Tx
from member_hub.db.bulk import parameters, table_of, values_of
from member_hub.ids import MemberId
from member_hub.members.tables import ChannelAccount, Member
from member_hub.orders.tables import OrderLine

order_t = table_of(OrderLine)
account_t = table_of(ChannelAccount)
member_t = table_of(Member)


@dataclass(frozen=True, slots=True)
class LinePosition:
    """A place in a member's order lines: newest first, ties by the line's key."""

    ordered_at: datetime
    channel: str
    order_no: str
    line_no: int


async def lines_of(
    tx: Tx, member_ids: Sequence[MemberId], *, count: int, after: LinePosition | None
) -> dict[MemberId, tuple[list[Row[Any]], bool]]:
    """For each member up to `count` lines after the position, newest first, and whether there are more.

    Lines are read over the member's channel accounts: they stay under the id they were filed under (DESIGN 7).
    """
    given = values_of([member_t.c.member_id])
    key = (order_t.c.ordered_at, order_t.c.channel, order_t.c.order_no, order_t.c.line_no)
    lines = (
        select(order_t)
        .join(account_t, account_t.c.origin_id == order_t.c.origin_id)
        .where(account_t.c.member_id == given.c.member_id)
        .order_by(*(column.desc() for column in key))
        .limit(count + 1)
    )
    if after is not None:
        there = (after.ordered_at, after.channel, after.order_no, after.line_no)
        at = tuple_(*(literal(part, column.type) for part, column in zip(there, key, strict=True)))
        lines = lines.where(tuple_(*key) < at)
    found = lines.lateral("line")
    statement = (
        select(given.c.member_id.label("of_member"), found)
        .select_from(given.join(found, true()))
        .order_by(*(found.c[column.name].desc() for column in key))
    )
    pages: dict[MemberId, list[Row[Any]]] = {member: [] for member in member_ids}
    for row in await tx.execute(statement, parameters(("member_id",), [(m,) for m in member_ids])):
        pages[MemberId(row.of_member)].append(row)
    return {member: (rows[:count], len(rows) > count) for member, rows in pages.items()}
