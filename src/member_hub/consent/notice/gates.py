"""Which bit of a member row says that consent stands: read at every settling, given out when a notice is published.

A gate is (handler, purpose, recipient) -> bit since a moment; the newest counts. The first gate of a purpose counts
from the beginning, so that grants under older texts, which a file may bring later, hold until a material change;
whether they were published before or after makes no difference. A material change opens a gate that counts from its
notice on: grants under anything older are stale with that commit, and no member row is touched (DESIGN 8).

Bits are given out under an advisory lock, lowest first; a bit that a newer gate replaced comes back when the job
has cleared it from the members (recycling.py).

Decision: whoever reads takes the newest gate and looks at no clock. None lies in the future of whoever published it
(notices.py), so one that is newer than a reader's clock says that this clock is late, and a material change holds in
every process from its commit on. Price: a gate cannot be prepared for a later day.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import func, insert, select
from sqlalchemy.dialects.postgresql import distinct_on

from member_hub.consent.notice.refusals import NoBitLeft
from member_hub.db.base import Tx
from member_hub.db.bulk import table_of
from member_hub.members.gates import BITS, ConsentGate

LOCK_SPACE: Final = 0x4D47  # "MG": publishing takes turns, whoever publishes
FROM_THE_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
REPLACED_FOR: Final = timedelta(hours=1)  # by then no transaction runs that still read the gate before

gate_t = table_of(ConsentGate)

GateKey = tuple[str, str, str]  # handler, purpose, recipient


@dataclass(frozen=True, slots=True)
class Gate:
    """The bit that counts, and since which notice; a grant counts if its notice is not older."""

    bit: int
    effective_at: datetime
    notice_id: UUID

    @property
    def mask(self) -> int:
        return 1 << self.bit


async def current_gates(tx: Tx) -> Mapping[GateKey, Gate]:
    """The newest gate of every (handler, purpose, recipient) that has one; at most 63 a handler."""
    newest = (
        select(gate_t)
        .ext(distinct_on(gate_t.c.handler, gate_t.c.purpose, gate_t.c.recipient))
        .order_by(gate_t.c.handler, gate_t.c.purpose, gate_t.c.recipient, gate_t.c.effective_at.desc())
    )
    rows = (await tx.execute(newest)).all()
    return {(r.handler, r.purpose, r.recipient): Gate(r.bit, r.effective_at, r.notice_id) for r in rows}


async def lock(tx: Tx) -> None:
    """One publication at a time, until the transaction ends; called before anything is read for it."""
    await tx.execute(select(func.pg_advisory_xact_lock(LOCK_SPACE)))


async def open_gates(
    tx: Tx, handler: str, wanted: Sequence[tuple[str, str, datetime]], *, notice_id: UUID
) -> Sequence[int]:
    """A gate with a bit of its own for each (purpose, recipient, since). Raises NoBitLeft, and then opens none.

    The caller holds `lock`.
    """
    bits = _free(BITS, await _used(tx, handler), len(wanted))
    rows = [
        {
            "handler": handler,
            "purpose": purpose,
            "recipient": recipient,
            "effective_at": since,
            "bit": bit,
            "notice_id": notice_id,
            "freed_at": None,
        }
        for bit, (purpose, recipient, since) in zip(bits, wanted, strict=True)
    ]
    if rows:
        await tx.execute(insert(gate_t), rows)
    return bits


async def _used(tx: Tx, handler: str) -> Collection[int]:
    used = select(gate_t.c.bit).where(gate_t.c.handler == handler, gate_t.c.freed_at.is_(None))
    return set((await tx.execute(used)).scalars())


def _free(most: int, used: Collection[int], count: int) -> Sequence[int]:
    free = [bit for bit in range(most) if bit not in used][:count]
    if len(free) < count:
        raise NoBitLeft
    return free
