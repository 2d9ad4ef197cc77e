"""Rows beside the log that no seal stands behind: parts of seals that there are not, subjects that no entry names.

The audit role can add both. The one would keep a writer from being sealed and looked at; the other would show a
member the looks at somebody else, were it not that a reading asks the entry itself (audit/queries.py).
"""

from collections.abc import Collection, Mapping
from datetime import date
from typing import Final

from sqlalchemy import and_, func, or_, select

from member_hub.audit.findings import FINDINGS_MAX, Finding, Kind
from member_hub.audit.pending import entry_t, part_t
from member_hub.audit.sealing import seal_t, subject_t
from member_hub.db.base import Tx

READ_MAX: Final = 2 * FINDINGS_MAX


async def forged_parts(tx: Tx, *, newest: int) -> list[Finding]:
    """Parts of seals behind the newest one that is known, or before the first. A seal that is missing among the
    others is a finding of its own."""
    has_seal = select(seal_t.c.number).where(seal_t.c.number == part_t.c.number).exists()
    is_nowhere = or_(part_t.c.number > newest, part_t.c.number < 1)
    statement = select(part_t).where(~has_seal, is_nowhere).order_by(*part_t.primary_key).limit(READ_MAX)
    return [
        Finding(Kind.PART_FORGED, row.first, row.last, row.month, row.writer, row.number)
        for row in await tx.execute(statement)
    ]


async def added_subjects(tx: Tx, expected: Mapping[date, int], *, but: Collection[date]) -> list[Finding]:
    """Looked for only where a month does not have as many subjects as its entries name."""
    count = select(subject_t.c.month, func.count().label("there")).group_by(subject_t.c.month)
    there = {row.month: row.there for row in await tx.execute(count) if row.month not in but}
    odd = [month for month, number in there.items() if number != expected.get(month, 0)]
    if not odd:
        return []
    key = ("month", "writer", "sequence", "happened_at")
    same = and_(*(entry_t.c[name] == subject_t.c[name] for name in key))
    is_about = select(entry_t.c.sequence).where(same, subject_t.c.member_id == func.any(entry_t.c.member_ids)).exists()
    stray = select(*(subject_t.c[name] for name in key[:3])).distinct().where(subject_t.c.month.in_(odd), ~is_about)
    rows = await tx.execute(stray.order_by(*(subject_t.c[name] for name in key[:3])).limit(READ_MAX))
    return [Finding(Kind.SUBJECT_ADDED, row.sequence, row.sequence, row.month, row.writer) for row in rows]
