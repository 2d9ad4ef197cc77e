"""Which bit of a member row says that consent stands, per handler, purpose and recipient."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on

from member_hub.db.base import Tx
from member_hub.db.bulk import table_of
from member_hub.members.gates import ConsentGate

gate_t = table_of(ConsentGate)


@dataclass(frozen=True, slots=True)
class Gate:
    bit: int
    effective_at: datetime
    notice_id: UUID


async def current_gates(tx: Tx, *, now: datetime) -> Mapping[tuple[str, str, str], Gate]:
    """The newest gate in force by (handler, purpose, recipient)."""
    keys = (gate_t.c.handler, gate_t.c.purpose, gate_t.c.recipient)
    statement = (
        select(*keys, gate_t.c.bit, gate_t.c.effective_at, gate_t.c.notice_id)
        .where(gate_t.c.effective_at <= now)
        .ext(distinct_on(*keys))
        .order_by(*keys, gate_t.c.effective_at.desc())
    )
    return {
        (row.handler, row.purpose, row.recipient): Gate(row.bit, row.effective_at, row.notice_id)
        for row in await tx.execute(statement)
    }
