"""How old a member is taken to be, from every birth date that is held of them. Pure.

Ages change at 00:00 in Shanghai of the day after the birthday: a person is "under fourteen" through the whole of the
fourteenth birthday (PIPL 31; Civil Code 201, 203: the first day is not counted). Who is born on 29 February has, in a
year without one, their birthday on the last of the month (Civil Code 202).
Of dates that differ the youngest reading counts (PIPL 8): a child that is taken for older is unprotected, an older
person who is taken for a child has only to put the date right.
"""

from collections.abc import Iterable
from datetime import date

from member_hub.members.tables import AgeBand

CHILD_UNDER = 14
MINOR_UNDER = 18


def band_of(
    birthdays: Iterable[date], today: date, *, child_under: int = CHILD_UNDER, minor_under: int = MINOR_UNDER
) -> AgeBand:
    """UNKNOWN where no date is held."""
    youngest = _youngest(birthdays)
    if youngest is None:
        return AgeBand.UNKNOWN
    if today <= birthday_at(youngest, child_under):
        return AgeBand.CHILD
    return AgeBand.MINOR if today <= birthday_at(youngest, minor_under) else AgeBand.ADULT


def last_day_as_child(birthdays: Iterable[date], *, child_under: int = CHILD_UNDER) -> date | None:
    """The last day on which somebody counts as under 14, by the youngest reading; None where no date is held."""
    youngest = _youngest(birthdays)
    return None if youngest is None else birthday_at(youngest, child_under)


def _youngest(birthdays: Iterable[date]) -> date | None:
    return max(birthdays, default=None)


def birthday_at(born: date, years: int) -> date:
    """The birthday with which so many years are full."""
    try:
        return born.replace(year=born.year + years)
    except ValueError:
        return date(born.year + years, 2, 28)
