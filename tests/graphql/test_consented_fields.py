"""A value that the member gave for one consented purpose alone is shown for no other: NOT_CONSENTED, not the value."""

from typing import Any

import pytest
from sqlalchemy import update

from member_hub.db import transaction
from member_hub.db.bulk import table_of
from member_hub.graphql.building import global_id
from member_hub.ids import MemberId
from member_hub.members import bits
from member_hub.members.tables import Channel, ProfileValue
from member_hub.privacy import ProfileField, Purpose
from tests.conftest import Run
from tests.graphql.consenting import PERSONALISATION as SLOT
from tests.graphql.consenting import grant, inform, move_in, number, turn
from tests.graphql.test_counts import watched
from tests.graphql.world import World, said

ASK = """query ($id: ID!) { node(id: $id) { ... on Member {
  name { value display state } gender { value display state } birthday { value display state }
  provenance(field: NAME) { value { value state } chosen } } } }"""
WITHHELD = {"value": None, "display": None, "state": "NOT_CONSENTED"}
value_t = table_of(ProfileValue)


@pytest.fixture
def tailored(world: World, run: Run) -> MemberId:
    """Name and gender were given for personalisation alone; that consent stands."""
    (member,) = run(move_in(world, 1))
    run(grant(world, member, run(inform(world, [member])), slot=SLOT))
    held = 0
    for field in (ProfileField.NAME, ProfileField.GENDER):
        held = bits.holding(held, field, Purpose.PERSONALISATION)
    run(turn(world, [member], consented_fields=held))
    run(collected_for(world, member, "personalisation"))
    return member


async def collected_for(world: World, member: MemberId, purpose: str) -> None:
    given = update(value_t).where(value_t.c.member_id == member, value_t.c.field.in_(["name", "gender"]))
    async with transaction(world.hub.database.app) as tx:
        await tx.execute(given.values(collected_for=purpose))


async def seen(world: World, role: str, member: MemberId, **about: Any) -> dict[str, Any]:
    found: dict[str, Any] = (await world.ask(role, ASK, variables={"id": global_id(member)}, **about))["node"]
    return found


async def test_the_service_is_told_that_there_is_a_value_and_not_which(world: World, tailored: MemberId) -> None:
    found = await seen(world, "app_crm", tailored)

    assert found == {
        "name": WITHHELD,
        "gender": WITHHELD,
        "birthday": {"value": None, "display": None, "state": "ABSENT"},
        "provenance": [{"value": {"value": None, "state": "NOT_CONSENTED"}, "chosen": False}],
    }
    assert "张" not in str(found)


async def test_what_is_withheld_is_not_even_opened(world: World, tailored: MemberId) -> None:
    """No key is asked for where no value is to be opened."""
    query = "query ($id: ID!) { node(id: $id) { ... on Member { name { value } provenance(field: NAME) { chosen } } } }"
    counts = []

    for role in ("app_crm", "dpo"):
        for statements in watched(world):
            await world.ask(role, query, variables={"id": global_id(tailored)})
            counts.append(len(statements))

    assert counts == [2, 3]  # member, values; keys


async def test_the_member_and_who_handles_their_rights_see_it(world: World, tailored: MemberId) -> None:
    mine = (await world.ask("member", "{ me { name { value } gender { value } } }", member=tailored))["me"]
    officer = await seen(world, "dpo", tailored)

    assert mine == {"name": {"value": "张三"}, "gender": {"value": "F"}}
    assert (officer["name"]["state"], officer["gender"]["value"]) == ("MASKED", "F")
    assert officer["provenance"] == [{"value": {"value": None, "state": "MASKED"}, "chosen": True}]


async def test_the_purpose_that_it_was_given_for_sees_it(world: World, tailored: MemberId) -> None:
    query = "{ memberList(first: 1) { edges { node { gender { value } } } } }"

    found = await world.ask("membership_manager", query, purpose="personalisation")

    assert [edge["node"]["gender"]["value"] for edge in found["memberList"]["edges"]] == ["F"]


