"""Tags through the API: defined by two persons, version by version."""

import json
from typing import Any

import pytest
from sqlalchemy import select, update

from member_hub import tags
from member_hub.db import transaction
from member_hub.members.tables import AgeBand
from member_hub.tags.definitions import BUILTIN, tag_t
from member_hub.tags.figures import FIGURES
from tests.graphql.consenting import turn
from tests.graphql.tagging import APPROVE, DEFINE, GOLF, REGULAR, WRAP, assign, define, evaluate, said, shown, stored
from tests.graphql.test_objections import place
from tests.graphql.world import People, World

LIST = "{ tags { code version approvedBy isBuiltIn } }"


async def test_a_definition_takes_two_persons_and_counts_from_the_second_on(world: World, people: People) -> None:
    proposed, errors = await said(world, "membership_manager", DEFINE, GOLF, subject="E2001")
    assert errors == []
    assert proposed == {
        "code": "likes_golf", "version": 1, "kind": "HAND", "isProfiling": False, "rule": None, "approvedBy": None,
        "proposedBy": "E2001",
    }  # fmt: skip
    assert (await said(world, "membership_manager", DEFINE, GOLF, subject="E2001"))[0]["version"] == 1
    assert (await assign(world, "store_manager", people.whole, "likes_golf"))[1] == [("tag", "NOT_FOUND")]

    which = {"code": "likes_golf", "version": 1}
    for oneself in ("E2001", "corp:e2001"):
        refused = await said(world, "membership_manager", APPROVE, which, subject=oneself)
        assert refused == (None, [(None, "SECOND_PERSON_REQUIRED")])
    entry = (await world.audited())[-1]
    assert (entry.operation, entry.outcome) == ("tagApprove", "SECOND_PERSON_REQUIRED")

    approved, errors = await said(world, "membership_manager", APPROVE, which, subject="E2002")
    assert (approved, errors) == ({"code": "likes_golf", "version": 1, "approvedBy": "E2002"}, [])
    assert (await world.audited())[-1].fields == ["tag:likes_golf", "version:1"]
    assert (await assign(world, "store_manager", people.whole, "likes_golf"))[1] == []
    again, errors = await said(world, "membership_manager", DEFINE, {**GOLF, "nameEn": "golfer"}, subject="E2002")
    assert (again["version"], errors) == (2, [])
    assert (await said(world, "membership_manager", APPROVE, which, subject="E2003"))[1] == [("version", "CONFLICT")]
    listed = (await world.ask("membership_manager", LIST))["tags"]
    assert [tag for tag in listed if not tag["isBuiltIn"]] == [
        {"code": "likes_golf", "version": 1, "approvedBy": "E2002", "isBuiltIn": False},
        {"code": "likes_golf", "version": 2, "approvedBy": None, "isBuiltIn": False},
    ]
    assert [tag["code"] for tag in listed if tag["isBuiltIn"]] == list(BUILTIN)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"code": "Golf"}, ("code", "BAD_USER_INPUT")),
        ({"code": "fraud"}, ("code", "BAD_USER_INPUT")),
        ({"kind": "COMPUTED"}, ("kind", "BAD_USER_INPUT")),
        ({"nameZh": ""}, ("nameZh", "BAD_USER_INPUT")),
        ({"owner": "x" * 61}, ("owner", "BAD_USER_INPUT")),
        ({"owner": "zhang@x.com"}, ("owner", "BAD_USER_INPUT")),
        ({"owner": "138 0013 8001"}, ("owner", "BAD_USER_INPUT")),
        ({"owner": "021-6000 1234"}, ("owner", "BAD_USER_INPUT")),
        ({"owner": "+86-13900138001"}, ("owner", "BAD_USER_INPUT")),
        ({"owner": "E1001"}, ("owner", "BAD_USER_INPUT")),
        ({"owner": "corp:E1001"}, ("owner", "BAD_USER_INPUT")),
        ({"owner": "00471"}, ("owner", "BAD_USER_INPUT")),
        ({"purpose": "RIGHTS_HANDLING"}, ("purpose", "BAD_USER_INPUT")),
        ({"rule": "{}"}, ("rule", "BAD_USER_INPUT")),
        ({"kind": "RULE"}, ("rule", "BAD_USER_INPUT")),
        ({"kind": "RULE", "rule": "{}"}, ("rule.figure", "TAG_RULE_INVALID")),
        ({"kind": "RULE", "rule": "null"}, ("rule", "TAG_RULE_INVALID")),
        ({"kind": "RULE", "rule": REGULAR["rule"], "isService": True}, ("kind", "BAD_USER_INPUT")),
        ({"kind": "RULE", "rule": REGULAR["rule"], "purpose": "PERSONALISATION"}, ("rule.figure", "TAG_RULE_INVALID")),
        ({"isRestrictive": True, "purpose": "MARKETING"}, ("isRestrictive", "BAD_USER_INPUT")),
        ({"expiresDays": 0}, ("expiresDays", "BAD_USER_INPUT")),
    ],
)
async def test_a_definition_that_is_not_right_is_refused(
    world: World, change: dict[str, Any], error: tuple[str, str]
) -> None:
    assert await said(world, "membership_manager", DEFINE, GOLF | change) == (None, [error])

    async with transaction(world.hub.database.app) as tx:
        assert list(await tx.execute(select(tag_t))) == []
    entry = (await world.audited())[-1]
    assert (entry.operation, entry.outcome) == ("tagDefine", error[1])


