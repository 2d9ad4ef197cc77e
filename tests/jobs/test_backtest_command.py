"""`member-hub tiers backtest` refuses what tierRulesPropose refuses, before it prints a number."""

import json
from pathlib import Path

from member_hub import resources
from tests.jobs.conftest import Installed
from tests.tiers.desk import Desk

SHIPPED = (resources.folder("policies") / "programme.toml").read_text("utf-8")
RENAMED = 'code = "core"', 'code = "kern"'


def tiers_of(programme: str) -> str:
    return programme[programme.index("\n[tiers]\n") + 1 : programme.index("\n[benefits]\n") + 1]


def tried(hub: Installed, tmp_path: Path, rules: str) -> tuple[int, str, str]:
    path = tmp_path / "rules.toml"
    path.write_text(rules, "utf-8")
    done = hub.call("tiers", "backtest", str(path), "--json")
    return done.returncode, done.stdout, done.stderr


async def one_at_core(installed: Installed) -> None:
    desk = Desk(installed.desk.database, installed.desk.vault)
    desk.clock.at = installed.desk.clock.at
    member = await desk.member()
    await desk.grow(member, 50)
    await desk.review(member)
    assert (await desk.standing(member)).tier == "core"


async def test_rules_without_a_tier_that_members_stand_at_are_not_tried(installed: Installed, tmp_path: Path) -> None:
    await one_at_core(installed)
    rules = tiers_of(SHIPPED).replace(*RENAMED).replace('gift = "promotion_gift"', "", 1)

    status, told, refused = tried(installed, tmp_path, rules)

    assert (status, told) == (1, "")
    assert "rules.toml: Members stand at a tier that is missing: core. 缺少会员现有的等级：core。" in refused
    assert "try it again with `member-hub tiers backtest`" in refused


async def test_a_gift_that_the_programme_does_not_know_is_not_tried(installed: Installed, tmp_path: Path) -> None:
    status, told, refused = tried(installed, tmp_path, tiers_of(SHIPPED).replace(*RENAMED))

    assert (status, told) == (1, "")
    assert "rules.toml: The gift of the tier kern is no promotion benefit of that tier." in refused


async def test_a_whole_programme_is_tried_with_the_gifts_that_it_names_itself(
    installed: Installed, tmp_path: Path
) -> None:
    """Else gifts and tiers could only ever be changed one after the other."""
    await one_at_core(installed)
    another = SHIPPED.replace("promotion_gift", "welcome_gift")

    status, told, refused = tried(installed, tmp_path, another)

    assert (status, refused) == (0, "")
    here = {one["tier"]: one["before"] for one in json.loads(told)["pyramid"]}
    assert sum(here.values()) == json.loads(told)["members"]
    assert here["core"] >= 1
    assert tried(installed, tmp_path, tiers_of(another))[0] == 1
