"""When nobody asks a member again: within the cool-down, after three refusals, after what has ended."""

from datetime import timedelta

import pytest

from member_hub.consent.history.standing import Slot
from member_hub.consent.words import Act, ConsentState
from member_hub.ids import MemberId
from tests.graphql.notices import SERVED, SMS, decide, events, publish, served, servings
from tests.graphql.serving import ASKED, DAY, PARTNER, S, outcome
from tests.graphql.world import People, World

EMAIL = {"purpose": "MARKETING", "channel": "EMAIL"}
COOLING, NOT_AGAIN = [("asks", "COOLING_DOWN")], [("asks", "NOT_ASKED_AGAIN")]


async def retry_after(world: World, member: MemberId, notice: str) -> int | None:
    said = {"member": str(member), "notice": notice, "locale": "ZH", "byWayOf": "APP", "asks": [SMS]}
    answer = (await world.ask("app_crm", SERVED, variables={"input": said}))["noticeServed"]
    (error,) = answer["userErrors"]
    found: int | None = error["retryAfter"]
    return found


@pytest.mark.parametrize("ask", [SMS, EMAIL, PARTNER])
async def test_after_a_refusal_nobody_asks_again_within_the_cool_down(
    world: World, people: People, ask: dict[str, str]
) -> None:
    notice = await publish(world)
    await served(world, people.whole, notice, SMS)
    await decide(world, people.whole, Act.REFUSE, S.REFUSED, notice=notice)
    before = await events(world, people.whole)
    world.clock.at += DAY
    newer = await publish(world, "members-2")

    for role in ("app_crm", "app_checkout", "store_manager", "support_agent"):
        assert await served(world, people.whole, newer, ask, role=role, byWayOf="MESSAGE") == (None, COOLING)

    assert await events(world, people.whole) == before
    assert len(await servings(world)) == 1
    assert (await outcome(world))[1:] == ("COOLING_DOWN", [], [people.whole])


async def test_the_refusal_says_when_one_may_ask_again_and_then_one_may(world: World, people: People) -> None:
    notice = await publish(world)
    await decide(world, people.whole, Act.REFUSE, S.REFUSED, notice=notice)
    world.clock.at += 89 * DAY
    assert await retry_after(world, people.whole, notice) == 86_400

    world.clock.at += DAY
    assert (await served(world, people.whole, notice, SMS))[1] == []

    assert (await events(world, people.whole))[1:] == [
        ("marketing", "", "sms", "cooldown_over", "refused", "never_asked", "timer"),
        ASKED,
    ]
    world.clock.at += timedelta(minutes=1)
    assert (await served(world, people.whole, notice, SMS))[1] == []  # it stands as asked, not as never asked
    assert len(await events(world, people.whole)) == 3


async def test_after_three_refusals_nobody_asks_any_more(world: World, people: People) -> None:
    notice = await publish(world)
    for _ in range(3):
        assert (await served(world, people.whole, notice, SMS, EMAIL))[1] == []
        for channel in ("sms", "email"):  # one form
            slot = Slot("marketing", "", channel)
            await decide(world, people.whole, Act.REFUSE, S.REFUSED, notice=notice, slot=slot)
        world.clock.at += 91 * DAY

    assert await retry_after(world, people.whole, notice) is None
    world.clock.at += 1000 * DAY
    assert await served(world, people.whole, notice, SMS) == (None, COOLING)


async def test_another_purpose_is_asked_about_all_the_same(world: World, people: People) -> None:
    notice = await publish(world)
    await decide(world, people.whole, Act.REFUSE, S.REFUSED, notice=notice)

    assert (await served(world, people.whole, notice, {"purpose": "PERSONALISATION"}))[1] == []
    assert (await served(world, people.whole, notice))[1] == []  # and informing is no asking


ENDED = {
    S.WITHDRAWN: Act.WITHDRAW,
    S.LAPSED: Act.DISMISS_OR_TIMEOUT,
    S.EXPIRED: Act.TERM_OVER,
    S.INVALIDATED: Act.INVALIDATE,
}


@pytest.mark.parametrize("state", ENDED)
async def test_what_has_ended_is_brought_up_by_the_member_alone(
    world: World, people: People, state: ConsentState
) -> None:
    notice = await publish(world)
    await decide(world, people.whole, ENDED[state], state, notice=notice)
    before = await events(world, people.whole)
    world.clock.at += 1000 * DAY

    assert await served(world, people.whole, notice, SMS) == (None, NOT_AGAIN)
    assert await events(world, people.whole) == before

    about = {"member": people.whole}
    begun = await served(world, people.whole, notice, SMS, role="member", byMember=True, about=about)
    assert begun[1] == []
    again = ("marketing", "", "sms", "member_initiates", state.value, "asked", "member")
    assert await events(world, people.whole) == [*before, again]


@pytest.mark.parametrize("role", ["member", "app_mini_program"])
async def test_the_member_begins_within_the_cool_down(world: World, people: People, role: str) -> None:
    notice = await publish(world)
    await decide(world, people.whole, Act.REFUSE, S.REFUSED, notice=notice)
    about = {"member": people.whole}

    assert await served(world, people.whole, notice, SMS, role=role, about=about) == (None, COOLING)
    assert (await served(world, people.whole, notice, SMS, role=role, byMember=True, about=about))[1] == []

    actor = "member" if role == "member" else "app"
    assert (await events(world, people.whole))[1:] == [
        ("marketing", "", "sms", "member_initiates", "refused", "asked", actor)
    ]
    assert [row.served_by for row in await servings(world)] == ["member" if role == "member" else "mini_program"]


@pytest.mark.parametrize("role", ["app_crm", "app_checkout", "sales_associate", "store_manager", "support_agent"])
async def test_nobody_else_says_that_the_member_began_it(world: World, people: People, role: str) -> None:
    notice = await publish(world)
    await decide(world, people.whole, Act.WITHDRAW, S.WITHDRAWN, notice=notice)

    refused = await served(world, people.whole, notice, SMS, role=role, byMember=True)

    assert refused == (None, [("byMember", "FORBIDDEN")])
    assert (await servings(world), len(await events(world, people.whole))) == ([], 1)


async def test_a_mini_program_that_knows_no_member_says_nothing_for_one(world: World, people: People) -> None:
    notice = await publish(world)

    refused = await served(world, people.whole, notice, SMS, role="app_mini_program", byMember=True)

    assert refused == (None, [("member", "NOT_FOUND")])


async def test_a_stale_grant_is_asked_about_within_the_grace_and_then_by_the_member_alone(
    world: World, people: People
) -> None:
    notice = await publish(world)
    await decide(world, people.whole, Act.GRANT, S.GRANTED, notice=notice)
    world.clock.at += DAY
    newer = await publish(world, "members-2", changed=["MARKETING"])

    assert (await served(world, people.whole, newer, SMS))[1] == []
    assert len(await events(world, people.whole)) == 1
    world.clock.at += 30 * DAY
    assert await served(world, people.whole, newer, SMS) == (None, NOT_AGAIN)
