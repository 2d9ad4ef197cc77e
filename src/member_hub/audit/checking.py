"""Checks the log of a database against the head outside, and against a head that was kept elsewhere."""

import asyncio
from pathlib import Path

from member_hub.audit import heads
from member_hub.audit.findings import Report
from member_hub.audit.keys import AuditKeys
from member_hub.audit.verifying import verify
from member_hub.db.base import snapshot
from member_hub.db.engines import Database


async def check(database: Database, keys: AuditKeys, folder: Path, *, kept: Path | None = None) -> Report:
    """Recompute everything. `kept` is a file of lines of `export-head`, instead of the ledger folder's.

    Raises HeadBroken.
    """
    known = await asyncio.to_thread(_newest, folder)
    async with snapshot(database.audit) as tx:
        return await verify(tx, keys, heads.every(folder, up_to=known) if kept is None else heads.of_file(kept))


def _newest(folder: Path) -> int:
    newest = heads.last(folder)
    return newest.number if newest else 0
