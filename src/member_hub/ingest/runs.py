"""The row of a run: whose turn a file is, how far it has come, what became of its rows so far."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from member_hub.db.base import Tx, transaction
from member_hub.db.bulk import table_of
from member_hub.db.engines import Database
from member_hub.ids import RunId, uuid7
from member_hub.ingest.parse import Reading
from member_hub.ingest.rows import START, Position
from member_hub.ingest.tables import IngestRun

RUN_LOCK_CLASS = 0x4D49  # "MI": one process per run

run_t = table_of(IngestRun)


class Overtaken(Exception):
    """The run is further than this process knows: what a killed one had sent was committed after all."""


@dataclass(slots=True)
class Run:
    """`at` is where to go on, `counts` what became of the rows before."""

    run_id: RunId
    at: Position
    counts: Counter[str]


@asynccontextmanager
async def hold(database: Database, reading: Reading, digest: bytes, *, now: datetime) -> AsyncIterator[Run]:
    """The unfinished run of this very file where no other process is at it, else a new one; held for the block."""
    async with database.app.connect() as guard:
        try:
            run = await _unfinished(guard, reading, digest)
            if run is None:
                async with transaction(database.app) as tx:
                    run = await begin(tx, reading, digest, now=now)
                await _try_lock(guard, run.run_id)
            await guard.commit()
            yield run
        finally:  # the connection goes back to the pool, where the locks would stay with it
            await guard.rollback()
            await guard.execute(select(func.pg_advisory_unlock_all()))
            await guard.commit()


async def begin(tx: Tx, reading: Reading, digest: bytes, *, now: datetime) -> Run:
    run = Run(RunId(uuid7()), START, Counter())
    values: dict[str, object] = {
        "run_id": run.run_id,
        "source": reading.parser.mapping.source.value,
        "file_digest": digest,
        "size_bytes": reading.total,
        "position": START.offset,
        "next_line": START.line,
        "counts": {},
        "started_at": now,
    }
    await tx.execute(insert(run_t).values(values))
    return run


async def advance(tx: Tx, run: Run, end: Position, counts: Counter[str]) -> None:
    """Write down that the run has come to `end`, together with what the rows until there became.

    Raises Overtaken, and the rows have to be taken back, unless it is where this process left it.
    """
    here = update(run_t).where(
        run_t.c.run_id == run.run_id, run_t.c.position == run.at.offset, run_t.c.finished_at.is_(None)
    )
    total = {str(name): number for name, number in (run.counts + counts).items()}
    moved = await tx.execute(here.values(position=end.offset, next_line=end.line, counts=total))
    if moved.rowcount != 1:
        raise Overtaken


async def read_again(database: Database, run: Run) -> None:
    """Take over how far the run has come by now."""
    async with transaction(database.app) as tx:
        now = (await tx.execute(select(run_t).where(run_t.c.run_id == run.run_id))).one()
    run.at, run.counts = Position(now.position, now.next_line), Counter(now.counts)


async def finish(tx: Tx, run: Run, *, now: datetime) -> None:
    await tx.execute(update(run_t).where(run_t.c.run_id == run.run_id).values(finished_at=now))


async def _unfinished(guard: AsyncConnection, reading: Reading, digest: bytes) -> Run | None:
    of_file = select(run_t).where(
        run_t.c.source == reading.parser.mapping.source.value,
        run_t.c.file_digest == digest,
        run_t.c.finished_at.is_(None),
    )
    for row in (await guard.execute(of_file.order_by(run_t.c.started_at))).all():
        if await _try_lock(guard, row.run_id):
            # Read again: the process that held it may have gone on, or finished, meanwhile.
            now = (await guard.execute(select(run_t).where(run_t.c.run_id == row.run_id))).one()
            if now.finished_at is None:
                return Run(RunId(now.run_id), Position(now.position, now.next_line), Counter(now.counts))
    return None


async def _try_lock(guard: AsyncConnection, run_id: RunId) -> bool:
    """Hold the run for this process until the connection closes; false where another process is at it."""
    key = int.from_bytes(run_id.bytes[-4:], signed=True)
    return bool((await guard.execute(select(func.pg_try_advisory_lock(RUN_LOCK_CLASS, key)))).scalar_one())
