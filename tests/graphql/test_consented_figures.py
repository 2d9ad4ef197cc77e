"""Figures leave out who objects to being counted, and count for a consented purpose those who have consented."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from member_hub import resources
from member_hub.db import transaction
from member_hub.db.embedded import Server
from member_hub.reports.snapshots import snapshot_t
from tests.conftest import Run
from tests.graphql.conftest import make_settings, opened
from tests.graphql.consenting import grant, inform, move_in, object_to, withdraw
from tests.graphql.test_statistics import WEEK
from tests.graphql.world import World

COUNT = "{ memberStatistics(groupBy: [STORE]) { groups { store { code } count } } }"
FOR_MARKETING = """p, membership_manager, marketing, operation:memberStatistics, call, clear
p, membership_manager, marketing, aggregates:handler, aggregate, clear
p, membership_manager, marketing, member.membership, aggregate, clear
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


async def test_figures_for_a_consented_purpose_are_of_those_who_consented(world: World) -> None:
    members = await move_in(world, 40)
    notice = await inform(world, members)
    for member in members[:20]:
        await grant(world, member, notice)

    assert (await counted(world), await counted(world, purpose="marketing")) == ([40], [20])


async def test_nobody_consented_is_no_figure(world: World) -> None:
    await inform(world, await move_in(world, 25))

    assert await counted(world, purpose="marketing") == []


async def test_the_answer_of_a_week_is_kept_by_what_it_was_counted_under(world: World) -> None:
    """The same for both roles that count for analytics; a table of its own for marketing, until the week is over."""
    members = await move_in(world, 25)
    notice = await inform(world, members)
    for member in members:
        await grant(world, member, notice)
    first = [await counted(world, purpose=purpose) for purpose in ("analytics", "marketing")]
    for member in members[:5]:
        await withdraw(world, member)
        await object_to(world, member, "analytics")

    again = [await counted(world, purpose=purpose) for purpose in ("analytics", "marketing")]
    analyst = await counted(world, role="marketing_analyst")
    world.clock.at += WEEK
    later = [await counted(world, purpose=purpose) for purpose in ("analytics", "marketing")]

    assert (first, again, analyst, later) == ([[25], [25]], [[25], [25]], [25], [[20], [20]])
    async with transaction(world.hub.database.app) as tx:
        kept = list(await tx.scalars(select(snapshot_t.c.counted_for).order_by(snapshot_t.c.epoch, "counted_for")))
    assert kept == ["analytics", "marketing"] * 2
