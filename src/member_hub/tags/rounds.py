"""The day's round over all members of each handler, batch by batch: what the clock calls."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Row, select, update
from sqlalchemy.dialects.postgresql import insert

from member_hub.audit import AuditLog, Entry
from member_hub.clock import Clock
from member_hub.db import Database
from member_hub.db.base import Tx, transaction
from member_hub.db.bulk import plan_anew, table_of
from member_hub.ids import MemberId
from member_hub.members.reading import is_living
from member_hub.members.tables import Member
from member_hub.privacy import Purpose
from member_hub.tags.definitions import evaluated, in_force
from member_hub.tags.evaluating import (
    BATCH,
    GIVEN_BY,
    Evaluated,
    Programme,
    evaluate_batch,
    evaluate_due,
    forget_expired,
)
from member_hub.tags.keeping import keep_given
from member_hub.tags.sources import Setting
from member_hub.tags.tables import TagRound
from member_hub.tags.thresholds import thresholds_of

OPERATION: Final = "tags evaluate"
_A_DAY: Final = timedelta(days=1)

member_t, round_t = table_of(Member), table_of(TagRound)


@dataclass(frozen=True, slots=True)
class Ran:
    """What one run did."""

    evaluated: Evaluated
    expired: int


async def run(database: Database, audit: AuditLog, programme: Programme, clock: Clock) -> Ran:
    """Everything that is due: merged members, expired tags, the day's round; nothing where nothing is.

    Any number of processes may run it. What a killed one had begun, the next one goes on with.
    """
    done, expired = Evaluated(), 0
    while True:
        async with transaction(database.app) as tx:
            some = await evaluate_due(tx, programme, now=clock.now())
        done = done.beside(some)
        if not some.members:
            break
    while True:
        async with transaction(database.app) as tx:
            gone = await forget_expired(tx, now=clock.now())
        expired += gone
        if gone < BATCH:
            break
    for handler in sorted(programme.organisation.handlers):
        done = done.beside(await _round(database, audit, programme, handler, clock))
    return Ran(done, expired)


async def _round(database: Database, audit: AuditLog, programme: Programme, handler: str, clock: Clock) -> Evaluated:
    """The rest of the handler's round of today, as far as no other process is at it."""
    done = Evaluated()
    while True:
        async with transaction(database.app) as tx:
            some = await evaluate_next(tx, programme, handler, clock)
            if some is not None and not some.members and (said := await _entry(tx, handler, clock)):
                await audit.write(said)
        if some is None or not some.members:
            return done
        done = done.beside(some)


async def evaluate_next(tx: Tx, programme: Programme, handler: str, clock: Clock) -> Evaluated | None:
    """The next batch of the day's round; of no member when that ends it; None: it was done, or another is at it.

    A whole round goes by the day on which it began and the quantiles of its start; at midnight it begins anew.
    """
    now = clock.now()
    setting = programme.setting(now)
    current = await _taken(tx, handler, setting)
    if current is None:
        return None
    all_of_them = (await in_force(tx, [handler]))[handler].values()
    definitions = evaluated(all_of_them)
    is_start = current.after is None
    await plan_anew(tx)
    thresholds = await thresholds_of(tx, handler, definitions, setting, anew=is_start)
    members = await _next_members(tx, handler, current)
    if not members:
        await tx.execute(update(round_t).where(round_t.c.handler == handler).values(done_at=now))
        return Evaluated()
    kept = Evaluated(ended=await keep_given(tx, all_of_them, members, now=now))
    some = kept.beside(await evaluate_batch(tx, definitions, members, setting, thresholds))
    progress = {"after": members[-1], "given": round_t.c.given + some.given, "ended": round_t.c.ended + some.ended}
    await tx.execute(update(round_t).where(round_t.c.handler == handler).values(progress))
    return some


async def begin_anew(tx: Tx, handler: str) -> None:
    """Let the next run evaluate everybody, whatever was done today: a definition has changed."""
    await tx.execute(update(round_t).where(round_t.c.handler == handler).values(day=round_t.c.day - _A_DAY))


async def _taken(tx: Tx, handler: str, setting: Setting) -> Row[Any] | None:
    """The row of the round, held, begun anew where it is of another day; None: nothing is to be done."""
    fresh = {"day": setting.today, "after": None, "done_at": None, "given": 0, "ended": 0}
    if await tx.scalar(select(round_t.c.day).where(round_t.c.handler == handler)) is None:  # inserting waits for others
        new = insert(round_t).values(handler=handler, **fresh | {"day": setting.today - _A_DAY})
        await tx.execute(new.on_conflict_do_nothing())
    wanted = select(round_t).where(round_t.c.handler == handler).with_for_update(skip_locked=True)
    current = (await tx.execute(wanted)).one_or_none()
    if current is None or (current.day == setting.today and current.done_at is not None):
        return None
    if current.day == setting.today:
        return current
    again = update(round_t).where(round_t.c.handler == handler).values(fresh).returning(*round_t.c)
    return (await tx.execute(again)).one()


async def _next_members(tx: Tx, handler: str, current: Row[Any]) -> Sequence[MemberId]:
    """Held until the batch is committed: an objection to profiling waits for it, and then ends what it gave."""
    rows = select(member_t.c.member_id).where(member_t.c.handler == handler, is_living())
    if current.after is not None:
        rows = rows.where(member_t.c.member_id > current.after)
    held = rows.order_by(member_t.c.member_id).limit(BATCH).with_for_update(read=True)
    return [MemberId(one) for one in await tx.scalars(held)]


async def _entry(tx: Tx, handler: str, clock: Clock) -> Entry | None:
    """Of the whole round; none where there was nobody to evaluate."""
    done = (await tx.execute(select(round_t).where(round_t.c.handler == handler))).one()
    if done.after is None:
        return None
    said = [f"handler:{handler}", f"given:{done.given}", f"ended:{done.ended}"]
    return Entry.of_command(OPERATION, fields=said, caller=GIVEN_BY, purpose=Purpose.ANALYTICS, now=clock.now())
