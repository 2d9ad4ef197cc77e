"""From birth dates to the band of age, to the day."""

from datetime import date

import pytest

from member_hub.members.age import band_of
from member_hub.members.tables import AgeBand

TODAY = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("born", "band"),
    [
        (date(2012, 11, 23), AgeBand.CHILD),
        (date(2012, 11, 22), AgeBand.CHILD),  # the birthday itself
        (date(2012, 11, 21), AgeBand.MINOR),
        (date(2008, 11, 22), AgeBand.MINOR),
        (date(2008, 11, 21), AgeBand.ADULT),
    ],
)
def test_a_year_is_full_on_the_day_after_the_birthday(born: date, band: AgeBand) -> None:
    assert band_of([born], TODAY) is band


def test_of_dates_that_differ_the_youngest_counts() -> None:
    assert band_of([date(1980, 1, 1), date(2015, 1, 1), date(2010, 1, 1)], TODAY) is AgeBand.CHILD


def test_without_a_date_nobody_knows() -> None:
    assert band_of([], TODAY) is AgeBand.UNKNOWN


def test_who_is_born_on_the_29th_of_february_is_fourteen_on_the_first_of_march() -> None:
    assert band_of([date(2012, 2, 29)], date(2026, 2, 28)) is AgeBand.CHILD
    assert band_of([date(2012, 2, 29)], date(2026, 3, 1)) is AgeBand.MINOR
