"""What a handler owes its members in points, by the month of the last day (P12): sums over all members.

Context: a sum tells nobody's points, but two sums do: last week's less this week's, a month in which few have points,
a month that belongs to one large account nearly alone. Decision: the rules of memberStatistics, said for sums. A week
has one answer, kept as it was first given (snapshots.py). A sum is told where it is that of twenty members or more, of
whom none has more than half. Each is rounded to a multiple of a step, the smallest power of ten from 1,000 on that is
no smaller than what any one member has in any told sum: whether that member is there or not moves a sum by one step at
most. It is rounded up or down by a lot under a key that nobody asks with, one for each sum and step, always the same:
asking in many weeks averages nothing, and the mean of many sums stays true. No totals stand beside the months.
Price: these are figures to plan by, up to a week old; the books are the ledger, and `member-hub points check` proves
it. The step tells the size of the greatest account to a power of ten. Who objects to analytics is not among them. Who
puts points of his own into a month that he chose, and asks each week, finds that month's lot, as with groups.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, Text, and_, cast, func, literal, null, select, union_all

from member_hub.crypto import Vault
from member_hub.db.base import Tx
from member_hub.members.reading import is_living, member_t
from member_hub.members.row_gate import RowGate
from member_hub.points.words import LotState
from member_hub.points.writing import account_t, lot_t
from member_hub.reports.disclosure import MINIMUM_GROUP
from member_hub.reports.snapshots import Week, Whose, cells_of_week

NAME: Final = "points_liability"
STEP_MIN: Final = 1_000  # points
MONTHS_MAX: Final = 240
_CHINA: Final = timedelta(hours=8)  # China has had one time and no summer time since 1991
_LOT: Final = "liability"  # the keyed function's name space; ingest has no source of this name


class Pot(StrEnum):
    ACTIVE = "active"
    PENDING = "pending"
    HELD = "held"
    DEBT = "debt"  # of no month: what members owe


@dataclass(frozen=True, slots=True)
class Sum:
    """One sum as it is: never shown."""

    month: str | None
    pot: Pot
    points: int
    members: int
    greatest: int  # what one member has of it

    @property
    def may_be_told(self) -> bool:
        return self.members >= MINIMUM_GROUP and self.greatest * 2 <= self.points


@dataclass(frozen=True, slots=True)
class OwedOfMonth:
    """Points whose last day is in the month; None: not told."""

    month: str
    active: int | None
    pending: int | None
    held: int | None


@dataclass(frozen=True, slots=True)
class Liability:
    rounded_to: int
    months: Sequence[OwedOfMonth]
    debt: int | None


async def liability_of_week(tx: Tx, vault: Vault, *, whose: Whose, week: Week, months: int, now: datetime) -> Liability:
    """The week's answer, of the month of its Monday and those after it, `months` in all.

    Raises ConsentedNotCounted. What stood longest over its month (on hold) counts in the first one.
    """

    async def count() -> list[Any]:
        sums = await _sums(tx, whose.handler, whose.gate, week, now)
        return _rounded(vault, whose, [one for one in sums if one.may_be_told])

    cells = await cells_of_week(tx, NAME, whose=whose, week=week, count=count)
    last = _month_after(week.monday, months - 1)
    told: dict[str, dict[str, int]] = {}
    debt, step = None, STEP_MIN
    for (month, pot), points, step_ in cells:
        step = step_
        if month is None:
            debt = points
        elif month <= last:
            told.setdefault(month, {})[pot] = points
    owed = [_owed(month, pots) for month, pots in sorted(told.items())]
    return Liability(step, owed, debt)


def step_for(greatest: int) -> int:
    """The smallest power of ten, from STEP_MIN on, that nobody's part exceeds."""
    step = STEP_MIN
    while step < greatest:
        step *= 10
    return step


def told(points: int, lot: int, step: int) -> int:
    """`lot` is 0 to step - 1: a remainder r is rounded up for r lots of them."""
    return (points + lot) // step * step


def _rounded(vault: Vault, whose: Whose, sums: Sequence[Sum]) -> list[Any]:
    step = step_for(max((one.greatest for one in sums), default=0))
    cells = []
    for one in sums:
        key = f"{whose.handler}/{whose.gate.counted_for}/{one.month}/{one.pot}/{step}"
        lot = int.from_bytes(vault.message_key(_LOT, key)[:8], "big") % step
        cells.append([[one.month, one.pot.value], told(one.points, lot, step), step])
    return cells


async def _sums(tx: Tx, handler: str, gate: RowGate, week: Week, now: datetime) -> list[Sum]:
    """What each member has in each pot of each month, summed up: members who may be counted, as in memberStatistics."""
    by = gate.of_figures()
    counted = (member_t.c.handler == handler, is_living(), member_t.c.joined_at < week.begins, by.condition())
    each = union_all(*(_lots(pot, week, now, counted) for pot in (Pot.ACTIVE, Pot.PENDING, Pot.HELD)), _debts(counted))
    one = each.subquery()
    statement = (
        select(one.c.month, one.c.pot, func.sum(one.c.points), func.count(), func.max(one.c.points))
        .group_by(one.c.month, one.c.pot)
        .order_by(one.c.month, one.c.pot)
        .limit(MONTHS_MAX * len(Pot))
    )
    rows = await tx.execute(statement, by.parameters)
    return [
        Sum(month, Pot(pot), int(points), int(members), int(greatest)) for month, pot, points, members, greatest in rows
    ]


def _lots(pot: Pot, week: Week, now: datetime, counted: Sequence[ColumnElement[bool]]) -> Select[Any]:
    """What has expired by now and nobody has written yet is owed no more; what is on hold is, whatever its day."""
    free = lot_t.c.remaining - lot_t.c.held
    lasts = lot_t.c.expires_at > now
    points, which = {
        Pot.ACTIVE: (free, and_(lot_t.c.state == LotState.ACTIVE, lasts)),
        Pot.PENDING: (free, and_(lot_t.c.state == LotState.PENDING, lasts)),
        Pot.HELD: (lot_t.c.held, lot_t.c.held > 0),
    }[pot]
    last_day = func.timezone(literal(_CHINA), lot_t.c.expires_at - literal(timedelta(microseconds=1)))
    month = func.greatest(func.to_char(last_day, "YYYY-MM"), f"{week.monday:%Y-%m}").label("month")
    total = func.sum(points)
    return (
        select(month, literal(pot.value).label("pot"), total.label("points"))
        .join(member_t, member_t.c.member_id == lot_t.c.member_id)
        .where(*counted, which, lot_t.c.remaining > 0)
        .group_by(lot_t.c.member_id, month)
        .having(total > 0)
    )


def _debts(counted: Sequence[ColumnElement[bool]]) -> Select[Any]:
    return (
        select(
            cast(null(), Text).label("month"), literal(Pot.DEBT.value).label("pot"), account_t.c.debt.label("points")
        )
        .join(member_t, member_t.c.member_id == account_t.c.member_id)
        .where(*counted, account_t.c.debt > 0)
    )


def _owed(month: str, pots: Mapping[str, int]) -> OwedOfMonth:
    return OwedOfMonth(month, pots.get(Pot.ACTIVE), pots.get(Pot.PENDING), pots.get(Pot.HELD))


def _month_after(day: date, months: int) -> str:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return f"{year:04}-{month + 1:02}"
