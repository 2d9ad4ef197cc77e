"""Counting what earlier imports brought and nobody has counted yet: at the end of `migrate`, and by `run`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from member_hub.db import Database
    from member_hub.runtime import Runtime
    from member_hub.settings import Settings

TOLD_EVERY = 20  # batches


async def count_after_migrating(database: Database, settings: Settings) -> int:
    """How many lines and opening balances were counted. Keys and policy are opened only where something waits."""
    from member_hub.clock import Clock
    from member_hub.counting.backfill import something_waits
    from member_hub.db.base import transaction
    from member_hub.holders import HOLDERS
    from member_hub.runtime import open_runtime

    async with transaction(database.app) as tx:
        if not await something_waits(tx):
            return 0
    async with open_runtime(settings, Clock(), database, HOLDERS) as runtime:
        return await count_waiting_lines(runtime)


async def count_waiting_lines(runtime: Runtime) -> int:
    """The same in an opened hub, with progress on the terminal. Interrupted, the next call goes on."""
    from member_hub.counting.backfill import count_waiting

    lines = batches = 0
    async for counted in count_waiting(runtime.database, runtime.loyalty, now=runtime.clock.now()):
        lines += counted.lines
        batches += 1
        if batches % TOLD_EVERY == 0:
            click.echo(f"Counting what earlier imports brought 补计历史导入: {lines:,}", err=True)
    return lines
