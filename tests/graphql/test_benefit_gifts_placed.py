"""Gifts of those who were placed by hand: for a tier that they earn themselves once, for the placement none."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from member_hub import tiers
from member_hub.db import transaction
from member_hub.ids import MemberId, OriginId, uuid7
from member_hub.tiers import Grown, Source
from tests.graphql.occasions import days, given, promotions
from tests.graphql.test_tiers import APPROVE, OTHER, account_t, grow, me, place, review
from tests.graphql.world import People, World


async def placed(world: World, member: MemberId, tier: str, until: str = "2027-06-30T12:00:00+08:00") -> None:
    asked = await place(world, member, tier=tier, until=until)
    await world.ask("membership_manager", APPROVE, variables={"id": asked["approvalId"]}, subject=OTHER)
    done = await place(world, member, key="done", tier=tier, until=until, approvalId=asked["approvalId"])
    assert done["userErrors"] == []


@pytest.mark.parametrize("tier", ["core", "vip"])
async def test_who_earns_what_they_were_placed_at_or_above_has_its_gift_once(
    world: World, people: People, tier: str
) -> None:
    assert await promotions(world, days(0)) == 0
    await placed(world, people.southern, tier)
    assert await promotions(world, days(1)) == 0

    world.clock.at = days(5)
    await grow(world, people.southern, 100)
    assert await promotions(world, days(5)) == 1

    assert await given(world, "promotion_gift") == {people.southern: (1, 0)}
    world.clock.at = days(230)  # the placement is over
    await review(world, people.southern)
    assert (await me(world, people.southern, "{ tier { code } }"))["tier"]["code"] == "core"
    assert await promotions(world, world.clock.at) == 0
    assert await given(world, "promotion_gift") == {people.southern: (1, 0)}


async def test_what_was_earned_before_the_placement_and_is_found_with_it_has_its_gift(
    world: World, people: People
) -> None:
    await promotions(world, days(0))
    await review(world, people.southern)
    world.clock.at = days(3)
    await grow(world, people.southern, 8)
    world.clock.at = days(4)
    asked = await place(world, people.southern, tier="vip")
    await world.ask("membership_manager", APPROVE, variables={"id": asked["approvalId"]}, subject=OTHER)
    await grow_unseen(world, people.southern, 100)

    await place(world, people.southern, key="done", tier="vip", approvalId=asked["approvalId"])

    assert await promotions(world, days(4)) == 1
    assert await given(world, "promotion_gift") == {people.southern: (1, 0)}


async def grow_unseen(world: World, member: MemberId, amount: int) -> None:
    """Growth that nobody has looked at yet."""
    async with transaction(world.hub.database.app) as tx:
        row = (await tx.execute(select(account_t).where(account_t.c.member_id == member).limit(1))).one()
        at, key = world.clock.now() - timedelta(days=1), uuid7().bytes
        grown = Grown(MemberId(row.filed_under), OriginId(row.origin_id), Source.ORDER, key, amount, at)
        await tiers.grow(tx, [grown], now=world.clock.now())
