"""What a hold gives back is what it was: it expires when it would have, and refunds find it."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from member_hub.db import snapshot
from tests.graphql.pointing import act, done, earn, errors, everything, faults, points_of, pots
from tests.graphql.world import People, World

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
