"""What comes back is what it was: it expires when it would have, refunds find it, and it lifts no other limit."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from member_hub.db import snapshot
from member_hub.ids import MemberId
from tests.graphql.pointing import act, done, earn, errors, everything, faults, points_of, pots
from tests.graphql.recording import a_member, an_order, record
from tests.graphql.world import People, World

REFUND = {"lineNo": 1, "amountFen": 10_000, "refundOf": {"orderNo": "T1", "lineNo": 1}}
AT = "query ($by: MemberKey!, $m: DateTime!) { member(by: $by) { points { at(moment: $m) } } }"


async def _end_of(world: World, lot: str) -> datetime:
    async with snapshot(world.hub.database.app) as tx:
        found = await tx.execute(text("select expires_at from hub.points_lot where lot_id = :lot"), {"lot": lot})
        return found.scalar_one()  # type: ignore[no-any-return]


async def _released_early(world: World, people: People) -> tuple[str, datetime]:
    """A hundred points, held whole over their end, released before it; meanwhile something else fell due."""
    lot = (await earn(world, people.whole, 100))["entries"][0]["lot"]
    ends = await _end_of(world, lot)
    world.clock.at = ends - timedelta(days=9, hours=-1)
    await earn(world, people.whole, 1_000, "PURCHASE")  # ten points, active a day before the others' end
    world.clock.at = ends - timedelta(days=2)
    held = await done(world, "pointsHold", "app_checkout", member=people.whole, amount=100, minutes=10_080)
    world.clock.at = ends - timedelta(hours=12)
    await earn(world, people.whole, 1)  # whoever touches the account: the purchase's points become active
    await done(world, "pointsRelease", "app_checkout", member=people.whole, hold=held["operationId"])
    assert await pots(world, people.whole) == (111, 0, 0, 0)
    return lot, ends


async def test_points_released_before_their_end_expire_at_it(world: World, people: People) -> None:
    _, ends = await _released_early(world, people)
    world.clock.at = ends + timedelta(days=4)

    assert await pots(world, people.whole) == (11, 0, 0, 0)
    before = await everything(world)
    payload = await act(world, "pointsRedeem", "app_checkout", member=people.whole, amount=12)
    assert errors(payload) == [("amount", "POINTS_NOT_ENOUGH")]
    assert await everything(world) == before
    refused = (await world.audited())[-1]
    assert (refused.operation, refused.outcome) == ("pointsRedeem", "POINTS_NOT_ENOUGH")
    assert await faults(world) == []


async def test_the_ledger_says_of_released_points_what_was_shown(world: World, people: People) -> None:
    _, ends = await _released_early(world, people)
    world.clock.at = ends + timedelta(days=4)
    shown = (await points_of(world, people.whole))["balance"]
    then = world.clock.at

    world.clock.at = ends + timedelta(days=6)
    await earn(world, people.whole, 1)

    said: dict[str, Any] = {"by": {"id": str(people.whole)}, "m": then.isoformat()}
    found = await world.ask("app_checkout", AT, variables=said)
    assert found["member"]["points"]["at"] == shown == 11
    assert await faults(world) == []


async def _bought(world: World) -> MemberId:
    """A hundred active points, for one line."""
    member = await a_member(world)
    await record(world, an_order(member, {"lineNo": 1, "amountFen": 10_000}), key="o1")
    world.clock.at += timedelta(days=9)
    assert await pots(world, member) == (100, 0, 0, 0)
    return member


async def test_a_refund_takes_what_a_hold_gives_back(world: World) -> None:
    member = await _bought(world)
    held = await done(world, "pointsHold", "app_checkout", member=member, amount=100, minutes=10_080)
    order, wrong = await record(world, an_order(member, REFUND, orderNo="R1"), key="o2")
    assert (order["takenBack"], wrong, await pots(world, member)) == (0, [], (0, 0, 100, 0))

    released = await done(world, "pointsRelease", "app_checkout", member=member, hold=held["operationId"], key="k")

    assert (released["points"], released["takenBack"], released["balance"]) == (100, 100, 0)
    assert [(one["act"], one["reason"], one["points"]) for one in released["entries"]] == [
        ("RELEASE", "CANCELLED", 100),
        ("REVERSE", "REFUND", 100),
    ]
    assert await pots(world, member) == (0, 0, 0, 0)
    again = await done(world, "pointsRelease", "app_checkout", member=member, hold=held["operationId"], key="k")
    assert again == released
    assert await faults(world) == []


async def test_a_refund_takes_what_a_cancelled_redemption_gives_back(world: World) -> None:
    member = await _bought(world)
    spent = await done(world, "pointsRedeem", "app_checkout", member=member, amount=100)
    await record(world, an_order(member, REFUND, orderNo="R1"), key="o2")

    part = await done(
        world, "pointsReverse", "app_checkout", member=member, operation=spent["operationId"], amount=60, key="k"
    )
    rest = await done(world, "pointsReverse", "app_checkout", member=member, operation=spent["operationId"])

    assert [(one["points"], one["takenBack"], one["balance"]) for one in (part, rest)] == [(60, 60, 0), (40, 40, 0)]
    assert await pots(world, member) == (0, 0, 0, 0)
    again = await done(
        world, "pointsReverse", "app_checkout", member=member, operation=spent["operationId"], amount=60, key="k"
    )
    assert again == part
    assert await faults(world) == []


async def test_undoing_one_spent_point_does_not_bring_back_the_others(world: World, people: People) -> None:
    earned = await earn(world, people.whole, 100)
    spent = await done(world, "pointsRedeem", "app_checkout", member=people.whole, amount=1)
    world.clock.at += timedelta(days=600)
    await done(world, "pointsReverse", "app_checkout", member=people.whole, operation=spent["operationId"])
    before, lot = await everything(world), earned["entries"][0]["lot"]

    payload = await act(world, "pointsReinstate", "support_agent", member=people.whole, lot=lot)

    assert errors(payload) == [("lot", "POINTS_LIMIT")]
    assert await everything(world) == before
    refused = (await world.audited())[-1]
    assert (refused.operation, refused.outcome) == ("pointsReinstate", "POINTS_LIMIT")
    assert await pots(world, people.whole) == (1, 0, 0, 0)


async def test_a_lot_past_its_end_is_not_extended_for_what_is_held_of_it(world: World, people: People) -> None:
    lot = (await earn(world, people.whole, 100))["entries"][0]["lot"]
    ends = await _end_of(world, lot)
    world.clock.at = ends - timedelta(hours=1)
    held = await done(world, "pointsHold", "app_checkout", member=people.whole, amount=60, minutes=10_080)
    world.clock.at = ends + timedelta(days=2)
    await earn(world, people.whole, 1)  # whoever touches the account: what is not held expires
    before, until = await everything(world), (ends + timedelta(days=30)).isoformat()

    payload = await act(world, "pointsExtend", "support_agent", member=people.whole, lot=lot, until=until)

    assert errors(payload) == [("lot", "POINTS_NOT_ENOUGH")]
    assert await everything(world) == before
    refused = (await world.audited())[-1]
    assert (refused.operation, refused.outcome) == ("pointsExtend", "POINTS_NOT_ENOUGH")
    await done(world, "pointsRelease", "app_checkout", member=people.whole, hold=held["operationId"])
    assert await pots(world, people.whole) == (1, 0, 0, 0)
    assert await faults(world) == []
