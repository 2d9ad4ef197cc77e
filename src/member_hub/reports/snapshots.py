"""The figures of a week: a table of the grid is counted at its first question of a week, and kept for all later ones.

Context: whoever may ask every day measures every day. Each enrolment made a new draw of its group's lot, so a region
less its stores, averaged over some weeks, was the store that was withheld. Decision: a week (Monday to Sunday in
China) has one answer, of the members who had joined before it began; what is kept is the table of all groups, not the
question, so that another narrowing is no second draw. A group keeps its lot from week to week: the error of a whole
less its parts stays the same for ever, and no number of weeks averages it away. A week and not a month, because the
lots stay: what a longer epoch would add is little, and staff wait for their figures.
Price: figures are up to a week old; erasures, changes of store and objections show after the week, and a group that
was not told in the last kept week draws anew (disclosure.py says what is left to learn).
Who may be counted depends on the purpose, so each purpose (and recipient) has a table of its own, with lots of its own.

Decision: for a purpose that rests on consent, and for a recipient, there are no figures at all, whatever a policy
grants. A withdrawal has to be obeyed at once (PIPL 15), and an answer that is kept for a week obeys it after the week;
one that is counted anew at each withdrawal is a second draw whenever somebody withdraws, and the difference of the two
tells who. Price: how many may be written to is counted by whoever asks before sending (authoriseSend), not here.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.dialects.postgresql import insert

from member_hub.clock import SHANGHAI, business_day
from member_hub.crypto import Vault
from member_hub.db.base import Tx
from member_hub.db.bulk import table_of
from member_hub.errors import Forbidden
from member_hub.members.row_gate import RowGate
from member_hub.organisation import Organisation
from member_hub.reports.disclosure import lot_of, told
from member_hub.reports.grid import Cut, Facts, Table
from member_hub.reports.queries import Counted, Group, count_cells, groups_of
from member_hub.reports.tables import StatisticsSnapshot

KEPT: Final = timedelta(days=400)  # thirteen months; a table that nobody asked for so long draws new lots

snapshot_t = table_of(StatisticsSnapshot)


class ConsentedNotCounted(Forbidden):
    zh = "以同意为依据的处理目的不提供统计数据:撤回须立即生效,而统计数据按周固定。"
    en = "There are no figures for a purpose that rests on consent: a withdrawal holds at once, and figures for a week."


@dataclass(frozen=True, slots=True)
class Week:
    """An epoch of the figures, named by its Monday."""

    monday: date

    @classmethod
    def of(cls, now: datetime) -> "Week":
        day = business_day(now)
        return cls(day - timedelta(days=day.weekday()))

    @property
    def begins(self) -> datetime:
        return datetime.combine(self.monday, time(), SHANGHAI)


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose members are counted, and by which consent and objections."""

    handler: str
    gate: RowGate

    @property
    def key(self) -> Sequence[ColumnElement[bool]]:
        return (snapshot_t.c.handler == self.handler, snapshot_t.c.counted_for == self.gate.counted_for)


async def groups_of_week(
    tx: Tx, vault: Vault, organisation: Organisation, asked: Table, *, whose: Whose, week: Week
) -> list[Group]:
    """The week's answer, by one statement; where nobody has asked for this table yet it is counted and kept.

    Of several who ask first at once one answer holds: needs a transaction that sees what others commit meanwhile
    (READ COMMITTED). Raises TooManyGroups, and ConsentedNotCounted before anybody is counted.
    """

    async def count() -> list[Any]:
        counted = await count_cells(
            tx, organisation, asked.cut, handler=whose.handler, gate=whose.gate, before=week.begins
        )
        return await with_lots(tx, vault, counted, _name(asked.cut), whose=whose, week=week)

    cells = await cells_of_week(tx, _name(asked.cut), whose=whose, week=week, count=count, field="groupBy")
    return groups_of(asked, told_of(cells), organisation)


async def cells_of_week(
    tx: Tx,
    name: str,
    *,
    whose: Whose,
    week: Week,
    count: Callable[[], Awaitable[list[Any]]],
    field: str | None = None,
) -> list[Any]:
    """What is kept under this name for the week; counted and kept where nobody asked before.

    Raises ConsentedNotCounted before anybody is counted.
    """
    if whose.gate.needs_consent:
        raise ConsentedNotCounted(field=field)
    cells = await _kept(tx, name, whose, week)
    if cells is None:
        key = {"handler": whose.handler, "counted_for": whose.gate.counted_for, "cut": name, "epoch": week.monday}
        await tx.execute(insert(snapshot_t).values(**key, cells=await count()).on_conflict_do_nothing())
        await tx.execute(delete(snapshot_t).where(snapshot_t.c.epoch < week.monday - KEPT))
        cells = await _kept(tx, name, whose, week)
        assert cells is not None
    return cells


async def with_lots(
    tx: Tx, vault: Vault, counted: Sequence[Counted], name: str, *, whose: Whose, week: Week
) -> list[Any]:
    """The groups as they are kept: a group keeps the lot that it had when it was last told."""
    lots = await _lots_told(tx, name, whose, week)
    return [_cell(one, lots.get(one.facts, lot_of(vault, one.size, one.fingerprint))) for one in counted]


def told_of(cells: Sequence[Any]) -> list[tuple[Facts, int]]:
    """The groups of which a number is told, and the number."""
    return [(tuple(facts), count) for facts, count, _ in cells if count is not None]


async def _kept(tx: Tx, name: str, whose: Whose, week: Week) -> list[Any] | None:
    mine = (*whose.key, snapshot_t.c.cut == name, snapshot_t.c.epoch == week.monday)
    found: list[Any] | None = await tx.scalar(select(snapshot_t.c.cells).where(*mine))
    return found


async def _lots_told(tx: Tx, name: str, whose: Whose, week: Week) -> Mapping[Facts, int]:
    """Of the groups that the last kept week before told; for a past week with none before, the first one after."""
    mine = (*whose.key, snapshot_t.c.cut == name)
    earlier = select(snapshot_t.c.cells).where(*mine, snapshot_t.c.epoch < week.monday)
    cells = await tx.scalar(earlier.order_by(snapshot_t.c.epoch.desc()).limit(1))
    if cells is None:
        later = select(snapshot_t.c.cells).where(*mine, snapshot_t.c.epoch > week.monday)
        cells = await tx.scalar(later.order_by(snapshot_t.c.epoch).limit(1))
    return {tuple(facts): lot for facts, _, lot in cells or ()}


def _cell(counted: Counted, lot: int) -> list[Any]:
    return [list(counted.facts), told(counted.size, lot), lot]


def _name(cut: Cut) -> str:
    return ",".join(cut)