@pytest.mark.parametrize("owner", ["crm", "会员运营一组", "CRM team 2", "loyalty-2026", "store ops (SH, EC)"])
async def test_a_team_answers_for_a_tag_whatever_it_is_called(world: World, owner: str) -> None:
    tag, errors = await said(world, "membership_manager", DEFINE, GOLF | {"owner": owner})

    assert (tag["version"], errors) == (1, [])


async def test_the_text_of_a_refused_rule_names_the_place_and_not_what_stands_there(world: World) -> None:
    rule = json.dumps({"all": [{"figure": "Ouyang", "equals": 1}]})
    sent = {"input": GOLF | {"kind": "RULE", "rule": rule}}

    answer = (await world.ask("membership_manager", DEFINE, variables=sent))["tagDefine"]

    [error] = answer["userErrors"]
    assert error["field"] == "rule.all.0.figure"
    assert "At rule.all.0.figure: " in error["message"]
    assert "Ouyang" not in error["message"]


@pytest.mark.parametrize(
    ("rule", "place"),
    [
        ({"figure": "tier", "equals": "gold"}, "rule.equals"),
        ({"figure": "home_store", "equals": "SH999"}, "rule.equals"),
        ({"figure": "home_store", "one_of": ["SH001", "SH999"]}, "rule.one_of.1"),
        ({"not": {"figure": "region", "equals": "west"}}, "rule.not.equals"),
        ({"figure": "lifecycle_stage", "equals": "golden"}, "rule.equals"),
        ({"figure": "r_score", "at_least": 9}, "rule.at_least"),
        ({"figure": "r_score", "equals": 0}, "rule.equals"),
        ({"any": [{"figure": "recency_days", "at_most": -5}]}, "rule.any.0.at_most"),
        ({"figure": "recency_days", "at_most": 0}, "rule.at_most"),
        ({"figure": "active_days_90d", "at_least": 91}, "rule.at_least"),
        ({"figure": "points_active", "one_of": [0, -1]}, "rule.one_of.1"),
    ],
)
async def test_a_rule_that_compares_with_what_its_figure_never_is_is_refused(
    world: World, rule: dict[str, Any], place: str
) -> None:
    sent = {"input": REGULAR | {"rule": json.dumps(rule)}}

    answer = (await world.ask("membership_manager", DEFINE, variables=sent))["tagDefine"]

    [error] = answer["userErrors"]
    assert (answer["tag"], error["field"], error["code"]) == (None, place, "TAG_RULE_INVALID")
    assert f"At {place}: " in error["message"]
    async with transaction(world.hub.database.app) as tx:
        assert list(await tx.execute(select(tag_t))) == []
    entry = (await world.audited())[-1]
    assert (entry.operation, entry.outcome) == ("tagDefine", "TAG_RULE_INVALID")


