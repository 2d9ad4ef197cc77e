"""Objecting to processing: at once, whole, on record outside first, lifted by the member alone (PIPL 44)."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from member_hub.consent.tables import Objection
from member_hub.crypto import LedgerBroken, LedgerKind
from member_hub.db import transaction
from member_hub.db.bulk import table_of
from member_hub.graphql.building import global_id
from member_hub.ids import MemberId, OriginId, uuid7
from member_hub.members.tables import Channel
from tests.graphql.consenting import origin_of
from tests.graphql.world import NOW, WHOLE, People, World, said

PLACE = """mutation ($input: ObjectionPlaceInput!) { objectionPlace(input: $input) {
    objection { id purposes profiling channels everything placedAt liftedAt } userErrors { field code } } }"""
LIFT = """mutation ($input: ObjectionLiftInput!) { objectionLift(input: $input) {
    objection { id liftedAt } userErrors { field code } } }"""
LIST = """query ($member: ID) { objections(member: $member) {
    id purposes profiling channels everything placedAt liftedAt } }"""
FIND = "query ($id: ID!) { member(by: {id: $id}) { id } }"
objection_t = table_of(Objection)


async def place(world: World, role: str, scope: dict[str, Any], whose: Any = None, **about: Any) -> Any:
    sent = {"scope": scope} | ({"member": str(whose)} if whose else {})
    answer = (await world.ask(role, PLACE, variables={"input": sent}, **about))["objectionPlace"]
    return answer["objection"], [(e["field"], e["code"]) for e in answer["userErrors"]]


async def lift(world: World, role: str, objection: str, whose: Any = None, **about: Any) -> Any:
    only = about.pop("only", None)
    sent = {"objection": objection} | ({"member": str(whose)} if whose else {}) | ({"only": only} if only else {})
    answer = (await world.ask(role, LIFT, variables={"input": sent}, **about))["objectionLift"]
    return answer["objection"], [(e["field"], e["code"]) for e in answer["userErrors"]]


async def is_seen(world: World, role: str, member_id: MemberId, **about: Any) -> bool:
    found = await world.ask(role, FIND, variables={"id": str(member_id)}, **about)
    return found["member"] is not None


async def is_node(world: World, member_id: MemberId, **about: Any) -> bool:
    """What the mini-program sees."""
    query = "query ($id: ID!) { node(id: $id) { id } }"
    found = await world.ask("app_mini_program", query, variables={"id": global_id(member_id)}, **about)
    return found["node"] is not None


async def stored(world: World) -> list[Any]:
    async with transaction(world.hub.database.app) as tx:
        return list(await tx.execute(select(objection_t).order_by(objection_t.c.placed_at)))


async def test_an_objection_to_a_purpose_holds_in_the_next_request_and_leaves_the_service(
    world: World, people: People
) -> None:
    assert await is_seen(world, "app_crm", people.whole, purpose="customer_support")

    placed, errors = await place(world, "member", {"purposes": ["CUSTOMER_SUPPORT"]}, member=people.whole)

    assert errors == []
    assert placed | {"id": ""} == {
        "id": "",
        "purposes": ["CUSTOMER_SUPPORT"],
        "profiling": False,
        "channels": [],
        "everything": False,
        "placedAt": "2026-11-22T08:00:00Z",
        "liftedAt": None,
    }
    assert not await is_seen(world, "app_crm", people.whole, purpose="customer_support")
    assert not await is_seen(world, "app_crm", people.merged, purpose="customer_support")
    assert await is_seen(world, "app_crm", people.whole, purpose="member_service")
    assert await is_seen(world, "app_checkout", people.whole)


async def test_everything_leaves_ones_own_reading_and_the_officers(world: World, people: People) -> None:
    await place(world, "member", {"everything": True}, member=people.whole)

    assert not await is_seen(world, "app_checkout", people.whole)
    assert not await is_seen(world, "store_manager", people.whole)
    assert await is_seen(world, "dpo", people.whole)
    me = await world.ask("member", "{ me { phone { value } } }", member=people.whole)
    assert me["me"]["phone"]["value"] == WHOLE["phone"]


async def test_the_outside_ledger_has_it_with_the_time_of_the_row(world: World, people: People) -> None:
    before = world.hub.ledger.head().seq

    await place(world, "member", {"profiling": True, "channels": ["SMS"]}, member=people.whole)

    [entry] = world.hub.ledger.entries(after=before)
    [row] = await stored(world)
    assert (entry.note.kind, entry.note.scope, entry.note.at) == (
        LedgerKind.RESTRICTION,
        ("profiling", "channel.sms"),
        row.placed_at,
    )
    assert {people.whole, people.merged, row.origin_id, *row.also} == set(entry.note.subjects)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), LedgerBroken(3, "it is no line")])
async def test_a_ledger_that_cannot_be_written_refuses_and_changes_nothing(
    world: World, people: People, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def full(_: object) -> None:
        raise error

    monkeypatch.setattr(world.hub.ledger, "append", full)

    sent = {"input": {"scope": {"purposes": ["ANALYTICS"]}}}
    assert await world.refused("member", PLACE, variables=sent, member=people.whole) == ["UNAVAILABLE"]

    assert await stored(world) == []
    assert (await world.audited())[-1].outcome == "UNAVAILABLE"


async def test_the_same_again_is_the_same_objection(world: World, people: People) -> None:
    first, _ = await place(world, "member", {"purposes": ["ANALYTICS"]}, member=people.whole)
    before = world.hub.ledger.head()

    again, errors = await place(world, "support_agent", {"purposes": ["ANALYTICS"]}, people.whole)

    assert (again, errors) == (first, [])
    assert len(await stored(world)) == 1
    assert world.hub.ledger.head() == before


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ({}, ("scope", "BAD_USER_INPUT")),
        ({"purposes": ["MEMBER_SERVICE"]}, ("scope.purposes", "OBJECTION_NOT_POSSIBLE")),
        ({"purposes": ["MARKETING", "RIGHTS_HANDLING"]}, ("scope.purposes", "OBJECTION_NOT_POSSIBLE")),
    ],
)
async def test_what_cannot_be_objected_to_is_refused_and_on_record(
    world: World, people: People, scope: dict[str, Any], expected: tuple[str, str]
) -> None:
    placed, errors = await place(world, "member", scope, member=people.whole)

    assert (placed, errors) == (None, [expected])
    assert await stored(world) == []
    last = (await world.audited())[-1]
    assert (last.operation, last.outcome) == ("objectionPlace", expected[1])


async def test_nobody_places_for_somebody_out_of_reach(world: World, people: People) -> None:
    for member in (people.southern, "0192f0c8-0000-7000-8000-000000000000"):
        placed, errors = await place(world, "sales_associate", {"channels": ["SMS"]}, member)
        assert (placed, errors) == (None, [("member", "NOT_FOUND")])
    placed, errors = await place(world, "member", {"channels": ["SMS"]}, people.southern, member=people.whole)
    assert (placed, errors) == (None, [("member", "NOT_FOUND")])
    assert await stored(world) == []


async def test_only_the_member_lifts_and_a_part_can_be_lifted(world: World, people: People) -> None:
    scope = {"purposes": ["ANALYTICS", "CUSTOMER_SUPPORT"]}
    placed, _ = await place(world, "support_agent", {"purposes": ["ANALYTICS"]}, people.whole)
    placed, _ = await place(world, "member", scope, member=people.whole)
    assert await world.refused(
        "support_agent", LIFT, variables={"input": {"objection": placed["id"], "member": str(people.whole)}}
    ) == ["FORBIDDEN"]

    world.clock.at += timedelta(hours=1)
    only = {"purposes": ["CUSTOMER_SUPPORT"]}
    lifted, errors = await lift(world, "member", placed["id"], member=people.whole, only=only)

    assert (lifted["liftedAt"], errors) == ("2026-11-22T09:00:00Z", [])
    assert await is_seen(world, "app_crm", people.whole, purpose="customer_support")
    held = (await world.ask("member", LIST, member=people.whole))["objections"]
    assert [(one["purposes"], one["liftedAt"] is None) for one in held] == [
        (["ANALYTICS"], True),
        (["ANALYTICS", "CUSTOMER_SUPPORT"], False),
        (["ANALYTICS"], True),
    ]


async def test_who_restricted_everything_lifts_it_where_they_did_it(world: World, people: People) -> None:
    """The mini-program shows nothing of the member meanwhile; it reaches them for this, and nobody else."""
    mine, theirs = {"member": people.whole}, {"member": people.southern}
    placed, errors = await place(world, "app_mini_program", {"everything": True}, **mine)
    assert errors == []
    assert not await is_node(world, people.whole, **mine)
    assert await place(world, "app_mini_program", {"everything": True}, **mine) == (placed, [])

    for about, whose in ((theirs, people.whole), (theirs, None), ({}, people.whole), (mine, people.southern)):
        lifted, errors = await lift(world, "app_mini_program", placed["id"], whose, **about)
        expected = ("objection", "NOT_FOUND") if about == theirs and whose is None else ("member", "NOT_FOUND")
        assert (lifted, errors) == (None, [expected])
    assert [row.lifted_at for row in await stored(world)] == [None]
    held = (await world.ask("app_mini_program", LIST, **mine))["objections"]
    assert [one["id"] for one in held] == [placed["id"]]
    lifted, errors = await lift(world, "app_mini_program", placed["id"], **mine)

    assert (lifted["id"], errors) == (placed["id"], [])
    assert await is_node(world, people.whole, **mine)
    assert await is_seen(world, "app_checkout", people.whole)
    last = [row for row in await world.audited() if row.operation == "objectionLift"][-1]
    assert (last.outcome, last.fields, last.member_ids) == ("ok", ["restrict.lifted:all"], [people.whole])


async def test_an_objection_to_everything_takes_an_app_of_others_no_further(world: World, people: People) -> None:
    await place(world, "member", {"everything": True}, member=people.whole)

    for role in ("app_crm", "app_checkout", "store_manager"):
        refused = await place(world, role, {"channels": ["SMS"]}, people.whole)
        assert refused == (None, [("member", "NOT_FOUND")])
    assert len(await stored(world)) == 1


async def test_lifting_nothing_of_ones_own_is_refused(world: World, people: People) -> None:
    placed, _ = await place(world, "member", {"purposes": ["ANALYTICS"]}, member=people.southern)

    for objection in (placed["id"], "0192f0c8-0000-7000-8000-000000000000", "x"):
        lifted, errors = await lift(world, "member", objection, member=people.whole)
        assert (lifted, errors) == (None, [("objection", "NOT_FOUND")])
    assert [row.lifted_at for row in await stored(world)] == [None]


async def test_an_objection_goes_with_both_sides_of_a_split(world: World) -> None:
    one = said(Channel.WEBSITE, "W900000001", phone="+8613712345601", phone_verified=True, name="陈静怡")
    two = said(Channel.APP, "app-900001", phone="+8613712345601", phone_verified=True, unionid="oU-1")
    member, same = await world.resolve(one, two)
    assert member == same
    await place(world, "member", {"purposes": ["CUSTOMER_SUPPORT"]}, member=member)

    other = said(
        Channel.APP, "app-900001", at=NOW, phone="+8613712345699", phone_verified=True, unionid="oU-1", name="周大伟"
    )
    [parted] = await world.resolve(other)

    for each in {member, parted}:
        assert not await is_seen(world, "app_crm", each, purpose="customer_support")


async def test_an_objection_to_uniting_keeps_what_is_united_and_joins_nothing_more(world: World) -> None:
    first = said(Channel.WEBSITE, "W900000002", phone="+8613712345602", phone_verified=True, name="陈静怡")
    [member] = await world.resolve(first)
    await place(world, "member", {"purposes": ["IDENTITY_UNIFICATION"]}, member=member)

    second = said(Channel.APP, "app-900002", phone="+8613712345602", phone_verified=True, unionid="oU-2")
    [stranger] = await world.resolve(second)
    assert stranger != member
    assert await world.resolve(first) == [member]

    [held] = (await world.ask("member", LIST, member=member))["objections"]
    await lift(world, "member", held["id"], member=member)
    assert await world.resolve(second) == await world.resolve(first)


async def test_what_was_lifted_ends_nobodys_right_and_of_it_the_newest_hundred_are_shown(
    world: World, people: People
) -> None:
    origin = await origin_of(world, people.whole)
    lifted = [
        _row(people.whole, origin, ["analytics"], NOW - timedelta(days=n), lifted_at=NOW - timedelta(hours=1))
        for n in range(1, 121)
    ]
    async with transaction(world.hub.database.app) as tx:
        await tx.execute(objection_t.insert(), lifted)

    placed, errors = await place(world, "member", {"purposes": ["ANALYTICS"]}, member=people.whole)

    assert errors == []
    shown = (await world.ask("member", LIST, member=people.whole))["objections"]
    assert [one["id"] for one in shown] == [placed["id"], *(str(row["objection_id"]) for row in lifted[:100])]


async def test_a_hundred_in_force_are_enough_and_everything_is_never_too_much(world: World, people: People) -> None:
    origin = await origin_of(world, people.whole)
    held = [_row(people.whole, origin, ["channel.sms"], NOW - timedelta(days=n)) for n in range(1, 101)]
    async with transaction(world.hub.database.app) as tx:
        await tx.execute(objection_t.insert(), held)
    before = world.hub.ledger.head()

    refused = await place(world, "member", {"purposes": ["ANALYTICS"]}, member=people.whole)
    assert refused == (None, [(None, "CONFLICT")])
    assert (len(await stored(world)), world.hub.ledger.head()) == (100, before)
    assert (await world.audited())[-1].outcome == "CONFLICT"

    placed, errors = await place(world, "member", {"everything": True}, member=people.whole)
    assert (placed["everything"], errors) == (True, [])
    await lift(world, "member", str(held[0]["objection_id"]), member=people.whole)
    await lift(world, "member", str(held[1]["objection_id"]), member=people.whole)
    assert (await place(world, "member", {"purposes": ["ANALYTICS"]}, member=people.whole))[1] == []


def _row(member: MemberId, origin: OriginId, scope: list[str], at: datetime, **more: Any) -> dict[str, Any]:
    row = {"member_id": member, "objection_id": uuid7(), "origin_id": origin, "also": [], "scope": scope}
    return row | {"actor": "member", "placed_by": "member", "placed_at": at, **more}
