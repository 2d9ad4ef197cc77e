"""How long the audit log is kept: 36 full months after the month in which it was written, then the month goes whole.

Processing records and impact assessments are kept for at least three years (PIPL 56), logs for at least six months
(Cybersecurity Law 23(3)). That a month has gone is said in a signed seal before it goes, so that checking does not
take it for a cut; the seals themselves are about nobody and stay.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

from sqlalchemy import func, select

from member_hub.audit import heads
from member_hub.audit.actions import AuditLog
from member_hub.audit.entry import Entry, month_of
from member_hub.audit.pending import entry_t
from member_hub.audit.sealing import Sealer, seal_t
from member_hub.audit.tables import AuditEntry, AuditSubject
from member_hub.db import partitions
from member_hub.db.base import Tx, snapshot, transaction

RETENTION_MONTHS: Final = 36


def is_over(month: date, now: datetime) -> bool:
    return partitions.months_from(month, RETENTION_MONTHS + 2)[-1] <= month_of(now)


async def expire(log: AuditLog, sealer: Sealer, now: datetime, *, caller: str) -> Sequence[date]:
    """Drop the months whose retention is over, on record; returns them. A run that died is finished by the next."""
    database = sealer.database
    async with snapshot(database.audit) as tx:
        months = [month for month in await _months(tx) if is_over(month, now)]
        told = set(await tx.scalars(select(func.unnest(seal_t.c.expired))))
    if not months:
        return []
    await sealer.run(now, thorough=True)
    if untold := [month for month in months if month not in told]:
        fields = [f"month:{month:%Y-%m}" for month in untold]
        await log.write(Entry.of_command("audit expire", fields=fields, caller=caller, now=now))
        await sealer.expire(untold, now)
    for month in months:
        async with transaction(database.owner) as tx:
            for model in (AuditSubject, AuditEntry):
                await partitions.drop_month(tx, model.__tablename__, month)
    heads.remove_before(sealer.folder, partitions.months_from(months[-1], 2)[1])
    return months


async def _months(tx: Tx) -> list[date]:
    """Every month that has entries, in order; one step through the primary key for each."""
    found: list[date] = []
    while True:
        statement = select(func.min(entry_t.c.month))
        month = await tx.scalar(statement.where(entry_t.c.month > found[-1]) if found else statement)
        if month is None:
            return found
        found.append(month)
