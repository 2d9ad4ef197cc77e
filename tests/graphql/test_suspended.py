"""Whoever is not served for now is shown nothing as to be spent or used: what is shown is what an attempt meets."""

from typing import Any

import pytest

from member_hub.ids import MemberId
from member_hub.members.tables import MemberStatus
from member_hub.points.words import AccountState
from tests.graphql import pointing
from tests.graphql.benefits import everything as benefits_as_they_are
from tests.graphql.benefits import refusal, use, void
from tests.graphql.pointing import earn, errors, freeze, turn
from tests.graphql.test_objections import lift, place
from tests.graphql.till import find, shown_by
from tests.graphql.world import People, World

LOYALTY = "points { spendable active balance state } benefits { benefit { code } remaining state }"
BY = f"query ($by: MemberKey!) {{ member(by: $by) {{ {LOYALTY} }} }}"
OPEN = ({"spendable": 500, "active": 500, "balance": 500, "state": "OPEN"}, [("gift_wrapping", 1, "USABLE")])
STOPPED = ({"spendable": 0, "active": 500, "balance": 500, "state": "FROZEN"}, [("gift_wrapping", 1, "FROZEN")])
STATUSES = [MemberStatus.FROZEN, MemberStatus.RESTRICTED]


def told(member: Any) -> Any:
    return member["points"], [(one["benefit"]["code"], one["remaining"], one["state"]) for one in member["benefits"]]


async def own(world: World, member: MemberId) -> Any:
    return told((await world.ask("member", f"{{ me {{ {LOYALTY} }} }}", member=member))["me"])


async def seen(world: World, role: str, member: MemberId) -> Any:
    found = (await world.ask(role, BY, variables={"by": {"id": str(member)}}))["member"]
    return found and told(found)


async def at_till(world: World, member: MemberId) -> Any:
    """Of a member of another store, by the code that they show."""
    variables = {"by": {"memberCode": await shown_by(world, member)}}
    return told((await world.ask("sales_associate", BY, variables=variables))["member"])


async def test_who_objected_to_everything_reads_that_nothing_can_be_used_until_it_is_lifted(
    world: World, people: People
) -> None:
    await earn(world, people.whole, 500)
    assert await own(world, people.whole) == OPEN

    placed, _ = await place(world, "member", {"everything": True}, member=people.whole)

    assert await own(world, people.whole) == await seen(world, "dpo", people.whole) == STOPPED
    assert await seen(world, "app_checkout", people.whole) is None
    before = await benefits_as_they_are(world), await pointing.everything(world)
    for role in ("app_checkout", "app_mini_program"):
        about = {"member": people.whole} if role == "app_mini_program" else {}
        assert refusal(await use(world, people.whole, "gift_wrapping", role=role, **about)) == [("member", "NOT_FOUND")]
        spent = await pointing.act(world, "pointsRedeem", role, member=people.whole, amount=5, about=about)
        assert errors(spent) == [("member", "NOT_FOUND")]
    assert (await benefits_as_they_are(world), await pointing.everything(world)) == before
    assert [row.outcome for row in (await world.audited())[-4:]] == ["NOT_FOUND"] * 4
    await lift(world, "member", placed["id"], member=people.whole)
    assert await own(world, people.whole) == await seen(world, "app_checkout", people.whole) == OPEN


async def test_an_objection_to_something_else_leaves_both(world: World, people: People) -> None:
    await earn(world, people.whole, 500)

    await place(world, "member", {"purposes": ["MARKETING"], "profiling": True}, member=people.whole)

    assert await own(world, people.whole) == await seen(world, "app_checkout", people.whole) == OPEN


@pytest.mark.parametrize("status", STATUSES)
async def test_a_frozen_membership_is_told_alike_to_all(world: World, people: People, status: MemberStatus) -> None:
    await earn(world, people.whole, 500)

    await turn(world, people.whole, status=status)

    assert await own(world, people.whole) == STOPPED
    for role in ("app_checkout", "app_crm", "store_manager", "region_manager", "support_agent", "dpo"):
        assert await seen(world, role, people.whole) == STOPPED


@pytest.mark.parametrize("status", STATUSES)
async def test_at_the_till_of_another_store_nothing_is_offered(
    world: World, people: People, status: MemberStatus
) -> None:
    await earn(world, people.southern, 500)
    said = {"spendable": 500, "active": 500, "balance": 500, "state": None}
    assert await at_till(world, people.southern) == (said, [("gift_wrapping", 1, "USABLE")])

    await turn(world, people.southern, status=status)

    code = await shown_by(world, people.southern)
    assert (await find(world, code))["status"] == status.name
    assert await at_till(world, people.southern) == (said | {"spendable": 0}, [])


async def test_a_frozen_account_of_points_leaves_the_benefits(world: World, people: People) -> None:
    await earn(world, people.whole, 500)

    await freeze(world, people.whole, AccountState.FROZEN)

    assert await seen(world, "app_checkout", people.whole) == (STOPPED[0], OPEN[1])
    spent = await pointing.act(world, "pointsRedeem", "app_checkout", member=people.whole, amount=5)
    assert errors(spent) == [("id", "POINTS_FROZEN")]
    assert (await use(world, people.whole, "gift_wrapping"))["userErrors"] == []


async def test_a_use_that_is_taken_back_meanwhile_is_shown_as_frozen(world: World, people: People) -> None:
    done = await use(world, people.whole, "gift_wrapping", key="k-1")
    await turn(world, people.whole, status=MemberStatus.FROZEN)

    voided = await void(world, done["use"]["id"])

    assert (voided["entitlement"]["used"], voided["entitlement"]["state"]) == (0, "FROZEN")
    again = await use(world, people.whole, "gift_wrapping", key="k-1")
    assert (again["use"]["voidedAt"] is None, again["entitlement"]["state"]) == (False, "FROZEN")
