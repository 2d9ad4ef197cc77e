"""Bits that a newer gate replaced are cleared from the members, in short transactions, and can be given out again.

Nobody looks at such a bit any more, so nothing waits for this: neither does it count in the privacy epoch. A member
who is locked just then is passed over and comes in the next round; a bit is free when no member has it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import and_, exists, literal, select, tuple_, update
from sqlalchemy.sql.elements import ColumnElement

from member_hub.consent.notice.gates import REPLACED_FOR, gate_t
from member_hub.db import Database
from member_hub.db.base import Tx, transaction
from member_hub.db.bulk import table_of
from member_hub.members.tables import Member

BATCH: Final = 5_000  # members looked at in one transaction
CLEARING_MAX: Final = 20  # transactions of one round that change something
RANGES_MAX: Final = 10_000  # transactions of one round in all
NOBODY: Final = UUID(int=0)  # stands before every member id

member_t = table_of(Member)


@dataclass(frozen=True, slots=True)
class Replaced:
    """A gate that a newer one took the place of, at least REPLACED_FOR ago."""

    purpose: str
    recipient: str
    effective_at: datetime
    bit: int


async def free_replaced(database: Database, *, now: datetime) -> int:
    """One round; returns how many bits became free. The next round goes on where this one had to stop."""
    freed = 0
    async with transaction(database.app) as tx:
        replaced = await _replaced(tx, now)
    for handler, gates in sorted(replaced.items()):
        if await _clear(database, handler, sum(1 << gate.bit for gate in gates)):
            freed += await _free(database, handler, gates, now)
    return freed


async def _replaced(tx: Tx, now: datetime) -> Mapping[str, Collection[Replaced]]:
    newer = gate_t.alias("newer")
    same = (newer.c[name] == gate_t.c[name] for name in ("handler", "purpose", "recipient"))
    is_replaced = exists(
        select(newer.c.bit).where(
            *same, newer.c.effective_at > gate_t.c.effective_at, newer.c.effective_at <= now - REPLACED_FOR
        )
    )
    found: dict[str, list[Replaced]] = {}
    for row in await tx.execute(select(gate_t).where(gate_t.c.freed_at.is_(None), is_replaced)):
        found.setdefault(row.handler, []).append(Replaced(row.purpose, row.recipient, row.effective_at, row.bit))
    return found


async def _clear(database: Database, handler: str, mask: int) -> bool:
    """Whether the round came to the end of the members."""
    after, cleared = NOBODY, 0
    for _ in range(RANGES_MAX):
        async with transaction(database.app) as tx:
            last = await _last_of_range(tx, after)
            cleared += 1 if await _clear_range(tx, handler, mask, after, last) else 0
        if last is None:
            return True
        if cleared >= CLEARING_MAX:
            return False
        after = last
    return False


async def _last_of_range(tx: Tx, after: UUID) -> UUID | None:
    """None: fewer than a batch are left."""
    last = select(member_t.c.member_id).where(member_t.c.member_id > after).order_by(member_t.c.member_id)
    found: UUID | None = (await tx.execute(last.offset(BATCH - 1).limit(1))).scalar_one_or_none()
    return found


async def _clear_range(tx: Tx, handler: str, mask: int, after: UUID, last: UUID | None) -> int:
    reach = [member_t.c.member_id > after, *([member_t.c.member_id <= last] if last else [])]
    having = (
        select(member_t.c.member_id)
        .where(*reach, _has(handler, mask))
        .order_by(member_t.c.member_id)
        .with_for_update(skip_locked=True)
        .cte("having")
    )
    left = member_t.c.consent_bits.op("&")(literal(~mask, member_t.c.consent_bits.type))
    cleared = update(member_t).where(member_t.c.member_id == having.c.member_id).values(consent_bits=left)
    return int((await tx.execute(cleared)).rowcount)


def _has(handler: str, mask: int) -> ColumnElement[bool]:
    bits = member_t.c.consent_bits.op("&")(literal(mask, member_t.c.consent_bits.type))
    return and_(member_t.c.handler == handler, bits != 0)


async def _free(database: Database, handler: str, gates: Collection[Replaced], now: datetime) -> int:
    async with transaction(database.app) as tx:
        clear = [gate for gate in gates if not await _is_had(tx, handler, gate.bit)]
        if not clear:
            return 0
        key = tuple_(gate_t.c.purpose, gate_t.c.recipient, gate_t.c.effective_at)
        named = [(gate.purpose, gate.recipient, gate.effective_at) for gate in clear]
        freed = update(gate_t).where(gate_t.c.handler == handler, key.in_(named)).values(freed_at=now)
        return int((await tx.execute(freed)).rowcount)


async def _is_had(tx: Tx, handler: str, bit: int) -> bool:
    had = exists(select(member_t.c.member_id).where(_has(handler, 1 << bit)))
    return bool((await tx.execute(select(had))).scalar_one())
