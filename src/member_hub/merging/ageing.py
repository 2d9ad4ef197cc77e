"""How old a member is taken to be, by every birth date that their accounts state (members/age.py). Pure.

Decision: whoever was taken for a child or a minor and of whom no birth date is held (any more) stays one, and of
several members who become one the youngest counts: a sign of a minor goes only where a date says otherwise (PIPL 8).
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from member_hub.consent.catalogue import Numbers
from member_hub.identity.states import AccountState
from member_hub.members.age import band_of, last_day_as_child
from member_hub.members.tables import AgeBand
from member_hub.privacy import ProfileField

YOUNG: Final = (AgeBand.CHILD, AgeBand.MINOR)  # the younger first


@dataclass(frozen=True, slots=True)
class Ageing:
    """The day, and the ages that the law counts from."""

    today: date
    numbers: Numbers

    def band(self, accounts: Iterable[AccountState], before: Collection[AgeBand]) -> AgeBand:
        """`before`: as what the members were taken whose accounts these are."""
        found = band_of(
            _birthdays(accounts),
            self.today,
            child_under=self.numbers.guardian_consent_under,
            minor_under=self.numbers.staff_approval_under,
        )
        if found is not AgeBand.UNKNOWN:
            return found
        return next((band for band in YOUNG if band in before), AgeBand.UNKNOWN)

    def last_day_as_child(self, accounts: Iterable[AccountState]) -> date | None:
        """The last day on which whoever has these accounts counts as a child; None where no date is held."""
        return last_day_as_child(_birthdays(accounts), child_under=self.numbers.guardian_consent_under)


def states_birthday(accounts: Iterable[AccountState]) -> bool:
    return any(True for _ in _birthdays(accounts))


def _birthdays(accounts: Iterable[AccountState]) -> Iterable[date]:
    for account in accounts:
        for value in account.values.values():
            if value.field is ProfileField.BIRTHDAY:
                yield date.fromisoformat(value.plain)
