"""What the hub itself tells obeys objections as every other sender: to a way, to the service as a whole."""

from typing import Any

import pytest

from member_hub.consent.words import ContactChannel
from member_hub.ids import MemberId
from member_hub.telling import By, Kind
from member_hub.telling.kinds import CHANNELS
from tests.graphql.test_objections import lift, place
from tests.graphql.world import NOW
from tests.sign_in_codes.desk import Front
from tests.telling.members import NOTICE, ask, ask_notice, everything, member_with, run_at, sent, tasks
from tests.telling.test_tier_ending import asked, falling
from tests.telling.test_ways import EMAIL, OPENID, publishing

MAY = """mutation ($in: AuthoriseSendInput!) { authoriseSend(input: $in) { answers { allowed reason } } }"""


async def objecting(front: Front, member: MemberId, **scope: Any) -> str:
    placed, errors = await place(front, "member", scope, member=member)
    assert errors == []
    return str(placed["id"])


@pytest.mark.parametrize(
    ("scope", "left"), [({"channels": ["EMAIL"]}, [("tier_ending", None, None)]), ({"everything": True}, [])]
)
async def test_a_fall_is_not_told_where_nobody_may_write_and_is_left_to_people(
    front: Front, scope: dict[str, Any], left: list[Any]
) -> None:
    """Who objected to everything does not fall, so there is nothing to tell."""
    member = await member_with(front, email=EMAIL)
    await objecting(front, member, **scope)
    await falling(front, member)
    await asked(front)

    await run_at(publishing(front), NOW)

    assert sent(front) == []
    assert [(task.kind, task.due_at, task.told_at) for task in await tasks(front)] == left


async def test_another_way_is_taken_where_one_is_objected_to(front: Front) -> None:
    member = await everything(front)
    await objecting(front, member, channels=["WECHAT"])
    await falling(front, member)
    await asked(front)
    await ask_notice(front, member)

    await run_at(publishing(front), NOW)

    assert sorted(sent(front)) == [("email", EMAIL, "privacy_notice.zh"), ("email", EMAIL, "tier_ending.zh")]


async def test_after_lifting_it_is_told_when_it_is_asked_for_again(front: Front) -> None:
    member = await everything(front)
    objection = await objecting(front, member, everything=True)
    await ask_notice(front, member)
    await run_at(publishing(front), NOW)
    assert sent(front) == []
    await lift(front, "member", objection, member=member)
    await ask_notice(front, member)

    await run_at(publishing(front), NOW)

    assert sent(front) == [("openid", OPENID, "privacy_notice.zh")]


async def test_who_is_warned_of_what_a_stranger_did_is_warned_all_the_same(front: Front) -> None:
    """Somebody may have their account: this is asked for by nobody, like the code of a sign-in."""
    member = await everything(front)
    await objecting(front, member, everything=True)
    for kind in (Kind.PHONE_RELEASED, Kind.ACCOUNT_OPENED, Kind.SECOND_THING_WRONG):
        await ask(front, (member, kind, NOTICE))

    await run_at(front, NOW)

    assert sorted(template for _, _, template in sent(front)) == [
        "account_opened.zh",
        "phone_released.zh",
        "second_thing_wrong.zh",
    ]


@pytest.mark.parametrize("scope", [{}, {"channels": ["EMAIL"]}, {"everything": True}])
async def test_the_hub_tells_by_e_mail_whom_others_may(front: Front, scope: dict[str, Any]) -> None:
    member = await member_with(front, email=EMAIL)
    if scope:
        await objecting(front, member, **scope)
    await falling(front, member)
    await asked(front)

    await run_at(publishing(front), NOW)

    said = {"purpose": "MEMBER_SERVICE", "channel": "EMAIL", "items": [{"member": str(member)}]}
    (answer,) = (await front.ask("app_crm", MAY, variables={"in": said}))["authoriseSend"]["answers"]
    assert answer["allowed"] is (len(sent(front)) == 1)


def test_ways_are_counted_as_the_channels_of_contact_are() -> None:
    channels = {By.SMS: ContactChannel.SMS, By.EMAIL: ContactChannel.EMAIL, By.OPENID: ContactChannel.WECHAT}

    assert {by: list(ContactChannel)[number] for by, number in CHANNELS.items()} == channels
