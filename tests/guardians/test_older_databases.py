"""Members of a database that is older than the bands of age get theirs from the birthday that is held."""

from datetime import timedelta
from typing import Any

from sqlalchemy import update

from member_hub.db import transaction
from tests.consent.deciding import bits
from tests.graphql.consenting import GATES, grant, inform
from tests.graphql.world import NOW
from tests.guardians.family import Family, member_t

BIT = 1 << GATES["marketing", ""]


async def test_who_states_a_birthday_gets_a_band_and_what_they_decided_counts(family: Family) -> None:
    """A migration leaves everybody's age unknown, and so nobody's consent counts."""
    world, hub = family.world, _hub(family)
    notice = await inform(world, [family.mother, family.daughter, family.nameless])
    async with transaction(hub.database.app) as tx:
        await tx.execute(update(member_t).values(age_band="unknown"))
    for member in (family.mother, family.daughter, family.nameless):
        await grant(world, member, notice)
        assert (await bits(hub, member))[0] == 0

    await family.jobs()

    everybody = (family.mother, family.daughter, family.boy, family.nameless)
    assert [await family.band_of(one) for one in everybody] == ["adult", "child", "child", "unknown"]
    # The child said yes alone, and of one nobody knows the age.
    assert [(await bits(hub, one))[0] for one in everybody] == [BIT, 0, 0, 0]


async def test_who_has_no_birthday_stays_of_unknown_age(family: Family) -> None:
    hub = _hub(family)
    before = (await bits(hub, family.nameless), await family.band_of(family.nameless))

    for days in range(3):
        await family.at(NOW + timedelta(days=days))
        await family.jobs()

    assert (await bits(hub, family.nameless), await family.band_of(family.nameless)) == before
    assert before[1] == "unknown"


def _hub(family: Family) -> Any:
    """A runtime has what these helpers take of a hub."""
    return family.world.hub
