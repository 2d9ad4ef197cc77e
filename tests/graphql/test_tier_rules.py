"""Rules of tiers by two persons: tried before they are applied, refused with their place, in force from their time."""

from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from member_hub import resources, tiers
from member_hub.db import snapshot, transaction
from member_hub.graphql import tier_rules
from member_hub.tables import METADATA
from member_hub.tiers import proposals
from member_hub.tiers.rules.versions import stored as as_rules
from member_hub.tiers.standing.backtesting import backtest
from tests.graphql.test_tiers import HUB, grow, last_said, me
from tests.graphql.world import NOW, People, World

PROPOSE = """mutation ($in: TierRulesProposeInput!) { tierRulesPropose(input: $in) {
    rules { version note effectiveAt proposedBy approvedBy rules
        backtest { members oneIn moves { fromTier toTier members }
            pyramid { tier before after earned earnedBp targetBp } } }
    userErrors { field code message } } }"""
APPROVE = """mutation ($v: Int!) { tierRulesApprove(version: $v) {
    rules { version approvedBy approvedAt effectiveAt } userErrors { field code } } }"""
LIST = """query ($first: Int!, $after: String) { tierRules(first: $first, after: $after) {
    edges { cursor node { version proposedBy approvedBy } } pageInfo { hasNextPage } } }"""
MANAGER, ONE, OTHER = "membership_manager", "corp:S-1042", "corp:S-7"
SHIPPED = Path(resources.folder("policies") / "programme.toml").read_text("utf-8")
TIERS = SHIPPED[SHIPPED.index("[tiers]") : SHIPPED.index("\n[benefits]")]
EASY = TIERS.replace("at_least = 650 }", "at_least = 300 }")
rules_t = METADATA.tables["hub.tier_rules"]


async def propose(world: World, rules: str = EASY, *, by: str = ONE, role: str = MANAGER, **said: Any) -> Any:
    given = {"rules": rules, "effectiveAt": "2026-11-22T08:00:00Z", "note": "easier for VIP"} | said
    return (await world.ask(role, PROPOSE, variables={"in": given}, subject=by))["tierRulesPropose"]


async def approve(world: World, version: int, *, by: str = OTHER) -> Any:
    return (await world.ask(MANAGER, APPROVE, variables={"v": version}, subject=by))["tierRulesApprove"]


async def stored(world: World) -> list[Any]:
    async with snapshot(world.hub.database.app) as tx:
        return list(await tx.execute(rules_t.select().order_by(rules_t.c.version)))


async def work(world: World) -> int:
    """The clockwork: the day's thresholds and everybody who is due."""
    async with transaction(world.hub.database.app) as tx:
        await tiers.prepare(tx, world.hub.tiers, now=world.clock.now())
        due = await tiers.due_members(tx, now=world.clock.now())
        return await tiers.review(tx, world.hub.tiers, due, now=world.clock.now(), caller=HUB)


async def test_rules_are_tried_proposed_and_in_force_once_another_approved_them(world: World, people: People) -> None:
    await grow(world, people.whole, 320)
    made = (await propose(world))["rules"]

    assert (made["version"], made["proposedBy"], made["approvedBy"]) == (1, ONE, None)
    assert orjson.loads(made["rules"])["levels"][3]["promotion"]["all"][0]["at_least"] == 300
    assert (made["backtest"]["members"], made["backtest"]["oneIn"], made["backtest"]["moves"]) == (None, 1, [])
    assert [(one["tier"], one["targetBp"]) for one in made["backtest"]["pyramid"]] == [
        ("base", 3000),
        ("standard", 4000),
        ("core", 2000),
        ("vip", 1000),
    ]
    assert await work(world) == 0
    assert (await me(world, people.whole))["tier"]["code"] == "core"

    done = await approve(world, 1)

    assert (done["rules"]["approvedBy"], done["userErrors"]) == (OTHER, [])
    assert await last_said(world) == (OTHER, "tierRulesApprove", "ok")
    assert await work(world) == 1
    found = await me(world, people.whole)
    assert (found["tier"]["code"], found["explanation"]["rulesVersion"]) == ("vip", 1)


