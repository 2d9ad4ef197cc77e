"""Refused rows are kept for 30 days: the first import after that deletes them, with the keys of their runs."""

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import func, select

from member_hub.clock import Clock
from member_hub.crypto.tables import DataKey
from member_hub.db import transaction
from member_hub.db.bulk import table_of
from member_hub.ingest.tables import Quarantine
from member_hub.ingest.words import Source
from tests.hub import NOW, Hub, website

quarantine_t, key_t = table_of(Quarantine), table_of(DataKey)


class LaterClock(Clock):
    def __init__(self, after: timedelta) -> None:
        self._at = NOW + after

    def now(self) -> datetime:
        return self._at


async def left(hub: Hub) -> tuple[int, int]:
    """Rows in quarantine, and keys of runs."""
    async with transaction(hub.database.app) as tx:
        runs = [row.run_id for row in await tx.execute(select(quarantine_t.c.run_id))]
        keys = select(func.count()).select_from(key_t).where(key_t.c.data_class == 6)
        return len(runs), int(await tx.scalar(keys) or 0)


async def test_refused_rows_go_with_their_keys_after_thirty_days(hub: Hub) -> None:
    at_the_end = replace(hub, clock=LaterClock(timedelta(days=30)))
    later = replace(hub, clock=LaterClock(timedelta(days=30, seconds=1)))

    await hub.deliver(Source.WEBSITE, '{"message_id": "cut', '{"message_id": "cut too')
    first = await left(hub)
    await at_the_end.deliver(Source.WEBSITE, '{"message_id": "also cut')
    second = await left(hub)
    await later.deliver(Source.WEBSITE, website("W1", "2025-01-01"))

    assert [first, second, await left(hub)] == [(2, 1), (3, 2), (1, 1)]
