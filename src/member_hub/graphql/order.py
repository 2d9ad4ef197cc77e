"""Order lines of a member, in pages."""

from datetime import datetime

import strawberry

from member_hub.graphql.enums import FieldState
from member_hub.graphql.paging import PageInfo
from member_hub.graphql.scalars import Fen
from member_hub.graphql.store import Store
from member_hub.members.tables import Channel
from member_hub.orders.rules import OrderStatus


@strawberry.type(description="The key of an order line within its channel.")
class OrderLineKey:
    order_no: str = strawberry.field(description="Number of the order.")
    line_no: int = strawberry.field(description="Line of the order.")


@strawberry.type(description="One line of one order; a refund is a line of its own.")
class OrderLine:
    order_no: str = strawberry.field(description="Number of the order.")
    line_no: int = strawberry.field(description="Line of the order.")
    channel: Channel = strawberry.field(description="Where it was bought.")
    store: Store | None = strawberry.field(description="The store; null for website and app.")
    amount_fen: Fen = strawberry.field(description="Amount; negative for a refund.")
    ordered_at: datetime = strawberry.field(description="When it was ordered, or refunded.")
    status: OrderStatus = strawberry.field(description="Paid or refunded.")
    refund_of: OrderLineKey | None = strawberry.field(description="The line that this one refunds.")


@strawberry.type(description="An order line in its place in the list.")
class OrderLineEdge:
    cursor: str = strawberry.field(description="Opaque position, for `after`.")
    node: OrderLine = strawberry.field(description="The order line.")


@strawberry.type(description="A page of order lines, the newest first.")
class OrderLineConnection:
    state: FieldState = strawberry.field(description="CLEAR; or DENIED, and then the page is empty.")
    edges: list[OrderLineEdge] = strawberry.field(description="The lines of this page.")
    page_info: PageInfo = strawberry.field(description="Where this page stands.")
