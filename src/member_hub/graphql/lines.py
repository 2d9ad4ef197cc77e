"""An order line as the schema shows it."""

from typing import Any

from sqlalchemy import Row

from member_hub.graphql.order import OrderLine, OrderLineKey
from member_hub.graphql.scalars import Fen
from member_hub.graphql.sight import Sight
from member_hub.graphql.store import store_of
from member_hub.members.tables import Channel
from member_hub.orders.rules import OrderStatus


def order_line(sight: Sight, row: Row[Any]) -> OrderLine:
    of = row.refund_of_order
    return OrderLine(
        order_no=row.order_no,
        line_no=row.line_no,
        channel=Channel(row.channel),
        store=store_of(row.store, sight.organisation),
        amount_fen=Fen(row.amount_fen),
        ordered_at=row.ordered_at,
        status=OrderStatus(row.status),
        refund_of=OrderLineKey(order_no=of, line_no=row.refund_of_line) if of is not None else None,
    )
