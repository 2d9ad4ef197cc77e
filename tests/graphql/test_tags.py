"""Tags through the API: defined by two persons, given by hand within reach, shown as far as a purpose goes."""

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from member_hub import tags
from member_hub.consent.history.timers import Clockwork
from member_hub.consent.replay import restoring
from member_hub.db import transaction
from member_hub.graphql.building import global_id
from member_hub.ids import uuid7
from member_hub.members.bits import PURPOSE_BITS
from member_hub.members.tables import AgeBand
from member_hub.members.taggings import tagging_t
from member_hub.privacy import Purpose
from member_hub.tags.definitions import BUILTIN, tag_t
from member_hub.tags.figures import FIGURES
from tests.graphql.consenting import MARKETING, PERSONALISATION, grant, inform, turn, withdraw
from tests.graphql.test_objections import lift, place
from tests.graphql.world import NOW, People, World

DEFINE = """mutation ($input: TagDefineInput!) { tagDefine(input: $input) {
    tag { code version kind isProfiling rule approvedBy proposedBy } userErrors { field code message } } }"""
APPROVE = """mutation ($input: TagApproveInput!) { tagApprove(input: $input) {
    tag { code version approvedBy } userErrors { field code } } }"""
ASSIGN = """mutation ($input: TagAssignInput!) { tagAssign(input: $input) {
    member { id tags { code } } userErrors { field code } } }"""
REMOVE = """mutation ($input: TagRemoveInput!) { tagRemove(input: $input) {
    member { id tags { code } } userErrors { field code } } }"""
SHOW = "query ($id: ID!) { member(by: {id: $id}) { tags { code group kind value since until isService } } }"
MINE = "{ me { tags { code } } }"
LIST = "{ tags { code version approvedBy isBuiltIn } }"
GOLF = {
    "code": "likes_golf", "kind": "HAND", "group": "interests", "nameZh": "高尔夫", "nameEn": "golf", "owner": "crm",
    "dataClass": "PROFILE", "purpose": "MEMBER_SERVICE",
}  # fmt: skip
WRAP = {**GOLF, "code": "gift_wrap", "nameEn": "gift wrap", "isService": True}
REGULAR = {
    **GOLF, "code": "regular", "kind": "RULE", "dataClass": "COMMERCE",
    "rule": json.dumps({"figure": "orders_ever", "at_least": 1}),
}  # fmt: skip


async def said(world: World, role: str, query: str, about: dict[str, Any], **more: Any) -> tuple[Any, list[Any]]:
    answer = await world.ask(role, query, variables={"input": about}, **more)
    (payload,) = answer.values()
    done = payload.get("tag") or payload.get("member")
    return done, [(error["field"], error["code"]) for error in payload["userErrors"]]


async def define(world: World, *definitions: dict[str, Any]) -> None:
    for about in definitions:
        tag, errors = await said(world, "membership_manager", DEFINE, about, subject="E2001")
        assert errors == []
        which = {"code": about["code"], "version": tag["version"]}
        _, errors = await said(world, "membership_manager", APPROVE, which, subject="E2002")
        assert errors == []


async def assign(world: World, role: str, member: Any, tag: str, **more: Any) -> tuple[Any, list[Any]]:
    until = {"until": more.pop("until")} if "until" in more else {}
    return await said(world, role, ASSIGN, {"member": global_id(member), "tag": tag} | until, **more)


async def remove(world: World, role: str, member: Any, tag: str, **more: Any) -> tuple[Any, list[Any]]:
    return await said(world, role, REMOVE, {"member": global_id(member), "tag": tag}, **more)


async def shown(world: World, role: str, member: Any, **more: Any) -> list[str] | None:
    found = (await world.ask(role, SHOW, variables={"id": str(member)}, **more))["member"]
    return [tag["code"] for tag in found["tags"]] if found else None


async def evaluate(world: World, *members: Any) -> None:
    async with transaction(world.hub.database.app) as tx:
        await tags.evaluate(tx, world.hub.tags, members, now=world.clock.now())


async def given_by_import(world: World, member: Any, tag: str) -> None:
    """As a file leaves it, of a tag for personalisation."""
    row = {
        "member_id": member, "tag": tag, "given_id": uuid7(), "handler": "brand", "how": "import", "origins": [],
        "since": NOW, "given_by": "file", "version": 1, "is_profiling": False,
        "restricted_by": PURPOSE_BITS[Purpose.PERSONALISATION],
    }  # fmt: skip
    async with transaction(world.hub.database.app) as tx:
        await tx.execute(tagging_t.insert(), row)


