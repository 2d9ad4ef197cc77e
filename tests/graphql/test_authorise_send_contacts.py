"""At which phone or address one may be written to: what was named, and is still held."""

from datetime import timedelta

from sqlalchemy import text

from member_hub.consent.history.standing import Slot
from member_hub.db import transaction
from member_hub.members.tables import Channel
from tests.graphql.agreeing import PUSH, Consents
from tests.graphql.sending import asked, by_phone, reasons
from tests.graphql.world import NOW, WHOLE, People, World, said


async def test_a_channel_without_a_contact_point_needs_none(world: World, people: People) -> None:
    consents = await Consents.of(world)
    await consents.agrees(people.southern, PUSH)

    (found,) = (await asked(world, people.southern, channel="APP_PUSH"))["answers"]

    assert (found["reason"], found["contact"]) == ("ALLOWED", None)


async def test_a_number_that_was_not_named_is_not_covered(world: World, people: People) -> None:
    await by_phone(world, people.southern, "+8613600000001")

    (found,) = (await asked(world, people.southern))["answers"]

    assert (found["reason"], found["contact"]) == ("CONTACT_NOT_COVERED", None)


async def test_a_grant_that_names_no_number_is_for_none(world: World, people: People) -> None:
    await (await Consents.of(world)).agrees(people.southern, Slot("marketing", "", "sms"))

    assert await reasons(world, people.southern) == ["CONTACT_NOT_COVERED"]


async def test_who_has_no_address_cannot_be_written_to(world: World, people: People) -> None:
    consents = await Consents.of(world)
    await consents.agrees(people.southern, consents.slot("email", "a.b@brandmail.cn"))

    assert await reasons(world, people.southern, channel="EMAIL") == ["NO_CONTACT"]
    assert await reasons(world, people.southern, channel="EMAIL", purpose="MEMBER_SERVICE") == ["NO_CONTACT"]


async def moves(world: World, phone: str) -> None:
    """The whole member's app says that the number is another one now; the card still says the old one."""
    at = NOW - timedelta(days=1)
    await world.resolve(
        said(Channel.WEBSITE, WHOLE["website"], at=at, phone=phone, phone_verified=True, name=WHOLE["name"])
    )


async def test_another_number_that_was_named_and_is_still_held_may_be_used(world: World, people: People) -> None:
    await by_phone(world, people.whole, WHOLE["phone"])
    await moves(world, "+8613600000002")
    (served,) = (await asked(world, people.whole, purpose="MEMBER_SERVICE"))["answers"]
    assert served["contact"]["value"] == "+8613600000002"

    (found,) = (await asked(world, people.whole))["answers"]

    assert (found["reason"], found["contact"]["value"]) == ("ALLOWED", WHOLE["phone"])


async def test_of_two_numbers_that_were_named_the_profile_s_is_used(world: World, people: People) -> None:
    consents = await by_phone(world, people.whole, WHOLE["phone"])
    await moves(world, "+8613600000002")
    await consents.grants(people.whole, consents.slot("sms", "+8613600000002"))

    (found,) = (await asked(world, people.whole))["answers"]

    assert found["contact"]["value"] == "+8613600000002"


async def test_a_number_that_is_somebody_else_s_by_now_is_not_used(world: World, people: People) -> None:
    consents = await by_phone(world, people.visitor, "+8613912345672")
    other = said(Channel.WEBSITE, "W777", at=NOW, phone="+8613912345672", phone_verified=True, name="赵六")
    await world.resolve(other)
    await consents.told(people.visitor)  # of age, whatever the delivery made of it
    await consents.settles(people.visitor)
    async with transaction(world.hub.database.app) as tx:
        released = text("UPDATE hub.identity_claim SET status = 'released' WHERE member_id = :one AND kind = 'phone'")
        await tx.execute(released, {"one": people.visitor})

    assert await reasons(world, people.visitor) == ["NO_CONTACT"]
