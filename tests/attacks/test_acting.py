"""One role and one purpose per request: no header, no variable, no second claim gives another."""

import base64
import json
from typing import Any

import pytest

from member_hub.privacy import Purpose
from tests.graphql.world import WHOLE, People, World

BY = "query ($by: MemberKey!) { member(by: $by) { phone { value display state } } }"
PHONE = {"by": {"phone": WHOLE["phone"]}}
MASKED = {"value": None, "display": "138****5670", "state": "MASKED"}


async def test_a_role_that_the_token_does_not_carry_is_refused(world: World, people: People) -> None:
    answer = await world.post("sales_associate", BY, variables=PHONE, headers={"X-Role": "app_crm"})

    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (403, "FORBIDDEN")
    assert "data" not in answer.json()


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Acting-Role": "app_crm"},
        {"Role": "app_crm"},
        {"X-Stores": "SH014"},
        {"X-Member": "x"},
        {"X-Forwarded-User": "admin"},
    ],
    ids=str,
)
async def test_a_header_gives_no_role_and_no_reach(world: World, people: People, headers: dict[str, str]) -> None:
    found = (await world.post("sales_associate", BY, variables=PHONE, headers=headers)).json()["data"]

    assert found["member"]["phone"] == MASKED
    (row,) = await world.audited()
    assert (row.role, row.member_ids) == ("sales_associate", [people.whole])


@pytest.mark.parametrize(
    ("declared", "code"),
    [
        ("marketing", "PURPOSE_NOT_ALLOWED"),  # the policy knows it for this role, the token does not carry it
        ("analytics", "PURPOSE_NOT_ALLOWED"),  # not of this role
        ("member_service, marketing", "PURPOSE_NOT_ALLOWED"),
        ("MEMBER_SERVICE", "PURPOSE_NOT_ALLOWED"),
        ("world_domination", "PURPOSE_NOT_ALLOWED"),
    ],
)
async def test_a_purpose_that_the_token_does_not_carry_is_refused(
    world: World, people: People, declared: str, code: str
) -> None:
    answer = await world.post("app_crm", BY, variables=PHONE, headers={"X-Purpose": declared})

    assert (answer.status_code, "data" in answer.json()) == (403, False)
    assert answer.json()["errors"][0]["extensions"]["code"] == code
    assert declared not in answer.text
    (row,) = await world.audited()
    listed = declared if declared in set(Purpose) else "unknown"  # what somebody typed does not go on record
    assert (row.role, row.purpose, row.operation, row.outcome) == ("app_crm", listed, "request", code)
    assert (row.fields, row.member_ids) == ([], [])


async def test_of_two_purposes_one_is_declared_and_that_one_counts(world: World, people: People) -> None:
    """The CRM reaches nobody for marketing, whatever else its token carries."""
    both = {"purposes": ["member_service", "marketing"]}

    undeclared = await world.post("app_crm", BY, variables=PHONE, **both)
    served = await world.post("app_crm", BY, variables=PHONE, headers={"X-Purpose": "member_service"}, **both)
    marketed = await world.post("app_crm", BY, variables=PHONE, headers={"X-Purpose": "marketing"}, **both)

    assert undeclared.json()["errors"][0]["extensions"]["code"] == "PURPOSE_REQUIRED"
    assert served.json()["data"]["member"] is not None
    assert marketed.json()["data"] == {"member": None}
    assert [row.purpose for row in await world.audited()] == ["none", "member_service", "marketing"]


@pytest.mark.parametrize(
    "changed",
    [
        {"role": "app_crm"},
        {"role": ["sales_associate", "dpo"]},
        {"roles": ["dpo"]},
        {"purposes": ["rights_handling"]},
        {"stores": ["SH014"]},
        {"step_up": True},
        {"exp": 4_102_444_800},
        {"aud": "somebody else"},
    ],
    ids=str,
)
async def test_a_claim_that_is_changed_without_the_key_opens_nothing(
    world: World, people: People, changed: dict[str, Any]
) -> None:
    header, claims, signature = world.token("sales_associate").split(".")
    stated = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4))) | changed
    forged = base64.urlsafe_b64encode(json.dumps(stated).encode()).decode().rstrip("=")
    sent = {"Authorization": f"Bearer {header}.{forged}.{signature}"}

    answer = await world.client.post("/graphql", json={"query": BY, "variables": PHONE}, headers=sent)

    assert (answer.status_code, "data" in answer.json()) == (401, False)
    assert await world.audited() == []
