"""A criterion that compares with all members says about how much it takes: no number that another member really has."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from member_hub.db import snapshot
from member_hub.ids import MemberId
from member_hub.tiers.queries import change_t
from member_hub.tiers.rules.criteria import about
from tests.graphql.recording import an_order, record
from tests.graphql.test_tier_backtests import CORE, TIERS, grown
from tests.graphql.test_tier_rules import approve, propose, work
from tests.graphql.test_tiers import grow
from tests.graphql.world import NOW, World

CRITERIA = "criteria { tier figure atQuantile needed reached isMet text }"
ASK = f"{{ me {{ tier {{ tier {{ code }} next {{ growthMissing {CRITERIA} }} explanation {{ {CRITERIA} }} }} }} }}"
SPENT = TIERS.replace(CORE, 'promotion = { figure = "spend_fen", window = "ever", at_quantile = 99 }')
GREW = TIERS.replace(CORE, CORE.replace("at_least = 40", "at_quantile = 99"))


async def in_force(world: World, rules: str) -> None:
    """Two days later, thresholds and all."""
    assert (await propose(world, rules))["userErrors"] == []
    await approve(world, 1)
    world.clock.at = NOW + timedelta(days=2)
    await work(world)


async def mine(world: World, member: MemberId, language: str = "en") -> Any:
    return (await world.ask("member", ASK, member=member, headers={"Accept-Language": language}))["me"]["tier"]


async def test_a_member_is_told_about_how_much_it_takes_and_nobodys_money(world: World) -> None:
    stranger, buyer, *_ = await grown(world, 12, *[0] * 30)
    receipt, _ = await record(world, an_order(buyer, {"lineNo": 1, "amountFen": 25_990}))
    assert receipt is not None
    await in_force(world, SPENT)

    (core,) = (await mine(world, stranger))["next"]["criteria"]
    assert (core["atQuantile"], core["needed"], core["reached"], core["isMet"]) == (99, 26_000, 0, False)
    assert (
        core["text"] == "to reach Core: money spent (fen) ever of at least percentile 99 of all members (about 26000)"
    )
    (core,) = (await mine(world, stranger, "zh"))["next"]["criteria"]
    assert core["text"].endswith("达到全体会员第99百分位(约26000)")


async def test_neither_what_is_missing_nor_what_decided_tells_the_exact_number(world: World) -> None:
    """The log says it no more exactly than the member is told: it is part of their copy."""
    stranger, *_ = await grown(world, 12, 1_234, *[0] * 30)
    await in_force(world, GREW)

    told = (await mine(world, stranger))["next"]
    assert (told["growthMissing"], told["criteria"][0]["needed"]) == (1_300 - 12, 1_300)
    await grow(world, stranger, 5_000, at=NOW + timedelta(days=1))
    decided = (await mine(world, stranger))["explanation"]["criteria"]
    assert [(one["needed"], one["reached"], one["isMet"]) for one in decided if one["atQuantile"]] == [
        (1_300, 5_012, True)
    ]
    async with snapshot(world.hub.database.app) as tx:
        log = await tx.execute(select(change_t.c.facts).where(change_t.c.member_id == stranger))
        assert [str(facts) for (facts,) in log if "1234" in str(facts)] == []


@pytest.mark.parametrize(
    ("exact", "told"),
    [
        (1, 1),
        (9, 9),
        (10, 10),
        (11, 20),
        (99, 100),
        (101, 110),
        (1_234, 1_300),
        (25_990, 26_000),
        (10**9 + 1, 11 * 10**8),
    ],
)
def test_two_leading_digits_rounded_up_and_single_ones_as_they_are(exact: int, told: int) -> None:
    assert about(exact) == told
