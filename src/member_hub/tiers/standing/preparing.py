"""Once a business day, and whenever other rules come into force: quantiles of all members, and who has to be looked at.

A quantile is the value that so many members of a hundred do not pass, by nearest rank over every active member of the
handler, those with nothing too; it is a whole number, one that a member really has. Who objected to the evaluation of
activity is not counted where activity is. Where rules or quantiles are other ones than before, everybody is marked.
A handler that fails stops no other, and has another turn the next day at the latest.
"""

import logging
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, Text, cast, delete, func, select, true
from sqlalchemy.dialects.postgresql import insert

from member_hub.clock import business_day
from member_hub.db.apart import apart
from member_hub.db.base import Tx
from member_hub.db.bulk import table_of
from member_hub.ids import MemberId
from member_hub.members.tables import MemberStatus
from member_hub.tiers.growth.measuring import measure
from member_hub.tiers.rules.criteria import Member, Rule, Viewpoint, asked
from member_hub.tiers.rules.model import Criterion
from member_hub.tiers.rules.versions import InForce, Programme, in_force
from member_hub.tiers.standing.marking import GONE, mark, member_t
from member_hub.tiers.standing.taking import asked_of, threshold_t, thresholds_of
from member_hub.tiers.tables import TierReviewDay

BATCH: Final = 5000
PAGES_MAX: Final = 20_000  # of one handler: a hundred million members
HANDLERS_MAX: Final = 1000
day_t = table_of(TierReviewDay)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Prepared:
    """How many members were marked, and how many handlers failed."""

    marked: int = 0
    failed: int = 0


async def prepare(tx: Tx, programme: Programme, *, now: datetime) -> Prepared:
    """Do what is due. Twice on one day is the same as once."""
    ruled = await in_force(tx, programme, now=now)
    rows = (await tx.execute(select(day_t).order_by(day_t.c.handler).with_for_update())).all()
    done = {row.handler: row for row in rows}
    today = business_day(now)
    ready = {row.handler for row in rows if business_day(row.computed_at) == today and row.rules_digest == ruled.digest}
    if done and len(ready) == len(done):
        return Prepared()

    async def work(handlers: Sequence[str]) -> int:
        return sum([await _prepare_one(tx, ruled, handler, done.get(handler), now) for handler in handlers])

    wanted = [handler for handler in await _handlers(tx) if handler not in ready]
    parts, failed = await apart(tx, wanted, work, on_failed=_tell)
    return Prepared(sum(parts), len(failed))


async def _prepare_one(tx: Tx, ruled: InForce, handler: str, before: Row[Any] | None, now: datetime) -> int:
    is_new = before is None or before.rules_digest != ruled.digest
    is_moved = await _compute(tx, ruled, handler, now)
    marked = await mark(tx, member_t.c.handler == handler, now=now) if is_new or is_moved else 0
    values = {"rules_digest": ruled.digest, "computed_at": now}
    new = insert(day_t).values(handler=handler, **values)
    await tx.execute(new.on_conflict_do_update(index_elements=[day_t.c.handler], set_=values))
    return marked


def _tell(handlers: Sequence[str], error: Exception) -> None:
    _log.error("Tiers of %s could not be prepared (%s).", ", ".join(handlers), type(error).__name__)


async def _handlers(tx: Tx) -> list[str]:
    statement = select(member_t.c.handler).where(member_t.c.status.not_in(GONE)).distinct()
    return list(await tx.scalars(statement.order_by(member_t.c.handler).limit(HANDLERS_MAX)))


async def _compute(tx: Tx, ruled: InForce, handler: str, now: datetime) -> bool:
    """Write a handler's quantiles; whether any is another than before."""
    if not ruled.rules.thresholds:
        return False
    before = (await thresholds_of(tx, ruled)).get(handler, {})
    found = await quantiles(tx, ruled.rules.thresholds, handler, now=now)
    await tx.execute(
        delete(threshold_t).where(threshold_t.c.handler == handler, threshold_t.c.rules_version == ruled.version)
    )
    for name, value in sorted(found.items()):
        row = {"handler": handler, "rules_version": ruled.version, "name": name, "value": value, "computed_at": now}
        await tx.execute(insert(threshold_t).values(**row))
    return found != before


def drawn(one_in: int) -> ColumnElement[bool]:
    """One member in so many, always the same ones, by chance: the id says nothing of the member."""
    if one_in == 1:
        return true()
    return func.hashtext(cast(member_t.c.member_id, Text)).bitwise_and(0x7FFFFFFF) % one_in == 0


async def quantiles(
    tx: Tx, named: Mapping[str, Criterion], handler: str, *, now: datetime, one_in: int = 1
) -> dict[str, int]:
    """The value of each quantile over the active members of a handler; none where there is nobody."""
    counted: dict[str, Counter[int]] = {name: Counter() for name in named}
    view = Viewpoint(Rule.PROMOTION, business_day(now))
    async for people in _people(tx, handler, one_in):
        wanted = {
            member_id: {ask for criterion in named.values() for ask in asked(criterion, person, view)}
            for member_id, person in people.items()
        }
        figures = await measure(tx, wanted)
        for name, criterion in named.items():
            for member_id, person in people.items():
                ask = (criterion.figure, view.span(criterion, person))
                if ask in wanted[member_id]:
                    counted[name][figures[member_id][ask]] += 1
    return {
        name: nearest_rank(values, criterion.at_quantile or 0)
        for (name, criterion), values in zip(named.items(), counted.values(), strict=True)
        if values
    }


def nearest_rank(values: Counter[int], percent: int) -> int:
    """The smallest value that `percent` of a hundred do not pass. Whole numbers all the way."""
    place = -(-values.total() * percent // 100)
    passed = 0
    for value, times in sorted(values.items()):
        passed += times
        if passed >= place:
            return value
    raise AssertionError("there is a value at every place")


async def _people(tx: Tx, handler: str, one_in: int) -> AsyncIterator[dict[MemberId, Member]]:
    columns = (member_t.c.member_id, member_t.c.joined_at, member_t.c.restriction_bits)
    statement: Select[Any] = select(*columns).where(
        member_t.c.handler == handler, member_t.c.status == MemberStatus.ACTIVE, drawn(one_in)
    )
    last: MemberId | None = None
    for _ in range(PAGES_MAX):
        page = statement if last is None else statement.where(member_t.c.member_id > last)
        rows = (await tx.execute(page.order_by(member_t.c.member_id).limit(BATCH))).all()
        if not rows:
            return
        yield {MemberId(row.member_id): asked_of(row) for row in rows}
        last = MemberId(rows[-1].member_id)
    raise AssertionError("more members of one handler than anybody has")
