"""What explains a tier adds up: its lines come to what was reached, and the decision is that of the tier."""

import random
from datetime import datetime, timedelta
from typing import Any

import pytest

from member_hub.clock import business_day
from member_hub.ids import MemberId
from tests.graphql.recording import a_member, an_order, record
from tests.graphql.test_tiers import me, review
from tests.graphql.world import World

ASK = """{ tier { code } reason explanation { reason decidedAt
    criteria { rule tier figure fromDay toDay reached isMet }
    orders { lines { orderNo amountFen orderedAt refundOf { orderNo } } } } }"""


async def explained(world: World, member: MemberId) -> tuple[dict[str, Any], list[int], list[int]]:
    """The tier; by each criterion of growth what the lines of its days come to, and what was reached."""
    found = await me(world, member, ASK)
    lines, said = found["explanation"]["orders"]["lines"], found["explanation"]["criteria"]
    days = {one["orderNo"]: business_day(datetime.fromisoformat(one["orderedAt"])).isoformat() for one in lines}
    bought = [(days[(one["refundOf"] or one)["orderNo"]], one["amountFen"] // 100) for one in lines]
    looked = [one for one in said if one["figure"] == "GROWTH"]
    sums = [sum(fen for day, fen in bought if one["fromDay"] <= day <= one["toDay"]) for one in looked]
    return found, sums, [one["reached"] for one in looked]


async def buy(world: World, member: MemberId, number: str, amount: int, **more: Any) -> None:
    line = {"lineNo": 1, "amountFen": amount * 100} | more.pop("line", {})
    _, errors = await record(world, an_order(member, line, orderNo=number, **more), key=number)
    assert errors == []


async def test_a_refund_of_what_was_bought_before_the_window_is_not_listed(world: World) -> None:
    member = await a_member(world)
    await buy(world, member, "OLD", 1000)
    world.clock.at += timedelta(days=400)
    await buy(world, member, "NEW", 700)
    await buy(world, member, "BACK", 1000, line={"refundOf": {"orderNo": "OLD", "lineNo": 1}})
    await review(world, member)

    found, lines, reached = await explained(world, member)

    assert [one["orderNo"] for one in found["explanation"]["orders"]["lines"]] == ["NEW"]
    assert lines == reached == [0, 700, 700, 700]


@pytest.mark.parametrize("seed", range(8))
async def test_the_lines_come_to_what_was_reached(world: World, seed: int) -> None:
    chance = random.Random(seed)
    member, left = await a_member(world), dict[str, int]()
    for n in range(14):
        world.clock.at += timedelta(days=chance.choice([0, 1, 40, 200]), hours=chance.randint(1, 9))
        when = (world.clock.at - timedelta(days=chance.choice([0, 0, 3, 6]))).isoformat()
        if left and chance.random() < 0.4:
            of = chance.choice(sorted(left))
            amount = chance.randint(1, left[of])
            await buy(world, member, f"R{n}", amount, line={"refundOf": {"orderNo": of, "lineNo": 1}})
            left = {one: rest - amount * (one == of) for one, rest in left.items() if rest > amount * (one == of)}
        else:
            left[f"O{n}"] = chance.choice([3, 9, 45, 700])
            await buy(world, member, f"O{n}", left[f"O{n}"], occurredAt=when)
        if chance.random() < 0.5:
            await review(world, member)

        _, lines, reached = await explained(world, member)

        assert lines == reached


async def test_what_was_bought_after_the_decision_did_not_make_it(world: World) -> None:
    member = await a_member(world)
    await buy(world, member, "FIRST", 60)
    world.clock.at += timedelta(hours=1)
    await buy(world, member, "SECOND", 100)

    found, lines, reached = await explained(world, member)

    assert found["tier"]["code"] == "core"
    assert lines == reached == [60] * 3
