"""What becomes of terms, graces, notices and given time where two standings become one, and part again."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from member_hub import tiers
from member_hub.db import transaction
from member_hub.ids import MemberId
from member_hub.members.bits import restriction_mask
from member_hub.privacy import Purpose
from member_hub.tiers.standing.sides import higher, lowest
from tests.tiers.desk import NOW, Desk, at
from tests.tiers.paper import ladder

STOP = restriction_mask(Purpose.MEMBER_SERVICE)
LATER = at("2027-04-03T00:00")


@pytest.fixture
def desk(desk: Desk) -> Desk:
    desk.tier_rules = ladder()
    return desk


async def _days(desk: Desk, *days: str) -> None:
    for day in days:
        desk.clock.at = at(f"{day}T12:00")
        await desk.work()


async def _grown(desk: Desk, amount: int) -> MemberId:
    member = await desk.member()
    await desk.grow(member, amount)
    await desk.touch(member)
    await desk.work()
    return member


async def _resume(desk: Desk, member: MemberId, since: datetime) -> None:
    await desk.object_to(member, 0)
    async with transaction(desk.database.app) as tx:
        await tiers.resume(tx, member, since=since, now=desk.clock.now())
    await desk.work()


async def test_a_term_that_runs_takes_no_grace_of_a_lower_tier(desk: Desk) -> None:
    twin = await _grown(desk, 150)
    await _days(desk, "2026-03-20")
    anna = await _grown(desk, 6000)
    await _days(desk, "2027-02-10", "2027-02-25", "2027-03-20")
    assert [(await desk.placed(one)) for one in (anna, twin)] == [("vip", "earned"), ("standard", "grace")]
    before = await desk.standing(anna)
    assert before.notice is not None

    await desk.merge(anna, twin)

    (row,) = await desk.rows("tier_standing")
    assert (row.in_grace, row.term_until, row.until, row.given_days) == (False, None, at("2027-03-21T00:00"), 0)
    assert (await desk.standing(anna)).notice == before.notice, "what was told stays told"
    await desk.work()
    await _days(desk, "2027-03-21", "2027-04-19")
    assert (await desk.standing(anna)).tier == "vip"


@pytest.mark.parametrize(
    ("first", "second", "merged"),
    [
        pytest.param(("vip", 40, 9), ("core", 0, 0), (0, False, 0), id="the later end of two terms"),
        pytest.param(("vip", 40, 60), ("core", 0, 0), (0, False, 20), id="and no sooner than what was given"),
        pytest.param(("vip", 0, 9), ("core", 40, 0), (0, False, 9), id="an earlier end changes nothing"),
        pytest.param(("vip", 40, 0, NOW), ("core", 0, 7), (0, False, 7), id="a later term ends a grace"),
        pytest.param(("vip", 0, 0, NOW), ("core", 40, 7), (0, True, 0), id="an earlier one does not"),
        pytest.param(("vip", 40, 0, NOW), ("core", 0, 0, NOW), (40, True, 0), id="nor does a lower grace"),
        pytest.param(("vip", 40, 3), ("core", 0, 0, NOW), (40, False, 3), id="a term keeps its end beside that"),
        pytest.param(("vip", 0, 0, NOW), ("vip", 40, 0), (40, False, 40), id="of equal ones the term, no sooner"),
    ],
)
def test_of_two_standings(first: tuple[Any, ...], second: tuple[Any, ...], merged: tuple[Any, ...]) -> None:
    sides = [_side(*first), _side(*second)]

    for one, other in (sides, sides[::-1]):
        found = higher(one, other, NOW)

        assert found is not None
        assert ((LATER - found["until"]).days, found["in_grace"], found["given_days"]) == merged
        assert found["own_tier"] == "vip"
        assert (found["term_until"] is not None) == found["in_grace"]


def _side(tier: str, days_before: int, given_days: int, term_until: datetime | None = None) -> dict[str, Any]:
    """With an end so many days before `LATER`; in its grace where it is told when its term ended."""
    rank, until = {"core": 2, "vip": 3}[tier], LATER - timedelta(days=days_before)
    in_grace = {"in_grace": term_until is not None, "term_until": term_until}
    return {**lowest(NOW), "own_tier": tier, "own_rank": rank, "until": until, "given_days": given_days, **in_grace}


async def test_a_floor_that_is_given_back_is_known_to_the_log(desk: Desk) -> None:
    anna = await _grown(desk, 150)
    await desk.place(anna, "vip", "2026-03-31T12:00")
    await _days(desk, "2026-03-05")
    since = desk.clock.now()
    await desk.object_to(anna, STOP)
    desk.clock.at = at("2026-03-25T12:00")

    await _resume(desk, anna, since)

    assert (await desk.changes(anna))[-1] == ("vip", "vip", "manual")
    (own, kept) = at("2026-04-22T00:00"), at("2026-04-20T12:00")
    assert (await desk.standing(anna)).until == at("2026-04-21T00:00")
    assert await desk.held_at((anna, kept), (anna, own)) == ["vip", "standard"]
    assert await desk.rows("tier_rise") != [], "of the promotion"
    assert len(await desk.rows("tier_rise")) == 1, "and of nothing else"


async def test_time_given_back_while_merged_is_of_each_who_parts(desk: Desk) -> None:
    anna, twin = await _grown(desk, 150), await _grown(desk, 150)
    await desk.place(anna, "core", "2027-03-31T12:00")
    desk.later(days=1)
    await desk.merge(anna, twin)
    await desk.work()
    since = desk.clock.now()
    await desk.object_to(anna, STOP)
    desk.later(days=200)
    await _resume(desk, anna, since)
    desk.later(days=1)

    await desk.split(anna, twin)

    rows = {row.member_id: (row.floor_until, row.given_days) for row in await desk.rows("tier_standing")}
    assert rows == {anna: (at("2027-10-18T00:00"), 200), twin: (None, 200)}


@pytest.mark.parametrize("is_another_known", [False, True])
async def test_of_a_merge_from_before_they_were_kept_the_one_who_stays_keeps_all(
    desk: Desk, is_another_known: bool
) -> None:
    anna, twin, third = await _grown(desk, 1200), await _grown(desk, 150), await _grown(desk, 150)
    await desk.place(anna, "vip", "2026-12-31T12:00")
    desk.later(days=1)
    await desk.merge(anna, twin)
    async with transaction(desk.database.owner) as tx:
        await tx.execute(text("DELETE FROM hub.tier_merge"))
    if is_another_known:
        await desk.merge(anna, third)
    desk.later(days=1)

    await desk.split(anna, twin)

    rows = {row.member_id: (row.own_tier, row.floor, row.protected) for row in await desk.rows("tier_standing")}
    assert (rows[anna], rows[twin]) == (("core", "vip", "vip"), ("base", None, "vip"))


async def test_beneath_a_floor_that_is_over_a_protection_still_counts(desk: Desk) -> None:
    anna, twin, placed = await _grown(desk, 150), await _grown(desk, 1200), await _grown(desk, 20)
    await desk.merge(anna, twin)
    desk.later(days=1)
    await desk.split(anna, twin)
    await desk.work()
    await desk.place(placed, "vip", "2026-04-01T12:00")
    desk.later(days=1)

    await desk.merge(anna, placed)

    moments = at("2026-04-01T12:00"), at("2026-04-04T12:00"), at("2026-06-03T12:00")
    assert await desk.held_at(*((anna, moment) for moment in moments)) == ["vip", "core", "standard"]
    desk.clock.at = moments[1]
    assert (await desk.standing(anna)).tier == "core"


async def test_when_a_floor_is_over_what_is_protected_beneath_it_multiplies(desk: Desk) -> None:
    desk.tier_rules = ladder()
    anna, bela = await desk.member(), await desk.member()
    await desk.grow(anna, 150)
    await desk.grow(bela, 1200)
    await desk.work()
    await desk.merge(anna, bela)
    await desk.work()
    desk.later(days=1)
    await desk.split(anna, bela)
    await desk.work()
    await desk.place(anna, "vip", "2026-04-01T12:00")

    desk.clock.at = at("2026-04-04T12:00")

    assert (await desk.standing(anna)).tier == "core"
    assert await desk.held_at((anna, desk.clock.now())) == ["core"]
