"""The self-check by the clock: slices of all accounts, one after another and then from the first again, with an alarm.

How far it has come stands in `hub.points_check`, whose row is held while a slice is looked at: of several processes
one looks, and a restart goes on where the last slice ended. What does not add up stands in `hub.points_finding` until
the account was looked at again and adds up. Nothing is mended here: what is found is a fault of the program or
somebody's hand in the tables, and which side is wrong is for people to say.

Decision: an alarm takes nothing away. The hub stays ready and tills go on, because a ledger that disagrees with itself
in one account is no reason to turn everybody away; whoever looks after the hub hears of it by the log, /metrics,
/readyz and `doctor`.
"""

import logging
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import delete, func, literal, null, select, update
from sqlalchemy.dialects.postgresql import insert

from member_hub.db.base import Tx, snapshot, transaction
from member_hub.db.bulk import among, insert_rows, table_of
from member_hub.db.engines import Database
from member_hub.ids import MemberId
from member_hub.points.checking import BATCH, Finding, self_check
from member_hub.points.tables import PointsCheck, PointsFinding
from member_hub.points.words import Fault
from member_hub.points.writing import account_t

SLICES_MAX: Final = 4  # of one round: 2,000 accounts
SLICES_ALL_MAX: Final = 1_000_000  # of looking at everybody
WHICH: Final = "all"

check_t = table_of(PointsCheck)
finding_t = table_of(PointsFinding)
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Alarm:
    """What this process knows of accounts that do not add up; None before anybody asked the database."""

    accounts: int | None = None


@dataclass(frozen=True, slots=True)
class Slice:
    """One look: how many accounts, what was found, and whether the pass over all of them has ended."""

    accounts: int
    found: Sequence[Finding]
    is_end: bool


async def watch(database: Database, alarm: Alarm, *, now: datetime) -> tuple[int, bool]:
    """One round: SLICES_MAX slices; how many accounts were looked at, and whether the pass goes on."""
    looked, goes_on = 0, True
    for _ in range(SLICES_MAX):
        slice_ = await look(database, now=now)
        if slice_ is None:  # somebody else is at it
            goes_on = False
            break
        looked += slice_.accounts
        if slice_.is_end:
            goes_on = False
            break
    async with snapshot(database.app) as tx:
        alarm.accounts = await faulty(tx)
    return looked, goes_on


async def look(database: Database, *, now: datetime) -> Slice | None:
    """The next slice; None where another process is looking at it. Killed in the middle, the next one does it again."""
    async with transaction(database.app) as tx:
        await tx.execute(insert(check_t).values(name=WHICH).on_conflict_do_nothing())
        mine = select(check_t).where(check_t.c.name == WHICH).with_for_update(skip_locked=True)
        row = (await tx.execute(mine)).one_or_none()
        if row is None:
            return None
        async with snapshot(database.app) as reading:
            member_ids = await _next(reading, row.position)
            found = await self_check(reading, member_ids) if member_ids else []
        await note(tx, member_ids, found, now=now)
        is_end = len(member_ids) < BATCH
        looked = row.looked_at + len(member_ids)
        values = (
            {"position": null(), "began_at": null(), "looked_at": 0, "ended_at": now, "accounts": looked}
            if is_end
            else {"position": member_ids[-1], "began_at": row.began_at or now, "looked_at": looked}
        )
        await tx.execute(update(check_t).where(check_t.c.name == WHICH).values(**values))
    return Slice(len(member_ids), found, is_end)


async def look_at_all(database: Database, *, now: datetime) -> AsyncIterator[Slice]:
    """Every account at once, slice by slice, whatever the clock has looked at; where that has come to stays."""
    last: UUID | None = None
    for _ in range(SLICES_ALL_MAX):
        async with snapshot(database.app) as reading:
            member_ids = await _next(reading, last)
            found = await self_check(reading, member_ids) if member_ids else []
        async with transaction(database.app) as tx:
            await note(tx, member_ids, found, now=now)
        is_end = len(member_ids) < BATCH
        yield Slice(len(member_ids), found, is_end)
        if is_end:
            return
        last = member_ids[-1]
    raise AssertionError("more accounts than anybody has")


async def note(tx: Tx, member_ids: Collection[MemberId], found: Sequence[Finding], *, now: datetime) -> None:
    """These accounts were looked at: what was found stands from now on, what is right again does no longer."""
    for member_id in sorted({one.member_id for one in found}):
        faults = "; ".join(one.fault.says for one in found if one.member_id == member_id)
        _log.error("The points of account %s do not add up: %s.", member_id, faults)
    wrong = [(one.member_id, one.fault) for one in found]
    stood = await tx.execute(select(finding_t).where(among(finding_t.c.member_id, member_ids)))
    right = [row for row in stood if (row.member_id, Fault(row.fault)) not in wrong]
    for row in right:
        same = (finding_t.c.member_id == row.member_id) & (finding_t.c.fault == row.fault)
        await tx.execute(delete(finding_t).where(same))
    rows = [(*one, now) for one in wrong]
    await insert_rows(tx, PointsFinding, ("member_id", "fault", "found_at"), rows, on_conflict="ignore")


async def faulty(tx: Tx) -> int:
    """How many accounts do not add up, as far as anybody looked."""
    return int(await tx.scalar(select(func.count(finding_t.c.member_id.distinct()))) or 0)


async def last_pass(tx: Tx) -> tuple[datetime, int] | None:
    """When the last whole pass ended, and over how many accounts; None: there was none yet."""
    row = (await tx.execute(select(check_t).where(check_t.c.name == WHICH, check_t.c.ended_at.is_not(None)))).first()
    return None if row is None else (row.ended_at, row.accounts)


async def _next(tx: Tx, position: UUID | None) -> list[MemberId]:
    after = literal(True) if position is None else account_t.c.member_id > position
    statement = select(account_t.c.member_id).where(after).order_by(account_t.c.member_id).limit(BATCH)
    return [MemberId(row.member_id) for row in await tx.execute(statement)]
