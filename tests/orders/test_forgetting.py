"""Old lines that wait go with their key, and none stays behind that was sealed under it meanwhile."""

import asyncio
from datetime import timedelta

from member_hub.db import transaction
from member_hub.ingest.words import Source
from member_hub.members.tables import Channel
from member_hub.orders.actions import Orders
from member_hub.orders.forgetting import forget_old_waiting
from member_hub.orders.rules import OrderStatement, OrderStatus
from member_hub.orders.tables import WAITING_RETENTION_DAYS
from tests.hub import NOW, Hub, app, order

OVER = NOW + timedelta(days=WAITING_RETENTION_DAYS, seconds=1)
WAIT_S = 0.3


async def forget(hub: Hub) -> int:
    async with transaction(hub.database.app) as tx:
        return await forget_old_waiting(tx, hub.vault, OVER)


async def test_a_line_that_comes_while_the_old_ones_of_its_account_go_opens_later(hub: Hub) -> None:
    await hub.deliver(Source.ORDERS, order("A1", "O1"))

    async with transaction(hub.database.app) as tx:
        assert await forget_old_waiting(tx, hub.vault, OVER) == 1
        coming = asyncio.create_task(hub.deliver(Source.ORDERS, order("A1", "O2")))
        await asyncio.sleep(WAIT_S)
        assert not coming.done()
    await coming
    await hub.deliver(Source.APP, app("A1", "2025-01-01"))

    assert [row.order_no for row in await hub.rows("hub.order_line")] == ["O2"]


async def test_a_line_that_was_coming_when_the_old_ones_were_to_go_opens_later(hub: Hub) -> None:
    await hub.deliver(Source.ORDERS, order("A1", "O1"))
    line = OrderStatement(Channel.APP, "O2", 1, Channel.APP, "A1", None, 1_000, OVER, OrderStatus.PAID)

    async with transaction(hub.database.app) as tx:
        await Orders(hub.vault, hub.organisation).apply_orders(tx, [line], now=OVER)
        forgetting = asyncio.create_task(forget(hub))
        await asyncio.sleep(WAIT_S)
        assert not forgetting.done()
    assert await forgetting == 1
    await hub.deliver(Source.APP, app("A1", "2025-01-01"))

    assert [row.order_no for row in await hub.rows("hub.order_line")] == ["O2"]
