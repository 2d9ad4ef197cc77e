"""The only place that reads the clock; rules get `now` passed in."""

from datetime import UTC, date, datetime, time, timedelta, timezone

# The brand's business days. A fixed offset, as China has had since 1991: no time zone database is needed
# on a bare machine. Earlier dates (birthdays) are dates, not moments, so the summer time of 1986-91 cannot bite.
SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")


class Clock:
    """Tells the time; a test passes one that stands still."""

    def now(self) -> datetime:
        return datetime.now(UTC)


def business_day(now: datetime) -> date:
    """The calendar day in Asia/Shanghai on which the moment `now` (aware) falls."""
    return now.astimezone(SHANGHAI).date()


def seconds_left(now: datetime) -> float:
    """Until the next business day begins."""
    local = now.astimezone(SHANGHAI)
    begins = datetime.combine(local.date() + timedelta(days=1), time(), SHANGHAI)
    return (begins - local).total_seconds()
