"""What a benefit is, for whom, how often, and until when. Pure.

Periods are those of business days in Shanghai: a month begins at its midnight there and ends with the next one's.
"""

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from member_hub.benefits.words import EntitlementState, Period, Source
from member_hub.clock import SHANGHAI, business_day

MONTHS_PER_QUARTER: Final = 3
EVER: Final = date(1970, 1, 1)  # the period of what is had once


@dataclass(frozen=True, slots=True)
class Benefit:
    """One definition of the programme; `quantity` by the code of the tier, nothing for a tier that is not named."""

    code: str
    zh: str
    en: str
    source: Source
    period: Period
    quantity: Mapping[str, int]
    days: int = 0  # how long a gift or what was issued is good for; 0: its period says it
    issue_max: int = 0  # how many of it one member may be issued in a calendar year
    first: date | None = None  # of a campaign
    last: date | None = None

    def is_open(self, now: datetime) -> bool:
        """Whether its campaign runs; one without dates always does."""
        today = business_day(now)
        return (self.first is None or self.first <= today) and (self.last is None or today <= self.last)


@dataclass(frozen=True, slots=True)
class BenefitRules:
    """The table [benefits] of the programme."""

    definitions: Mapping[str, Benefit]
    void_within: timedelta
    staff_day_max: int  # how many one person of the staff may issue in a day

    def of_source(self, source: Source) -> list[Benefit]:
        return [one for one in self.definitions.values() if one.source is source]


@dataclass(frozen=True, slots=True)
class Held:
    """The tier that a member holds, as far as benefits need it; `since`: the term that runs."""

    tier: str
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """One period: the day by which it is known, and from when until when it is; no end: it does not end by itself."""

    key: date
    starts_at: datetime
    until: datetime | None


def window_of(benefit: Benefit, held: Held, now: datetime) -> Window:
    """The period that runs now of a benefit that comes with a tier."""
    today = business_day(now)
    match benefit.period:
        case Period.TIER_TERM:
            window = Window(business_day(held.since), held.since, held.until)
        case Period.ONCE:
            window = Window(benefit.first or EVER, held.since, None)
        case Period.QUARTER:
            month = (today.month - 1) // MONTHS_PER_QUARTER * MONTHS_PER_QUARTER + 1
            window = _months(date(today.year, month, 1), MONTHS_PER_QUARTER)
        case Period.YEAR:
            window = _months(date(today.year, 1, 1), 12)
        case _:
            window = month_of(now)
    return window if benefit.last is None else Window(window.key, window.starts_at, _earlier(window, benefit.last))


def month_of(now: datetime) -> Window:
    return _months(business_day(now).replace(day=1), 1)


def year_of(now: datetime) -> date:
    """By which what is had once in a calendar year is known."""
    return date(business_day(now).year, 1, 1)


def good_until(benefit: Benefit, now: datetime) -> datetime:
    """How long what is issued now is good for: so many whole days after today, within its campaign."""
    ends = _midnight(business_day(now) + timedelta(days=benefit.days + 1))
    return ends if benefit.last is None else min(ends, _midnight(benefit.last + timedelta(days=1)))


def has_birthday(born: date, month: date) -> bool:
    """Who is born on 29 February has the birthday in February, whatever the year."""
    return born.month == month.month


def has_anniversary(joined_at: datetime, month: date) -> bool:
    """Of joining; the month of joining itself is none."""
    joined = business_day(joined_at)
    return joined.month == month.month and joined.year < month.year


def state_of(*, quantity: int, used: int, starts_at: datetime, is_frozen: bool, now: datetime) -> EntitlementState:
    if is_frozen:  # what an attempt meets first
        return EntitlementState.FROZEN
    if used >= quantity:
        return EntitlementState.USED_UP
    return EntitlementState.NOT_YET if starts_at > now else EntitlementState.USABLE


def _months(first: date, months: int) -> Window:
    last = first
    for _ in range(months):
        last += timedelta(days=monthrange(last.year, last.month)[1])
    return Window(first, _midnight(first), _midnight(last))


def _earlier(window: Window, last: date) -> datetime:
    ends = _midnight(last + timedelta(days=1))
    return ends if window.until is None else min(window.until, ends)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), SHANGHAI)