async def stored(world: World) -> list[Any]:
    async with transaction(world.hub.database.app) as tx:
        rows = await tx.execute(select(tagging_t).order_by(tagging_t.c.member_id, tagging_t.c.tag))
        return list(rows)


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
        ({"purpose": "RIGHTS_HANDLING"}, ("purpose", "BAD_USER_INPUT")),
        ({"rule": "{}"}, ("rule", "BAD_USER_INPUT")),
        ({"kind": "RULE"}, ("rule", "BAD_USER_INPUT")),
        ({"kind": "RULE", "rule": "{}"}, ("rule", "TAG_RULE_INVALID")),
        ({"kind": "RULE", "rule": "null"}, ("rule", "TAG_RULE_INVALID")),
        ({"kind": "RULE", "rule": REGULAR["rule"], "isService": True}, ("kind", "BAD_USER_INPUT")),
        ({"kind": "RULE", "rule": REGULAR["rule"], "purpose": "PERSONALISATION"}, ("rule", "TAG_RULE_INVALID")),
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


async def test_the_text_of_a_refused_rule_names_the_place_and_not_what_stands_there(world: World) -> None:
    rule = json.dumps({"all": [{"figure": "Ouyang", "equals": 1}]})
    sent = {"input": GOLF | {"kind": "RULE", "rule": rule}}

    answer = (await world.ask("membership_manager", DEFINE, variables=sent))["tagDefine"]

    [error] = answer["userErrors"]
    assert "$.all[0].figure" in error["message"]
    assert "Ouyang" not in error["message"]


async def test_the_figures_are_listed_with_what_they_are_made_from(world: World) -> None:
    query = "{ tagFigures { name kind unit nameZh nameEn source dataClass purposes values } }"

    found = (await world.ask("membership_manager", query))["tagFigures"]

    assert [figure["name"] for figure in found] == list(FIGURES)
    assert next(figure for figure in found if figure["name"] == "visit_30d") == {
        "name": "visit_30d", "kind": "NUMBER", "unit": "times", "nameZh": "近 30 天到访次数",
        "nameEn": "visits in the last 30 days", "source": "ACTIVITY", "dataClass": "COMMERCE",
        "purposes": ["ACTIVITY_EVALUATION", "MEMBER_SERVICE", "RIGHTS_HANDLING"], "values": [],
    }  # fmt: skip


async def test_tags_by_hand_go_within_reach_and_right(world: World, people: People) -> None:
    await define(world, GOLF, WRAP, REGULAR)

    member, errors = await assign(world, "store_manager", people.merged, "likes_golf")
    assert (member, errors) == ({"id": global_id(people.whole), "tags": [{"code": "likes_golf"}]}, [])
    assert [(row.member_id, row.tag, row.how, row.given_by, row.since) for row in await stored(world)] == [
        (people.whole, "likes_golf", "hand", "development.store_manager", NOW)
    ]
    entry = (await world.audited())[-1]
    assert (entry.operation, entry.outcome, entry.member_ids) == ("tagAssign", "ok", [people.whole])
    assert {"member.tags:WRITE", "tag:likes_golf", "member.tags:CLEAR"} <= set(entry.fields)

    before = await stored(world)
    for role, whom, tag, error in [
        ("sales_associate", people.whole, "likes_golf", ("tag", "NOT_FOUND")),
        ("sales_associate", people.southern, "gift_wrap", ("member", "NOT_FOUND")),
        ("store_manager", people.southern, "likes_golf", ("member", "NOT_FOUND")),
        ("store_manager", people.whole, "regular", ("tag", "TAG_NOT_BY_HAND")),
        ("support_agent", people.whole, "churn_risk", ("tag", "TAG_NOT_BY_HAND")),
        ("app_crm", people.whole, "no_such_tag", ("tag", "NOT_FOUND")),
    ]:
        assert await assign(world, role, whom, tag) == (None, [error]), (role, tag)
        assert (await world.audited())[-1].outcome == error[1]
    assert await stored(world) == before
    for role in ("region_manager", "membership_manager", "dpo", "app_checkout", "member", "app_mini_program"):
        about = {"member": people.whole} if role == "member" else {}
        sent = {"input": {"member": global_id(people.whole), "tag": "gift_wrap"}}
        assert await world.refused(role, ASSIGN, variables=sent, **about) == ["FORBIDDEN"]

    member, errors = await assign(world, "sales_associate", people.whole, "gift_wrap")
    assert (member["tags"], errors) == ([{"code": "gift_wrap"}], [])
    assert (await remove(world, "sales_associate", people.whole, "likes_golf"))[1] == [("tag", "NOT_FOUND")]
    assert (await remove(world, "support_agent", people.whole, "likes_golf"))[1] == []
    assert (await remove(world, "support_agent", people.whole, "likes_golf"))[1] == []
    assert [row.tag for row in await stored(world)] == ["gift_wrap"]


