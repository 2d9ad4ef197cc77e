"""Tags through the API follow what a member decides: objections, consent, and its end."""

import json
from typing import Any

import pytest

from member_hub.consent.history.timers import Clockwork
from member_hub.consent.replay import restoring
from member_hub.db import transaction
from member_hub.graphql.building import global_id
from member_hub.ids import uuid7
from member_hub.members.bits import PURPOSE_BITS
from member_hub.members.tables import AgeBand
from member_hub.members.taggings import tagging_t
from member_hub.privacy import Purpose
from tests.graphql.consenting import MARKETING, PERSONALISATION, grant, inform, turn, withdraw
from tests.graphql.tagging import GOLF, MINE, REGULAR, assign, define, evaluate, shown, stored
from tests.graphql.test_objections import lift, place
from tests.graphql.world import NOW, People, World


async def given_by_import(world: World, member: Any, tag: str) -> None:
    """As a file leaves it, of a tag for personalisation."""
    row = {
        "member_id": member, "tag": tag, "given_id": uuid7(), "handler": "brand", "how": "import", "origins": [],
        "since": NOW, "given_by": "file", "version": 1, "is_profiling": False,
        "restricted_by": PURPOSE_BITS[Purpose.PERSONALISATION],
    }  # fmt: skip
    async with transaction(world.hub.database.app) as tx:
        await tx.execute(tagging_t.insert(), row)


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


NEVER_COMES: dict[str, Any] = {"not": {"figure": "visit_30d", "at_least": 1}}
EITHER: dict[str, Any] = {"any": [{"figure": "orders_ever", "at_least": 1}, {"figure": "streak", "at_least": 3}]}


@pytest.mark.parametrize("rule", [NEVER_COMES, EITHER, {"figure": "visit_90d", "at_most": 0}])
async def test_who_objects_to_the_evaluation_of_activity_bears_no_tag_whose_rule_reads_it(
    world: World, people: People, rule: dict[str, Any]
) -> None:
    """Nor one that its absence would give; the one they had goes at once, and comes back after the objection."""
    await define(world, REGULAR, {**REGULAR, "code": "by_activity", "rule": json.dumps(rule)})
    await turn(world, [people.whole], age_band=AgeBand.ADULT.value)
    await evaluate(world, people.whole)
    before = [row.tag for row in await stored(world)]
    assert {"by_activity", "regular"} <= set(before)

    placed, errors = await place(world, "member", {"purposes": ["ACTIVITY_EVALUATION"]}, member=people.whole)

    assert errors == []
    left = [tag for tag in before if tag != "by_activity"]
    assert [row.tag for row in await stored(world)] == left
    await evaluate(world, people.whole)
    assert [row.tag for row in await stored(world)] == left
    await lift(world, "member", placed["id"], member=people.whole)
    await evaluate(world, people.whole)
    assert [row.tag for row in await stored(world)] == before


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
