"""Old lines that wait go with their key, and none is sealed under that key meanwhile."""

import asyncio
from datetime import timedelta

from member_hub.db import transaction
from member_hub.ingest.words import Source
from member_hub.orders.forgetting import forget_old_waiting
from member_hub.orders.tables import WAITING_RETENTION_DAYS
from tests.hub import NOW, Hub, app, order

WAIT_S = 0.3


async def test_a_line_that_comes_while_the_old_ones_of_its_account_go_waits_and_opens_later(hub: Hub) -> None:
    await hub.deliver(Source.ORDERS, order("A1", "O1"))
    over = NOW + timedelta(days=WAITING_RETENTION_DAYS, seconds=1)

    async with transaction(hub.database.app) as tx:
        assert await forget_old_waiting(tx, hub.vault, over) == 1
        coming = asyncio.create_task(hub.deliver(Source.ORDERS, order("A1", "O2")))
        await asyncio.sleep(WAIT_S)
        assert not coming.done()
    await coming
    await hub.deliver(Source.APP, app("A1", "2025-01-01"))

    assert [row.order_no for row in await hub.rows("hub.order_line")] == ["O2"]
