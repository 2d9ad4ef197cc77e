"""Points, growth, tiers and RFM of every member, held against a plain script that works them out anew.

The files are a demo set; MEMBER_HUB_CHANNELS names another folder of channel files, as of 2026-11-08T00:00+08:00.
"""

import os
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from member_hub import resources, tags, tiers
from member_hub.access import system_caller
from member_hub.db import snapshot, transaction
from member_hub.demo import generate
from member_hub.graphql.building import global_id
from member_hub.ids import uuid7
from member_hub.ingest import mapping
from member_hub.ingest.running import Ingester
from member_hub.members.queries import export_accounts
from member_hub.privacy import Purpose
from tests.graphql.world import World
from tests.hub import FILES
from tests.loyalty.recomputed import CHINA, Account, Person, read_rules, recompute

NOW = datetime(2026, 11, 8, tzinfo=CHINA)
PEOPLE = 250
PAGE = 50
ASK = """query($by: [MemberKey!]!) { members(by: $by) {
  birthday { display }
  points { active pending debt }
  tier { tier { code } growth }
  tags { code value }
} }"""
COMPUTED = ("r_score", "f_score", "m_score", "lifecycle_stage", "churn_risk")


async def test_the_hub_and_a_plain_script_agree_about_every_member(world: World, tmp_path: Path) -> None:
    files = Path(os.environ.get("MEMBER_HUB_CHANNELS") or tmp_path)
    if files == tmp_path:
        generate(files, people=PEOPLE, seed=11)
    world.clock.at = NOW

    await fill(world, files)
    owners = await owners_of(world)
    people = recompute(files, owners, read_rules(resources.folder("policies") / "programme.toml"), NOW)
    found = await as_served(world, sorted(people))

    differing = {one: (facts, expected(people[one], facts)) for one, facts in found.items()}
    assert [pair for pair in differing.values() if pair[0] != pair[1]] == []
    assert len(found) == len(people) >= PEOPLE * 0.9
    assert spread(people) >= 4  # every tier has somebody, else little was tried
    assert sum("lifecycle_stage" in facts["tags"] for facts in found.values()) > len(found) // 3


async def fill(world: World, files: Path) -> None:
    """Import everything, decide tiers, compute tags: what the served hub does by itself."""
    hub = world.hub
    ingester = Ingester(hub.database, hub.vault, hub.resolver, hub.organisation, hub.clock, hub.loyalty, hub.audit)
    for source, name in FILES.items():
        assert (await ingester.ingest(files / name, mapping.load(source))).adds_up
    caller = system_caller(subject="a test", purpose=Purpose.SYSTEM_OPERATION, request_id=uuid7())
    async with transaction(hub.database.app) as tx:
        await tiers.prepare(tx, hub.tiers, now=NOW)
    while True:
        async with transaction(hub.database.app) as tx:
            due = await tiers.due_members(tx, now=NOW)
            await tiers.review(tx, hub.tiers, due, now=NOW, caller=caller)
        if not due:
            break
    await tags.run(hub.database, hub.audit, hub.tags, hub.clock)


async def owners_of(world: World) -> dict[Account, str]:
    """As `member-hub identity export` tells it."""
    async with snapshot(world.hub.database.app) as tx:
        return {
            (channel, account): str(owner) async for channel, account, owner in export_accounts(tx, world.hub.vault)
        }


async def as_served(world: World, ids: list[str]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for start in range(0, len(ids), PAGE):
        page = ids[start : start + PAGE]
        by = [{"id": global_id_of(one)} for one in page]
        told = (await world.ask("app_crm", ASK, variables={"by": by}))["members"]
        for one, member in zip(page, told, strict=True):
            found[one] = {
                "birthday": member["birthday"]["display"],
                "points": member["points"],
                "tier": member["tier"]["tier"]["code"],
                "growth": member["tier"]["growth"],
                "tags": {tag["code"]: tag["value"] for tag in member["tags"] if tag["code"] in COMPUTED},
            }
    return found


def global_id_of(member_id: str) -> str:
    return str(global_id(UUID(member_id)))


def expected(person: Person, told: dict[str, Any]) -> dict[str, Any]:
    """What the script says. Who is under 14, or of unknown age, is not evaluated: the year of birth is told masked."""
    rfm = dict(zip(COMPUTED[:3], map(str, person.scores), strict=True)) if person.scores else {}
    risk = {"churn_risk": person.risk} if person.risk else {}
    return {
        "birthday": told["birthday"],
        "points": {"active": person.active, "pending": person.pending, "debt": 0},
        "tier": person.tier,
        "growth": person.recent_growth(NOW.date()),
        "tags": {**rfm, "lifecycle_stage": person.stage, **risk} if is_evaluated(told) else {},
    }


def is_evaluated(told: dict[str, Any]) -> bool:
    if told["birthday"] is None:
        return False
    turns_14 = int(told["birthday"][:4]) + 14
    return turns_14 < NOW.year or (turns_14 == NOW.year and bool(told["tags"]))  # of that year the day is not told


def spread(people: dict[str, Person]) -> int:
    return len({person.tier for person in people.values()})
