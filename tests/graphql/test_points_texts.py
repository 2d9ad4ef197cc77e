"""A refusal of points says which fact it is: one code may stand for several."""

from datetime import timedelta
from typing import Any

import pytest

from member_hub.ids import MemberId
from tests.graphql.pointing import act, done, earn, errors
from tests.graphql.world import NOW, People, World

TILL, CARE = "app_checkout", "support_agent"


async def told(world: World, name: str, role: str, member: MemberId, **stated: Any) -> tuple[str, str, str]:
    """Place, code and text of the one reason why it was refused."""
    payload = await act(world, name, role, member=member, **stated)
    ((field, code),) = errors(payload)
    return str(field), code, payload["userErrors"][0]["message"]


async def test_which_limit_of_the_programme_it_is(world: World, people: People) -> None:
    lot = (await earn(world, people.whole, 100))["entries"][0]["lot"]
    late = (NOW + timedelta(days=367)).isoformat()

    async def of(name: str, role: str = CARE, **stated: Any) -> tuple[str, str, str]:
        return await told(world, name, role, people.whole, **stated)

    found = [
        await of("pointsEarn", TILL, amount=10_001, kind="TASK"),
        await of("pointsAdjust", amount=1_000_001, reason="GOODWILL"),
        await of("pointsHold", TILL, amount=5, minutes=10_081),
        await of("pointsExtend", lot=lot, until=late),
    ]
    world.clock.at += timedelta(days=280)
    found.append(await of("pointsReinstate", lot=lot))

    assert found == [
        ("amount", "POINTS_LIMIT", "This is more than is earned at once (single_max)."),
        ("amount", "POINTS_LIMIT", "This is more than one adjustment may be (adjustment_max)."),
        ("minutes", "POINTS_LIMIT", "This is longer than points are held (hold_minutes_max)."),
        ("until", "POINTS_LIMIT", "This is longer than a lot is extended (extend_days_max)."),
        ("lot", "POINTS_LIMIT", "This lot expired longer ago than points are brought back (reinstate_days)."),
    ]


@pytest.mark.parametrize("amount", [0, 2**53 + 1])
async def test_an_adjustment_may_be_below_zero_and_its_text_says_so(world: World, people: People, amount: int) -> None:
    assert await told(world, "pointsAdjust", CARE, people.whole, amount=amount, reason="GOODWILL") == (
        "amount",
        "BAD_USER_INPUT",
        "An adjustment is a whole number from -2^53 to 2^53, and not 0.",
    )


async def test_more_than_is_left_to_reverse_is_told_apart_from_nothing(world: World, people: People) -> None:
    await earn(world, people.whole, 900)
    spent = (await done(world, "pointsRedeem", TILL, member=people.whole, amount=500))["operationId"]

    more = await told(world, "pointsReverse", TILL, people.whole, operation=spent, amount=600)
    await done(world, "pointsReverse", TILL, member=people.whole, operation=spent)
    nothing = await told(world, "pointsReverse", TILL, people.whole, operation=spent, amount=1)

    assert more == ("amount", "NOT_REVERSIBLE", "This is more than is left to reverse of this operation.")
    assert nothing == ("amount", "NOT_REVERSIBLE", "This cannot be reversed, or is reversed already.")
