"""Figures leave out who objects to being counted, and there are none for a purpose that rests on consent."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from member_hub import reports, resources
from member_hub.db import transaction
from member_hub.db.embedded import Server
from member_hub.members.bits import restriction_mask
from member_hub.members.row_gate import RowGate
from member_hub.privacy import Purpose
from member_hub.reports import Dimension, Narrowed, Week, Whose
from member_hub.reports.snapshots import snapshot_t
from tests.conftest import Run
from tests.graphql.conftest import make_settings, opened
from tests.graphql.consenting import grant, inform, move_in, object_to
from tests.graphql.test_statistics import WEEK
from tests.graphql.world import NOW, World

COUNT = "{ memberStatistics(groupBy: [STORE]) { groups { store { code } count } } }"
FOR_MARKETING = """p, membership_manager, marketing, operation:memberStatistics, call, clear
p, membership_manager, marketing, aggregates:handler, aggregate, clear
p, membership_manager, marketing, member.membership, aggregate, clear
p, membership_manager, marketing, member.loyalty, aggregate, clear
p, membership_manager, marketing, operation:pointsLiability, call, clear
p, membership_manager, marketing, operation:tierPyramid, call, clear
"""


@pytest.fixture
def world(server: Server, run: Run, template: str, tmp_path: Path) -> Iterator[World]:
    """Of an operator whose membership manager also counts for marketing."""
    folder = Path(shutil.copytree(resources.folder("policies"), tmp_path / "policies"))
    with (folder / "policy.csv").open("a", encoding="utf-8") as policy:
        policy.write(FOR_MARKETING)
    yield from opened(server, run, template, replace(make_settings(tmp_path), policy_dir=folder), role_prefix=template)


async def counted(world: World, role: str = "membership_manager", purpose: str = "analytics") -> list[int]:
    groups = (await world.ask(role, COUNT, purpose=purpose))["memberStatistics"]["groups"]
    return [group["count"] for group in groups]


async def test_who_objects_to_being_counted_is_in_no_figure(world: World) -> None:
    members = await move_in(world, 25)
    for member in members[:5]:
        await object_to(world, member, "analytics")
    for member in members[5:10]:
        await object_to(world, member, "marketing", "profiling")

    assert await counted(world) == [20]


async def test_a_purpose_that_rests_on_consent_has_no_figures_whatever_a_policy_grants(world: World) -> None:
    """What is kept for a week would obey a withdrawal after the week; what is not would tell who withdrew."""
    members = await move_in(world, 40)
    notice = await inform(world, members)
    for member in members:
        await grant(world, member, notice)

    assert await world.refused("membership_manager", COUNT, purpose="marketing") == ["FORBIDDEN"]

    entry = (await world.audited())[-1]
    assert (entry.operation, entry.outcome, entry.purpose) == ("memberStatistics", "FORBIDDEN", "marketing")
    assert await kept_for(world) == []
    assert await counted(world) == [40]


@pytest.mark.parametrize("asked", ["{ pointsLiability { debt } }", "{ tierPyramid { rulesVersion } }"])
async def test_nor_has_it_figures_of_the_programme(world: World, asked: str) -> None:
    await move_in(world, 20)

    assert await world.refused("membership_manager", asked, purpose="marketing") == ["FORBIDDEN"]
    assert await kept_for(world) == []


async def test_what_is_kept_for_one_purpose_is_no_answer_for_another(world: World) -> None:
    """No role of the shipped register counts for two purposes; an operator's may."""
    for member in (await move_in(world, 25))[:5]:
        await object_to(world, member, "analytics")

    assert [await of_purpose(world, one) for one in (Purpose.MEMBER_SERVICE, Purpose.ANALYTICS)] == [[25], [20]]
    assert sorted(await kept_for(world)) == ["analytics", "member_service"]


async def of_purpose(world: World, purpose: Purpose) -> list[int]:
    gate = RowGate(
        purpose=purpose,
        recipient="",
        handler="brand",
        restricted=restriction_mask(purpose),
        staff_role=None,
        subject="S-1",
        stores=frozenset(),
        needs_consent=False,
        at=NOW,
    )
    asked, hub = reports.table([Dimension.STORE], Narrowed()), world.hub
    whose, week = Whose("brand", gate), Week.of(NOW)
    async with transaction(hub.database.app) as tx:
        groups = await reports.groups_of_week(tx, hub.vault, hub.organisation, asked, whose=whose, week=week)
    return [group.count for group in groups]


async def test_the_answer_of_a_week_is_the_same_for_both_roles_until_the_week_is_over(world: World) -> None:
    members = await move_in(world, 25)
    first = await counted(world)
    for member in members[:5]:
        await object_to(world, member, "analytics")

    again = [await counted(world), await counted(world, role="marketing_analyst")]
    world.clock.at += WEEK

    assert (first, again, await counted(world)) == ([25], [[25], [25]], [20])
    assert await kept_for(world) == ["analytics"] * 2


async def kept_for(world: World) -> list[str]:
    """Under which purpose each answer that is kept was counted."""
    async with transaction(world.hub.database.app) as tx:
        return list(await tx.scalars(select(snapshot_t.c.counted_for).order_by(snapshot_t.c.epoch)))
