"""Every personal read is on record before it is answered; refusals and misses too."""

from typing import Any

import pytest
from sqlalchemy import text

from member_hub.audit import AuditLog, AuditUnavailable
from tests.graphql.world import NOW, WHOLE, People, World

BY = "query ($by: MemberKey!) { member(by: $by) { id name { display } phone { display } } }"
LIST = "{ memberList(first: 10) { edges { node { id gender { value } } } } }"


def told(row: Any) -> tuple[Any, ...]:
    return (row.caller_kind, row.caller, row.role, row.purpose, row.operation, row.outcome, row.fields, row.member_ids)


async def test_a_read_leaves_one_row_that_names_fields_and_members(world: World, people: People) -> None:
    answer = await world.post("support_agent", BY, variables={"by": {"phone": WHOLE["phone"]}}, subject="S-1042")

    (row,) = await world.audited()
    assert told(row) == (
        "STAFF",
        "S-1042",
        "support_agent",
        "customer_support",
        "member",
        "ok",
        ["key:phone", "member.name:MASKED", "member.phone:MASKED"],
        [people.whole],
    )
    assert (row.happened_at, row.month.isoformat(), row.sequence) == (NOW, "2026-11-01", 1)
    assert str(row.request_id) == answer.headers["x-request-id"] == answer.json()["extensions"]["requestId"]


async def test_a_list_leaves_one_row_with_everybody_in_it(world: World, people: People) -> None:
    await world.ask("app_crm", LIST)

    (row,) = await world.audited()
    everybody = sorted([people.whole, people.southern, people.visitor, people.former])
    assert told(row)[4:] == ("memberList", "ok", ["member.gender:CLEAR"], everybody)


@pytest.mark.parametrize(
    ("role", "phone", "identifiers"),
    [("support_agent", "MASKED", "MASKED"), ("app_crm", "MASKED", "MASKED"), ("app_checkout", "DENIED", "DENIED")],
)
async def test_contacts_read_among_the_identifiers_are_on_record_as_such(
    world: World, people: People, role: str, phone: str, identifiers: str
) -> None:
    query = "query ($by: MemberKey!) { member(by: $by) { identifiers { kind value { display } } } }"
    for who in (people.whole, people.southern):  # of the second one there is no e-mail address
        await world.ask(role, query, variables={"by": {"id": str(who)}})

    both, phone_only = [row.fields for row in await world.audited()]
    own = [f"member.identifiers:{identifiers}", f"member.phone:{phone}"]
    assert both == ["key:id", f"member.email:{phone}", *own]
    assert phone_only == ["key:id", *own]


async def test_identifiers_whose_values_nobody_asks_for_show_no_contact(world: World, people: People) -> None:
    query = "query ($by: MemberKey!) { member(by: $by) { identifiers { kind status } } }"
    await world.ask("app_crm", query, variables={"by": {"id": str(people.whole)}})

    (row,) = await world.audited()
    assert row.fields == ["key:id", "member.identifiers:MASKED"]


async def test_several_root_fields_leave_one_row(world: World, people: People) -> None:
    query = f'{{ memberList(first: 1) {{ edges {{ node {{ id }} }} }} member(by: {{id: "{people.whole}"}}) {{ id }} }}'
    await world.ask("app_crm", query)

    (row,) = await world.audited()
    assert row.operation == "member,memberList"


async def test_a_miss_leaves_a_row(world: World, people: People) -> None:
    await world.ask("store_manager", BY, variables={"by": {"phone": "13912349999"}})
    await world.ask("store_manager", BY, variables={"by": {"phone": "13912345671"}})  # there, and out of reach

    assert [told(row)[4:] for row in await world.audited()] == [("member", "missed", ["key:phone"], [])] * 2


@pytest.mark.parametrize(
    ("role", "query", "code", "fields"),
    [
        ("auditor", LIST, "FORBIDDEN", ["member.gender:ASKED"]),
        (
            "auditor",
            """{ members(by: [{phone: "13812345670"}, {storeCard: "1"}]) { ...F } }
            fragment F on Member { name { state } accounts { channel } p: provenance(field: EMAIL) { source } }""",
            "FORBIDDEN",
            ["key:phone", "key:storeCard", "member.accounts:ASKED", "member.email:ASKED", "member.name:ASKED"],
        ),
        ("app_mini_program", '{ member(by: {phone: "13812345670"}) { id } }', "FORBIDDEN", ["key:phone"]),
        (
            "app_checkout",
            "{ memberList(first: 1, filter: {gender: F}) { edges { cursor } } }",
            "FORBIDDEN",
            ["member.gender:FILTER"],
        ),
        ("app_crm", '{ member(by: {phone: "12"}) { id } }', "BAD_USER_INPUT", ["key:phone"]),
    ],
)
async def test_a_refusal_leaves_a_row(world: World, role: str, query: str, code: str, fields: list[str]) -> None:
    assert await world.refused(role, query) == [code]

    (row,) = await world.audited()
    assert (row.role, row.outcome, row.fields, row.member_ids) == (role, code, fields, [])


@pytest.mark.parametrize("query", ["{ __typename }", "{ __schema { queryType { name } } }", "{ nothing }", "{"])
async def test_what_reads_nothing_personal_leaves_no_row(world: World, query: str) -> None:
    await world.post("app_crm", query)

    assert await world.audited() == []


async def test_a_filter_by_a_guarded_field_is_on_record(world: World, people: People) -> None:
    await world.ask("app_crm", "{ memberList(first: 1, filter: {gender: F}) { edges { node { id } } } }")

    (row,) = await world.audited()
    assert told(row)[5:] == ("ok", ["member.gender:FILTER"], [people.whole])


async def test_without_an_audit_log_nothing_is_shown(world: World, people: People, monkeypatch: Any) -> None:
    async def fails(_self: AuditLog, _entry: Any) -> None:
        raise AuditUnavailable

    monkeypatch.setattr(AuditLog, "write", fails)

    answer = await world.post("app_crm", BY, variables={"by": {"phone": WHOLE["phone"]}})

    assert answer.status_code == 503
    assert [e["extensions"]["code"] for e in answer.json()["errors"]] == ["UNAVAILABLE"]
    assert "data" not in answer.json()
    assert WHOLE["phone"][-4:] not in answer.text


async def test_an_audit_log_that_the_database_refuses_shows_nothing(world: World, people: People) -> None:
    async with world.hub.database.owner.begin() as tx:
        await tx.execute(text("ALTER TABLE hub.audit_entry RENAME TO audit_away"))

    answer = await world.post("app_crm", BY, variables={"by": {"phone": WHOLE["phone"]}})

    assert (answer.status_code, "data" in answer.json()) == (503, False)


async def test_a_tampered_field_is_on_record(world: World, people: People) -> None:
    async with world.hub.database.app.begin() as tx:
        await tx.execute(text("UPDATE hub.member SET name = '\\x00' WHERE name IS NOT NULL"))

    await world.refused("app_crm", BY, variables={"by": {"phone": WHOLE["phone"]}})

    (row,) = await world.audited()
    assert (row.outcome, row.member_ids) == ("TAMPERED", [people.whole])