async def test_everybody_sees_the_tags_that_their_right_shows(world: World, people: People) -> None:
    await define(world, GOLF, WRAP)
    for tag in ("likes_golf", "gift_wrap", "do_not_contact", "fraud"):
        assert (await assign(world, "app_crm", people.whole, tag))[1] == []

    service, everything = ["gift_wrap", "do_not_contact"], ["gift_wrap", "likes_golf", "do_not_contact", "fraud"]
    assert await shown(world, "sales_associate", people.whole) == service
    assert await shown(world, "app_checkout", people.whole) == service
    for role in ("store_manager", "region_manager", "support_agent", "dpo", "app_crm"):
        assert await shown(world, role, people.whole) == everything
    mine = await world.ask("member", MINE, member=people.whole)
    assert [tag["code"] for tag in mine["me"]["tags"]] == everything
    listed = await world.ask("sales_associate", "{ tags { code } }")
    assert {tag["code"] for tag in listed["tags"]} == {"gift_wrap", "minor", "do_not_contact"}


async def test_a_term_ends_a_tag_and_giving_it_again_keeps_since(world: World, people: People) -> None:
    await define(world, GOLF | {"expiresDays": 30})
    tomorrow, late = (NOW + timedelta(days=1)).isoformat(), (NOW + timedelta(days=31)).isoformat()
    for until in (NOW.isoformat(), late):
        assert (await assign(world, "app_crm", people.whole, "likes_golf", until=until))[1] == [
            ("until", "BAD_USER_INPUT")
        ]
    await assign(world, "app_crm", people.whole, "likes_golf")
    world.clock.at += timedelta(hours=1)

    await assign(world, "app_crm", people.whole, "likes_golf", until=tomorrow)

    [row] = await stored(world)
    assert (row.since, row.until) == (NOW, NOW + timedelta(days=1))
    world.clock.at = row.until
    assert await shown(world, "app_crm", people.whole) == []
    async with transaction(world.hub.database.app) as tx:
        assert await tags.forget_expired(tx, now=world.clock.now()) == 1
    assert await stored(world) == []


async def test_an_objection_to_profiling_takes_profiles_in_the_same_transaction(world: World, people: People) -> None:
    """And none comes again while it stands; what people noted by hand for the service stays."""
    await define(world, GOLF, REGULAR)
    await turn(world, [people.whole], age_band=AgeBand.ADULT.value)
    await assign(world, "app_crm", people.whole, "likes_golf")
    await evaluate(world, people.whole)
    everything = ["likes_golf", "regular", "churn_risk", "lifecycle_stage", "f_score", "m_score", "r_score"]
    assert await shown(world, "app_crm", people.whole) == everything

    placed, errors = await place(world, "member", {"profiling": True}, member=people.whole)

    assert errors == []
    assert [row.tag for row in await stored(world)] == ["likes_golf"]
    await evaluate(world, people.whole)
    assert [row.tag for row in await stored(world)] == ["likes_golf"]
    assert await shown(world, "app_crm", people.whole) == ["likes_golf"]

    await lift(world, "member", placed["id"], member=people.whole)
    assert [row.tag for row in await stored(world)] == ["likes_golf"]
    await evaluate(world, people.whole)
    assert await shown(world, "app_crm", people.whole) == everything


async def test_everything_objected_to_takes_them_too(world: World, people: People) -> None:
    await turn(world, [people.whole], age_band=AgeBand.ADULT.value)
    await evaluate(world, people.whole)

    await place(world, "member", {"everything": True}, member=people.whole)

    assert await stored(world) == []


async def test_an_objection_that_is_put_back_after_a_restore_takes_them_again(world: World, people: People) -> None:
    hub = world.hub
    await turn(world, [people.whole], age_band=AgeBand.ADULT.value)
    before = hub.ledger.head().seq
    await place(world, "member", {"profiling": True}, member=people.whole)
    async with transaction(hub.database.app) as tx:  # as in the older database: no objection, and tags
        await tx.execute(restoring.objection_t.delete())
    await turn(world, [people.whole], restriction_bits=0)
    await evaluate(world, people.whole)
    assert len(await stored(world)) == 5

    works = Clockwork(hub.database, hub.vault, hub.catalogue, hub.audit, "test")
    recalled = await restoring.recall(works, hub.ledger, world.clock, after=before)

    assert recalled.restrictions == 1
    assert await stored(world) == []


@pytest.mark.parametrize("band", [AgeBand.UNKNOWN, AgeBand.CHILD])
async def test_what_must_not_be_there_is_not_shown_even_before_it_is_gone(
    world: World, people: People, band: AgeBand
) -> None:
    await turn(world, [people.whole], age_band=AgeBand.ADULT.value)
    await evaluate(world, people.whole)
    assert len(await shown(world, "support_agent", people.whole) or []) == 5

    await turn(world, [people.whole], age_band=band.value)

    mine = await world.ask("member", MINE, member=people.whole)
    assert mine["me"]["tags"] == []


