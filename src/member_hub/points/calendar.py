"""When points become active and when they expire: business days of Asia/Shanghai, counted as the Civil Code counts.

The day on which something happens is not counted; a time of days or months ends with the last second of its last day
(Civil Code 201, 202, 203(2)), and a month that has no such day ends with its last day (202). So every moment here is a
midnight in Shanghai. That a last day on a holiday is put off (203(1)) is not applied: members were told a date.
"""

from calendar import monthrange
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Final

from member_hub.clock import SHANGHAI, business_day
from member_hub.points.words import ExpiryUnit

QUARTER = 3
YEAR = 12
DAYS_KEPT: Final = 4096  # what a business day comes to: an import asks for the same ones again and again


def after_days(at: datetime, days: int) -> datetime:
    """The end of the `days`-th whole day after that of `at`; at once for 0."""
    return _after_days(business_day(at), days) if days else at


def after_months(at: datetime, months: int, unit: ExpiryUnit) -> datetime:
    """The end of the last day: `months` on, or the end of the month, quarter or year in which that falls."""
    return _after_months(business_day(at), months, unit)


@lru_cache(maxsize=DAYS_KEPT)
def _after_days(day: date, days: int) -> datetime:
    return _end(day + timedelta(days=days))


@lru_cache(maxsize=DAYS_KEPT)
def _after_months(day: date, months: int, unit: ExpiryUnit) -> datetime:
    last = _months_on(day, months)
    length = {ExpiryUnit.END_OF_MONTH: 1, ExpiryUnit.END_OF_QUARTER: QUARTER, ExpiryUnit.END_OF_YEAR: YEAR}.get(unit)
    if length is not None:
        month = (last.month - 1) // length * length + length
        last = date(last.year, month, monthrange(last.year, month)[1])
    return _end(last)


def end_of_day(at: datetime) -> datetime:
    """The midnight that `at` is, or that follows it."""
    begins, ends = day_of(at)
    return begins if at == begins else ends


def day_of(at: datetime) -> tuple[datetime, datetime]:
    """The first moment of the business day of `at`, and that of the next."""
    begins = datetime.combine(business_day(at), time(), SHANGHAI)
    return begins, begins + timedelta(days=1)


def _months_on(day: date, months: int) -> date:
    years, month = divmod(day.year * YEAR + day.month - 1 + months, YEAR)
    return date(years, month + 1, min(day.day, monthrange(years, month + 1)[1]))


def _end(last: date) -> datetime:
    return datetime.combine(last + timedelta(days=1), time(), SHANGHAI)
