"""Reading one file from where it was left to its end: progress, resuming, and the dry run."""

import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from member_hub.audit import AuditLog
from member_hub.clock import Clock
from member_hub.counting import Loyalty
from member_hub.counting.backfill import count_waiting
from member_hub.crypto import Vault
from member_hub.db.base import Tx, transaction
from member_hub.db.engines import Database
from member_hub.ingest import quarantine, runs
from member_hub.ingest.applying import Applier
from member_hub.ingest.batches import Batches, Unit, batches, stopped_by
from member_hub.ingest.mapping import Mapping
from member_hub.ingest.parse import Parser, Reading
from member_hub.ingest.runs import Overtaken, Run
from member_hub.ingest.summary import Count, Summary
from member_hub.merging import Resolver
from member_hub.organisation import Organisation

OVERTAKEN_MAX = 5  # by what a killed process had sent: one statement at most, so once


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run has come: `position` of `total` (bytes; rows in Parquet), and rows since this start."""

    position: int
    total: int
    rows: int


OnProgress = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Ingester:
    """Imports channel files; one per process."""

    database: Database
    vault: Vault
    resolver: Resolver
    organisation: Organisation
    clock: Clock
    loyalty: Loyalty
    audit: AuditLog | None = None

    async def ingest(
        self, path: Path, mapping: Mapping, *, dry_run: bool = False, on_progress: OnProgress = lambda _: None
    ) -> Summary:
        """Import a file, or finish what an earlier, interrupted call began; returns what became of every row.

        Bad rows go to quarantine and stop nothing. A dry run does the same and takes all of it back: until it ends
        it holds the members that it touches locked. Raises Misconfigured where the file as a whole cannot be read,
        and Stopped where the hub or its database fails: the same call then goes on.
        """
        parser = Parser(mapping, self.organisation, now=self.clock.now())
        reading = parser.open(path)
        digest = self.vault.message_digest(_file_digest(path) + mapping.digest)
        work = self._rehearse if dry_run else self._import
        try:
            return await work(reading, digest, on_progress)
        except Exception as error:
            if (told := stopped_by(error)) is None:
                raise
            raise told from error

    async def _import(self, reading: Reading, digest: bytes, on_progress: OnProgress) -> Summary:
        async with runs.hold(self.database, reading, digest, now=self.clock.now()) as run:
            for _ in range(OVERTAKEN_MAX):
                try:
                    await self._go_on(reading, run, lambda: transaction(self.database.app), on_progress, self.audit)
                    break
                except Overtaken:
                    await runs.read_again(self.database, run)
            else:
                raise Overtaken
            async with transaction(self.database.app) as tx:
                await runs.finish(tx, run, now=self.clock.now())
                await quarantine.shred_old(tx, self.vault, now=self.clock.now())
        async for counted in count_waiting(self.database, self.loyalty, now=self.clock.now()):
            run.counts[Count.LATE] += counted.lines
            run.counts[Count.REFUNDS_CUT] += counted.refunds_cut
        return Summary(reading.parser.mapping.source.value, run.counts, reading.missing)

    async def _rehearse(self, reading: Reading, digest: bytes, on_progress: OnProgress) -> Summary:
        """Everything a real run does, in one transaction that is rolled back."""
        async with self.database.app.connect() as tx:
            run = await runs.begin(tx, reading, digest, now=self.clock.now())
            await self._go_on(reading, run, lambda: _savepoint(tx), on_progress, None)
            await tx.rollback()
        return Summary(reading.parser.mapping.source.value, run.counts, reading.missing)

    async def _go_on(
        self, reading: Reading, run: Run, unit: Unit, on_progress: OnProgress, audit: AuditLog | None
    ) -> None:
        applier = Applier(self.vault, self.resolver, reading.parser, run.run_id, self.loyalty, audit)
        taking = Batches(applier, run, self.clock, unit)
        rows = 0
        for batch in batches(reading.records(run.at)):
            await taking.take(batch)
            rows += len(batch)
            on_progress(Progress(run.at.offset, reading.total, rows))


@asynccontextmanager
async def _savepoint(tx: Tx) -> AsyncIterator[Tx]:
    async with tx.begin_nested():
        yield tx


def _file_digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
