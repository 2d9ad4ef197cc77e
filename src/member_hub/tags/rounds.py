"""The day's round over all members of each handler, batch by batch: what the clock calls.

A run has a limit of batches and says when there is more. A member whose evaluation fails is passed over and has another
turn in an hour (evaluating.py); a handler whose definitions or quantiles fail is passed over until the next run.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Row, select, update
from sqlalchemy.dialects.postgresql import insert

from member_hub.audit import AuditLog, Entry
from member_hub.clock import Clock
from member_hub.db import Database
from member_hub.db.base import Tx, transaction
from member_hub.db.bulk import plan_anew, table_of
from member_hub.db.outages import is_outage
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
    each_apart,
    evaluate_batch,
    evaluate_due,
    forget_expired,
    put_off,
)
from member_hub.tags.keeping import keep_given
from member_hub.tags.sources import Setting
from member_hub.tags.tables import TagRound
from member_hub.tags.thresholds import thresholds_of

BATCHES_MAX: Final = 20  # of each part of one run; of the rounds, for each handler
OPERATION: Final = "tags evaluate"
_A_DAY: Final = timedelta(days=1)

member_t, round_t = table_of(Member), table_of(TagRound)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ran:
    """What one run did; `failed` counts members, and handlers whose round could not go on."""

    evaluated: Evaluated = field(default_factory=Evaluated)
    expired: int = 0
    failed: int = 0
    has_more: bool = False

    def beside(self, other: "Ran") -> "Ran":
        return Ran(
            self.evaluated.beside(other.evaluated),
            self.expired + other.expired,
            self.failed + other.failed,
            self.has_more or other.has_more,
        )


Batch = Callable[[], Awaitable[Ran | None]]  # None: nothing is left


async def run(database: Database, audit: AuditLog, programme: Programme, clock: Clock) -> Ran:
    """Everything that is due: merged members, expired tags, the day's round; nothing where nothing is.

    Any number of processes may run it. What a killed one had begun, the next one goes on with.
    """

    async def due() -> Ran | None:
        async with transaction(database.app) as tx:
            some = await evaluate_due(tx, programme, now=clock.now())
        return _ran(some)

    async def over() -> Ran | None:
        async with transaction(database.app) as tx:
            gone = await forget_expired(tx, now=clock.now())
        return Ran(expired=gone) if gone else None

    done = (await _batches(due)).beside(await _batches(over))
    for handler in sorted(programme.organisation.handlers):
        done = done.beside(await _round(database, audit, programme, handler, clock))
    return done


async def _batches(one: Batch) -> Ran:
    done = Ran()
    for _ in range(BATCHES_MAX):
        some = await one()
        if some is None:
            return done
        done = done.beside(some)
    return done.beside(Ran(has_more=True))


def _ran(some: Evaluated | None) -> Ran | None:
    return Ran(some, failed=some.failed) if some is not None and some.looked_at else None


async def _round(database: Database, audit: AuditLog, programme: Programme, handler: str, clock: Clock) -> Ran:
    """The rest of the handler's round of today, as far as no other process is at it."""

    async def one() -> Ran | None:
        async with transaction(database.app) as tx:
            some = await evaluate_next(tx, programme, handler, clock)
            if some is not None and not some.looked_at and (said := await _entry(tx, handler, clock)):
                await audit.write(said)
        return _ran(some)

    try:
        return await _batches(one)
    except Exception as error:  # of this handler alone: the others have their rounds
        if is_outage(error):
            raise
        _log.error("The round of tags of %s failed (%s).", handler, type(error).__name__)
        return Ran(failed=1)


async def evaluate_next(tx: Tx, programme: Programme, handler: str, clock: Clock) -> Evaluated | None:
    """The next batch of the day's round; of no member when that ends it; None: it was done, or another is at it.

    A whole round goes by the day on which it began and the quantiles of its start; at midnight it begins anew.
    """
    now = clock.now()
    setting = programme.setting(now)
    current = await _taken(tx, handler, setting)
    if current is None:
        return None
    definitions = evaluated((await in_force(tx, [handler]))[handler].values())
    is_start = current.after is None
    await plan_anew(tx)
    thresholds = await thresholds_of(tx, handler, definitions, setting, anew=is_start)
    members = await _next_members(tx, handler, current)
    if not members:
        await tx.execute(update(round_t).where(round_t.c.handler == handler).values(done_at=now))
        return Evaluated()

    async def work(part: Sequence[MemberId]) -> Evaluated:
        kept = Evaluated(ended=await keep_given(tx, part, now=now))
        return kept.beside(await evaluate_batch(tx, definitions, part, setting, thresholds))

    some, failed = await each_apart(tx, members, work)
    await put_off(tx, failed, now=now)
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
