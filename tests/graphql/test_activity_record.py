"""activityRecord: how often somebody did something on a day, and what grows by it."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from member_hub.db import transaction
from member_hub.db.bulk import table_of
from member_hub.members.bits import PURPOSE_BITS
from member_hub.members.tables import Channel, Member, MemberStatus
from member_hub.privacy import Purpose
from member_hub.tiers.tables import GrowthEntry
from tests.graphql.recording import a_member, active, an_order, counts, record
from tests.graphql.test_tiers import APPROVE, OTHER, place
from tests.graphql.world import World, said


async def test_a_days_activity_replaces_what_was_said_and_grows_by_the_difference(world: World) -> None:
    member = await a_member(world)

    one = await active(world, member)
    none = await active(world, member, "k2", count=0)
    again = await active(world, member, "k3")

    assert one["userErrors"] == []
    assert one["growth"] > 0
    assert none["growth"] == 0
    assert again["growth"] == one["growth"]
    async with transaction(world.hub.database.app) as tx:
        amounts = (await tx.execute(select(func.sum(table_of(GrowthEntry).c.amount)))).scalar_one()
    assert amounts == one["growth"]


STOOD = """mutation ($input: ActivityRecordInput!, $key: String!) {
  activityRecord(input: $input, idempotencyKey: $key) {
    growth member { tier { tier { code } reason explanation { decidedAt } } } userErrors { field code }
  }
}"""


async def test_activity_promotes_in_the_same_act_as_an_order_does(world: World) -> None:
    """What the tier gives would wait for the round of a job else."""
    member = await a_member(world)
    stated = {"channel": "STORE", "kind": "REVIEW", "count": 2, "member": str(member)}

    came = (await world.ask("app_checkout", STOOD, variables={"input": stated, "key": "k1"}))["activityRecord"]

    tier = {
        "tier": {"code": "standard"},
        "reason": "EARNED",
        "explanation": {"decidedAt": "2026-11-22T08:00:00Z"},
    }
    assert came == {"growth": 10, "member": {"tier": tier}, "userErrors": []}
    assert (await counts(world))["tier_change"] == 1


async def test_who_objected_to_activity_evaluation_grows_by_none_of_it(world: World) -> None:
    member = await a_member(world)
    async with transaction(world.hub.database.app) as tx:
        bit = PURPOSE_BITS[Purpose.ACTIVITY_EVALUATION]
        await tx.execute(update(table_of(Member)).values(restriction_bits=bit))

    came = await active(world, member)

    assert came == {"growth": 0, "userErrors": []}
    assert (await counts(world))["growth_entry"] == 0


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"count": -1}, ("count", "BAD_USER_INPUT")),
        ({"count": 32_768}, ("count", "BAD_USER_INPUT")),
        ({"day": "2026-11-14"}, ("day", "OCCURRED_AT_OUT_OF_RANGE")),
        ({"day": "2026-11-23"}, ("day", "OCCURRED_AT_OUT_OF_RANGE")),
        ({"member": "00000000-0000-7000-8000-000000000000"}, ("member", "NOT_FOUND")),
    ],
)
async def test_activity_that_cannot_be_recorded_changes_nothing(
    world: World, change: dict[str, Any], error: tuple[str, str]
) -> None:
    member = await a_member(world)
    before = await counts(world)

    came = await active(world, member, **change)

    assert came == {"growth": None, "userErrors": [{"field": error[0], "code": error[1]}]}
    assert await counts(world) == before
    entry = (await world.audited())[-1]
    assert (entry.operation, entry.outcome) == ("activityRecord", error[1])


@pytest.mark.parametrize("status", [MemberStatus.FROZEN, MemberStatus.RESTRICTED])
async def test_a_member_who_is_not_active_records_no_activity_and_hears_what_was_done_before(
    world: World, status: MemberStatus
) -> None:
    member = await a_member(world)
    done = await active(world, member)
    async with transaction(world.hub.database.app) as tx:
        await tx.execute(update(table_of(Member)).values(status=status))
    before = await counts(world)

    came = await active(world, member, "k2", count=2)

    assert came == {"growth": None, "userErrors": [{"field": "member", "code": "MEMBER_NOT_ACTIVE"}]}
    assert await counts(world) == before
    entry = (await world.audited())[-1]
    assert (entry.operation, entry.outcome, entry.member_ids) == ("activityRecord", "MEMBER_NOT_ACTIVE", [member])
    assert await active(world, member) == done


async def test_the_same_request_again_gives_the_first_answer_though_more_was_said_since(world: World) -> None:
    member = await a_member(world)
    first = await active(world, member, "a", kind="REVIEW", count=2)
    none = await active(world, member, "b", kind="REVIEW", count=0)
    more = await active(world, member, "c", kind="REVIEW", count=3)
    before = await counts(world)

    answers = [await active(world, member, key, kind="REVIEW", count=n) for key, n in (("a", 2), ("b", 0), ("c", 3))]

    assert answers == [first, none, more]
    assert [one["growth"] > 0 for one in (first, none, more)] == [True, False, True]
    assert await counts(world) == before


async def test_the_first_answer_is_that_of_its_day_and_account(world: World) -> None:
    """Another day, and an account in the channel that came after it, change nothing about it."""
    member = await a_member(world)
    stated = {"channel": "WEBSITE", "kind": "REVIEW", "count": 2}  # of the store card, which is all there is
    first = await active(world, member, "a", **stated)
    world.clock.at += timedelta(days=1)
    at = world.clock.at
    phone = {"phone": "+8613812345678", "phone_verified": True}
    await world.resolve(
        said(Channel.STORE, "8800000001", at=at, home_store="SH001", **phone),  # type: ignore[arg-type]
        said(Channel.WEBSITE, "W1", at=at, **phone),  # type: ignore[arg-type]
    )
    other = await active(world, member, "b", **stated | {"count": 0})

    assert (first["growth"] > 0, other["growth"]) == (True, 0)
    assert await active(world, member, "a", **stated) == first
    assert await active(world, member, "b", **stated | {"count": 0}) == other


async def test_who_objected_when_it_was_recorded_is_told_the_same_later(world: World) -> None:
    member = await a_member(world)
    bits = [PURPOSE_BITS[Purpose.ACTIVITY_EVALUATION], 0]
    answers = []
    for bit in bits:
        async with transaction(world.hub.database.app) as tx:
            await tx.execute(update(table_of(Member)).values(restriction_bits=bit))
        answers += [await active(world, member, "a"), await active(world, member, f"k-{bit}")]

    again = await active(world, member, "a")

    assert [one["growth"] for one in answers[:3]] == [0, 0, 0]
    assert answers[3]["growth"] > 0
    assert again == answers[0]


async def test_while_the_clock_is_behind_no_activity_and_no_order_decides_a_tier(world: World) -> None:
    """By an earlier day than the one that decided last; readiness tells of the clock, and members are read."""
    member, other = await a_member(world), await a_member(world, "8800000002")
    await active(world, member, kind="REVIEW", count=2)
    world.clock.at -= timedelta(minutes=30)
    before = await counts(world)

    came = await active(world, other, "k2")

    assert came == {"growth": None, "userErrors": [{"field": None, "code": "CLOCK_JUMPED"}]}
    assert await record(world, an_order(other), key="k3") == (None, [(None, "CLOCK_JUMPED")])
    assert await counts(world) == before
    for entry, operation in zip((await world.audited())[-2:], ("activityRecord", "orderRecord"), strict=True):
        assert (entry.operation, entry.outcome, entry.member_ids) == (operation, "CLOCK_JUMPED", [other])
    assert (await world.client.get("/readyz")).json()["clock"] == "behind"
    world.clock.at += timedelta(minutes=30)
    assert (await active(world, other, "k4"))["userErrors"] == []


async def test_nobody_is_placed_by_a_clock_that_is_behind(world: World) -> None:
    member = await a_member(world)
    asked = await place(world, member)
    await world.ask("membership_manager", APPROVE, variables={"id": asked["approvalId"]}, subject=OTHER)
    await active(world, member, kind="REVIEW", count=2)
    world.clock.at -= timedelta(minutes=30)
    before = await counts(world)

    placed = await place(world, member, approvalId=asked["approvalId"])

    assert placed["userErrors"] == [{"field": None, "code": "CLOCK_JUMPED"}]
    assert await counts(world) == before
    assert (await world.audited())[-1].outcome == "CLOCK_JUMPED"
    world.clock.at += timedelta(minutes=30)
    assert (await place(world, member, approvalId=asked["approvalId"]))["userErrors"] == []