async def test_a_personalisation_tag_is_for_that_purpose_alone_and_takes_consent(world: World, people: People) -> None:
    await define(world, GOLF | {"code": "cosy", "purpose": "PERSONALISATION", "isProfiling": True})
    await turn(world, [people.whole], age_band=AgeBand.ADULT.value)
    rule = json.dumps({"figure": "points_active", "at_least": 0})
    await define(world, REGULAR | {"code": "tailored", "purpose": "PERSONALISATION", "rule": rule})
    notice = await inform(world, [people.whole])
    await evaluate(world, people.whole)
    assert "tailored" not in {row.tag for row in await stored(world)}

    await grant(world, people.whole, notice, slot=PERSONALISATION)
    await evaluate(world, people.whole)

    assert "tailored" in {row.tag for row in await stored(world)}
    manager = "query { memberList(first: 5) { edges { node { id tags { code } } } } }"
    seen = await world.ask("membership_manager", manager, purpose="personalisation")
    [one] = [edge["node"] for edge in seen["memberList"]["edges"] if edge["node"]["id"] == global_id(people.whole)]
    assert "tailored" in {tag["code"] for tag in one["tags"]}
    for role, about in (("app_crm", {}), ("support_agent", {}), ("app_crm", {"purpose": "customer_support"})):
        assert "tailored" not in (await shown(world, role, people.whole, **about) or [])
        assert (await assign(world, role, people.whole, "cosy", **about))[1] == [("tag", "NOT_FOUND")]
    assert "tailored" in {t["code"] for t in (await world.ask("member", MINE, member=people.whole))["me"]["tags"]}

    await withdraw(world, people.whole, slot=PERSONALISATION)
    await evaluate(world, people.whole)
    assert "tailored" not in {row.tag for row in await stored(world)}


async def test_a_tag_that_rests_on_consent_goes_with_it_in_the_same_transaction(world: World, people: People) -> None:
    """By hand, too; what rests on another consent, or on none, stays."""
    cosy = GOLF | {"code": "cosy", "purpose": "PERSONALISATION"}
    await define(world, GOLF, cosy, GOLF | {"code": "spring_sale", "purpose": "MARKETING"})
    await turn(world, [people.whole], age_band=AgeBand.ADULT.value)
    notice = await inform(world, [people.whole])
    for slot in (PERSONALISATION, MARKETING):
        await grant(world, people.whole, notice, slot=slot)
    assert (await assign(world, "app_crm", people.whole, "spring_sale", purpose="marketing"))[1] == []
    assert (await assign(world, "app_crm", people.whole, "likes_golf"))[1] == []
    await given_by_import(world, people.whole, "cosy")

    await withdraw(world, people.whole, slot=PERSONALISATION)
    assert {row.tag for row in await stored(world)} == {"likes_golf", "spring_sale"}
    await withdraw(world, people.whole, slot=MARKETING)
    assert {row.tag for row in await stored(world)} == {"likes_golf"}


async def test_nobody_gets_rid_of_what_protects_by_objecting(world: World, people: People) -> None:
    await define(world, GOLF)
    for tag in ("fraud", "minor", "do_not_contact", "likes_golf"):
        assert (await assign(world, "app_crm", people.whole, tag))[1] == []

    await place(world, "member", {"everything": True}, member=people.whole)

    assert {row.tag for row in await stored(world)} == {"fraud", "minor", "do_not_contact"}
    assert set(await shown(world, "support_agent", people.whole) or []) <= {"fraud", "minor", "do_not_contact"}


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


async def test_a_marketing_tag_by_hand_takes_the_members_consent(world: World, people: People) -> None:
    await define(world, GOLF | {"code": "spring_sale", "purpose": "MARKETING"})
    await turn(world, [people.whole], age_band=AgeBand.ADULT.value)

    refused = await assign(world, "app_crm", people.whole, "spring_sale", purpose="marketing")

    assert refused == (None, [("member", "NOT_FOUND")])  # who has not consented is out of reach for that purpose
    assert await stored(world) == []


async def test_a_profiling_tag_by_hand_is_refused_where_something_is_against_it(world: World, people: People) -> None:
    await define(world, GOLF | {"code": "shy", "isProfiling": True})
    await turn(world, [people.whole], age_band=AgeBand.UNKNOWN.value)

    refused = await assign(world, "app_crm", people.whole, "shy")

    assert refused == (None, [("tag", "TAG_NOT_POSSIBLE")])
    assert await stored(world) == []
    entry = (await world.audited())[-1]
    assert (entry.outcome, entry.member_ids) == ("TAG_NOT_POSSIBLE", [people.whole])


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
