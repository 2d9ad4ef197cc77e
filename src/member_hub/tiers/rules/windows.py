"""Which business days a window takes in, and when a term ends: days of Asia/Shanghai, counted by the Civil Code.

A window ends with the day it is looked at. A month that has no such day ends with its last day (Civil Code 202): who
joined on 29 February has the anniversary on the 28th in other years. A term ends with its last day, so every end is a
midnight in Shanghai. (Tiers know nothing of points, so the few lines that both need stand in both.)
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Final

from member_hub.clock import SHANGHAI
from member_hub.tiers.words import TermEnd, Window

YEAR: Final = 12
BEGINNING: Final = date(2000, 1, 1)  # no brand's records are older than this
SPANS_KEPT: Final = 4096  # a review asks for the same few for everybody
ONE_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Business days, both of them included."""

    first: date
    last: date

    def widened(self, days: int) -> "Span":
        return Span(max(BEGINNING, self.first - timedelta(days=days)), self.last) if days else self

    @property
    def begins(self) -> datetime:
        return midnight(self.first)

    @property
    def ends(self) -> datetime:
        """The first moment that is no part of it."""
        return midnight(self.last + ONE_DAY)


@lru_cache(maxsize=SPANS_KEPT)
def span_of(window: Window, months: int, *, day: date, joined: date) -> Span:
    if window is Window.ROLLING:
        return Span(max(BEGINNING, months_on(day, -months) + ONE_DAY), day)
    if window is Window.CALENDAR_YEAR:
        return Span(date(day.year, 1, 1), day)
    if window is Window.ANNIVERSARY:
        return Span(max(BEGINNING, min(last_anniversary(joined, day), day)), day)
    return Span(BEGINNING, day)


def term_end(end: TermEnd, months: int, *, day: date, joined: date) -> datetime:
    """The midnight after the last day of a term that begins after `day`.

    A fixed end is looked for from the last of its months on, counted from its first day: from its eve, whose day a
    shorter month may not have, some anniversaries of 29 February were a year late.
    """
    if end is TermEnd.ROLLING:
        return midnight(months_on(day, months) + ONE_DAY)
    last = months_on(day + ONE_DAY, months) - ONE_DAY
    if end is TermEnd.END_OF_YEAR:
        return midnight(date(last.year + 1, 1, 1))
    return midnight(next_anniversary(joined, last))


def last_day_before(moment: datetime) -> date:
    """The last business day that is wholly over at `moment`, where it is a midnight."""
    return (moment.astimezone(SHANGHAI) - timedelta(microseconds=1)).date()


def months_on(day: date, months: int) -> date:
    years, month = divmod(day.year * YEAR + day.month - 1 + months, YEAR)
    return date(years, month + 1, min(day.day, monthrange(years, month + 1)[1]))


def last_anniversary(joined: date, day: date) -> date:
    """The latest anniversary that is not after `day`; the joining itself in the first year."""
    there = _in_year(joined, day.year)
    return there if there <= day else _in_year(joined, day.year - 1)


def next_anniversary(joined: date, day: date) -> date:
    """The first anniversary after `day`."""
    there = _in_year(joined, day.year)
    return there if there > day else _in_year(joined, day.year + 1)


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), SHANGHAI)


def _in_year(joined: date, year: int) -> date:
    return date(year, joined.month, min(joined.day, monthrange(year, joined.month)[1]))
