"""Tags through the API: given by hand within reach, shown as far as a purpose goes."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from member_hub import tags
from member_hub.db import transaction
from member_hub.db.bulk import table_of
from member_hub.graphql.building import global_id
from member_hub.members.tables import Member, MemberStatus
from member_hub.members.taggings import tagging_t
from member_hub.tags.tables import Tag
from tests.graphql.tagging import ASSIGN, GOLF, MINE, REGULAR, WRAP, assign, define, remove, shown, stored
from tests.graphql.world import NOW, People, World


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


async def given_by_the_sister_brand(world: World, people: People, *tags: str) -> None:
    """As a merge under an agreement leaves it: defined and given by the other handler."""
    await define(world, *({**GOLF, "code": tag} for tag in tags))
    for tag in tags:
        await assign(world, "app_crm", people.whole, tag)
    async with transaction(world.hub.database.app) as tx:
        for table in (table_of(Tag), tagging_t):
            await tx.execute(update(table).values(handler="sister_brand"))


async def test_what_another_handler_gave_is_taken_by_who_answers_for_the_member_now(
    world: World, people: People
) -> None:
    await given_by_the_sister_brand(world, people, "likes_golf", "likes_tea")

    assert (await remove(world, "support_agent", people.whole, "likes_golf"))[1] == []

    assert [row.tag for row in await stored(world)] == ["likes_tea"]
    assert (await assign(world, "app_crm", people.whole, "likes_tea"))[1] == [("tag", "NOT_FOUND")]


async def test_giving_a_tag_leaves_the_one_of_another_handler_of_the_same_name(world: World, people: People) -> None:
    await given_by_the_sister_brand(world, people, "likes_golf")
    await define(world, GOLF)

    for until in ("2026-12-01T00:00:00Z", "2026-12-02T00:00:00Z"):
        assert (await assign(world, "app_crm", people.whole, "likes_golf", until=until))[1] == []

    assert {row.handler: row.until and row.until.day for row in await stored(world)} == {
        "sister_brand": None,
        "brand": 2,
    }
    assert (await remove(world, "app_crm", people.whole, "likes_golf"))[1] == []
    assert await stored(world) == []


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


@pytest.mark.parametrize("status", [MemberStatus.FROZEN, MemberStatus.RESTRICTED])
async def test_of_a_member_who_is_not_active_no_tag_is_given_or_taken(
    world: World, people: People, status: MemberStatus
) -> None:
    await define(world, GOLF, WRAP)
    assert (await assign(world, "app_crm", people.whole, "likes_golf"))[1] == []
    async with transaction(world.hub.database.app) as tx:
        whose = table_of(Member).c.member_id == people.whole
        await tx.execute(update(table_of(Member)).where(whose).values(status=status))
    before = await stored(world)

    given = await assign(world, "app_crm", people.whole, "gift_wrap")
    again = await assign(world, "app_crm", people.whole, "likes_golf")
    taken = await remove(world, "app_crm", people.whole, "likes_golf")

    assert [given, again, taken] == [(None, [("member", "MEMBER_NOT_ACTIVE")])] * 3
    assert await stored(world) == before
    entries = [(one.operation, one.outcome, one.member_ids) for one in (await world.audited())[-3:]]
    names = ("tagAssign", "tagAssign", "tagRemove")
    assert entries == [(name, "MEMBER_NOT_ACTIVE", [people.whole]) for name in names]
