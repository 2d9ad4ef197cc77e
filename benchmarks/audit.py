"""The audit log beside a plain table: rows per second with chain, subjects and a sealer at work, and without any.

Twice: as much as goes, where the plain table gets as many rows per commit; and a row and a commit for each request, as
a hub without group commit would do it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path

from sqlalchemy import Column, MetaData, Table, insert, text

from benchmarks.hub import fresh_hub
from benchmarks.tables import print_table
from member_hub.audit import AuditKeys, AuditLog, Entry, Sealer, check
from member_hub.audit.actions import BATCH_MAX
from member_hub.audit.tables import AuditEntry
from member_hub.clock import Clock
from member_hub.db import Database, transaction
from member_hub.db.bulk import table_of
from member_hub.db.engines import POOL_SIZES
from member_hub.db.roles import Role, quoted, role_name
from member_hub.ids import uuid7

ROWS = 20_000
SINGLE_ROWS = 4_000  # one commit each
MEMBERS = 3  # of one entry
READERS = BATCH_MAX  # who wait for their entry at once
REQUESTS = POOL_SIZES[Role.APP]  # at once, with a connection each
SEAL_EVERY_S = 0.2  # ten times as often as the hub, so that a run of a second has its share of sealing
CHAINED = {"month", "writer", "sequence", "previous", "digest"}


def main() -> None:
    with fresh_hub() as hub:
        asyncio.run(_measure(Database.open(hub.url), hub.folder))


async def _measure(database: Database, folder: Path) -> None:
    keys = AuditKeys.open(folder / "keys")
    sealer = Sealer(database, keys, folder / "ledger")
    plain = await _plain_table(database)
    plain_s = await _timed(lambda: _write_plain(database, plain))
    log_s = await _timed(lambda: _write_log(AuditLog(database, keys), ROWS, READERS))
    seal_s = await _timed(lambda: sealer.run(Clock().now()))
    sealed_s = await _with_sealer(sealer, lambda: _write_log(AuditLog(database, keys), ROWS, READERS))
    single_s = await _timed(lambda: _write_singly(database, plain))
    waited_s = await _with_sealer(sealer, lambda: _write_log(AuditLog(database, keys), SINGLE_ROWS, REQUESTS))
    await sealer.run(Clock().now())
    check_s = await _timed(lambda: check(database, keys, folder / "ledger"))
    await database.close()
    cells = [_row("plain table", ROWS, plain_s, plain_s), _row("audit log", ROWS, log_s, plain_s)]
    cells += [_row("audit log, sealer at work", ROWS, sealed_s, plain_s)]
    title = f"Audit: {ROWS} entries about {MEMBERS} members, {READERS} readers waiting (no bar yet)"
    print_table(title, ("", "rows/s", "of plain"), cells)
    print(f"  sealing {ROWS / seal_s:.0f} entries/s, checking {(2 * ROWS + SINGLE_ROWS) / check_s:.0f} entries/s")
    cells = [_row("plain table, a commit per row", SINGLE_ROWS, single_s, single_s)]
    cells += [_row("audit log, sealer at work", SINGLE_ROWS, waited_s, single_s)]
    print_table(f"Audit: {REQUESTS} requests at once (design: 1.01)", ("", "rows/s", "of plain"), cells)


async def _with_sealer(sealer: Sealer, work: Callable[[], Awaitable[object]]) -> float:
    """How long the work takes while a sealer is at it, that has nothing from before to do."""
    await sealer.run(Clock().now())
    sealing = asyncio.create_task(_seal(sealer))
    took_s = await _timed(work)
    sealing.cancel()
    await asyncio.wait([sealing])
    return took_s


def _row(name: str, rows: int, took_s: float, plain_s: float) -> Sequence[str]:
    return [name, f"{rows / took_s:.0f}", f"{plain_s / took_s:.2f}"]


def _entries(rows: int) -> Iterator[Entry]:
    now = Clock().now()
    for _ in range(rows):
        members = [uuid7() for _ in range(MEMBERS)]
        yield Entry.of_command("member", fields=("key:phone", "member.phone:MASKED"), member_ids=members, now=now)


async def _timed(work: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began


async def _plain_table(database: Database) -> Table:
    """Without keys, chains and partitions."""
    columns = [Column(c.name, c.type) for c in table_of(AuditEntry).c if c.name not in CHAINED]
    plain = Table("plain", MetaData(schema="hub"), *columns)
    async with database.owner.begin() as tx:
        await tx.run_sync(plain.create)
        await tx.execute(text(f"GRANT INSERT ON hub.plain TO {quoted(role_name(database.role_prefix, Role.APP))}"))
    return plain


def _plain_rows(plain: Table, rows: int) -> list[dict[str, object]]:
    return [{c.name: getattr(entry, c.name) for c in plain.c} for entry in _entries(rows)]


async def _write_plain(database: Database, plain: Table) -> None:
    """As many rows in as many commits."""
    rows = _plain_rows(plain, ROWS)
    for start in range(0, ROWS, BATCH_MAX):
        async with transaction(database.app) as tx:
            await tx.execute(insert(plain), rows[start : start + BATCH_MAX])


async def _write_singly(database: Database, plain: Table) -> None:
    rows = iter(_plain_rows(plain, SINGLE_ROWS))

    async def request() -> None:
        for row in rows:
            async with transaction(database.app) as tx:
                await tx.execute(insert(plain), row)

    await asyncio.gather(*(request() for _ in range(REQUESTS)))


async def _write_log(log: AuditLog, rows: int, readers: int) -> None:
    entries = _entries(rows)

    async def reader() -> None:
        for entry in entries:
            await log.write(entry)

    await asyncio.gather(*(reader() for _ in range(readers)))


async def _seal(sealer: Sealer) -> None:
    while True:
        await sealer.run(Clock().now())
        await asyncio.sleep(SEAL_EVERY_S)


if __name__ == "__main__":
    main()
