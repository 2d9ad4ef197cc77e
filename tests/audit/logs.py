"""An audit log with its sealer, and somebody who may do anything to the database."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import select, text

from member_hub.audit import AuditKeys, AuditLog, Entry, Report, Sealer, check
from member_hub.audit.tables import AuditEntry
from member_hub.db import Database, transaction
from member_hub.db.bulk import table_of
from member_hub.ids import uuid7
from member_hub.settings import Settings

audit_t = table_of(AuditEntry)
NOW = datetime(2026, 12, 31, 20, 0, tzinfo=UTC)


def entry(**changed: Any) -> Entry:
    stated = {
        "caller_kind": "STAFF",
        "caller": "S-1",
        "role": "store_manager",
        "purpose": "member_service",
        "operation": "member",
        "outcome": "ok",
        "request_id": uuid7(),
        "happened_at": NOW,
    }
    return Entry(**{**stated, **changed})


@dataclass
class Log:
    """What one process has; `again` is another one beside it."""

    database: Database
    keys: AuditKeys
    folder: Path
    writing: AuditLog
    sealer: Sealer

    @classmethod
    def of(cls, database: Database, settings: Settings) -> "Log":
        keys = AuditKeys.open(settings.key_dir)
        folder = settings.ledger_dir
        return cls(database, keys, folder, AuditLog(database, keys), Sealer(database, keys, folder))

    def again(self) -> "Log":
        return Log(
            self.database,
            self.keys,
            self.folder,
            AuditLog(self.database, self.keys),
            Sealer(self.database, self.keys, self.folder),
        )

    async def write(self, count: int = 1, **changed: Any) -> UUID:
        """So many entries; returns who wrote them."""
        for number in range(count):
            await self.writing.write(entry(operation=f"member{number}", **changed))
        newest = select(audit_t.c.writer).order_by(audit_t.c.request_id.desc()).limit(1)
        async with transaction(self.database.audit) as tx:
            return UUID(str(await tx.scalar(newest)))

    async def seal(self, now: datetime = NOW) -> int:
        return await self.sealer.run(now)

    async def report(self) -> Report:
        return await check(self.database, self.keys, self.folder)

    async def findings(self) -> list[str]:
        return [str(finding) for finding in (await self.report()).findings]

    async def superuser(self, statement: str, **given: object) -> None:
        """What somebody with every right on the database does."""
        async with transaction(self.database.login) as tx:
            await tx.execute(text("SET LOCAL session_replication_role = replica"))  # no constraint is in their way
            await tx.execute(text(statement), given)

    async def auditor(self, statement: str, **given: object) -> None:
        """What the audit role does, which adds and reads."""
        async with transaction(self.database.audit) as tx:
            await tx.execute(text(statement), given)

    async def rows(self, table: str) -> list[Any]:
        async with transaction(self.database.login) as tx:
            return list(await tx.execute(text(f"SELECT * FROM hub.{table}")))
