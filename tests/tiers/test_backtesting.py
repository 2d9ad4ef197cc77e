"""Trying rules: the numbers are those of applying them, and nothing is written."""

import json
import random
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from member_hub.cli import cli
from member_hub.db import snapshot
from member_hub.tiers.rules.model import TierRules
from member_hub.tiers.standing.backtesting import Backtest, backtest
from tests.tiers.desk import Desk, rules_of
from tests.tiers.paper import ladder, spelled

HARDER = spelled(demotion="to_earned", grace=0, growth_grace=0).replace("at_least = 1000", "at_least = 1500")
BY_RANK = (
    spelled(grace=10, growth_grace=0)
    .replace("at_least = 100 }", "at_quantile = 30 }")
    .replace("at_least = 1000", "at_quantile = 70")
    .replace("at_least = 5000", "at_quantile = 90")
)


async def tried(desk: Desk, rules: TierRules) -> Backtest:
    async with snapshot(desk.database.app) as tx:
        return await backtest(tx, rules, now=desk.clock.now())


@pytest.mark.parametrize("spelled", [HARDER, BY_RANK])
async def test_applying_the_rules_moves_whom_the_backtest_said(desk: Desk, spelled: str) -> None:
    chance = random.Random(7)
    desk.tier_rules = ladder()
    members = [await desk.member() for _ in range(40)]
    for one in members:
        await desk.grow(one, chance.choice([0, 20, 120, 700, 1200, 1600, 5500]))
    await desk.work()
    await desk.place(members[0], "vip", "2026-12-31T12:00")
    desk.later(days=380)
    await desk.work()
    for one in members[::3]:
        await desk.grow(one, chance.choice([0, 90, 1100, 1700]))
    desk.later(days=35)
    rules = rules_of(spelled)
    before = {one: (await desk.standing(one)).tier for one in members}
    unchanged = await desk.everything()

    found = await tried(desk, rules)
    assert await desk.everything() == unchanged
    desk.tier_rules = rules
    await desk.work()
    after = {one: (await desk.standing(one)).tier for one in members}

    moved = Counter((before[one], after[one]) for one in members if before[one] != after[one])
    assert found.moves == moved
    assert moved.total() > 5
    assert found.after == Counter(after.values())
    assert found.members == 40


@pytest.mark.parametrize("rules", [rules_of(HARDER), rules_of(BY_RANK)])
async def test_of_very_many_members_one_in_so_many_is_looked_at(desk: Desk, rules: TierRules) -> None:
    """The same ones each time, and about as many as were asked for."""
    for _ in range(60):
        await desk.grow(await desk.member(), 1600)

    async with snapshot(desk.database.app) as tx:
        first, again = [(await backtest(tx, rules, now=desk.clock.now(), at_most=20)).told() for _ in range(2)]
        all_of_them = (await backtest(tx, rules, now=desk.clock.now(), at_most=60)).told()

    assert first == again
    assert first["one_in"] == 3
    assert 5 <= first["members"] <= 40
    assert [one["members"] for one in first["moves"]] == [first["members"]]
    assert (all_of_them["one_in"], all_of_them["members"]) == (1, 60)


async def test_the_shipped_rules_keep_their_shares_in_the_report(desk: Desk) -> None:
    await desk.member()

    told = (await tried(desk, desk.tier_rules)).told()
    assert told["one_in"] == 1

    assert [(one["tier"], one["target_bp"], one["earned_bp"]) for one in told["pyramid"]] == [
        ("base", 3000, 10_000),
        ("standard", 4000, 0),
        ("core", 2000, 0),
        ("vip", 1000, 0),
    ]
    assert told["moves"] == []


def test_rules_with_a_mistake_are_refused_with_the_line(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(HARDER.replace("notice_days = 30", "notice_days = 0"), "utf-8")

    refused = CliRunner().invoke(cli, ["tiers", "backtest", str(path)])

    assert refused.exit_code == 1
    assert "rules.toml, line 6" in str(refused.exception)
    assert str(refused.exception).endswith("Correct it, and try it again with `member-hub tiers backtest`.")


def test_numbers_are_printed_by_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from member_hub.commands import tiers as command

    told = {
        "members": 3,
        "moves": [{"from": "base", "to": "vip", "members": 2}],
        "pyramid": [
            {"tier": "base", "before": 3, "after": 1, "earned": 1, "earned_bp": 3333, "target_bp": 3000},
            {"tier": "vip", "before": 0, "after": 2, "earned": 2, "earned_bp": 6666, "target_bp": 1000},
        ],
    }
    monkeypatch.setattr(command, "run", lambda _work: told)
    path = tmp_path / "rules.toml"
    path.write_text(f"[tiers]\n{HARDER.replace('[[levels]]', '[[tiers.levels]]')}", "utf-8")

    plain = CliRunner().invoke(cli, ["tiers", "backtest", str(path)])
    as_json = CliRunner().invoke(cli, ["tiers", "backtest", str(path), "--json"])

    assert plain.output.splitlines()[1:] == [
        "  base -> vip: 2",
        "tier              now    after   earned   share  target",
        "base                3        1        1  33.33%  30.00%",
        "vip                 0        2        2  66.66%  10.00%",
    ]
    assert json.loads(as_json.output) == told


def test_the_help_says_for_whom_rules_hold_and_whom_each_backtest_looks_at() -> None:
    said = " ".join(CliRunner().invoke(cli, ["tiers", "backtest", "--help"]).output.split())

    assert "Rules of tiers hold for the whole organisation, and this looks at the members of every handler" in said
    assert "tierRulesPropose answers looks at those of the proposer's handler alone" in said
