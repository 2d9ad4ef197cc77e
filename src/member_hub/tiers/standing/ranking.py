"""Quantiles of all members of a handler: the value that so many of a hundred do not pass, and on which day.

By nearest rank over every active member who had joined by that day, those with nothing too: a whole number, one that a
member really has. Who objected to the evaluation of activity is not counted where activity is.

A quantile is that of a day, in a window that ends with it. The one of a day that is over is computed once, when a term
ends with it, and stands from then on for everybody whose term does: what is counted later moves a member and no mark.
Of fewer than PEOPLE_MIN members there is none: it would be the figure of somebody.

Decision: a review by the clock computes what it finds missing before it decides, so nothing hangs on the order of jobs;
where somebody waits (a till) nothing is computed, and the clock decides within the minute.
"""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, Text, cast, func, or_, select, true, tuple_
from sqlalchemy.dialects.postgresql import insert

from member_hub.clock import business_day
from member_hub.db.base import Tx
from member_hub.db.bulk import table_of
from member_hub.ids import MemberId
from member_hub.tiers.growth.measuring import measure
from member_hub.tiers.rules.criteria import Member, Rule, Threshold, Viewpoint, asked
from member_hub.tiers.rules.model import Ranked
from member_hub.tiers.rules.versions import InForce
from member_hub.tiers.rules.windows import ONE_DAY, midnight
from member_hub.tiers.standing.marking import ASSESSED, member_t
from member_hub.tiers.standing.taking import asked_of
from member_hub.tiers.tables import TierThreshold

PEOPLE_MIN: Final = 20  # members of whom there is a quantile
BATCH: Final = 5000
PAGES_MAX: Final = 20_000  # of one handler: a hundred million members
AT_ONCE_MAX: Final = 50  # quantiles in one pass over the members
KEPT: Final = timedelta(days=400)  # beyond it, who still needs one has it computed again
threshold_t = table_of(TierThreshold)

Known = dict[str, dict[Threshold, int | None]]


@dataclass(slots=True)
class Ranking:
    """The quantiles that a review or a back-test goes by, of each handler; learnt as they are asked for.

    `computes`: what is not stored, too. `stores`: what was computed. `one_in`: of so many members one is looked at.
    """

    named: Mapping[str, Ranked]
    computes: bool = True
    stores: bool = True
    one_in: int = 1
    known: Known = field(default_factory=lambda: defaultdict(dict))

    async def learn(self, tx: Tx, wanted: Mapping[str, Collection[Threshold]], *, now: datetime) -> None:
        missing = {handler: set(ones) - self.known[handler].keys() for handler, ones in wanted.items()}
        missing = {handler: ones for handler, ones in missing.items() if ones}
        if missing and self.stores:
            await self._look_up(tx, missing, now)
        if self.computes:
            for handler, ones in sorted(missing.items()):
                await self._compute(tx, handler, sorted(ones - self.known[handler].keys(), key=str), now)

    async def _look_up(self, tx: Tx, missing: Mapping[str, Collection[Threshold]], now: datetime) -> None:
        names = {name for ones in missing.values() for name, _ in ones}
        days = {day for ones in missing.values() for _, day in ones if day is not None}
        stored = await stored_thresholds(tx, names, days=days, now=now)
        for handler, ones in missing.items():
            self.known[handler] |= {one: value for one, value in stored.get(handler, {}).items() if one in ones}

    async def _compute(self, tx: Tx, handler: str, ones: Iterable[Threshold], now: datetime) -> None:
        left = iter(ones)
        while part := list(islice(left, AT_ONCE_MAX)):
            found = await quantiles(tx, {one: self.named[one[0]] for one in part}, handler, now=now, one_in=self.one_in)
            if self.stores:
                await store(tx, handler, found, now=now)
            self.known[handler] |= found


async def thresholds_of(
    tx: Tx, ruled: InForce, *, now: datetime, days: Collection[date] = ()
) -> Mapping[str, Mapping[Threshold, int | None]]:
    """Of each handler the quantiles that these rules take, as they are stored: the newest, and those of some days."""
    named = ruled.rules.thresholds
    return await stored_thresholds(tx, named.keys(), days=days, now=now) if named else {}


