"""A member who objected to everything: the tier rests, is read by nobody but them, and the time is given back."""

from datetime import datetime, timedelta
from typing import Any

from member_hub.clock import SHANGHAI
from member_hub.ids import MemberId
from member_hub.jobs import every_job
from tests.graphql.benefits import rows
from tests.graphql.recording import a_member, an_order, record
from tests.graphql.test_objections import lift
from tests.graphql.test_objections import place as object_to
from tests.graphql.test_tiers import APPROVE, BRIEF, OTHER, grow, me, stored
from tests.graphql.test_tiers import place as place_at
from tests.graphql.world import World
from tests.tiers.desk import at

EVERYTHING = {"everything": True}
JOBS = ("tier thresholds", "tier review", "tier notices")


async def days(world: World, *moments: str) -> None:
    """The clock goes on, and the jobs of tiers run at each of these moments."""
    for moment in moments:
        world.clock.at = at(moment)
        for job in every_job(world.hub):
            if job.name in JOBS:
                await job.run_if_due(world.clock.at)


async def at_core(world: World) -> MemberId:
    """Since 22 November 2026; the term ends on the same day of the next year."""
    member = await a_member(world)
    await grow(world, member, 100)
    return member


async def told(world: World, member: MemberId) -> list[Any]:
    return [
        row for row in await rows(world, "hub.notice_task") if row.member_id == member and row.kind == "tier_ending"
    ]


async def test_nothing_is_decided_and_nothing_is_said_while_it_stands(world: World) -> None:
    member = await at_core(world)
    await object_to(world, "member", EVERYTHING, member=member)
    before = await stored(world)

    await days(world, "2027-10-24T12:00", "2027-11-10T12:00", "2027-11-25T12:00", "2028-02-25T12:00")

    assert await stored(world) == before
    assert await told(world, member) == []
    mine = await me(world, member)
    assert (mine["tier"]["code"], mine["reason"], mine["notice"]) == ("core", "EARNED", None)
    assert mine["explanation"]["criteria"][1]["reached"] == 100
    assert mine["explanation"]["criteria"][1]["isMet"] is True


async def test_the_time_that_it_stood_is_given_back_as_grace(world: World) -> None:
    member = await at_core(world)
    await days(world, "2027-08-01T12:00")
    placed, _ = await object_to(world, "member", EVERYTHING, member=member)
    await days(world, "2027-12-25T12:00", "2028-01-28T12:00")

    await lift(world, "member", placed["id"], member=member)
    await days(world, "2028-01-28T12:01")

    mine = await me(world, member, BRIEF)
    assert (mine["tier"]["code"], mine["reason"]) == ("core", "GRACE")
    assert _day(mine["until"]) == "2028-06-20"  # 30 days of grace from 23 November 2027, and 180 more
    await days(world, "2028-01-28T12:02", "2028-06-19T23:00")
    assert (await me(world, member, BRIEF))["tier"]["code"] == "core"
    assert len(await told(world, member)) == 1
    await days(world, "2028-06-20T00:01")
    assert (await me(world, member, BRIEF))["reason"] == "LAPSED"


async def test_who_was_told_before_is_told_anew_and_has_the_rest_of_the_grace(world: World) -> None:
    member = await at_core(world)
    await days(world, "2027-10-24T12:00", "2027-11-23T12:00")
    assert _day((await me(world, member))["notice"]["until"]) == "2027-12-23"
    await days(world, "2027-12-03T12:00")
    placed, _ = await object_to(world, "member", EVERYTHING, member=member)
    await days(world, "2027-12-23T12:00", "2028-03-12T13:00")

    await lift(world, "member", placed["id"], member=member)
    await days(world, "2028-03-12T13:01")

    mine = await me(world, member)
    assert (mine["tier"]["code"], _day(mine["notice"]["until"])) == ("core", "2028-04-11")  # 30 days from now, not 20
    assert [row.notice_sent_at for row in await rows(world, "hub.tier_standing")] == [at("2028-03-12T13:01")]


