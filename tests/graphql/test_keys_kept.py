"""How long a key stands: longer than what it was sent with is accepted, and by no single clock."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from member_hub.approving import APPROVAL_LIVES
from member_hub.approving.tables import KEPT_DAYS
from member_hub.idempotency.actions import KEPT
from member_hub.jobs import every_job, named
from member_hub.jobs.forgetting import FORGETTING_EVERY
from member_hub.points.guards import CLOCK_SLACK
from member_hub.points.rules import AHEAD_MAX, OCCURRED_MAX
from tests.graphql.pointing import act, done, everything, pots
from tests.graphql.world import People, World

A_DAY = timedelta(days=1)
LONG_AGO = timedelta(days=60)  # the database's clock is beyond all that happens here


def an_earning(world: World, people: People, ahead: timedelta = timedelta()) -> dict[str, Any]:
    at = (world.clock.at + ahead).isoformat()
    return {"member": people.whole, "amount": 100, "kind": "TASK", "occurredAt": at, "key": "till-1"}


def test_a_key_outlives_whatever_may_be_sent_with_it() -> None:
    assert KEPT >= OCCURRED_MAX + AHEAD_MAX + CLOCK_SLACK
    assert KEPT >= OCCURRED_MAX + A_DAY  # a day of activity is sent until the end of the seventh day after it
    assert timedelta(days=KEPT_DAYS) >= APPROVAL_LIVES + KEPT + FORGETTING_EVERY


@pytest.mark.parametrize("ahead", [timedelta(), timedelta(minutes=4), AHEAD_MAX])
async def test_the_last_moment_at_which_an_earning_is_accepted_finds_its_key(
    world: World, people: People, ahead: timedelta
) -> None:
    """A till that was offline sends what it has sent before, by a clock that may be ahead of the hub's."""
    world.clock.at -= LONG_AGO
    stated = an_earning(world, people, ahead)
    first = await done(world, "pointsEarn", "app_checkout", **stated)
    world.clock.at += OCCURRED_MAX + ahead

    again = await done(world, "pointsEarn", "app_checkout", **stated)

    assert again == first
    assert await pots(world, people.whole) == (100, 0, 0, 0)


async def test_a_clock_that_jumped_ahead_forgets_no_key(world: World, people: People) -> None:
    world.clock.at = datetime.now(UTC)
    stated = an_earning(world, people)
    del stated["occurredAt"]
    first = await done(world, "pointsEarn", "app_checkout", **stated)
    before = await everything(world)
    world.clock.at += 30 * A_DAY
    (job,) = named(every_job(world.hub), ["old keys"])

    forgotten = await job.work(world.clock.now())
    again = await act(world, "pointsEarn", "app_checkout", **stated)

    assert (forgotten.count, again["receipt"], again["userErrors"]) == (0, first, [])
    assert await everything(world) == before
    world.clock.at -= 30 * A_DAY
    assert await done(world, "pointsEarn", "app_checkout", **stated) == first


async def test_a_clock_that_jumped_back_forgets_no_key(world: World, people: People) -> None:
    """The database's alone does not do it either."""
    world.clock.at -= LONG_AGO
    stated = an_earning(world, people)
    first = await done(world, "pointsEarn", "app_checkout", **stated)
    (job,) = named(every_job(world.hub), ["old keys"])

    world.clock.at += KEPT - timedelta(seconds=1)
    kept = await job.work(world.clock.now())
    again = await done(world, "pointsEarn", "app_checkout", **stated)
    world.clock.at += timedelta(seconds=1)
    gone = await job.work(world.clock.now())

    assert (kept.count, again, gone.count) == (0, first, 1)
