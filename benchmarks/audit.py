"""The audit log beside a plain table: rows per second with chain, subjects and a sealer at work, and without any."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path

from sqlalchemy import Column, MetaData, Table, insert

from benchmarks.hub import fresh_hub
from benchmarks.tables import print_table
from member_hub.audit import AuditKeys, AuditLog, Entry, Sealer, check
from member_hub.audit.actions import BATCH_MAX
from member_hub.audit.tables import AuditEntry
from member_hub.clock import Clock
from member_hub.db import Database, transaction
from member_hub.db.bulk import table_of
from member_hub.ids import uuid7

ROWS = 20_000
MEMBERS = 3  # of one entry
READERS = BATCH_MAX  # who wait for their entry at once
SEAL_EVERY_S = 2.0
CHAINED = {"month", "writer", "sequence", "previous", "digest"}


def main() -> None:
    with fresh_hub() as hub:
        asyncio.run(_measure(Database.open(hub.url), hub.folder))


async def _measure(database: Database, folder: Path) -> None:
    plain_s = await _timed(lambda: _write_plain(database))
    keys = AuditKeys.open(folder / "keys")
    sealer = Sealer(database, keys, folder / "ledger")
    log_s = await _timed(lambda: _write_log(AuditLog(database, keys)))
    sealing = asyncio.create_task(_seal(sealer))
    sealed_s = await _timed(lambda: _write_log(AuditLog(database, keys)))
    sealing.cancel()
    await asyncio.wait([sealing])
    rest_s = await _timed(lambda: sealer.run(Clock().now()))
    check_s = await _timed(lambda: check(database, keys, folder / "ledger"))
    await database.close()
    cells = [_row("plain table", plain_s, plain_s), _row("audit log", log_s, plain_s)]
    cells += [_row("audit log, sealer at work", sealed_s, plain_s)]
    title = f"Audit: {ROWS} entries about {MEMBERS} members, {READERS} readers waiting (no bar yet)"
    print_table(title, ("", "rows/s", "of plain"), cells)
    print(f"  sealing what was left took {rest_s:.1f} s; checking all {2 * ROWS / check_s:.0f} entries/s")


def _row(name: str, took_s: float, plain_s: float) -> Sequence[str]:
    return [name, f"{ROWS / took_s:.0f}", f"{plain_s / took_s:.2f}"]


def _entries() -> Iterator[Entry]:
    now = Clock().now()
    for _ in range(ROWS):
        members = [uuid7() for _ in range(MEMBERS)]
        yield Entry.of_command("member", fields=("key:phone", "member.phone:MASKED"), member_ids=members, now=now)


async def _timed(work: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began


async def _write_plain(database: Database) -> None:
    """As many rows in as many commits, into a table without keys, chains and partitions."""
    columns = [Column(c.name, c.type) for c in table_of(AuditEntry).c if c.name not in CHAINED]
    plain = Table("plain", MetaData(schema="hub"), *columns)
    async with database.owner.begin() as tx:
        await tx.run_sync(plain.create)
    rows = [{c.name: getattr(entry, c.name) for c in columns} for entry in _entries()]
    for start in range(0, ROWS, BATCH_MAX):
        async with transaction(database.owner) as tx:
            await tx.execute(insert(plain), rows[start : start + BATCH_MAX])


async def _write_log(log: AuditLog) -> None:
    entries = _entries()

    async def reader() -> None:
        for entry in entries:
            await log.write(entry)

    await asyncio.gather(*(reader() for _ in range(READERS)))


async def _seal(sealer: Sealer) -> None:
    while True:
        await sealer.run(Clock().now())
        await asyncio.sleep(SEAL_EVERY_S)


if __name__ == "__main__":
    main()
