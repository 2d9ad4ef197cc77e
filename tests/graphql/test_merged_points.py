"""Limits of a day and points that expired, where two members become one in the middle of it, and part again."""

from datetime import timedelta

import pytest

from member_hub.ids import MemberId
from tests.graphql.meeting import meet, part, two
from tests.graphql.pointing import act, done, earn, errors, everything, faults, pots
from tests.graphql.world import People, World


async def refuses(world: World, name: str, role: str, expected: tuple[str, str], **stated: object) -> None:
    before = await everything(world)
    assert errors(await act(world, name, role, **stated)) == [expected]
    assert await everything(world) == before
    last = (await world.audited())[-1]
    assert (last.operation, last.outcome) == (name, expected[1])


async def gives(world: World, member: MemberId, amount: int, to: MemberId) -> None:
    await done(world, "pointsTransfer", "app_mini_program", to=to, amount=amount, about={"member": member})


async def test_what_both_gave_today_counts_for_the_one_that_they_are(world: World, people: People) -> None:
    kept, gone = await two(world)
    for one in (kept, gone):
        await earn(world, one, 9_000)
    await gives(world, kept, 5_000, people.southern)
    await gives(world, gone, 4_000, people.southern)

    await meet(world, kept, gone)

    giving = {"to": people.southern, "about": {"member": kept}}
    await refuses(world, "pointsTransfer", "app_mini_program", ("amount", "POINTS_LIMIT"), amount=1_001, **giving)
    await gives(world, kept, 1_000, people.southern)
    await refuses(world, "pointsTransfer", "app_mini_program", ("amount", "POINTS_LIMIT"), amount=1, **giving)
    await part(world)
    await gives(world, gone, 4_000, people.southern)  # eight in all; what the other one gave is not theirs any more
    assert await faults(world) == []


async def test_what_was_adjusted_alone_adds_up_over_both(world: World) -> None:
    kept, gone = await two(world)
    for member, amount in ((kept, 600), (gone, 300)):
        await done(world, "pointsAdjust", "support_agent", member=member, amount=amount, reason="GOODWILL")

    await meet(world, kept, gone)

    more = {"member": kept, "reason": "GOODWILL"}
    refused = await act(world, "pointsAdjust", "support_agent", amount=101, **more)
    assert (errors(refused), await pots(world, kept)) == ([("approvalId", "APPROVAL_REQUIRED")], (900, 0, 0, 0))
    assert (await world.audited())[-2].outcome == "APPROVAL_REQUIRED"
    assert (await done(world, "pointsAdjust", "support_agent", amount=100, **more))["points"] == 100
    await part(world)
    assert (await done(world, "pointsAdjust", "support_agent", **more | {"member": gone}, amount=700))["points"] == 700


@pytest.mark.parametrize("is_spent", [False, True])
async def test_what_both_earned_today_is_under_one_cap(world: World, is_spent: bool) -> None:
    kept, gone = await two(world)
    for member, amount in ((kept, 120), (gone, 70)):  # of 200 a day
        await earn(world, member, amount, "INTERACTION")
        if is_spent:
            await done(world, "pointsRedeem", "app_checkout", member=member, amount=amount)

    await meet(world, kept, gone)

    assert (await earn(world, kept, 50, "INTERACTION"))["points"] == 10
    assert (await earn(world, gone, 50, "INTERACTION"))["points"] == 0
    await part(world)
    assert (await earn(world, kept, 150, "INTERACTION"))["points"] == 70
    assert (await earn(world, gone, 150, "INTERACTION"))["points"] == 130
    assert await faults(world) == []


async def expired(world: World, member: MemberId) -> str:
    """A lot that was good for half a year and ended two weeks ago; the id that the entry names."""
    receipt = await earn(world, member, 100)
    (lot,) = {one["lot"] for one in receipt["entries"]}
    world.clock.at += timedelta(days=195)
    assert await pots(world, member) == (0, 0, 0, 0)
    return str(lot)


async def test_points_that_expired_before_the_merge_are_brought_back_once(world: World) -> None:
    kept, gone = await two(world)
    lot = await expired(world, gone)
    await meet(world, kept, gone)

    part_of_it = await done(world, "pointsReinstate", "support_agent", member=kept, lot=lot, amount=30)
    rest = await done(world, "pointsReinstate", "support_agent", member=gone, lot=lot)

    assert (part_of_it["points"], rest["points"], await pots(world, kept)) == (30, 70, (100, 0, 0, 0))
    nothing = ("lot", "POINTS_NOT_ENOUGH")
    await refuses(world, "pointsReinstate", "support_agent", nothing, member=kept, lot=lot)
    await done(world, "pointsRedeem", "app_checkout", member=kept, amount=60)
    await part(world)
    assert (await pots(world, kept), await pots(world, gone)) == ((0, 0, 0, 0), (40, 0, 0, 0))
    await refuses(world, "pointsReinstate", "support_agent", nothing, member=gone, lot=lot)
    assert await faults(world) == []


async def test_what_was_brought_back_and_spent_while_merged_does_not_come_back_after_parting(world: World) -> None:
    kept, gone = await two(world)
    lot = await expired(world, gone)
    await meet(world, kept, gone)
    await done(world, "pointsReinstate", "support_agent", member=kept, lot=lot)
    await done(world, "pointsRedeem", "app_checkout", member=kept, amount=100)

    await part(world)

    await refuses(world, "pointsReinstate", "support_agent", ("lot", "NOT_FOUND"), member=gone, lot=lot)
    nothing = ("lot", "POINTS_NOT_ENOUGH")
    await refuses(world, "pointsReinstate", "support_agent", nothing, member=kept, lot=lot)
    assert await faults(world) == []


async def test_what_nobody_brought_back_while_merged_can_be_after_parting(world: World) -> None:
    kept, gone = await two(world)
    lot = await expired(world, gone)
    await meet(world, kept, gone)
    await part(world)

    await refuses(world, "pointsReinstate", "support_agent", ("lot", "NOT_FOUND"), member=kept, lot=lot)
    assert (await done(world, "pointsReinstate", "support_agent", member=gone, lot=lot))["points"] == 100
    assert await faults(world) == []


async def test_what_expired_too_long_ago_stays_gone_also_after_a_merge(world: World) -> None:
    kept, gone = await two(world)
    lot = await expired(world, gone)
    world.clock.at += timedelta(days=90)
    await meet(world, kept, gone)

    await refuses(world, "pointsReinstate", "support_agent", ("lot", "POINTS_LIMIT"), member=kept, lot=lot)