async def test_objecting_for_less_than_a_day_lengthens_nothing(world: World) -> None:
    member = await at_core(world)
    for day in range(10, 20):
        await days(world, f"2027-01-{day}T01:00")
        placed, _ = await object_to(world, "member", EVERYTHING, member=member)
        world.clock.at = at(f"2027-01-{day}T23:00")
        await lift(world, "member", placed["id"], member=member)

    assert [row.given_days for row in await rows(world, "hub.tier_standing")] == [0]


async def test_a_part_that_is_lifted_gives_nothing_and_the_last_gives_all(world: World) -> None:
    member = await at_core(world)
    await days(world, "2027-01-01T12:00")
    first, _ = await object_to(world, "member", EVERYTHING, member=member)
    world.clock.at = at("2027-01-11T12:00")
    await lift(world, "member", first["id"], member=member, only={"channels": ["EMAIL"]})
    assert [row.given_days for row in await rows(world, "hub.tier_standing")] == [0]
    found = await world.ask("member", "{ objections { id liftedAt } }", member=member)
    (rest,) = [one["id"] for one in found["objections"] if one["liftedAt"] is None]
    world.clock.at = at("2027-01-31T12:00")

    await lift(world, "member", rest, member=member)

    assert [row.given_days for row in await rows(world, "hub.tier_standing")] == [30]


async def test_what_was_bought_meanwhile_counts_when_it_is_lifted(world: World) -> None:
    member = await a_member(world)
    placed, _ = await object_to(world, "member", EVERYTHING, member=member)
    _, errors = await record(world, an_order(member, {"lineNo": 1, "amountFen": 6_000}))
    assert errors == [("member", "NOT_FOUND")]
    assert await seen_by_staff(world, member) is None

    await lift(world, "member", placed["id"], member=member)

    receipt, errors = await record(world, an_order(member, {"lineNo": 1, "amountFen": 6_000}), key="k2")
    assert (receipt or {}).get("tier") == "core"


async def test_a_floor_whose_time_is_given_back_multiplies_until_its_new_end(world: World) -> None:
    member = await a_member(world)
    asked = await place_at(world, member)
    await world.ask("membership_manager", APPROVE, variables={"id": asked["approvalId"]}, subject=OTHER)
    assert (await place_at(world, member, approvalId=asked["approvalId"]))["userErrors"] == []
    before, _ = await record(world, an_order(member, {"lineNo": 1, "amountFen": 10_000}, orderNo="T1"), key="k1")
    ends = (await rows(world, "hub.tier_standing"))[0].floor_until
    world.clock.at = ends - timedelta(days=30)
    placed, _ = await object_to(world, "member", EVERYTHING, member=member)
    world.clock.at = ends - timedelta(days=5)
    await lift(world, "member", placed["id"], member=member)
    world.clock.at = ends + timedelta(days=8)

    after, errors = await record(world, an_order(member, {"lineNo": 1, "amountFen": 10_000}, orderNo="T2"), key="k2")

    assert errors == []
    assert before is not None
    assert after is not None
    assert [(one["tier"], one["points"]) for one in (before, after)] == [("vip", 150)] * 2
    assert [row.floor_until for row in await rows(world, "hub.tier_standing")] == [ends + timedelta(days=25)]


async def test_nobody_is_placed_while_it_stands_even_with_an_approval(world: World) -> None:
    member = await at_core(world)
    asked = await place_at(world, member)
    await world.ask("membership_manager", APPROVE, variables={"id": asked["approvalId"]}, subject=OTHER)
    await object_to(world, "member", EVERYTHING, member=member)
    before = await stored(world)

    answer = await place_at(world, member, approvalId=asked["approvalId"])

    assert [one["code"] for one in answer["userErrors"]] == ["NOT_FOUND"]
    assert await stored(world) == before
    assert ((await world.audited())[-1].operation, (await world.audited())[-1].outcome) == ("tierPlace", "NOT_FOUND")


async def seen_by_staff(world: World, member: MemberId) -> Any:
    found = await world.ask(
        "store_manager", "query ($id: ID!) { member(by: {id: $id}) { id } }", variables={"id": str(member)}
    )
    return found["member"]


def _day(moment: str) -> str:
    return datetime.fromisoformat(moment).astimezone(SHANGHAI).date().isoformat()
