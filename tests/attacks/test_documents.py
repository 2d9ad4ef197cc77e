"""Attacks by way of documents and HTTP: no detour shows more than the straight way, and nothing breaks the hub.

Detours around a mask stand in tests/graphql/test_guarded.py, around the reach in test_scope.py, bodies that are no
request in tests/web/test_http.py; what stands there is not repeated here.
"""

import asyncio
import json
from typing import Any

import pytest

from tests.graphql.conftest import Town
from tests.graphql.world import WHOLE

ACCEPT = {"Accept": "application/graphql-response+json"}
SECRETS = [WHOLE[name] for name in ("phone", "email", "birthday", "address", "card", "unionid", "openid", "website")]
PHONE = WHOLE["phone"]

# What checkout may not see of anybody: each by another detour. It may see a masked name.
DETOURS = {
    "alias": "{ member(by: {phone: $p}) { name: phone { value display state } } }",
    "alias of the root": "{ me: member(by: {phone: $p}) { phone { value display state } } }",
    "fragment": "{ member(by: {phone: $p}) { ...A } } fragment A on Member { ...B } "
    "fragment B on Member { phone { value display state } }",
    "fragment on the interface": "{ member(by: {phone: $p}) { ...N } } "
    "fragment N on Node { ... on Member { phone { value display state } } }",
    "inline fragment": "{ member(by: {phone: $p}) { ... { ... on Member { phone { value display state } } } } }",
    "beside __typename": "{ member(by: {phone: $p}) { __typename phone { __typename value display state } } }",
    "batched keys": "{ members(by: [{phone: $p}, {phone: $p}]) { phone { value display state } } }",
    "nested path": "{ memberList(first: 10) { edges { node { phone { value display state } } } } }",
    "node": "{ node(id: $id) { ... on Member { phone { value display state } } } }",
    "provenance": "{ member(by: {phone: $p}) { provenance(field: PHONE) { value { value display state } } } }",
    "identifiers": "{ member(by: {phone: $p}) { identifiers { value { value display state } } } }",
    "accounts": "{ member(by: {phone: $p}) { accounts { account { value display state } } } }",
    "skip and include": "{ member(by: {phone: $p}) { phone @skip(if: false) { value @include(if: true) state } } }",
    "merged selections": "{ member(by: {phone: $p}) { phone { state } phone { value } } }",
}


@pytest.mark.parametrize("detour", DETOURS)
async def test_no_detour_shows_what_is_denied(town: Town, detour: str) -> None:
    query = DETOURS[detour].replace("$p", f'"{PHONE}"').replace("$id", f'"{town.people.whole}"')

    answer = await town.post("app_checkout", query)

    assert answer.status_code == 200
    shown = [state for state in _states(answer.json()["data"]) if state is not None]
    assert set(shown) == (set() if detour == "provenance" else {"DENIED"})
    assert [secret for secret in SECRETS if secret in answer.text.replace(f'"{PHONE}"', "")] == []


def _states(node: Any) -> list[Any]:
    if isinstance(node, dict):
        own = [node["state"]] if "state" in node else []
        return own + [state for value in node.values() for state in _states(value)]
    return [state for item in node for state in _states(item)] if isinstance(node, list) else []


async def test_data_beside_introspection_is_under_the_same_rights(town: Town) -> None:
    query = (
        '{ __schema { queryType { name } } __type(name: "Member") { name } memberList(first: 1) { edges { cursor } } }'
    )

    answer = await town.post("auditor", query)

    assert (answer.status_code, "data" in answer.json()) == (403, False)


@pytest.mark.parametrize("name", ["Introspection", "B", "__schema"])
async def test_an_operation_is_what_it_does_and_not_what_it_is_called(town: Town, name: str) -> None:
    harmless = "query A { __typename }"
    sent = {
        "query": f"{harmless} query {name} {{ memberList(first: 1) {{ edges {{ cursor }} }} }}",
        "operationName": name,
    }
    headers = {"Authorization": f"Bearer {town.token('auditor')}"}
    before = len(await town.audited())

    answer = await town.client.post("/graphql", json=sent, headers=headers)

    assert answer.status_code == 403
    assert [row.operation for row in (await town.audited())[before:]] == ["memberList"]


