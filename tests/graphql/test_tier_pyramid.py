"""How the tiers stand against the shares that the rules mean: rounded, by twenty or more, one answer a week."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert, update

from member_hub.db import transaction
from member_hub.db.bulk import table_of
from member_hub.ids import MemberId, uuid7
from member_hub.members.tables import Member
from member_hub.reports.pyramid import groups_of
from member_hub.reports.snapshots import Week, snapshot_t
from member_hub.tiers.tables import TierChange, TierStanding
from tests.graphql.world import NOW, World
from tests.points.desk import Desk
from tests.tiers.desk import SHIPPED

ASK = """query ($at: DateTime) { tierPyramid(asOf: $at) {
  asOf minimumGroup roundedTo rulesVersion
  tiers { code nameZh nameEn members shareBp targetShareBp differenceBp } } }"""
WEEK = timedelta(days=7)
RANKS = {"base": 0, "standard": 1, "core": 2, "vip": 3}
member_t, standing_t, change_t = table_of(Member), table_of(TierStanding), table_of(TierChange)


async def pyramid(world: World, at: datetime | None = None, *, role: str = "marketing_analyst") -> dict[str, Any]:
    asked = {"at": None if at is None else at.isoformat()}
    found = (await world.ask(role, ASK, variables=asked))["tierPyramid"]
    assert isinstance(found, dict)
    return found


async def members_of(world: World, at: datetime | None = None) -> dict[str, int | None]:
    return {tier["code"]: tier["members"] for tier in (await pyramid(world, at))["tiers"]}


async def people(world: World, number: int, tier: str | None = None, **said: Any) -> list[MemberId]:
    desk = Desk(world.hub.database, world.hub.vault)
    members = [await desk.member() for _ in range(number)]
    if tier is not None:
        await place(world, members, tier, **said)
    return members


async def place(world: World, members: Sequence[MemberId], tier: str, **said: Any) -> None:
    row = {"tier": tier, "rank": RANKS[tier], "own_tier": tier, "own_rank": RANKS[tier], "since": NOW}
    async with transaction(world.hub.database.app) as tx:
        await tx.execute(delete(standing_t).where(standing_t.c.member_id.in_(members)))
        rows = [row | {"member_id": one, "reason": "earned"} | said for one in members]
        await tx.execute(insert(standing_t), rows)


async def decided(world: World, members: Sequence[MemberId], tier: str, at: datetime) -> None:
    row = {
        "from_tier": "base", "to_tier": tier, "reason": "earned", "facts": {}, "actor_kind": "SYSTEM", "actor": "jobs",
        "changed_at": at,
    }  # fmt: skip
    async with transaction(world.hub.database.app) as tx:
        rows = [row | {"member_id": one, "change_id": uuid7()} for one in members]
        await tx.execute(insert(change_t), rows)


@pytest.mark.parametrize("role", ["marketing_analyst", "membership_manager"])
async def test_each_tier_is_told_with_its_share_and_its_target(world: World, role: str) -> None:
    await people(world, 30)  # nobody has looked at them yet
    await people(world, 10, "base")
    await people(world, 40, "standard")
    await people(world, 20, "core")
    await people(world, 19, "vip")

    found = await pyramid(world, role=role)

    assert {name: value for name, value in found.items() if name != "tiers"} == {
        "asOf": "2026-11-15T16:00:00Z",
        "minimumGroup": 20,
        "roundedTo": 5,
        "rulesVersion": 0,
    }
    assert [tuple(tier.values()) for tier in found["tiers"]] == [
        ("base", "基础", "Basic", 40, 4000, 3000, 1000),
        ("standard", "标准", "Standard", 40, 4000, 4000, 0),
        ("core", "核心", "Core", 20, 2000, 2000, 0),
        ("vip", "VIP", "VIP", None, None, 1000, None),
    ]


def test_shares_are_of_what_is_told_and_half_a_basis_point_is_rounded_up() -> None:
    groups = groups_of(SHIPPED.levels, {"base": 20, "standard": 40})

    assert [group.share_bp for group in groups] == [3333, 6667, None, None]
    assert [group.difference_bp for group in groups] == [333, 2667, None, None]
    assert [group.share_bp for group in groups_of(SHIPPED.levels, {})] == [None] * 4


async def test_a_week_has_one_answer(world: World) -> None:
    members = await people(world, 40, "standard")
    assert await members_of(world) == {"base": None, "standard": 40, "core": None, "vip": None}

    await place(world, members[:20], "core")

    assert await members_of(world) == {"base": None, "standard": 40, "core": None, "vip": None}
    world.clock.at += WEEK
    assert await members_of(world) == {"base": None, "standard": 20, "core": 20, "vip": None}
    assert await members_of(world, NOW) == {"base": None, "standard": 40, "core": None, "vip": None}


async def test_before_anybody_was_decided_about_nothing_is_told_and_nothing_kept(world: World) -> None:
    members = await people(world, 40)
    assert set((await members_of(world)).values()) == {None}
    assert await _kept(world) == []

    await place(world, members[:1], "standard")

    assert (await members_of(world))["base"] in (35, 40)


async def test_a_floor_that_is_over_counts_no_more(world: World) -> None:
    standing = {"floor": "vip", "floor_rank": 3, "own_tier": "base", "own_rank": 0}
    await people(world, 20, "vip", **standing, floor_until=NOW - timedelta(seconds=1))
    await people(world, 25, "vip", **standing, floor_until=NOW + timedelta(seconds=1))

    found = await members_of(world)

    assert (found["base"], found["vip"]) == (20, 25)


async def test_a_past_week_that_nobody_asked_in_is_counted_from_the_decisions(world: World) -> None:
    members = await people(world, 40, "vip")
    await decided(world, members, "core", NOW - 5 * WEEK)
    await decided(world, members[:20], "vip", NOW - 3 * WEEK)

    assert await members_of(world, NOW - 4 * WEEK) == {"base": None, "standard": None, "core": 40, "vip": None}
    assert await members_of(world, NOW - 3 * WEEK) == {"base": None, "standard": None, "core": 20, "vip": 20}
    assert await members_of(world, NOW - 6 * WEEK) == {"base": None, "standard": None, "core": None, "vip": None}
    assert (await pyramid(world, NOW - 4 * WEEK))["asOf"] == "2026-10-18T16:00:00Z"


async def test_a_group_keeps_its_lot_whichever_week_is_asked_for_first(world: World) -> None:
    """Past weeks, too: else each of them would be a new draw for nearly the same people."""
    members = await people(world, 48, "core")
    for number, weeks in enumerate(range(9, 1, -1)):
        await decided(world, members[: 40 + number], "core", NOW - weeks * WEEK)

    for weeks in (0, 8, 2, 7, 3, 6, 4, 5):
        await members_of(world, NOW - weeks * WEEK)

    cells = {row.epoch: row.cells for row in await _kept(world)}
    assert len(cells) == 8
    assert len({lot for kept in cells.values() for (tier,), _, lot in kept if tier == "core"}) == 1


@pytest.mark.parametrize("at", [NOW + timedelta(seconds=1), NOW - timedelta(days=400, seconds=1)])
async def test_a_moment_out_of_range_is_refused(world: World, at: datetime) -> None:
    await people(world, 20, "core")

    answer = (await world.post("marketing_analyst", ASK, variables={"at": at.isoformat()})).json()

    assert [error["extensions"] for error in answer["errors"]] == [{"code": "BAD_USER_INPUT", "field": "asOf"}]
    assert await _kept(world) == []


async def test_who_joined_in_the_week_is_counted_from_the_next_on(world: World) -> None:
    """Else whoever enrols people himself chooses when a group is told, and by whom it grew."""
    newest, *_ = await people(world, 20, "core")
    async with transaction(world.hub.database.app) as tx:
        joined = update(member_t).where(member_t.c.member_id == newest)
        await tx.execute(joined.values(joined_at=Week.of(NOW).begins))

    assert (await members_of(world))["core"] is None
    world.clock.at += WEEK
    assert (await members_of(world))["core"] == 20


async def test_who_objects_or_belongs_to_another_handler_is_not_counted(world: World) -> None:
    one, other, *_ = await people(world, 21, "core")
    async with transaction(world.hub.database.app) as tx:
        await tx.execute(update(member_t).where(member_t.c.member_id == one).values(restriction_bits=0x7FFFFFFF))
        await tx.execute(update(member_t).where(member_t.c.member_id == other).values(handler="another"))

    assert (await members_of(world))["core"] is None


@pytest.mark.parametrize(
    ("role", "purpose"),
    [
        ("sales_associate", "member_service"),
        ("store_manager", "customer_support"),
        ("membership_manager", "personalisation"),
        ("dpo", "rights_handling"),
        ("auditor", "security_audit"),
        ("app_crm", "marketing"),
    ],
)
async def test_who_has_no_right_to_figures_is_refused(world: World, role: str, purpose: str) -> None:
    answer = await world.post(role, ASK, purpose=purpose)

    assert answer.status_code == 403
    assert "data" not in answer.json()
    (row,) = await world.audited()
    assert (row.operation, row.outcome, row.fields, row.member_ids) == ("tierPyramid", "FORBIDDEN", [], [])
    assert await _kept(world) == []


async def test_a_pyramid_leaves_one_row_that_names_nobody(world: World) -> None:
    await pyramid(world)

    (row,) = await world.audited()
    assert (row.operation, row.outcome, row.member_ids) == ("tierPyramid", "ok", [])
    assert row.fields == ["by:TIER", "member.loyalty:AGGREGATE"]


async def _kept(world: World) -> Sequence[Any]:
    async with transaction(world.hub.database.app) as tx:
        return (await tx.execute(snapshot_t.select())).all()
