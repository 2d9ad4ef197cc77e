"""Control characters in any text are refused, as a literal and as a variable, before anything is asked of them."""

import pytest

from member_hub.texts import any_control
from tests.graphql.world import People, World

AUDIT = "{ auditEntries(first: 1, filter: {actor: %s}) { edges { cursor } } }"
ENROL = """mutation ($i: MemberEnrolInput!, $k: String!) {
  memberEnrol(input: $i, idempotencyKey: $k) { member { id } userErrors { code } } }"""
MEMBER = "query ($by: MemberKey!) { member(by: $by) { id } }"
LIST = "query ($s: String!) { memberList(first: 1, filter: {homeStore: $s}) { edges { cursor } } }"
REVEAL = """mutation ($id: ID!, $reason: String!) {
  memberReveal(id: $id, field: PHONE, reason: {reference: $reason}) { userErrors { code } } }"""
CARD = {"channel": "STORE", "account": "8868331042", "homeStore": "SH001"}


@pytest.mark.parametrize("literal", [r'"a\u0000"', r'"\u{0}"', r'"\u001b[0m"', '"""a\u007f"""'])
async def test_as_a_literal(world: World, literal: str) -> None:
    """While the document is read: nothing was asked yet, so there is nothing to put on record."""
    (error,) = (await world.post("auditor", AUDIT % literal)).json()["errors"]

    assert (error["message"], error["extensions"]["code"]) == ("A text has control characters.", "BAD_USER_INPUT")
    assert await world.audited() == []


@pytest.mark.parametrize(
    ("role", "query", "variables"),
    [
        ("auditor", "query ($a: String!) " + AUDIT % "$a", {"a": "a\0"}),
        ("app_crm", ENROL, {"i": CARD, "k": "k\0"}),
        ("app_crm", ENROL, {"i": CARD | {"account": "8868\0331042"}, "k": "k"}),
        ("app_crm", ENROL, {"i": CARD | {"name": "张\0三"}, "k": "k"}),
        ("app_crm", ENROL, {"i": CARD | {"homeStore": "SH\x01001"}, "k": "k"}),
        ("app_crm", MEMBER, {"by": {"unionid": "o\0Union"}}),
        ("app_crm", MEMBER, {"by": {"openid": {"appid": "wx\0", "openid": "o"}}}),
        ("store_manager", LIST, {"s": "SH\0001"}),
        ("store_manager", REVEAL, {"id": "x", "reason": "case\0"}),
        ("app_crm", MEMBER, {"by\0": {}}),
    ],
)
async def test_as_a_variable(world: World, people: People, role: str, query: str, variables: dict[str, object]) -> None:
    answer = await world.post(role, query, variables=variables)

    assert answer.status_code == 400
    assert [error["extensions"]["code"] for error in answer.json()["errors"]] == ["BAD_USER_INPUT"]


def test_line_ends_and_tabs_are_none() -> None:
    assert any_control({"a": ["x\r\n\ty", 1, None, {"é": "张三"}]}) is False
    assert any_control({"a": [{"b": "\x0b"}]}) is True
