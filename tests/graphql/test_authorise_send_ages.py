"""Who has to have agreed to being written to: grown-ups, the young, and guardians for children."""

from datetime import timedelta

import pytest

from member_hub.consent.children.coming_of_age import ComingOfAge
from member_hub.consent.words import Actor
from member_hub.members.tables import AgeBand
from tests.graphql.agreeing import PUSH, Consents
from tests.graphql.sending import PHONE, reasons
from tests.graphql.world import People, World


@pytest.mark.parametrize(
    ("band", "actor", "reason"),
    [
        (AgeBand.UNKNOWN, Actor.MEMBER, "NOT_OLD_ENOUGH"),
        (AgeBand.CHILD, Actor.MEMBER, "NOT_OLD_ENOUGH"),
        (AgeBand.CHILD, Actor.GUARDIAN, "ALLOWED"),
        (AgeBand.MINOR, Actor.MEMBER, "ALLOWED"),
        (AgeBand.MINOR, Actor.GUARDIAN, "STALE"),
    ],
)
async def test_who_has_to_have_agreed_at_what_age(
    world: World, people: People, band: AgeBand, actor: Actor, reason: str
) -> None:
    consents = await Consents.of(world)
    await consents.told(people.southern, band)
    await consents.grants(people.southern, consents.slot("sms", PHONE), actor=actor)

    assert await reasons(world, people.southern) == [reason]


async def test_a_guardian_s_grant_over_one_channel_carries_no_child_s_over_another(
    world: World, people: People
) -> None:
    """The bit of the purpose stands by the guardian's; the slot of text messages was the child's own."""
    consents = await Consents.of(world)
    await consents.told(people.southern, AgeBand.CHILD)
    await consents.grants(people.southern, PUSH, actor=Actor.GUARDIAN)
    await consents.grants(people.southern, consents.slot("sms", PHONE))

    assert await reasons(world, people.southern) == ["NOT_OLD_ENOUGH"]
    assert await reasons(world, people.southern, channel="APP_PUSH") == ["ALLOWED"]


async def test_what_closes_for_a_child_at_midnight_opens_by_the_job_that_knows_the_days_ages(
    world: World, people: People
) -> None:
    """Whoever else settles the child does not open it: they have not looked at the birth dates."""
    consents = await Consents.of(world)
    await consents.told(people.southern, AgeBand.CHILD)
    await consents.grants(people.southern, PUSH, actor=Actor.GUARDIAN)

    world.clock.at += timedelta(days=1)
    assert await reasons(world, people.southern, channel="APP_PUSH") == ["EXPIRED"]
    await consents.settles(people.southern)
    assert await reasons(world, people.southern, channel="APP_PUSH") == ["EXPIRED"]
    hub = world.hub
    await ComingOfAge(hub.database, hub.vault, hub.catalogue, hub.audit).run(world.clock.now())
    assert await reasons(world, people.southern, channel="APP_PUSH") == ["ALLOWED"]
