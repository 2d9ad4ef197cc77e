"""Every mutation that names a member and is given a merged id: the root is acted on, answered with, and on record."""

import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from member_hub import resources
from member_hub.graphql.building import global_id
from member_hub.ids import MemberId
from tests.graphql.benefits import place
from tests.graphql.pointing import done, earn, pots
from tests.graphql.recording import an_order
from tests.graphql.tagging import GOLF, assign, define
from tests.graphql.test_tiers import APPROVE, OTHER
from tests.graphql.test_tiers import PLACE as PLACE_AT
from tests.graphql.world import NOW, People, World

Stated = Mapping[str, Any]
TILL, CARE = "app_checkout", "support_agent"


async def _earned(world: World, people: People) -> Any:
    return await earn(world, people.whole, 100)


async def earning(world: World, people: People) -> Stated:
    return {"kind": "TASK", "amount": 10}


async def spending(world: World, people: People) -> Stated:
    await _earned(world, people)
    return {"amount": 10}


async def held(world: World, people: People) -> Stated:
    await _earned(world, people)
    return {"hold": (await done(world, "pointsHold", TILL, member=people.whole, amount=10))["operationId"]}


async def spent(world: World, people: People) -> Stated:
    await _earned(world, people)
    return {"operation": (await done(world, "pointsRedeem", TILL, member=people.whole, amount=10))["operationId"]}


async def giving(world: World, people: People) -> Stated:
    return {**await spending(world, people), "to": str(people.southern)}


async def adjusting(world: World, people: People) -> Stated:
    return {"amount": 10, "reason": "GOODWILL"}


async def lot(world: World, people: People) -> Stated:
    return {"lot": (await _earned(world, people))["entries"][0]["lot"]}


async def lot_for_longer(world: World, people: People) -> Stated:
    return {**await lot(world, people), "until": (NOW + timedelta(days=300)).isoformat()}


async def expired_lot(world: World, people: People) -> Stated:
    expired = await lot(world, people)
    world.clock.at += timedelta(days=195)
    return expired


async def active(world: World, people: People) -> Stated:
    return {"channel": "STORE", "kind": "CHECK_IN", "count": 1}


async def ordered(world: World, people: People) -> Stated:
    return an_order()


async def tag(world: World, people: People) -> Stated:
    await define(world, GOLF)
    return {"tag": "likes_golf"}


async def tagged(world: World, people: People) -> Stated:
    stated = await tag(world, people)
    await assign(world, "store_manager", people.whole, "likes_golf")
    return stated


async def approved(world: World, people: People) -> Stated:
    stated = {"tier": "vip", "until": "2027-06-30T12:00:00+08:00", "reason": "INVITATION"}
    sent = {"in": {"id": str(people.merged), **stated}, "key": "k-0"}
    asked = (await world.ask(CARE, PLACE_AT, variables=sent))["tierPlace"]
    await world.ask("membership_manager", APPROVE, variables={"id": asked["approvalId"]}, subject=OTHER)
    return {**stated, "approvalId": asked["approvalId"]}


async def at_a_tier(world: World, people: People) -> Stated:
    await place(world, people.whole, "vip")
    return {"benefit": "free_shipping"}


async def coupon(world: World, people: People) -> Stated:
    return {"benefit": "goodwill_coupon", "reason": "GOODWILL"}


Given = Callable[[World, People], Awaitable[Stated]]
ACTS: Mapping[str, tuple[str, Given]] = {
    "pointsEarn": (TILL, earning),
    "pointsRedeem": (TILL, spending),
    "pointsHold": (TILL, spending),
    "pointsCapture": (TILL, held),
    "pointsRelease": (TILL, held),
    "pointsReverse": (TILL, spent),
    "pointsTransfer": ("app_mini_program", giving),
    "pointsAdjust": (CARE, adjusting),
    "pointsReinstate": (CARE, expired_lot),
    "pointsExtend": (CARE, lot_for_longer),
    "orderRecord": (TILL, ordered),
    "activityRecord": (TILL, active),
    "tagAssign": ("store_manager", tag),
    "tagRemove": ("store_manager", tagged),
    "tierPlace": (CARE, approved),
    "benefitUse": (TILL, at_a_tier),
    "benefitIssue": (CARE, coupon),
}
NAME_NOBODY = {"tagDefine", "tagApprove", "tierRulesPropose", "tierRulesApprove", "benefitVoid"}


def test_every_mutation_of_the_programme_is_here() -> None:
    schema = (resources.folder("schema") / "member_hub.graphql").read_text("utf-8")
    (mutations,) = re.findall(r"^type Mutation \{\n(.*?)^\}", schema, re.DOTALL | re.MULTILINE)
    named = set(re.findall(r"^  ((?:points|tag|tier|benefit|order|activity)[A-Z]\w*)\(", mutations, re.MULTILINE))

    assert named - NAME_NOBODY == set(ACTS)


@pytest.mark.parametrize("name", ACTS)
async def test_it_acts_on_the_root_says_so_and_leaves_it_on_record(world: World, people: People, name: str) -> None:
    role, given = ACTS[name]
    who = "id" if name == "tierPlace" else "member"
    stated = {**await given(world, people), who: str(people.merged)}
    keyed = not name.startswith("tag")
    declared, passed = (", $key: String!", ", idempotencyKey: $key") if keyed else ("", "")
    query = f"""mutation ($input: {name[0].upper()}{name[1:]}Input!{declared}) {{
        {name}(input: $input{passed}) {{ member {{ id }} userErrors {{ field code }} }} }}"""
    about = {"member": people.whole} if role == "app_mini_program" else {}

    variables = {"input": stated, "key": "merged"} if keyed else {"input": stated}
    answer = (await world.ask(role, query, variables=variables, **about))[name]

    assert answer == {"member": {"id": global_id(people.whole)}, "userErrors": []}
    assert await on_record(world, name) == {people.whole} | ({people.southern} if name == "pointsTransfer" else set())


async def test_points_given_to_a_merged_id_are_its_roots(world: World, people: People) -> None:
    await earn(world, people.southern, 100)

    given = {"to": str(people.merged), "amount": 10, "about": {"member": people.southern}}
    await done(world, "pointsTransfer", "app_mini_program", **given)

    assert [await pots(world, one) for one in (people.southern, people.whole)] == [(90, 0, 0, 0), (10, 0, 0, 0)]
    assert await on_record(world, "pointsTransfer") == {people.southern, people.whole}


async def on_record(world: World, name: str) -> set[MemberId]:
    """About whom there are entries of something done, in whatever order."""
    return {
        one for row in await world.audited() if (row.operation, row.outcome) == (name, "ok") for one in row.member_ids
    }
