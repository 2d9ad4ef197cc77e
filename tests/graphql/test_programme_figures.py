"""What the programme owes, by month: which sums are told, to whom, and that they are the same for a week."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text, update

from member_hub import points
from member_hub.db import transaction
from member_hub.db.bulk import table_of
from member_hub.ids import MemberId
from member_hub.members.tables import Member, MemberStatus
from member_hub.points.words import NegativeBalance
from member_hub.reports import liability
from member_hub.reports.liability import step_for, told
from member_hub.reports.snapshots import snapshot_t
from tests.graphql.world import NOW, World
from tests.points.desk import Desk, MovedClock

ASK = """query ($months: Int) { pointsLiability(months: $months) {
  asOf minimumGroup roundedTo debt months { month active pending held } } }"""
WEEK = timedelta(days=7)
AUGUST = NOW - timedelta(days=90)
member_t = table_of(Member)


@pytest.fixture
def desk(world: World) -> Desk:
    """At the till in August; the hub is asked in November."""
    desk = Desk(world.hub.database, world.hub.vault, MovedClock())
    desk.clock.at = AUGUST
    return desk


async def owed(world: World, months: int | None = None, *, role: str = "marketing_analyst") -> dict[str, Any]:
    found = (await world.ask(role, ASK, variables={"months": months}))["pointsLiability"]
    assert isinstance(found, dict)
    return found


async def people(desk: Desk, number: int, amount: int = 0) -> list[MemberId]:
    """Members who have so many points of tasks, which expire in February 2027."""
    members = [await desk.member() for _ in range(number)]
    for one in members if amount else ():
        await desk.earn(one, amount)
    return members


def month(name: str, **pots: int) -> dict[str, Any]:
    return {"month": name, "active": None, "pending": None, "held": None} | pots


@pytest.mark.parametrize("role", ["marketing_analyst", "membership_manager"])
async def test_sums_of_twenty_are_told_by_the_month_of_the_last_day(world: World, desk: Desk, role: str) -> None:
    members = await people(desk, 20, 300)
    desk.clock.at = NOW - timedelta(days=2)
    for number, one in enumerate(members):
        await desk.do(points.hold, one, amount=100)
        await desk.buy(one, f"O{number}", 25_000)

    found = await owed(world, role=role)

    assert found == {
        "asOf": "2026-11-15T16:00:00Z",
        "minimumGroup": 20,
        "roundedTo": 1000,
        "debt": None,
        "months": [month("2027-02", active=4000, held=2000), month("2027-12", pending=5000)],
    }


async def test_before_it_is_rounded_a_sum_is_exactly_what_is_owed(
    world: World, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(liability, "told", lambda points, _lot, _step: points)
    members = await people(desk, 20, 301)
    await desk.earn(members[0], 13)
    desk.clock.at = NOW - timedelta(days=2)
    for number, one in enumerate(members):
        await desk.do(points.hold, one, amount=7)
        await desk.buy(one, f"O{number}", 25_100)

    found = await owed(world)

    active, held, pending = 20 * (301 - 7) + 13, 20 * 7, 20 * 251
    assert found["months"] == [month("2027-02", active=active, held=held), month("2027-12", pending=pending)]


async def test_a_sum_of_nineteen_is_not_told(world: World, desk: Desk) -> None:
    await people(desk, 19, 1000)

    assert (await owed(world))["months"] == []


async def test_a_sum_that_is_one_members_by_more_than_half_is_not_told(world: World, desk: Desk) -> None:
    first, *_ = await people(desk, 20, 100)
    await desk.earn(first, 1_800)  # 1,900 of 3,800

    (told_of,) = (await owed(world))["months"]
    assert told_of["active"] in (0, 10_000)

    await desk.earn(first, 1)
    world.clock.at += WEEK

    assert (await owed(world))["months"] == []


async def test_the_step_is_a_power_of_ten_that_nobody_exceeds() -> None:
    assert [step_for(n) for n in (0, 999, 1000, 1001, 10_000, 10_001)] == [1000, 1000, 1000, 10_000, 10_000, 100_000]
    assert [told(4_300, lot, 1000) for lot in (0, 699, 700, 999)] == [4000, 4000, 5000, 5000]


async def test_one_member_more_or_less_moves_a_sum_by_one_step_at_most(world: World, desk: Desk) -> None:
    members = await people(desk, 25, 990)
    before = (await owed(world))["months"][0]["active"]
    async with transaction(world.hub.database.app) as tx:
        gone = update(member_t).where(member_t.c.member_id == members[0])
        await tx.execute(gone.values(status=MemberStatus.ERASED))
    world.clock.at += WEEK

    after = (await owed(world))["months"][0]["active"]

    assert {before, after} <= {23_000, 24_000, 25_000}
    assert abs(before - after) <= 1000


async def test_a_week_has_one_answer_and_asking_in_many_averages_nothing(world: World, desk: Desk) -> None:
    members = await people(desk, 20, 333)
    first = await owed(world)
    await desk.earn(members[0], 700)

    assert await owed(world, role="membership_manager") == first

    async with transaction(world.hub.database.app) as tx:  # as if nothing had come
        lots = f"delete from hub.points_lot where member_id = '{members[0]}' and earned = 700"
        await tx.execute(text(lots))
    answers = []
    for _ in range(5):
        world.clock.at += WEEK
        answers.append((await owed(world))["months"])

    assert answers == [first["months"]] * 5


async def test_a_debt_is_told_apart(world: World, desk: Desk) -> None:
    """Everybody spent what a line had earned, and brought it back."""
    desk.rules = replace(desk.rules, negative_balance=NegativeBalance.ALLOWED)
    members = await people(desk, 20)
    for number, one in enumerate(members):
        await desk.buy(one, f"O{number}", 10_000)
    desk.later(days=10)
    for number, one in enumerate(members):
        await desk.do(points.redeem, one, amount=100)
        await desk.refund(one, f"O{number}", f"R{number}", 10_000)

    found = await owed(world)

    assert (found["debt"], found["months"]) == (2000, [])


async def test_months_say_how_far(world: World, desk: Desk) -> None:
    for one in await people(desk, 20, 100):
        await desk.buy(one, f"O{one}", 10_000)  # expire at the end of 2027

    assert [one["month"] for one in (await owed(world))["months"]] == ["2027-02", "2027-12"]
    assert [one["month"] for one in (await owed(world, 4))["months"]] == ["2027-02"]
    assert (await owed(world, 3))["months"] == []


@pytest.mark.parametrize("months", [0, -1, 241])
async def test_months_out_of_range_are_refused(world: World, months: int) -> None:
    assert await world.refused("marketing_analyst", ASK, variables={"months": months}) == ["BAD_USER_INPUT"]
    assert await _rows(world) == []


async def test_who_objects_to_analytics_is_not_among_them(world: World, desk: Desk) -> None:
    members = await people(desk, 20, 100)
    async with transaction(world.hub.database.app) as tx:
        objecting = update(member_t).where(member_t.c.member_id == members[0])
        await tx.execute(objecting.values(restriction_bits=-1 & 0x7FFFFFFF))

    assert (await owed(world))["months"] == []


async def test_of_another_handler_nothing_is_told(world: World, desk: Desk) -> None:
    members = await people(desk, 20, 100)
    async with transaction(world.hub.database.app) as tx:
        moved = update(member_t).where(member_t.c.member_id == members[0])
        await tx.execute(moved.values(handler="another"))

    assert (await owed(world))["months"] == []


@pytest.mark.parametrize(
    ("role", "purpose"),
    [
        ("sales_associate", "member_service"),
        ("store_manager", "customer_support"),
        ("support_agent", "customer_support"),
        ("membership_manager", "marketing"),
        ("dpo", "rights_handling"),
        ("auditor", "security_audit"),
        ("system_admin", "system_operation"),
        ("app_crm", "marketing"),
        ("member", "member_service"),
    ],
)
async def test_who_has_no_right_to_figures_is_refused(world: World, people: Any, role: str, purpose: str) -> None:
    about = {"member": str(people.whole)} if role == "member" else {}
    before = len(await world.audited())

    answer = await world.post(role, ASK, purpose=purpose, **about)

    assert answer.status_code == 403
    assert "data" not in answer.json()
    row = (await world.audited())[before]
    assert (row.operation, row.outcome, row.fields, row.member_ids) == ("pointsLiability", "FORBIDDEN", [], [])
    assert await _rows(world) == []


async def test_figures_leave_one_row_that_names_nobody(world: World, desk: Desk) -> None:
    await people(desk, 20, 100)

    await owed(world)

    (row,) = await world.audited()
    assert (row.operation, row.outcome, row.member_ids) == ("pointsLiability", "ok", [])
    assert row.fields == ["by:EXPIRY_MONTH", "member.loyalty:AGGREGATE"]


async def _rows(world: World) -> Sequence[Any]:
    async with transaction(world.hub.database.app) as tx:
        return (await tx.execute(snapshot_t.select())).all()
