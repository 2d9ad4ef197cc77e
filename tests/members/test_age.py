"""Age bands turn at 00:00 in Shanghai of the day after the birthday, by the youngest date that is held."""

from datetime import date, timedelta

import pytest

from member_hub.members.age import band_of
from member_hub.members.tables import AgeBand

C, M, A = AgeBand.CHILD, AgeBand.MINOR, AgeBand.ADULT


@pytest.mark.parametrize(
    ("born", "today", "expected"),
    [
        ("2012-11-08", "2026-11-07", C),
        ("2012-11-08", "2026-11-08", C),  # through the whole of the birthday
        ("2012-11-08", "2026-11-09", M),
        ("2008-11-08", "2026-11-08", M),
        ("2008-11-08", "2026-11-09", A),
        ("2012-02-29", "2026-02-28", C),  # the last of the month stands for the 29th (Civil Code 202)
        ("2012-02-29", "2026-03-01", M),
        ("2008-02-29", "2026-02-28", M),
        ("2008-02-29", "2026-03-01", A),
        ("2026-12-31", "2026-11-08", C),  # a date that is yet to come
    ],
)
def test_the_band_turns_on_the_day_after_the_birthday(born: str, today: str, expected: AgeBand) -> None:
    assert band_of([date.fromisoformat(born)], date.fromisoformat(today)) is expected


def test_without_a_date_the_age_is_unknown_and_of_several_the_youngest_counts() -> None:
    today = date(2026, 11, 8)
    adult, child = date(1990, 1, 1), today - timedelta(days=3000)

    assert band_of([], today) is AgeBand.UNKNOWN
    assert {band_of(dates, today) for dates in ([adult, child], [child, adult], [child])} == {C}