async def test_where_the_grant_shows_nothing_the_state_says_nothing(world: World, tailored: MemberId) -> None:
    """DENIED, with a value or without one, whatever it was given for."""
    other, *_ = await world.resolve(said(Channel.STORE, "5900000001", phone=number(90), home_store="SH001"))

    states = [
        (
            await world.ask(
                "app_checkout",
                "query ($id: ID!) { node(id: $id) { ... on Member { gender { state } } } }",
                variables={"id": global_id(member)},
            )
        )["node"]
        for member in (tailored, other)
    ]

    assert states == [{"gender": {"state": "DENIED"}}] * 2


async def test_who_narrows_a_list_by_it_does_not_find_the_member(world: World, tailored: MemberId) -> None:
    query = "{ memberList(first: 5, filter: {gender: F}) { edges { node { id } } } }"

    lists = [
        (await world.ask("membership_manager", query, purpose=purpose))["memberList"]["edges"]
        for purpose in ("analytics", "personalisation")
    ]

    assert lists == [[], [{"node": {"id": global_id(tailored)}}]]


async def test_who_counts_by_it_counts_the_member_among_those_of_whom_it_is_not_known(world: World) -> None:
    members = await move_in(world, 45)
    held = bits.holding(0, ProfileField.GENDER, Purpose.PERSONALISATION)
    await turn(world, members[:20], consented_fields=held)
    query = "{ memberStatistics(groupBy: [GENDER]) { groups { gender count } } }"

    groups = (await world.ask("marketing_analyst", query))["memberStatistics"]["groups"]

    assert groups == [{"gender": "F", "count": 25}, {"gender": None, "count": 20}]


async def test_a_reveal_does_not_bring_it_out(world: World, tailored: MemberId) -> None:
    await turn(world, [tailored], consented_fields=bits.holding(0, ProfileField.PHONE, Purpose.PERSONALISATION))
    reveal = """mutation ($id: ID!) { memberReveal(id: $id, field: PHONE, reason: CALL_BACK) {
      value { value display state } userErrors { code } } }"""

    answer = await world.ask("store_manager", reveal, variables={"id": global_id(tailored)}, step_up=True)

    assert answer["memberReveal"] == {"value": WITHHELD, "userErrors": []}


async def test_the_record_says_that_it_was_withheld_and_the_member_reads_so(world: World, tailored: MemberId) -> None:
    await seen(world, "app_crm", tailored)

    assert (await world.audited())[-1].fields == [
        "member.birthday:MASKED",
        "member.gender:NOT_CONSENTED",
        "member.name:CLEAR",
        "member.name:NOT_CONSENTED",
    ]
    history = await world.ask(
        "member", "{ accessHistory(first: 1) { edges { node { fields { field use } } } } }", member=tailored
    )
    (look,) = history["accessHistory"]["edges"]
    assert {"field": "member.gender", "use": "NOT_CONSENTED"} in look["node"]["fields"]
    assert {"field": "member.gender", "use": "CLEAR"} not in look["node"]["fields"]


async def test_of_several_members_each_is_shown_by_their_own_decision(world: World, tailored: MemberId) -> None:
    (other,) = await move_in(world, 1, first=50)
    query = "query ($by: [MemberKey!]!) { members(by: $by) { name { state } } }"

    found = await world.ask("app_crm", query, variables={"by": [{"phone": number(i)} for i in (0, 50)]})

    assert [member["name"]["state"] for member in found["members"]] == ["NOT_CONSENTED", "CLEAR"]
    rows = (await world.audited())[-2:]
    assert len({row.request_id for row in rows}) == 1
    assert {(row.member_ids[0], *row.fields) for row in rows} == {
        (tailored, "key:phone", "member.name:NOT_CONSENTED"),
        (other, "key:phone", "member.name:CLEAR"),
    }