async def test_a_mutation_hidden_beside_a_query_is_not_executed(town: Town) -> None:
    query = """query A { me { id } } mutation B { profileUpdate(id: "x", expectedVersion: 1, input: {name: "甲"}) {
      userErrors { code } } }"""
    headers = {"Authorization": f"Bearer {town.token('member', member=town.people.whole)}"}
    before = len(await town.audited())

    answer = await town.client.post("/graphql", json={"query": query, "operationName": "A"}, headers=headers)

    assert list(answer.json()["data"]) == ["me"]
    assert [row.operation for row in (await town.audited())[before:]] == ["me"]


async def test_known_and_unknown_numbers_look_the_same_where_nobody_is_in_reach(town: Town) -> None:
    """A store of the south asks: the member of the east is there, the other number is nobody's."""
    query = "query ($by: MemberKey!) { member(by: $by) { id phone { value display state } } }"
    asked = [{"by": {"phone": PHONE}}, {"by": {"phone": "+8613700000000"}}]

    answers = [await town.post("sales_associate", query, variables=v, stores=["SH030"]) for v in asked]

    bodies = [answer.json() for answer in answers]
    for body in bodies:
        del body["extensions"]["requestId"], body["extensions"]["cost"]["remaining"]
    assert bodies[0] == bodies[1]
    assert bodies[0]["data"] == {"member": None}
    assert answers[0].status_code == answers[1].status_code
    assert {k: v for k, v in answers[0].headers.items() if k != "x-request-id"} == {
        k: v for k, v in answers[1].headers.items() if k != "x-request-id"
    }


async def test_callers_at_the_same_time_each_see_their_own(town: Town) -> None:
    query = (
        "query ($by: MemberKey!) { member(by: $by) { id name { value display state } phone { value display state } } }"
    )
    expected = {
        "app_crm": ("CLEAR", "欧阳娜娜", "MASKED", None),
        "app_checkout": ("MASKED", None, "DENIED", None),
        "support_agent": ("MASKED", None, "MASKED", None),
        "store_manager": ("CLEAR", "欧阳娜娜", "MASKED", None),
        "sales_associate": ("MASKED", None, "MASKED", None),
    }
    for role in expected:
        found = (await town.ask(role, query, variables={"by": {"phone": PHONE}}))["member"]
        expected[role] = _seen(found)
    assert len(set(expected.values())) >= 3

    roles = list(expected) * 6
    asked = [town.ask(role, query, variables={"by": {"phone": PHONE}}) for role in roles]
    answers = await asyncio.gather(*asked)

    assert [_seen(answer["member"]) for answer in answers] == [expected[role] for role in roles]


def _seen(member: dict[str, Any]) -> tuple[Any, Any, Any, Any]:
    name, phone = member["name"], member["phone"]
    return name["state"], name["value"], phone["state"], phone["value"]


def _nested(depth: int) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("depth", [10, 200, 900])
@pytest.mark.parametrize("type_", ["[MemberKey!]!", "MemberKey!", "Int", "DateTime", "MemberFilter"])
async def test_deep_variables_are_refused_and_break_nothing(town: Town, depth: int, type_: str) -> None:
    use = {
        "[MemberKey!]!": "members(by: $v) { id }",
        "MemberKey!": "member(by: $v) { id }",
        "Int": "memberList(first: $v) { edges { cursor } }",
        "DateTime": "memberList(first: 1, filter: {joinedFrom: $v}) { edges { cursor } }",
        "MemberFilter": "memberList(first: 1, filter: $v) { edges { cursor } }",
    }[type_]
    sent = {"query": f"query ($v: {type_}) {{ {use} }}", "variables": {"v": _nested(depth)}}
    headers = {"Authorization": f"Bearer {town.token('app_crm')}", **ACCEPT}

    answer = await town.client.post("/graphql", json=sent, headers=headers)

    assert answer.status_code == 422
    assert {e["extensions"]["code"] for e in answer.json()["errors"]} == {"BAD_USER_INPUT"}


@pytest.mark.parametrize("opening", ['{"a":', "["])
async def test_deep_json_is_refused_and_breaks_nothing(town: Town, opening: str) -> None:
    headers = {"Authorization": f"Bearer {town.token('app_crm')}", "Content-Type": "application/json", **ACCEPT}

    answer = await town.client.post("/graphql", content=(opening * 40_000).encode(), headers=headers)

    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (400, "BAD_USER_INPUT")


