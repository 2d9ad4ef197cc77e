"""Showing members a notice and asking them: what goes on record, and who may ask whom about what."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import DBAPIError

from member_hub.consent.notice import notices
from member_hub.consent.words import Act, Actor
from member_hub.db import transaction
from member_hub.ids import MemberId
from member_hub.members.bits import restriction_mask
from member_hub.members.tables import AgeBand
from member_hub.privacy import Purpose
from tests.graphql.consenting import approve
from tests.graphql.notices import SERVED, SMS, aged, bits_of, decide, events, member_t, publish, served, servings
from tests.graphql.serving import ASKED, DAY, PARTNER, S, outcome
from tests.graphql.test_asking_again import NOT_AGAIN
from tests.graphql.world import People, World


async def test_asking_is_on_record_before_anybody_answers(world: World, people: People) -> None:
    notice = await publish(world)

    served_id, errors = await served(world, people.whole, notice, SMS, PARTNER)

    assert errors == []
    (row,) = await servings(world)
    assert (str(row.served_id), row.member_id, str(row.notice_id), row.locale, row.by_way_of) == (
        served_id, people.whole, notice, "zh", "app",
    )  # fmt: skip
    assert (row.asked, row.is_by_member, row.served_by) == (
        ["marketing::sms", "marketing:partner_brand:sms"], False, "crm",
    )  # fmt: skip
    assert await events(world, people.whole) == [ASKED, ("marketing", "partner_brand", *ASKED[2:])]
    assert await outcome(world) == (
        "noticeServed",
        "ok",
        ["consent.notice_served:marketing.sms", "consent.notice_served:marketing.to.partner_brand.sms",
         "notice:members-1"],
        [people.whole],
    )  # fmt: skip


async def test_the_same_again_within_minutes_is_the_same_serving(world: World, people: People) -> None:
    notice = await publish(world)
    first = await served(world, people.whole, notice, SMS)
    world.clock.at += timedelta(minutes=9)

    assert await served(world, people.whole, notice, SMS) == first

    assert len(await servings(world)) == len(await events(world, people.whole)) == 1
    world.clock.at += timedelta(minutes=2)
    assert await served(world, people.whole, notice, SMS) != first


async def test_informing_for_the_first_time_lets_count_what_was_said_before(world: World, people: People) -> None:
    notice = await publish(world)
    await aged(world, people.whole, AgeBand.ADULT)
    await decide(world, people.whole, Act.GRANT, S.GRANTED, notice=notice, actor=Actor.FILE)
    assert await bits_of(world, people.whole) == 0

    served_id, errors = await served(world, people.whole, notice)

    assert (served_id is not None, errors) == (True, [])
    assert await bits_of(world, people.whole) == 1
    assert len(await events(world, people.whole)) == 1


@pytest.mark.parametrize("role", ["sales_associate", "store_manager", "support_agent", "app_checkout", "app_crm"])
async def test_who_serves_members_informs_and_asks_them(world: World, people: People, role: str) -> None:
    notice = await publish(world)

    assert (await served(world, people.whole, notice, SMS, role=role))[1] == []

    actor = "app" if role.startswith("app") else "staff_on_behalf"
    assert await events(world, people.whole) == [(*ASKED[:6], actor)]


@pytest.mark.parametrize("role", ["region_manager", "membership_manager", "dpo", "auditor", "system_admin"])
async def test_others_do_not(world: World, people: People, role: str) -> None:
    notice = await publish(world)
    said = {"member": str(people.whole), "notice": notice, "locale": "ZH", "byWayOf": "APP"}

    assert await world.refused(role, SERVED, variables={"input": said}) == ["FORBIDDEN"]

    assert await servings(world) == []
    assert (await outcome(world))[:2] == ("noticeServed", "FORBIDDEN")


async def test_nobody_is_asked_out_of_reach(world: World, people: People) -> None:
    notice = await publish(world)

    for stranger in (people.southern, MemberId(uuid4())):
        assert await served(world, stranger, notice, SMS, role="sales_associate") == (None, [("member", "NOT_FOUND")])

    assert await servings(world) == []
    assert (await outcome(world))[1] == "NOT_FOUND"


async def test_a_notice_that_is_unknown_or_not_in_force_asks_nobody(world: World, people: People) -> None:
    old = await publish(world)
    world.clock.at += DAY
    await publish(world, "members-2")

    assert await served(world, people.whole, str(uuid4()), SMS) == (None, [("notice", "NOTICE_UNKNOWN")])
    assert await served(world, people.whole, "members-1", SMS) == (None, [("notice", "NOTICE_UNKNOWN")])
    assert await served(world, people.whole, old, SMS) == (None, [("notice", "NOTICE_NOT_CURRENT")])
    assert await served(world, people.whole, old) == (None, [("notice", "NOTICE_NOT_CURRENT")])

    assert (await servings(world), await events(world, people.whole)) == ([], [])
    assert (await outcome(world))[1:] == ("NOTICE_NOT_CURRENT", [], [people.whole])


async def test_nobody_is_asked_by_a_text_that_is_older_than_a_material_change(world: World, people: People) -> None:
    """One purpose has one gate: what changed in the notice for children has to be told in the general one, too."""
    general = await publish(world)
    world.clock.at += DAY
    await publish(world, "children-2", family="CHILDREN", changed=["MARKETING"])

    assert await served(world, people.whole, general, SMS) == (None, [("notice", "NOTICE_NOT_CURRENT")])
    assert await events(world, people.whole) == []
    assert (await served(world, people.whole, general, {"purpose": "PERSONALISATION"}))[1] == []

    world.clock.at += DAY
    assert (await served(world, people.whole, await publish(world, "members-2"), SMS))[1] == []


async def test_nobody_is_asked_about_what_has_no_assessment_any_more(
    world: World, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    notice = await publish(world)
    monkeypatch.setattr(notices, "lacks_assessment", lambda _catalogue, purpose: purpose is Purpose.MARKETING)

    assert await served(world, people.whole, notice, SMS) == (None, [("asks", "PIA_MISSING")])
    assert await events(world, people.whole) == []
    assert (await served(world, people.whole, notice, {"purpose": "PERSONALISATION"}))[1] == []


async def test_who_objects_to_a_purpose_is_not_asked_about_it(world: World, people: People) -> None:
    notice = await publish(world)
    async with transaction(world.hub.database.app) as tx:
        bits = {"restriction_bits": restriction_mask(Purpose.MARKETING)}
        await tx.execute(update(member_t).where(member_t.c.member_id == people.whole).values(bits))

    assert await served(world, people.whole, notice, SMS) == (None, NOT_AGAIN)
    assert await events(world, people.whole) == []
    about = {"member": people.whole}
    assert (await served(world, people.whole, notice, SMS, role="member", byMember=True, about=about))[1] == []


async def test_a_serving_has_at_most_twenty_questions(world: World, people: People) -> None:
    notice = await publish(world)
    channels = ["SMS", "EMAIL", "WECHAT", "APP_PUSH", "PHONE_CALL", "POST"]
    asks = [{"purpose": "MARKETING", "channel": c, "recipient": r} for c in channels for r in ("", "a", "b", "c")]

    assert await served(world, people.whole, notice, *asks) == (None, [("asks", "BAD_USER_INPUT")])
    assert await servings(world) == []


@pytest.mark.parametrize("statement", ["UPDATE hub.notice_served SET locale = 'en'", "DELETE FROM hub.notice_served"])
async def test_the_database_refuses_to_change_a_serving(world: World, people: People, statement: str) -> None:
    await served(world, people.whole, await publish(world))

    with pytest.raises(DBAPIError, match="permission denied"):
        async with transaction(world.hub.database.app) as tx:
            await tx.execute(text(statement))

    assert [row.locale for row in await servings(world)] == ["zh"]


@pytest.mark.parametrize(
    ("code", "ask"),
    [
        ("CONSENT_NOT_THE_BASIS", {"purpose": "MEMBER_SERVICE"}),
        ("CONSENT_NOT_THE_BASIS", {"purpose": "PERSONALISATION"}),
        ("CONSENT_NOT_THE_BASIS", {"purpose": "MARKETING", "recipient": "overseas_partner"}),
        ("CONSENT_NOT_THE_BASIS", {"purpose": "MARKETING", "recipient": "message_service"}),
        ("CONSENT_NOT_THE_BASIS", {"purpose": "MARKETING", "recipient": "somebody"}),
    ],
)
async def test_only_what_the_notice_asks_about_is_asked(
    world: World, people: People, code: str, ask: dict[str, str]
) -> None:
    notice = await publish(world, purposes=["MARKETING"])

    assert await served(world, people.whole, notice, SMS, ask) == (None, [("asks", code)])

    assert (await servings(world), await events(world, people.whole)) == ([], [])
    assert (await outcome(world))[1] == code


async def test_a_channel_that_the_purpose_does_not_use_is_not_asked_about(world: World, people: People) -> None:
    notice = await publish(world)
    ask = {"purpose": "PERSONALISATION", "channel": "SMS"}

    assert await served(world, people.whole, notice, ask) == (None, [("asks", "BAD_USER_INPUT")])
    assert await events(world, people.whole) == []


async def test_a_child_is_not_asked_but_through_a_guardian(world: World, people: People) -> None:
    general = await publish(world)
    children = await publish(world, "children-1", family="CHILDREN")
    await aged(world, people.whole, AgeBand.CHILD)
    await approve(world, "store_manager", store="SH001")

    about = {"member": people.whole}
    for role, more in (("app_crm", {}), ("store_manager", {}), ("member", {"byMember": True, "about": about})):
        assert await served(world, people.whole, general, SMS, role=role, **more) == (
            None, [("notice", "BAD_USER_INPUT")],
        )  # fmt: skip
        assert await served(world, people.whole, children, SMS, role=role, **more) == (None, [("asks", "FORBIDDEN")])
    assert (await events(world, people.whole), await servings(world)) == ([], [])

    assert (await served(world, people.whole, children))[1] == []


async def test_a_grown_up_is_not_asked_by_the_notice_for_children(world: World, people: People) -> None:
    children = await publish(world, "children-1", family="CHILDREN")
    await aged(world, people.whole, AgeBand.MINOR)

    assert await served(world, people.whole, children, SMS) == (None, [("notice", "BAD_USER_INPUT")])


@pytest.mark.parametrize(
    ("band", "ask", "expected"),
    [
        (AgeBand.ADULT, {"purpose": "MARKETING"}, ("asks", "BAD_USER_INPUT")),
        (AgeBand.UNKNOWN, SMS, ("asks", "AGE_UNKNOWN")),
    ],
)
async def test_nobody_is_asked_over_anything_nor_of_unknown_age(
    world: World, people: People, band: AgeBand, ask: dict[str, str], expected: tuple[str, str]
) -> None:
    notice = await publish(world)
    await aged(world, people.whole, band)

    assert await served(world, people.whole, notice, ask) == (None, [expected])

    assert await servings(world) == []
    assert (await outcome(world))[1] == expected[1]
    assert (await served(world, people.whole, notice))[1] == []  # informing is always allowed
