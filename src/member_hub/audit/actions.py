"""Writing the audit log: one row per request, on disk before anybody sees the answer.

Entries that come while a write is under way are committed together when it is done (group commit), so that a hundred
readers cost a handful of commits. Whoever cannot be written down is refused: the personal read does not happen.

Decision: after any failed write the process goes on as a new writer with a sequence of its own. A commit whose answer
was lost may or may not have happened; using its numbers again would clash, skipping them would look like a removed
row. Price: a writer's last batch may have been refused to its readers and still stand in the log, never the reverse.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from uuid import UUID

from sqlalchemy import insert

from member_hub.audit.tables import AuditEntry
from member_hub.db.base import transaction
from member_hub.db.bulk import table_of
from member_hub.db.engines import Database
from member_hub.errors import Unavailable
from member_hub.ids import uuid7
from member_hub.privacy import Purpose

WAITING_MAX = 2_000  # entries; whoever comes when so many wait is refused at once
BATCH_MAX = 200  # entries per commit
WRITE_S = 10  # then a write has failed
FIELDS_MAX = 200
MEMBER_IDS_MAX = 1_000
SYSTEM = "SYSTEM"
COMMAND_LINE = "command line"

_log = logging.getLogger(__name__)
_entry_t = table_of(AuditEntry)


class AuditUnavailable(Unavailable):
    zh = "审计日志暂不可用，因此不提供个人信息。"
    en = "The audit log is not available now, so no personal information is given out."


@dataclass(frozen=True, slots=True)
class Entry:
    """One request: who, as what, why, what, about whom. Never a value.

    `fields` name guarded fields with their state ("member.phone:MASKED"); `outcome` is ok, missed or a refusal's code.
    """

    caller_kind: str
    caller: str
    role: str
    purpose: str
    operation: str
    outcome: str
    request_id: UUID
    happened_at: datetime
    fields: Sequence[str] = ()
    member_ids: Sequence[UUID] = ()

    @classmethod
    def of_command(
        cls,
        operation: str,
        *,
        fields: Collection[str] = (),
        member_ids: Collection[UUID] = (),
        outcome: str = "ok",
        now: datetime,
    ) -> "Entry":
        """What somebody with the keys and the database did at the command line, who has no role of the register."""
        return cls(
            caller_kind=SYSTEM,
            caller=COMMAND_LINE,
            role="system",
            purpose=Purpose.SYSTEM_OPERATION,
            operation=operation,
            outcome=outcome,
            request_id=uuid7(),
            happened_at=now,
            fields=tuple(fields),
            member_ids=tuple(member_ids),
        )


class AuditLog:
    """One per process and event loop; `write` returns when the entry is committed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._writer = uuid7()
        self._sequence = 0
        self._waiting: deque[tuple[Entry, asyncio.Future[None]]] = deque()
        self._writing: asyncio.Task[None] | None = None

    async def write(self, entry: Entry) -> None:
        """Put the entry on record. Raises AuditUnavailable where that fails: then nothing may be shown."""
        if len(self._waiting) >= WAITING_MAX:
            raise AuditUnavailable
        _check(entry)
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, written))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all())
        await written

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
        rows = [self._row(entry, number) for number, (entry, _) in enumerate(batch, start=self._sequence + 1)]
        try:
            async with asyncio.timeout(WRITE_S), transaction(self._database.audit) as tx:
                await tx.execute(insert(_entry_t), rows)
        except Exception as error:  # noqa: BLE001 - whatever it was, the answer is the same: nobody reads
            _log.error("The audit log cannot be written (%s); personal reads are refused.", type(error).__name__)
            self._writer, self._sequence = uuid7(), 0
            _answer(batch, AuditUnavailable())
            return
        self._sequence += len(rows)
        _answer(batch, None)

    def _row(self, entry: Entry, sequence: int) -> dict[str, object]:
        return {
            "month": entry.happened_at.astimezone(UTC).date().replace(day=1),
            "writer": self._writer,
            "sequence": sequence,
            "happened_at": entry.happened_at,
            "request_id": entry.request_id,
            "caller_kind": entry.caller_kind,
            "caller": entry.caller,
            "role": entry.role,
            "purpose": entry.purpose,
            "operation": entry.operation,
            "outcome": entry.outcome,
            "fields": sorted(set(entry.fields)),
            "member_ids": sorted(set(entry.member_ids)),
        }


def _check(entry: Entry) -> None:
    """A request that names more than can be put on record has to be refused earlier, by its own limits."""
    if len(entry.fields) > FIELDS_MAX or len(entry.member_ids) > MEMBER_IDS_MAX:
        raise ValueError("An audit entry of more fields or members than one request can name.")


def _answer(batch: Sequence[tuple[Entry, asyncio.Future[None]]], failure: AuditUnavailable | None) -> None:
    for _, written in batch:
        with suppress(asyncio.InvalidStateError):  # the one who waited has gone away
            if failure is None:
                written.set_result(None)
            else:
                written.set_exception(failure)