@pytest.mark.parametrize(
    "rule",
    [
        {"figure": "tier", "one_of": ["base", "vip"]},
        {"figure": "home_store", "equals": "SH001"},
        {"figure": "region", "equals": "east"},
        {"all": [{"figure": "r_score", "at_least": 5}, {"figure": "f_score", "at_most": 1}]},
        {"figure": "recency_days", "at_most": 1},
        {"figure": "recency_days", "at_least": 0},
        {"figure": "r_score", "at_most": 9},
        {"figure": "active_days_90d", "at_least": 90},
        {"figure": "growth", "at_most": -1},
    ],
)
async def test_what_a_figure_can_be_is_compared_with(world: World, rule: dict[str, Any]) -> None:
    definition = REGULAR | {"rule": json.dumps(rule)}

    assert (await said(world, "membership_manager", DEFINE, definition))[1] == []


async def test_the_figures_are_listed_with_what_they_are_made_from(world: World) -> None:
    query = "{ tagFigures { name kind unit nameZh nameEn source dataClass purposes values } }"

    found = (await world.ask("membership_manager", query))["tagFigures"]

    assert [figure["name"] for figure in found] == list(FIGURES)
    assert next(figure for figure in found if figure["name"] == "visit_30d") == {
        "name": "visit_30d", "kind": "NUMBER", "unit": "times", "nameZh": "近 30 天到访次数",
        "nameEn": "visits in the last 30 days", "source": "ACTIVITY", "dataClass": "COMMERCE",
        "purposes": ["ACTIVITY_EVALUATION", "MEMBER_SERVICE", "RIGHTS_HANDLING"], "values": [],
    }  # fmt: skip


async def test_a_new_version_reaches_what_was_given_by_hand_and_its_end_ends_it(world: World, people: People) -> None:
    await define(world, GOLF)
    await turn(world, [people.whole, people.southern], age_band=AgeBand.ADULT.value)
    for member in (people.whole, people.southern):
        await assign(world, "app_crm", member, "likes_golf")
    await place(world, "member", {"profiling": True}, member=people.southern)
    assert len(await stored(world)) == 2

    await define(world, GOLF | {"isProfiling": True})
    await evaluate(world, people.whole, people.southern)

    [row] = [row for row in await stored(world) if row.how == "hand"]
    assert (row.member_id, row.version, row.is_profiling) == (people.whole, 2, True)
    await place(world, "member", {"profiling": True}, member=people.whole)
    assert await stored(world) == []

    await define(world, WRAP)
    await assign(world, "app_crm", people.whole, "gift_wrap")
    await define(world, WRAP | {"isRetired": True})
    await evaluate(world, people.whole)
    assert await stored(world) == []
    await define(world, WRAP)
    assert await shown(world, "app_crm", people.whole) == []


async def test_an_approval_makes_a_round_due(world: World, people: People) -> None:
    await turn(world, [people.whole], age_band=AgeBand.ADULT.value)
    hub = world.hub
    await tags.run(hub.database, hub.audit, hub.tags, world.clock)
    assert (await tags.run(hub.database, hub.audit, hub.tags, world.clock)).evaluated == tags.Evaluated()

    await define(world, REGULAR)

    assert (await tags.run(hub.database, hub.audit, hub.tags, world.clock)).evaluated.given == 1
    assert "regular" in (await shown(world, "app_crm", people.whole) or [])


async def test_the_stored_end_of_a_version_shows_at_once(world: World, people: People) -> None:
    await define(world, GOLF)
    await assign(world, "app_crm", people.whole, "likes_golf")

    await define(world, GOLF | {"isRetired": True})

    assert await shown(world, "app_crm", people.whole) == []
    async with transaction(world.hub.database.app) as tx:
        await tx.execute(update(tag_t).values(is_retired=False))
    assert await shown(world, "app_crm", people.whole) == ["likes_golf"]