async def test_deep_values_in_a_document_are_refused_and_break_nothing(town: Town) -> None:
    for value in ("[" * 2_000 + "]" * 2_000, "{id: " * 1_500 + "1" + "}" * 1_500):
        answer = await town.post("app_crm", f"{{ members(by: {value}) {{ id }} }}", headers=ACCEPT)

        assert answer.status_code == 422
        assert {e["extensions"]["code"] for e in answer.json()["errors"]} <= {"BAD_USER_INPUT", "QUERY_TOO_COMPLEX"}


@pytest.mark.parametrize(
    "content",
    [
        b'{"query": "{ __typename }", "operationName": "\xc3\x28"}',
        b'{"query": "{ member(by: {phone: \\"\\ud83d\\"}) { id } }"}',
        b'\xef\xbb\xbf{"query": "{ __typename }"}',
        b'{"query": "{ __typename }", "variables": {"a": NaN}}',
        b'{"query": "{ __typename }"} {"query": "{ __typename }"}',
    ],
)
async def test_malformed_text_is_refused(town: Town, content: bytes) -> None:
    headers = {"Authorization": f"Bearer {town.token('app_crm')}", "Content-Type": "application/json", **ACCEPT}

    answer = await town.client.post("/graphql", content=content, headers=headers)

    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (400, "BAD_USER_INPUT")


@pytest.mark.parametrize("value", ["\x00", "\x00138"])
@pytest.mark.parametrize("kind", ["phone", "storeCard", "unionid", "email"])
async def test_a_key_with_a_control_character_is_refused(town: Town, kind: str, value: str) -> None:
    query = "query ($by: MemberKey!) { member(by: $by) { id } }"

    answer = (await town.post("app_crm", query, variables={"by": {kind: value}})).json()

    assert [error["extensions"]["code"] for error in answer["errors"]] == ["BAD_USER_INPUT"]


@pytest.mark.parametrize("value", ["’ OR 1=1 --", "9" * 5_000])
@pytest.mark.parametrize("kind", ["phone", "storeCard", "unionid", "email"])
async def test_no_key_reaches_the_database_as_text(town: Town, kind: str, value: str) -> None:
    query = "query ($by: MemberKey!) { member(by: $by) { id } }"

    answer = (await town.post("app_crm", query, variables={"by": {kind: value}})).json()

    assert answer["data"] == {"member": None}
    assert {e["extensions"]["code"] for e in answer.get("errors", [])} <= {"BAD_USER_INPUT", "FORBIDDEN"}
    assert value not in json.dumps(answer, ensure_ascii=False)


@pytest.mark.parametrize("cursor", ["", "x", "=", "AAAA" * 20, "eyJhIjoxfQ", "ü", "\t"])
@pytest.mark.parametrize(
    "where", ["memberList(first: 1, after: $c) { edges { cursor } }", "me { orders(after: $c) { state } }"]
)
async def test_a_bad_cursor_tells_nothing(
    town: Town, caplog: pytest.LogCaptureFixture, where: str, cursor: str
) -> None:
    query = f"query ($c: String) {{ {where} }}"
    role, about = ("member", {"member": town.people.whole}) if where.startswith("me ") else ("app_crm", {})

    errors = (await town.post(role, query, variables={"c": cursor}, **about)).json()["errors"]

    assert [error["message"] for error in errors] == [
        "This cursor is not valid here; read the list from its beginning."
    ]
    assert [error["extensions"] for error in errors] == [{"code": "BAD_USER_INPUT"}]
    assert caplog.text == ""


async def test_sixty_nested_fragments_are_refused_unexpanded(town: Town) -> None:
    parts = [f"fragment f{i} on Member {{ ...f{i + 1} ...f{i + 1} }}" for i in range(59)]
    query = " ".join(["{ me { ...f0 } }", *parts, "fragment f59 on Member { id }"])
    padded = query + " #" + "x" * (50_000 - len(query))

    answer = await town.post("app_crm", padded, headers=ACCEPT)

    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (422, "QUERY_TOO_COMPLEX")
