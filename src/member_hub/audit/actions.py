"""Writing the audit log: one row per request, on disk before anybody sees the answer.

Entries that come while a write is under way are committed together when it is done (group commit), so that a hundred
readers cost a handful of commits. Whoever cannot be written down is refused: the personal read does not happen.

Decision: after any failed write the process goes on as a new writer with chains of its own. A commit whose answer was
lost may or may not have happened; using its numbers again would clash, skipping them would look like a removed row.
Price: a writer's last batch may have been refused to its readers and still stand in the log, never the reverse.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import date
from itertools import islice
from time import monotonic
from typing import Final

from sqlalchemy import false, insert, select
from sqlalchemy.exc import SQLAlchemyError

from member_hub.audit.entry import Entry, Tip, check, month_of, row_of
from member_hub.audit.keys import AuditKeys
from member_hub.audit.tables import AuditEntry
from member_hub.db.base import Tx, snapshot, transaction
from member_hub.db.bulk import table_of
from member_hub.db.engines import Database
from member_hub.errors import Unavailable
from member_hub.ids import uuid7

WAITING_MAX = 2_000  # entries; whoever comes when so many wait is refused at once
BATCH_MAX = 200  # entries per commit
WRITE_S = 10  # then a write has failed
PROBE_S = 3
LATELY_S = 5.0  # how long a failed write tells that the next would fail, and a good one that it would not
READERS_MAX = 3  # of the log, at once: a connection is left for writing and one for the sealer

_log = logging.getLogger(__name__)
_entry_t = table_of(AuditEntry)
# It needs the right to add to the log and a database that takes writes, and adds nothing.
_PROBE: Final = insert(_entry_t).from_select(_entry_t.c.keys(), select(_entry_t).where(false()))


class AuditUnavailable(Unavailable):
    zh = "审计日志暂不可用，因此不作答复；请稍后重试，写操作使用同一幂等键。"
    en = "The audit log is not available now, so nothing is answered: ask again later, a change with its same key."


class AuditLog:
    """One per process and event loop; `write` returns when the entry is committed."""

    def __init__(self, database: Database, keys: AuditKeys) -> None:
        self._database = database
        self._keys = keys
        self._writer = uuid7()
        self._tips: dict[date, Tip] = {}  # a chain per month: a request that began before midnight may end after it
        self._waiting: deque[tuple[Entry, asyncio.Future[None]]] = deque()
        self._writing: asyncio.Task[None] | None = None
        self._readers = asyncio.Semaphore(READERS_MAX)
        self._wrote: bool | None = None  # whether the last write went well
        self._wrote_at = float("-inf")

    async def write(self, entry: Entry) -> None:
        """Put the entry on record. Raises AuditUnavailable where that fails: then nothing may be shown."""
        if len(self._waiting) >= WAITING_MAX:
            raise AuditUnavailable
        check(entry)
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, written))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all())
        await written

    async def takes_entries(self) -> bool:
        """Whether an entry could be written now: as the last one went, or as a statement tells that adds none."""
        if self._wrote is not None and monotonic() - self._wrote_at < LATELY_S:
            return self._wrote
        try:
            async with asyncio.timeout(PROBE_S), transaction(self._database.audit) as tx:
                await tx.execute(_PROBE)
        except (SQLAlchemyError, OSError, TimeoutError):
            return False
        return True

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Tx]:
        """One moment of the log, as the role that can only add to it and read it."""
        async with self._readers, snapshot(self._database.audit) as tx:
            try:
                yield tx
            except asyncio.CancelledError:
                await tx.invalidate()  # cut off in the middle of a question
                raise

    async def close(self) -> None:
        """Wait until everything that was accepted is written or refused."""
        if self._writing is not None:
            await self._writing

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                batch = [self._waiting.popleft() for _ in islice(range(BATCH_MAX), len(self._waiting))]
                await self._write_batch(batch)
        finally:
            self._writing = None

    async def _write_batch(self, batch: Sequence[tuple[Entry, asyncio.Future[None]]]) -> None:
        try:
            rows, tips = self._chained([entry for entry, _ in batch])
            async with asyncio.timeout(WRITE_S), transaction(self._database.audit) as tx:
                await tx.execute(insert(_entry_t), rows)
        except Exception as error:  # noqa: BLE001 - whatever it was, the answer is the same: nobody reads
            _log.error("The audit log cannot be written (%s); personal reads are refused.", type(error).__name__)
            self._writer, self._tips = uuid7(), {}
            self._wrote, self._wrote_at = False, monotonic()
            _answer(batch, AuditUnavailable())
            return
        self._tips = tips
        self._wrote, self._wrote_at = True, monotonic()
        _answer(batch, None)

    def _chained(self, entries: Sequence[Entry]) -> tuple[list[dict[str, object]], dict[date, Tip]]:
        tips, rows = dict(self._tips), []
        for entry in entries:
            month = month_of(entry.happened_at)
            row = row_of(entry, self._writer, tips.get(month, Tip()), self._keys.entries)
            tips[month] = Tip(row["sequence"], row["digest"])
            rows.append(row)
        return rows, tips


def _answer(batch: Sequence[tuple[Entry, asyncio.Future[None]]], failure: AuditUnavailable | None) -> None:
    for _, written in batch:
        with suppress(asyncio.InvalidStateError):  # the one who waited has gone away
            if failure is None:
                written.set_result(None)
            else:
                written.set_exception(failure)
