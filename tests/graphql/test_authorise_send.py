"""Who may still be contacted at the moment of sending: what they decided, and what they were told."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import text, update

from member_hub.consent.history.standing import Slot
from member_hub.consent.words import Act, ConsentState
from member_hub.db import transaction
from tests.consent.deciding import publish
from tests.graphql.agreeing import PUSH, Consents
from tests.graphql.sending import PHONE, asked, by_phone, member_t, reasons
from tests.graphql.world import People, World

S = ConsentState


async def test_who_agreed_may_be_written_to_at_the_number_they_named(world: World, people: People) -> None:
    await by_phone(world, people.southern)

    (found,) = (await asked(world, people.southern))["answers"]

    contact = {"value": PHONE, "state": "CLEAR"}
    assert (found["allowed"], found["reason"], found["contact"]) == (True, "ALLOWED", contact)
    assert (found["epoch"], found["changed"]) == (1, None)


async def test_a_withdrawal_between_the_list_and_the_sending_is_obeyed(world: World, people: People) -> None:
    """Scenario S5; the message of the service is still sent."""
    consents = await by_phone(world, people.southern)
    epoch = (await asked(world, people.southern))["answers"][0]["epoch"]

    await consents.withdraws(people.southern, consents.slot("sms", PHONE))

    (found,) = (await asked(world, {"member": str(people.southern), "epoch": epoch}))["answers"]
    assert (found["allowed"], found["reason"], found["contact"]) == (False, "WITHDRAWN", None)
    assert (found["epoch"], found["changed"]) == (epoch + 1, True)
    (served,) = (await asked(world, people.southern, purpose="MEMBER_SERVICE"))["answers"]
    assert (served["allowed"], served["contact"]["value"]) == (True, PHONE)


async def test_an_epoch_that_is_the_member_s_own_says_that_nothing_changed(world: World, people: People) -> None:
    await by_phone(world, people.southern)
    (first,) = (await asked(world, people.southern))["answers"]

    (again,) = (await asked(world, {"member": str(people.southern), "epoch": first["epoch"]}))["answers"]

    assert (again["allowed"], again["changed"]) == (True, False)


async def test_an_unchanged_epoch_is_no_permission(world: World, people: People) -> None:
    """Nothing was decided since, and yet the notice changed: the truth is that of this moment."""
    await by_phone(world, people.southern)
    epoch = (await asked(world, people.southern))["answers"][0]["epoch"]
    gates = {("marketing", ""): 9}
    await publish(world.hub, "n2", gates=gates, effective_at=world.clock.at)  # type: ignore[arg-type]

    (found,) = (await asked(world, {"member": str(people.southern), "epoch": epoch}))["answers"]

    assert (found["allowed"], found["reason"], found["changed"]) == (False, "STALE", False)


@pytest.mark.parametrize(
    ("act", "state", "reason"),
    [
        (Act.WITHDRAW, S.WITHDRAWN, "WITHDRAWN"),
        (Act.REFUSE, S.REFUSED, "NOT_CONSENTED"),
        (Act.TURNS_14, S.STALE, "STALE"),
        (Act.TERM_OVER, S.EXPIRED, "EXPIRED"),
        (Act.GRACE_OVER, S.LAPSED, "NOT_CONSENTED"),
        (Act.INVALIDATE, S.INVALIDATED, "NOT_CONSENTED"),
        (Act.SERVE_NOTICE, S.ASKED, "NOT_CONSENTED"),
    ],
)
async def test_each_state_says_why_not(
    world: World, people: People, act: Act, state: ConsentState, reason: str
) -> None:
    consents = await by_phone(world, people.southern)

    await consents.becomes(people.southern, act, state, consents.slot("sms", PHONE))

    assert await reasons(world, people.southern) == [reason]


@pytest.mark.parametrize("slot", [Slot("marketing"), Slot("marketing", "", "sms")])
async def test_a_withdrawal_of_more_is_one_of_this_too(world: World, people: People, slot: Slot) -> None:
    consents = await by_phone(world, people.southern)

    await consents.withdraws(people.southern, slot)

    assert await reasons(world, people.southern) == ["WITHDRAWN"]


async def test_who_never_said_anything_is_not_written_to(world: World, people: People) -> None:
    await (await Consents.of(world)).told(people.southern)

    assert await reasons(world, people.southern, people.whole) == ["NOT_CONSENTED", "NOT_CONSENTED"]


async def test_without_any_notice_in_force_nobody_is(world: World, people: People) -> None:
    assert await reasons(world, people.southern) == ["NOT_CONSENTED"]


async def test_a_grant_over_one_channel_is_none_over_another(world: World, people: People) -> None:
    await by_phone(world, people.southern)

    assert await reasons(world, people.southern, channel="EMAIL") == ["NOT_CONSENTED"]
    assert await reasons(world, people.southern, channel="PHONE_CALL") == ["NOT_CONSENTED"]
    assert await reasons(world, people.southern, channel="APP_PUSH") == ["NOT_CONSENTED"]


async def test_a_grant_over_no_channel_is_for_none(world: World, people: People) -> None:
    await (await Consents.of(world)).agrees(people.southern, Slot("marketing"))

    assert await reasons(world, people.southern, channel="APP_PUSH") == ["NOT_CONSENTED"]


async def test_a_member_whose_bit_is_not_set_is_not_written_to(world: World, people: People) -> None:
    """The gate of every read and this agree, and where they do not, the one that refuses counts."""
    await by_phone(world, people.southern)
    async with transaction(world.hub.database.app) as tx:
        await tx.execute(update(member_t).where(member_t.c.member_id == people.southern).values(consent_bits=1 << 4))

    assert await reasons(world, people.southern) == ["NOT_CONSENTED"]


async def test_before_a_notice_was_put_before_them_nobody_is_written_to(world: World, people: People) -> None:
    consents = await by_phone(world, people.southern)
    async with world.hub.database.owner.begin() as tx:
        await tx.execute(text("DELETE FROM hub.notice_served"))
    await consents.settles(people.southern)

    assert await reasons(world, people.southern) == ["NOT_INFORMED"]


async def test_a_notice_served_before_a_merge_counts(world: World, people: People) -> None:
    """It stays filed under the id of its moment."""
    consents = await Consents.of(world)
    await consents.told(people.merged)
    await consents.told(people.whole)
    async with world.hub.database.owner.begin() as tx:
        await tx.execute(text("DELETE FROM hub.notice_served WHERE member_id = :one"), {"one": people.whole})
    await consents.grants(people.whole, PUSH)

    (found,) = (await asked(world, people.merged, channel="APP_PUSH"))["answers"]

    assert (found["reason"], found["member"]) == ("ALLOWED", str(people.merged))
    (root,) = (await asked(world, people.whole, channel="APP_PUSH"))["answers"]
    assert found["currentId"] == root["currentId"]


async def test_a_term_ends_by_the_clock(world: World, people: People) -> None:
    consents = await by_phone(world, people.southern)
    ends_at = world.clock.at + timedelta(hours=1)
    await consents.grants(people.southern, consents.slot("sms", PHONE), ends_at=ends_at)

    assert await reasons(world, people.southern) == ["ALLOWED"]
    world.clock.at = ends_at
    assert await reasons(world, people.southern) == ["EXPIRED"]


@pytest.mark.parametrize("scope", [["marketing"], ["sms"], ["everything"]])
async def test_an_objection_is_obeyed(world: World, people: People, scope: Sequence[str]) -> None:
    consents = await by_phone(world, people.southern)

    await consents.objects(people.southern, *scope)

    assert await reasons(world, people.southern) == ["OBJECTED"]


@pytest.mark.parametrize(
    ("scope", "reason"),
    [("sms", "OBJECTED"), ("member_service", "OBJECTED"), ("everything", "OBJECTED"), ("marketing", "ALLOWED")],
)
async def test_a_message_of_the_service_obeys_objections_to_it(
    world: World, people: People, scope: str, reason: str
) -> None:
    await (await Consents.of(world)).objects(people.southern, scope)

    assert await reasons(world, people.southern, purpose="MEMBER_SERVICE") == [reason]


async def test_who_is_restricted_is_written_to_for_nothing(world: World, people: People) -> None:
    await by_phone(world, people.southern)
    async with transaction(world.hub.database.app) as tx:
        await tx.execute(update(member_t).where(member_t.c.member_id == people.southern).values(status="restricted"))

    assert await reasons(world, people.southern) == ["OBJECTED"]
    assert await reasons(world, people.southern, purpose="CUSTOMER_SUPPORT") == ["OBJECTED"]
