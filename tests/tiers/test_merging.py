"""Two members turn out to be one, and back again: the higher tier, the later end, and a time of protection."""

import random
from dataclasses import dataclass
from typing import Any

import pytest

from member_hub.db import snapshot, transaction
from member_hub.ids import MemberId
from member_hub.privacy import Person
from member_hub.tiers.explaining import Explained, explain
from member_hub.tiers.words import Why
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


async def test_a_placement_outlives_a_merge_and_its_splitting(desk: Desk) -> None:
    anna, twin = await desk.member(), await desk.member()
    await desk.grow(twin, 6000)
    await desk.work()
    await desk.place(anna, "core", "2027-12-31T12:00")
    desk.later(days=1)
    await desk.merge(anna, twin)
    await desk.work()
    desk.later(days=1)

    await desk.split(anna, twin)
    await desk.work()

    assert [(await desk.standing(one)).tier for one in (anna, twin)] == ["vip", "vip"]
    assert [(await desk.standing(one)).floor for one in (anna, twin)] == ["core", None]
    desk.later(days=100)
    await desk.work()
    assert (await desk.standing(anna)).until == at("2028-01-01T00:00")
    assert [(await desk.standing(one)).tier for one in (anna, twin)] == ["core", "vip"]


async def test_whoever_is_still_merged_keeps_what_they_brought(desk: Desk) -> None:
    anna, bela, carl = [await desk.member() for _ in range(3)]
    for one, amount in ((anna, 150), (bela, 150), (carl, 6000)):
        await desk.grow(one, amount)
    await desk.work()
    desk.clock.at = at("2026-12-01T12:00")
    await desk.grow(carl, 4200)
    await desk.touch(carl)
    desk.clock.at = at("2027-03-10T12:00")
    await desk.work()
    assert await desk.placed(carl) == ("vip", "retained")
    for other in (bela, carl):
        await desk.merge(anna, other)
        await desk.work()
        desk.later(days=1)

    await desk.split(anna, bela)
    desk.later(days=95)
    await desk.work()

    standing = await desk.standing(anna)
    assert (standing.tier, standing.until) == ("vip", at("2028-03-03T00:00"))


async def test_a_floor_that_is_over_protects_nobody_though_nobody_has_looked(desk: Desk) -> None:
    anna, twin = await desk.member(), await desk.member()
    for one in (anna, twin):
        await desk.grow(one, 150)
    await desk.work()
    await desk.merge(anna, twin)
    await desk.work()
    await desk.place(anna, "vip", "2026-04-01T12:00")
    desk.clock.at = at("2026-04-02T09:00")

    await desk.split(anna, twin)
    await desk.work()

    assert [(await desk.standing(one)).tier for one in (anna, twin)] == ["standard", "standard"]


async def test_a_placement_while_merged_is_of_both(desk: Desk) -> None:
    anna, twin = await _two(desk)
    await desk.place(twin, "vip", "2026-12-31T12:00")
    await desk.merge(anna, twin)
    desk.later(minutes=1)
    await desk.place(anna, "core", "2027-03-31T12:00")
    desk.later(days=1)

    await desk.split(anna, twin)

    assert [(await desk.standing(one)).floor for one in (anna, twin)] == ["core", "core"]
    assert {(await desk.standing(one)).floor_until for one in (anna, twin)} == {at("2027-04-01T00:00")}


async def test_two_who_were_merged_before_the_third_part_from_it_as_they_were(desk: Desk) -> None:
    anna, bela, carl = [await desk.member() for _ in range(3)]
    for one, amount in ((anna, 700), (bela, 700), (carl, 150)):
        await desk.grow(one, amount)
    await desk.work()
    await desk.merge(anna, bela)
    await desk.work()
    assert await desk.placed(anna) == ("core", "earned")
    until = (await desk.standing(anna)).until
    desk.later(days=30)
    await desk.merge(anna, carl)
    desk.later(days=1)

    await desk.split(anna, carl)

    rows = {row.member_id: (row.own_tier, row.until) for row in await desk.rows("tier_standing")}
    assert rows[anna] == ("core", until)
    assert rows[carl][0] == "standard"
    assert [(row.kept_ids, row.gone_ids) for row in await desk.rows("tier_merge")] == [([anna], [bela])]


SIDE = ("own_tier", "own_rank", "until", "term_since", "in_grace", "given_days", "floor", "floor_rank", "floor_until")


async def test_what_explains_a_merged_tier_is_the_decision_of_whom_it_came_from(desk: Desk) -> None:
    anna, twin, third = [await desk.member() for _ in range(3)]
    for one, amount, number in ((twin, 6000, "T"), (anna, 150, "A"), (third, 20, "C")):
        await desk.order(one, number, amount * 100)
        await desk.grow(one, amount)
    await desk.work()
    reached_at = (await desk.standing(twin)).since
    for moment in ("2027-02-20T12:00", "2027-03-20T12:00"):
        desk.clock.at = at(moment)
        await desk.work()
    assert await desk.placed(twin) == ("vip", "grace")

    for other in (twin, third):
        desk.later(hours=1)
        await desk.merge(anna, other)
        await desk.work()

        why = (await _explained(desk, anna)).decision
        assert (await desk.placed(anna), why.reason, why.decided_at) == (("vip", "merge"), Why.EARNED, reached_at)
        assert [(one.reached, one.is_met) for one in why.reasons if one.tier == "vip"] == [(6000, True)]
        assert [row.order_no for row in (await _explained(desk, anna)).lines] == ["T"]


