"""Two members turn out to be one, and back again: the higher tier, the later end, and a time of protection."""

import pytest

from member_hub.ids import MemberId
from tests.tiers.desk import NOW, Desk, at
from tests.tiers.paper import ladder


@pytest.fixture
def desk(desk: Desk) -> Desk:
    desk.tier_rules = ladder()
    return desk


async def _two(desk: Desk) -> tuple[MemberId, MemberId]:
    """One at core, and a month later one at standard."""
    anna, twin = await desk.member(), await desk.member()
    await desk.grow(twin, 1200)
    await desk.work()
    desk.later(days=31)
    await desk.grow(anna, 150)
    await desk.touch(anna)
    await desk.work()
    assert [(await desk.placed(one))[0] for one in (anna, twin)] == ["standard", "core"]
    return anna, twin


async def test_the_higher_tier_and_the_later_end_are_kept(desk: Desk) -> None:
    anna, twin = await _two(desk)

    await desk.merge(anna, twin)

    standing = await desk.standing(anna)
    assert (standing.tier, standing.reason.value, standing.until) == ("core", "merge", at("2027-04-03T00:00"))
    assert (await desk.standing(twin)).tier == "core"
    assert [row.member_id for row in await desk.rows("tier_standing")] == [anna]
    assert (await desk.changes(anna))[-1] == ("standard", "core", "merge")


async def test_after_merging_the_orders_of_both_count(desk: Desk) -> None:
    anna, twin = await _two(desk)
    await desk.grow(anna, 3800)
    await desk.merge(anna, twin)

    assert await desk.work() == 1

    assert await desk.placed(anna) == ("vip", "earned")


async def test_who_has_no_standing_takes_the_others(desk: Desk) -> None:
    anna, twin = await desk.member(), await desk.member()
    await desk.grow(twin, 1200)
    await desk.work()

    await desk.merge(anna, twin)

    assert await desk.placed(anna) == ("core", "merge")
    assert await desk.held_at((anna, NOW), (twin, NOW)) == ["core", "core"]


async def test_of_two_floors_the_higher_holds_until_the_later_end(desk: Desk) -> None:
    anna, twin = await _two(desk)
    await desk.place(anna, "core", "2027-06-30T10:00")
    await desk.place(twin, "vip", "2026-06-30T10:00")

    await desk.merge(anna, twin)

    standing = await desk.standing(anna)
    assert (standing.tier, standing.floor, standing.until) == ("vip", "vip", at("2027-07-01T00:00"))


async def test_splitting_gives_each_back_what_it_stood_at_and_protects_both_for_a_time(desk: Desk) -> None:
    anna, twin = await _two(desk)
    await desk.grow(anna, 3800)
    await desk.merge(anna, twin)
    await desk.work()
    desk.later(days=1)

    await desk.split(anna, twin)
    await desk.work()

    protected = at("2026-07-03T00:00")
    for one in (anna, twin):
        standing = await desk.standing(one)
        assert (standing.tier, standing.reason.value, standing.until) == ("vip", "split", protected)
    assert {row.member_id: row.own_tier for row in await desk.rows("tier_standing")} == {anna: "core", twin: "core"}
    desk.clock.at = protected
    await desk.work()
    assert [await desk.placed(one) for one in (anna, twin)] == [("core", "lapsed")] * 2


async def test_whoever_stood_nowhere_before_goes_by_own_orders_after_the_protection(desk: Desk) -> None:
    anna, twin = await desk.member(), await desk.member()
    await desk.grow(twin, 1200)
    await desk.work()
    await desk.merge(anna, twin)
    desk.later(days=1)

    await desk.split(anna, twin)
    assert await desk.placed(anna) == ("core", "split")
    desk.later(days=95)
    await desk.work()

    assert [await desk.placed(one) for one in (anna, twin)] == [("base", "lapsed"), ("core", "earned")]


async def test_merging_and_splitting_again_and_again_costs_nobody_a_tier(desk: Desk) -> None:
    anna, twin = await _two(desk)

    for _ in range(5):
        desk.later(minutes=1)
        await desk.merge(anna, twin)
        await desk.work()
        desk.later(minutes=1)
        await desk.split(anna, twin)
        await desk.work()
    desk.later(days=100)
    await desk.work()

    assert [(await desk.standing(one)).tier for one in (anna, twin)] == ["standard", "core"]