async def test_what_the_backtest_says_is_what_applying_the_rules_does(world: World, people: People) -> None:
    """By the numbers as they are, which the API does not tell of so few."""
    for member, amount in ((people.whole, 700), (people.southern, 60), (people.visitor, 20)):
        await grow(world, member, amount)
    easier = TIERS.replace("at_least = 40 }", "at_least = 15 }")
    await propose(world, easier.replace("at_least = 650 }", "at_quantile = 75 }"))
    async with snapshot(world.hub.database.app) as tx:
        (row,) = await stored(world)
        told = await backtest(tx, as_rules(row.rules), now=NOW)
    before = await standing_tiers(world)
    await approve(world, 1)

    await work(world)

    after = await standing_tiers(world)
    assert told.moves == Counter((was, after[one]) for one, was in before.items() if was != after[one])
    assert told.moves.total() > 0
    assert told.after == Counter(after.values())


async def test_nobody_waits_for_every_one_of_very_many_members(
    world: World, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tier_rules, "LOOKED_AT_MAX", 1)

    assert (await propose(world))["rules"]["backtest"]["oneIn"] == 4


async def test_nobody_approves_own_rules_under_any_issuer(world: World, people: People) -> None:
    await propose(world)
    before = await stored(world)

    for same in (ONE, "other:s-1042"):
        refused = await approve(world, 1, by=same)
        assert (refused["rules"], refused["userErrors"]) == (
            None,
            [{"field": "version", "code": "SECOND_PERSON_REQUIRED"}],
        )
        assert await last_said(world) == (same, "tierRulesApprove", "SECOND_PERSON_REQUIRED")

    assert await stored(world) == before


async def test_rules_wait_for_their_time_and_approving_again_changes_nothing(world: World, people: People) -> None:
    await grow(world, people.whole, 320)
    await propose(world, effectiveAt="2026-12-01T00:00:00+08:00")
    first = await approve(world, 1)
    before = await stored(world)

    assert await approve(world, 1, by=ONE) == first
    assert await stored(world) == before
    await work(world)
    assert (await me(world, people.whole))["tier"]["code"] == "core"
    world.clock.at = NOW + timedelta(days=9)
    await work(world)

    assert (await me(world, people.whole))["tier"]["code"] == "vip"


async def test_an_older_proposal_is_not_approved_after_a_newer_one(world: World, people: People) -> None:
    await propose(world)
    await propose(world, TIERS, by=OTHER)
    await approve(world, 2, by=ONE)

    refused = await approve(world, 1)

    assert refused["userErrors"] == [{"field": "version", "code": "CONFLICT"}]
    assert [row.approved_by for row in await stored(world)] == [None, ONE]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (("notice_days = 30", "notice_days = 0"), "rules:"),
        (('figure = "growth", window = "rolling", months = 12, at_least = 7 }', 'figure = "luck" }'), "promotion"),
        (("months = 12, at_least = 7 }", "months = 0, at_least = 7 }"), "months"),
        (('window = "rolling", months = 12, at_least = 7 }', 'window = "rolling", at_least = 7 }'), "months"),
        (("at_least = 7 }", "at_quantile = 100 }"), "at_quantile"),
        (("at_least = 7 }", "at_least = 7, more = 1 }"), "more"),
        (("share_bp = 1000", "share_bp = 1001"), "share_bp"),
        (('code = "core"', 'code = "vip"'), "code"),
        (('code = "base"', 'code = "first"'), "base"),
        (("growth_fen = 100", "growth_fen = 1.5"), "growth_fen"),
        (("[tiers]", "[tiers"), "TOML"),
    ],
)
async def test_rules_that_are_not_well_formed_are_refused_with_their_place(
    world: World, people: People, change: tuple[str, str], place: str
) -> None:
    assert change[0] in TIERS

    answer = await propose(world, TIERS.replace(*change))

    (error,) = answer["userErrors"]
    assert (answer["rules"], error["field"], error["code"]) == (None, "rules", "TIER_RULES_INVALID")
    assert place in error["message"]
    assert await stored(world) == []
    assert await last_said(world) == (ONE, "tierRulesPropose", "TIER_RULES_INVALID")


