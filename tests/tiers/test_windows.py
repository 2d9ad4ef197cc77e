"""Windows and terms: business days of Shanghai, with 29 February and the turn of the year."""

from datetime import date

import pytest

from member_hub.tiers.rules.windows import BEGINNING, Span, midnight, span_of, term_end
from member_hub.tiers.words import TermEnd, Window

LEAPLING = date(2024, 2, 29)


@pytest.mark.parametrize(
    ("window", "months", "day", "joined", "first"),
    [
        (Window.ROLLING, 12, date(2026, 11, 8), LEAPLING, date(2025, 11, 9)),
        (Window.ROLLING, 12, date(2028, 2, 29), LEAPLING, date(2027, 3, 1)),
        (Window.ROLLING, 12, date(2025, 2, 28), LEAPLING, date(2024, 2, 29)),
        (Window.ROLLING, 1, date(2026, 3, 31), LEAPLING, date(2026, 3, 1)),
        (Window.ROLLING, 1, date(2026, 1, 1), LEAPLING, date(2025, 12, 2)),
        (Window.ROLLING, 120, date(2005, 1, 1), LEAPLING, BEGINNING),
        (Window.CALENDAR_YEAR, 0, date(2026, 12, 31), LEAPLING, date(2026, 1, 1)),
        (Window.CALENDAR_YEAR, 0, date(2027, 1, 1), LEAPLING, date(2027, 1, 1)),
        (Window.ANNIVERSARY, 0, date(2026, 2, 27), LEAPLING, date(2025, 2, 28)),
        (Window.ANNIVERSARY, 0, date(2026, 2, 28), LEAPLING, date(2026, 2, 28)),
        (Window.ANNIVERSARY, 0, date(2028, 2, 28), LEAPLING, date(2027, 2, 28)),
        (Window.ANNIVERSARY, 0, date(2028, 2, 29), LEAPLING, date(2028, 2, 29)),
        (Window.ANNIVERSARY, 0, date(2024, 12, 31), LEAPLING, date(2024, 2, 29)),
        (Window.EVER, 0, date(2026, 1, 1), LEAPLING, BEGINNING),
    ],
)
def test_a_window_ends_with_the_day_it_is_looked_at(
    window: Window, months: int, day: date, joined: date, first: date
) -> None:
    assert span_of(window, months, day=day, joined=joined) == Span(first, day)


@pytest.mark.parametrize(
    ("end", "months", "day", "last"),
    [
        (TermEnd.ROLLING, 12, date(2028, 2, 29), date(2029, 2, 28)),
        (TermEnd.ROLLING, 12, date(2026, 11, 8), date(2027, 11, 8)),
        (TermEnd.ROLLING, 1, date(2026, 1, 31), date(2026, 2, 28)),
        (TermEnd.END_OF_YEAR, 12, date(2026, 1, 1), date(2027, 12, 31)),
        (TermEnd.ANNIVERSARY, 12, date(2026, 2, 27), date(2027, 2, 27)),
        (TermEnd.ANNIVERSARY, 12, date(2026, 3, 1), date(2028, 2, 28)),
        (TermEnd.ANNIVERSARY, 12, date(2027, 2, 27), date(2028, 2, 28)),
        (TermEnd.ANNIVERSARY, 12, date(2028, 2, 28), date(2029, 2, 27)),
        (TermEnd.END_OF_YEAR, 12, date(2026, 12, 31), date(2027, 12, 31)),
        (TermEnd.END_OF_YEAR, 6, date(2026, 6, 30), date(2026, 12, 31)),
    ],
)
def test_a_term_ends_with_the_midnight_after_its_last_day(end: TermEnd, months: int, day: date, last: date) -> None:
    assert term_end(end, months, day=day, joined=LEAPLING) == midnight(date.fromordinal(last.toordinal() + 1))


def test_a_span_in_moments_begins_and_ends_at_midnight_in_shanghai() -> None:
    span = Span(date(2026, 3, 1), date(2026, 3, 2))

    assert (span.begins.isoformat(), span.ends.isoformat()) == (
        "2026-03-01T00:00:00+08:00",
        "2026-03-03T00:00:00+08:00",
    )
    assert span.widened(1).first == date(2026, 2, 28)
