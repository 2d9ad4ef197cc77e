"""How far back "lately" goes."""

from datetime import UTC, datetime

import pytest

from member_hub.members.reading import months_before


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        ((2026, 11, 22), 12, (2025, 11, 22)),
        ((2026, 1, 31), 1, (2025, 12, 31)),
        ((2026, 3, 31), 1, (2026, 2, 28)),
        ((2024, 3, 31), 1, (2024, 2, 29)),
        ((2024, 2, 29), 12, (2023, 2, 28)),
        ((2026, 11, 22), 60, (2021, 11, 22)),
        ((2026, 12, 1), 11, (2026, 1, 1)),
    ],
)
def test_months_are_calendar_months(day: tuple[int, ...], months: int, expected: tuple[int, ...]) -> None:
    assert months_before(datetime(*day, 8, 30, tzinfo=UTC), months) == datetime(*expected, 8, 30, tzinfo=UTC)