@pytest.mark.parametrize(
    ("said", "field", "code"),
    [
        ({"rules": " "}, "rules", "TIER_RULES_INVALID"),
        ({"rules": "x" * 20_001}, "rules", "TIER_RULES_INVALID"),
        ({"rules": "{"}, "rules", "TIER_RULES_INVALID"),
        ({"rules": "[]"}, "rules", "TIER_RULES_INVALID"),
        ({"effectiveAt": "2026-11-22T07:00:00Z"}, "effectiveAt", "TIER_RULES_EFFECTIVE_AT"),
        ({"effectiveAt": "2028-01-01T00:00:00Z"}, "effectiveAt", "TIER_RULES_EFFECTIVE_AT"),
        ({"note": " "}, "note", "BAD_USER_INPUT"),
        ({"note": "n" * 201}, "note", "BAD_USER_INPUT"),
    ],
)
async def test_a_proposal_that_cannot_be_stores_nothing(
    world: World, people: People, said: dict[str, str], field: str, code: str
) -> None:
    answer = await propose(world, **said)

    assert [(one["field"], one["code"]) for one in answer["userErrors"]] == [(field, code)]
    assert await stored(world) == []
    assert await last_said(world) == (ONE, "tierRulesPropose", code)


async def test_rules_as_json_are_the_same_rules(world: World, people: People) -> None:
    made = (await propose(world))["rules"]["rules"]

    again = (await propose(world, made))["rules"]

    assert (again["version"], again["rules"]) == (2, made)


async def test_rules_without_a_tier_that_members_stand_at_are_refused(world: World, people: People) -> None:
    await grow(world, people.whole, 320)

    renamed = TIERS.replace('code = "core"', 'code = "kern"')
    answer = await propose(world, renamed.replace('gift = "promotion_gift"', "", 1))

    assert [one["code"] for one in answer["userErrors"]] == ["TIER_RULES_INVALID"]
    assert "core" in answer["userErrors"][0]["message"]


async def test_rules_without_a_tier_that_members_came_to_stand_at_meanwhile_are_not_approved(
    world: World, people: People
) -> None:
    levels = TIERS.replace('[[tiers.levels]]\ncode = "core"', '[[tiers.levels]]\ncode = "kern"')
    made = await propose(world, levels.replace('gift = "promotion_gift"', "", 1))
    assert made["userErrors"] == []
    await grow(world, people.whole, 320)
    before = await stored(world)

    refused = await approve(world, 1)

    assert (refused["rules"], refused["userErrors"]) == (None, [{"field": "rules", "code": "TIER_RULES_INVALID"}])
    assert await stored(world) == before
    assert await last_said(world) == (OTHER, "tierRulesApprove", "TIER_RULES_INVALID")


async def test_a_gift_that_the_programme_does_not_know_is_refused(world: World, people: People) -> None:
    for gift in ("nothing", "birthday_gift"):
        answer = await propose(world, TIERS.replace('gift = "promotion_gift"', f'gift = "{gift}"', 1))

        assert (answer["rules"], [one["code"] for one in answer["userErrors"]]) == (None, ["TIER_RULES_INVALID"])
        assert "core" in answer["userErrors"][0]["message"]
    assert await stored(world) == []


