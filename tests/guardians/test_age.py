"""From birth dates to the band of age, to the day."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from member_hub.clock import business_day
from member_hub.consent.children.ages import bands_of
from member_hub.consent.children.coming_of_age import ComingOfAge
from member_hub.consent.children.guardians import NotAnAdult, Relation, propose
from member_hub.db import transaction
from member_hub.members.age import band_of
from member_hub.members.tables import AgeBand, Channel
from tests.graphql.world import NOW, said
from tests.guardians.family import TURNS, Family

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


async def test_who_is_a_child_or_a_minor_is_counted_by_the_numbers_of_the_pack(family: Family) -> None:
    """Where the pack says 16 and 17, the daughter is a child past 14, and a girl of 17 is no minor to staff; nobody
    under 18 is a guardian all the same."""
    hub = family.world.hub
    numbers = replace(hub.catalogue.numbers, guardian_consent_under=16, staff_approval_under=17)
    catalogue = replace(hub.catalogue, numbers=numbers)
    born = said(Channel.WEBSITE, "W9", at=NOW - timedelta(days=30), birthday="2009-01-01")
    (aunt,) = await family.world.resolve(born)
    async with transaction(hub.database.app) as tx:
        assert (await bands_of(tx, hub.vault, [aunt], numbers=numbers, today=business_day(NOW)))[aunt] is AgeBand.ADULT
        with pytest.raises(NotAnAdult):
            await propose(
                tx, hub.vault, family.boy, aunt, relation=Relation.RELATIVE, proposed_by="", numbers=numbers, now=NOW
            )

    await family.linked()
    await family.at(TURNS)
    await ComingOfAge(hub.database, hub.vault, catalogue, hub.audit).run(TURNS)

    assert await family.band_of(family.daughter) == "child"
    assert await family.states() == ["active"]
    assert await family.children_of(family.mother) == ["李小花"]
