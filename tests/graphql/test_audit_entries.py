"""Reading the audit log: for the officer and the auditor, by member, actor, purpose and time; itself on record."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from member_hub.audit import AuditLog
from member_hub.ids import MemberId
from tests.audit.logs import entry
from tests.graphql.world import NOW, ONE_MEMBERS, PURPOSES, WHOLE, People, World

BY = "query ($by: MemberKey!) { member(by: $by) { id name { display } phone { display } } }"
ENTRIES = """
query ($first: Int, $after: String, $last: Int, $before: String, $filter: AuditFilter) {
  auditEntries(first: $first, after: $after, last: $last, before: $before, filter: $filter) {
    edges { cursor node {
      happenedAt requestId callerKind caller role purpose purposeStated operations outcome fields memberIds
      writer sequence } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""
READERS = ["auditor", "dpo"]
UNKNOWN = MemberId(UUID("13812345-6700-7000-8000-000000000001"))


async def look(world: World, role: str, member_id: MemberId, **about: Any) -> None:
    await world.ask(role, BY, variables={"by": {"id": str(member_id)}}, **about)


async def entries(world: World, role: str = "auditor", **variables: Any) -> list[dict[str, Any]]:
    found = await world.ask(role, ENTRIES, variables={"first": 100} | variables)
    return [edge["node"] for edge in found["auditEntries"]["edges"]]


async def operations(world: World, by: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(one["role"], ",".join(one["operations"])) for one in await entries(world, filter=by)]


@pytest.fixture(params=[False, True], ids=["not sealed", "sealed"])
def seals(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.mark.parametrize("role", READERS)
async def test_an_entry_is_shown_as_it_was_written(world: World, people: People, role: str) -> None:
    answer = await world.post("support_agent", BY, variables={"by": {"phone": WHOLE["phone"]}}, subject="S-1042")

    (found,) = await entries(world, role)

    (row, _) = await world.audited()
    assert found == {
        "happenedAt": "2026-11-22T08:00:00Z",
        "requestId": answer.headers["x-request-id"],
        "callerKind": "STAFF",
        "caller": "S-1042",
        "role": "support_agent",
        "purpose": "CUSTOMER_SUPPORT",
        "purposeStated": "customer_support",
        "operations": ["member"],
        "outcome": "ok",
        "fields": ["key:phone", "member.name:MASKED", "member.phone:MASKED"],
        "memberIds": [answer.json()["data"]["member"]["id"]],
        "writer": str(row.writer),
        "sequence": 1,
    }


async def test_requests_without_a_purpose_or_with_a_strange_one_are_shown_as_such(world: World) -> None:
    both = ["member_service", "customer_support"]
    assert await world.refused("store_manager", BY, purposes=both) == ["PURPOSE_REQUIRED"]
    strange = {"X-Purpose": "curiosity"}
    assert await world.refused("store_manager", BY, purposes=both, headers=strange) == ["PURPOSE_NOT_ALLOWED"]

    found = await entries(world)

    assert sorted((one["purpose"], one["purposeStated"], one["outcome"]) for one in found) == [
        (None, "none", "PURPOSE_REQUIRED"),
        (None, "unknown", "PURPOSE_NOT_ALLOWED"),
    ]


@pytest.mark.parametrize("role", sorted(PURPOSES.keys() - set(READERS)))
async def test_nobody_else_reads_the_log(world: World, people: People, role: str) -> None:
    about = {"member": people.whole} if role in ONE_MEMBERS else {}

    assert await world.refused(role, ENTRIES, variables={"first": 1}, **about) == ["FORBIDDEN"]

    (row,) = await world.audited()
    assert (row.operation, row.outcome, row.role) == ("auditEntries", "FORBIDDEN", role)


async def test_reading_is_on_record_with_whom_it_was_about(world: World, people: People) -> None:
    await entries(world, filter={"memberId": str(people.whole), "purpose": "MEMBER_SERVICE"})

    (row,) = await world.audited()
    assert (row.operation, row.outcome, row.fields) == ("auditEntries", "ok", ["audit.purpose:FILTER", "key:id"])
    assert row.member_ids == sorted([people.whole, people.merged])


async def test_entries_about_a_member_are_found_sealed_or_not(world: World, people: People, *, seals: bool) -> None:
    await look(world, "app_crm", people.whole)
    await look(world, "support_agent", people.southern)
    if seals:
        await world.hub.sealer.run(NOW)
    await look(world, "support_agent", people.whole)

    found = await entries(world, filter={"memberId": str(people.whole)})

    assert [one["role"] for one in found] == ["support_agent", "app_crm"]


async def test_a_merged_id_leads_to_the_entries_of_both(world: World, people: People, *, seals: bool) -> None:
    await _entry_about(world, people.merged, "before")
    await look(world, "app_crm", people.whole)
    if seals:
        await world.hub.sealer.run(NOW)

    for asked in (people.whole, people.merged):
        found = await operations(world, {"memberId": str(asked), "to": (NOW + timedelta(days=1)).isoformat()})
        assert [one for one in found if one[1] != "auditEntries"] == [
            ("app_crm", "member"),
            ("store_manager", "before"),
        ]


async def test_entries_are_found_by_actor_purpose_outcome_operation_and_time(world: World, people: People) -> None:
    await look(world, "support_agent", people.whole, subject="S-7")
    world.clock.at = NOW + timedelta(hours=1)
    await look(world, "app_crm", people.whole, purpose="marketing")
    both = f'{{ member(by: {{id: "{people.whole}"}}) {{ id }} memberList(first: 1) {{ edges {{ cursor }} }} }}'
    await world.ask("app_crm", both)
    later = (NOW + timedelta(minutes=30)).isoformat()

    assert await operations(world, {"actor": "S-7"}) == [("support_agent", "member")]
    assert await operations(world, {"purpose": "MARKETING"}) == [("app_crm", "member")]
    assert await operations(world, {"purpose": "MARKETING", "outcome": "ok"}) == []
    assert await operations(world, {"outcome": "missed"}) == [("app_crm", "member")]
    assert await operations(world, {"operation": "memberList"}) == [("app_crm", "member,memberList")]
    assert await operations(world, {"operation": "member", "to": later}) == [("support_agent", "member")]
    assert await operations(world, {"operation": "member", "from": later}) == [
        ("app_crm", "member,memberList"),
        ("app_crm", "member"),
    ]


async def test_pages_lead_through_all_entries_in_both_directions(world: World, people: People) -> None:
    for number in range(7):
        world.clock.at = NOW + timedelta(seconds=number // 2)  # some at the same moment
        await _entry_about(world, people.whole, f"op{number}")
    whole = [one["sequence"] for one in await entries(world)]

    forwards, backwards = await _walk(world, "first", "after"), await _walk(world, "last", "before")

    assert len(whole) == 7
    assert forwards == whole
    assert backwards == whole


async def _walk(world: World, count: str, cursor: str) -> list[int]:
    """Page by page over what there was at the beginning."""
    found: list[int] = []
    by = {"memberId": str((await world.audited())[0].member_ids[0]), "operation": None, "actor": "S-1"}
    at = None
    for _ in range(10):
        variables = {count: 3, cursor: at, "filter": by}
        page = (await world.ask("auditor", ENTRIES, variables=variables))["auditEntries"]
        numbers = [edge["node"]["sequence"] for edge in page["edges"]]
        found = found + numbers if count == "first" else numbers + found
        info = page["pageInfo"]
        at = info["endCursor" if count == "first" else "startCursor"]
        if not info["hasNextPage" if count == "first" else "hasPreviousPage"]:
            return found
    raise AssertionError("The pages do not end.")


@pytest.mark.parametrize(
    "variables",
    [
        {"first": 101},
        {"first": 0},
        {},
        {"first": 1, "last": 1},
        {"first": 1, "after": "bm9uc2Vuc2U"},
        {"first": 1, "filter": {"memberId": "nobody"}},
        {"first": 1, "filter": {"actor": "a\nb"}},
        {"first": 1, "filter": {"outcome": "x" * 201}},
    ],
)
async def test_what_cannot_be_answered_is_refused(world: World, variables: dict[str, Any]) -> None:
    assert await world.refused("auditor", ENTRIES, variables=variables) == ["BAD_USER_INPUT"]

    (row,) = await world.audited()
    assert row.outcome == "BAD_USER_INPUT"


@pytest.mark.parametrize("field", ["memberId", "actor", "operation", "outcome"])
@pytest.mark.parametrize("control", ["\0", "\x7f"])
async def test_a_filter_with_a_control_character_is_no_request(world: World, field: str, control: str) -> None:
    variables = {"first": 1, "filter": {field: f"a{control}"}}

    assert await world.refused("auditor", ENTRIES, variables=variables) == ["BAD_USER_INPUT"]
    assert await world.audited() == []


async def test_a_member_whom_nobody_knows_has_no_entries_and_leaves_no_trace(world: World) -> None:
    """What looks like an id could be anything that somebody typed."""
    await _entry_about(world, UNKNOWN, "op")

    assert await entries(world, filter={"memberId": str(UNKNOWN)}) == []

    assert (await world.audited())[-1].member_ids == []


async def test_the_lag_of_the_seals_is_a_metric(world: World, people: People) -> None:
    await look(world, "app_crm", people.whole)
    for seconds, said in ((0, "0.0"), (90, "90.0")):
        world.hub.sealer.passed_at = world.clock.at - timedelta(seconds=seconds)
        text = (await world.client.get("/metrics")).text
        assert f"\nmember_hub_audit_seal_lag_seconds {said}\n" in text


async def test_readers_leave_room_for_writing(world: World, people: People) -> None:
    audit: AuditLog = world.hub.audit
    async with audit.reading(), audit.reading(), audit.reading():
        await look(world, "app_crm", people.whole)

    assert len(await world.audited()) == 1


async def _entry_about(world: World, member_id: MemberId, operation: str) -> None:
    await world.hub.audit.write(entry(operation=operation, member_ids=[member_id], happened_at=world.clock.now()))


async def test_a_cursor_of_the_log_belongs_to_its_filter(world: World, people: People) -> None:
    query = """query ($after: String, $filter: AuditFilter) {
        auditEntries(first: 1, after: $after, filter: $filter) { edges { cursor } } }"""
    await world.ask("app_crm", "{ memberList(first: 1) { edges { cursor } } }")
    by = {"operation": "memberList"}
    found = await world.ask("auditor", query, variables={"filter": by})
    after = found["auditEntries"]["edges"][0]["cursor"]

    assert await world.refused("auditor", query, variables={"after": after, "filter": by}) == []
    assert await world.refused("auditor", query, variables={"after": after}) == ["BAD_USER_INPUT"]