async def test_a_day_has_so_many_proposals_though_none_waits(
    world: World, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of them looks at every member; one for this very moment waits for nothing."""
    monkeypatch.setattr(proposals, "OPEN_MAX", 2)
    for _ in range(2):
        assert (await propose(world))["userErrors"] == []
        world.clock.at += timedelta(minutes=1)

    assert [one["code"] for one in (await propose(world))["userErrors"]] == ["CONFLICT"]
    assert await last_said(world) == (ONE, "tierRulesPropose", "CONFLICT")
    assert len(await stored(world)) == 2

    world.clock.at += timedelta(days=1)
    effective = world.clock.at.isoformat()
    assert (await propose(world, effectiveAt=effective))["rules"]["version"] == 3


async def test_versions_are_read_in_pages_by_who_makes_them(world: World, people: People) -> None:
    for _ in range(3):
        await propose(world)

    first = (await world.ask(MANAGER, LIST, variables={"first": 2}))["tierRules"]
    rest = await world.ask(MANAGER, LIST, variables={"first": 2, "after": first["edges"][-1]["cursor"]})

    assert [one["node"]["version"] for one in first["edges"]] == [3, 2]
    assert [one["node"]["version"] for one in rest["tierRules"]["edges"]] == [1]
    assert [first["pageInfo"]["hasNextPage"], rest["tierRules"]["pageInfo"]["hasNextPage"]] == [True, False]
    assert await world.refused("store_manager", LIST, variables={"first": 2}) == ["FORBIDDEN"]


async def standing_tiers(world: World) -> dict[Any, str]:
    """Of every active member."""
    member_t = METADATA.tables["hub.member"]
    async with snapshot(world.hub.database.app) as tx:
        active = member_t.select().with_only_columns(member_t.c.member_id).where(member_t.c.status == "active")
        found = await tiers.standings(tx, list(await tx.scalars(active)), now=world.clock.now())
        return {one: standing.tier for one, standing in found.items()}


@pytest.mark.parametrize(
    ("window", "most"),
    [
        ('window = "rolling", months = 12', 30),
        ('window = "calendar_year"', 30),
        ('window = "rolling", months = 1', 365),
    ],
)
async def test_activity_is_looked_at_no_further_back_than_it_is_kept(
    world: World, people: People, window: str, most: int
) -> None:
    """13 months; the windows of retention reach so many days further back."""
    kept = 'retention = { figure = "growth", window = "rolling", months = 12, at_least = 7 }'
    assert kept in TIERS
    active = TIERS.replace(kept, f'retention = {{ figure = "visit", {window}, at_least = 7 }}')

    answer = await propose(world, active.replace("growth_grace_days = 0", f"growth_grace_days = {most + 1}"))

    (error,) = answer["userErrors"]
    assert (error["field"], error["code"]) == ("rules", "TIER_RULES_INVALID")
    assert "growth_grace_days" in error["message"]
    assert await stored(world) == []
    allowed = active.replace("growth_grace_days = 0", f"growth_grace_days = {most}")
    assert (await propose(world, allowed))["userErrors"] == []
    without = TIERS.replace("growth_grace_days = 0", f"growth_grace_days = {most + 1}")
    assert (await propose(world, without))["userErrors"] == []


RENAMED = TIERS.replace('code = "core"', 'code = "kern"').replace('gift = "promotion_gift"', "", 1)
LATER = "2026-12-01T00:00:00+08:00"


async def test_rules_that_leave_out_a_tier_come_into_force_at_once_or_not_at_all(world: World, people: People) -> None:
    """Until a later day members could come to stand at it, and would lose it without a word."""
    refused = await propose(world, RENAMED, effectiveAt=LATER)

    assert [(one["field"], one["code"]) for one in refused["userErrors"]] == [("rules", "TIER_RULES_INVALID")]
    assert "core" in refused["userErrors"][0]["message"]
    assert await stored(world) == []
    assert await last_said(world) == (ONE, "tierRulesPropose", "TIER_RULES_INVALID")
    await propose(world, RENAMED)
    assert (await approve(world, 1))["userErrors"] == []


async def test_no_rules_bring_a_tier_that_others_which_were_approved_for_later_leave_out(
    world: World, people: People
) -> None:
    await propose(world, effectiveAt=LATER)
    assert (await approve(world, 1))["userErrors"] == []
    await propose(world, RENAMED)
    before = await stored(world)

    refused = await approve(world, 2)

    assert refused["userErrors"] == [{"field": "rules", "code": "TIER_RULES_INVALID"}]
    assert await last_said(world) == (OTHER, "tierRulesApprove", "TIER_RULES_INVALID")
    assert await stored(world) == before


async def test_rules_whose_time_was_over_more_than_a_week_ago_are_proposed_anew(world: World, people: People) -> None:
    await propose(world)
    await propose(world, TIERS, effectiveAt=LATER)
    before = await stored(world)

    world.clock.at = NOW + timedelta(days=7, seconds=1)
    assert (await approve(world, 1))["userErrors"] == [{"field": "version", "code": "CONFLICT"}]
    assert await last_said(world) == (OTHER, "tierRulesApprove", "CONFLICT")
    assert await stored(world) == before
    assert (await approve(world, 2))["userErrors"] == []