async def test_after_parting_nothing_of_the_other_explains_the_tier(desk: Desk) -> None:
    anna, twin = await _two(desk)
    await desk.merge(anna, twin)
    await desk.work()
    desk.later(days=1)

    await desk.split(anna, twin)
    await desk.work()

    for one, reached in ((anna, 150), (twin, 1200)):
        why = (await _explained(desk, one)).decision
        assert (why.reason, why.decided_at, {reason.reached for reason in why.reasons}) == (Why.SPLIT, None, {reached})


async def test_an_earned_tier_above_a_placement_is_told_as_earned(desk: Desk) -> None:
    anna = await desk.member()
    await desk.grow(anna, 6000)
    await desk.work()
    desk.later(days=1)

    await desk.place(anna, "core", "2026-06-30T12:00")

    assert await desk.placed(anna) == ("vip", "earned")
    assert await desk.changes(anna) == [("base", "vip", "earned"), ("vip", "vip", "manual")]
    why = (await _explained(desk, anna)).decision
    assert (why.reason, why.decided_at) == (Why.EARNED, NOW)


async def _explained(desk: Desk, member_id: MemberId) -> Explained:
    async with snapshot(desk.database.app) as tx:
        return (await explain(tx, desk.programme, [member_id], now=desk.clock.now(), with_orders=True))[member_id]


async def test_after_parting_and_erasing_nothing_of_the_one_stands_with_the_other(desk: Desk) -> None:
    anna, twin = await _two(desk)
    await desk.merge(anna, twin)
    await desk.work()
    assert str(twin) in str(await _exported(desk, anna, twin)), "as long as they are one it is theirs"
    desk.later(days=1)
    await desk.split(anna, twin)
    await desk.work()
    assert str(twin) not in str(await _exported(desk, anna))

    async with transaction(desk.database.app) as tx:
        await desk.holder.erase_for(tx, await _person(desk, twin))

    assert str(twin) not in str(await desk.everything())
    assert [change[2] for change in await desk.changes(anna)] == ["earned", "merge", "split"]


async def _person(desk: Desk, *member_ids: MemberId) -> Person:
    first, *others = member_ids
    return Person(first, others, [await desk.origin(one) for one in member_ids], (), ())


async def _exported(desk: Desk, *member_ids: MemberId) -> list[Any]:
    person = await _person(desk, *member_ids)
    async with snapshot(desk.database.app) as tx:
        return [dict(held.record) async for held in desk.holder.export_for(tx, person)]


@dataclass
class Beside:
    """Some members, and beside each of them one to whom the same happens and who is never merged."""

    desk: Desk
    alone: dict[MemberId, MemberId]
    root: dict[MemberId, MemberId]

    def together(self, one: MemberId) -> list[MemberId]:
        return [other for other in self.root if self.root[other] == self.root[one]]

    async def grow(self, one: MemberId, amount: int) -> None:
        for grower in (one, self.alone[one]):
            await self.desk.grow(grower, amount)
            await self.desk.touch(grower)

    async def place(self, one: MemberId, tier: str, until: str) -> None:
        for placed in (one, *(self.alone[side] for side in self.together(one))):
            await self.desk.place(placed, tier, until)

    async def merge(self, one: MemberId, other: MemberId) -> None:
        kept = self.root[one]
        await self.desk.merge(kept, self.root[other])
        self.root |= dict.fromkeys(self.together(other), kept)

    async def split(self, one: MemberId) -> None:
        await self.desk.split(self.root[one], one)
        self.root[one] = one

    async def something(self, chance: random.Random) -> None:
        one, other = chance.sample(list(self.root), 2)
        kind = chance.choice(["grow", "place", "merge", "merge", "split"])
        if kind == "grow" and self.together(one) == [one]:
            await self.grow(one, chance.choice([50, 150, 1200, 6000]))
        elif kind == "place":
            tier = chance.choice(["base", "standard", "core", "vip"])
            await self.place(one, tier, f"2027-{chance.randint(1, 12):02}-15T12:00")
        elif kind == "merge" and self.root[one] != self.root[other]:
            await self.merge(one, other)
        elif kind == "split" and self.root[one] != one:
            await self.split(one)


@pytest.mark.parametrize("seed", range(20))
async def test_parted_again_each_stands_where_they_would_without_any_merging(desk: Desk, seed: int) -> None:
    chance = random.Random(seed)
    members = [await desk.member() for _ in range(chance.choice([3, 4]))]
    beside = Beside(desk, {one: await desk.member() for one in members}, {one: one for one in members})
    for _ in range(25):
        desk.later(hours=chance.randint(1, 60))
        await beside.something(chance)
        await desk.work()
    for one in members:
        if beside.root[one] != one:
            desk.later(hours=1)
            await beside.split(one)
    await desk.work()

    rows = {row.member_id: _side(row) for row in await desk.rows("tier_standing")}

    nobody = ("base", None, None, False, 0, None, None)
    assert {one: rows.get(one, nobody) for one in members} == {
        one: rows.get(other, nobody) for one, other in beside.alone.items()
    }
    assert await desk.rows("tier_merge") == []


def _side(row: Any) -> tuple[Any, ...]:
    """All but what is protected; the lowest tier has no term, however it came."""
    own = row.own_tier or "base"
    term = (None, None) if own == "base" else (row.until, row.term_since)
    return (own, *term, row.in_grace, row.given_days, row.floor, row.floor_until)