async def stored_thresholds(
    tx: Tx, names: Collection[str], *, days: Collection[date] = (), now: datetime
) -> Mapping[str, Mapping[Threshold, int | None]]:
    """Of each handler the newest quantile of each name, and those of these days that were computed once they were over.

    One of today counts the day so far: it is the newest, and not that of the day.
    """
    of_name = threshold_t.c.name.in_(sorted(names))
    last = (
        select(threshold_t.c.handler, threshold_t.c.name, func.max(threshold_t.c.day))
        .where(of_name, threshold_t.c.day <= business_day(now))
        .group_by(threshold_t.c.handler, threshold_t.c.name)
    )
    is_last = tuple_(threshold_t.c.handler, threshold_t.c.name, threshold_t.c.day).in_(last)
    of_day = threshold_t.c.day.in_(sorted(days))
    rows = (await tx.execute(select(threshold_t).where(of_name, or_(is_last, of_day)))).all()
    found: Known = defaultdict(dict)
    for row in sorted(rows, key=lambda row: row.day):
        if row.day <= business_day(now):
            found[row.handler][row.name, None] = row.value
        if row.computed_at >= midnight(row.day + ONE_DAY):
            found[row.handler][row.name, row.day] = row.value
    return found


async def store(tx: Tx, handler: str, found: Mapping[Threshold, int | None], *, now: datetime) -> None:
    """One that was computed once its day was over stays as it is."""
    for (name, day), value in sorted(found.items(), key=str):
        of_day = day or business_day(now)
        values = {"value": value, "computed_at": now}
        new = insert(threshold_t).values(handler=handler, name=name, day=of_day, **values)
        await tx.execute(
            new.on_conflict_do_update(
                index_elements=[threshold_t.c.handler, threshold_t.c.name, threshold_t.c.day],
                set_=values,
                where=threshold_t.c.computed_at < midnight(of_day + ONE_DAY),
            )
        )


async def quantiles(
    tx: Tx, named: Mapping[Threshold, Ranked], handler: str, *, now: datetime, one_in: int = 1
) -> dict[Threshold, int | None]:
    """The value of each quantile over the members of a handler; None where there are too few."""
    counted: dict[Threshold, Counter[int]] = {one: Counter() for one in named}
    views = {
        one: Viewpoint(Rule.RETENTION, one[1] or business_day(now), ranked.grace_days) for one, ranked in named.items()
    }
    async for people in _people(tx, handler, one_in):
        each = {
            member_id: {
                one: asks.pop()
                for one, view in views.items()
                if person.joined <= view.day and (asks := asked(named[one].criterion, person, view))
            }
            for member_id, person in people.items()
        }
        figures = await measure(tx, {member_id: set(asks.values()) for member_id, asks in each.items() if asks})
        for member_id, own in each.items():
            for one, ask in own.items():
                counted[one][figures[member_id][ask]] += 1
    return {
        one: nearest_rank(values, named[one].criterion.at_quantile or 0)
        if values.total() * one_in >= PEOPLE_MIN
        else None
        for one, values in counted.items()
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


def drawn(one_in: int) -> ColumnElement[bool]:
    """One member in so many, always the same ones, by chance: the id says nothing of the member."""
    if one_in == 1:
        return true()
    return func.hashtext(cast(member_t.c.member_id, Text)).bitwise_and(0x7FFFFFFF) % one_in == 0


async def _people(tx: Tx, handler: str, one_in: int) -> AsyncIterator[dict[MemberId, Member]]:
    columns = (member_t.c.member_id, member_t.c.joined_at, member_t.c.restriction_bits)
    statement: Select[Any] = select(*columns).where(member_t.c.handler == handler, ASSESSED, drawn(one_in))
    last: MemberId | None = None
    for _ in range(PAGES_MAX):
        page = statement if last is None else statement.where(member_t.c.member_id > last)
        rows = (await tx.execute(page.order_by(member_t.c.member_id).limit(BATCH))).all()
        if not rows:
            return
        yield {MemberId(row.member_id): asked_of(row) for row in rows}
        last = MemberId(rows[-1].member_id)
    raise AssertionError("more members of one handler than anybody has")
