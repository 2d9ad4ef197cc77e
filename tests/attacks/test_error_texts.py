"""Whatever is wrong with a question, the answer does not say back what was in it, and nothing of anybody."""

from typing import Any

import pytest

from tests.graphql.conftest import Town
from tests.graphql.world import WHOLE, People, World

SECRET = "沈秘密13988887777"
OF_A_MEMBER = [value for name, value in WHOLE.items() if name != "gender"]
EVERYBODY = "{ memberList(first: 100) { edges { node { id version name { display } } } } }"
BY = "query ($by: MemberKey!) { member(by: $by) { id } }"
LIST = """query ($filter: MemberFilter, $after: String) {
  memberList(first: 1, after: $after, filter: $filter) { edges { cursor } } }"""
COUNT = """query ($by: [MemberDimension!]!, $filter: MemberFilter) {
  memberStatistics(groupBy: $by, filter: $filter) { roundedTo } }"""
ENROL = """mutation ($input: MemberEnrolInput!) { memberEnrol(input: $input, idempotencyKey: "k-1") {
  member { id } userErrors { field message code } } }"""
UPDATE = """mutation ($id: ID!, $input: ProfileUpdateInput!) {
  profileUpdate(id: $id, expectedVersion: 1, input: $input) { member { id } userErrors { field message code } } }"""
CARD = {"channel": "STORE", "account": "8800000001", "homeStore": "SH001"}


@pytest.mark.parametrize(
    "asked",
    [
        ("app_crm", BY, {"by": {"phone": SECRET}}),
        ("app_crm", BY, {"by": {"email": SECRET}}),
        ("app_crm", BY, {"by": {"id": SECRET}}),
        ("app_crm", BY, {"by": {"storeCard": SECRET}}),
        ("app_crm", BY, {"by": {"openid": {"appid": SECRET, "openid": SECRET}}}),
        ("app_crm", BY, {"by": {SECRET: "x"}}),
        ("app_crm", BY, {"by": SECRET}),
        ("app_crm", LIST, {"after": SECRET}),
        ("app_crm", LIST, {"filter": {"homeStore": SECRET}}),
        ("app_crm", LIST, {"filter": {"region": SECRET}}),
        ("app_crm", LIST, {"filter": {"gender": SECRET}}),
        ("app_crm", LIST, {"filter": {"joinedFrom": SECRET}}),
        ("marketing_analyst", COUNT, {"by": [SECRET]}),
        ("marketing_analyst", COUNT, {"by": ["STORE"], "filter": {"homeStore": SECRET}}),
        ("marketing_analyst", COUNT, {"by": ["STORE"], "filter": {"joinedTo": SECRET}}),
        ("app_crm", ENROL, {"input": CARD | {"phone": SECRET}}),
        ("app_crm", ENROL, {"input": CARD | {"name": f"{SECRET}**"}}),
        ("app_crm", ENROL, {"input": CARD | {"birthday": SECRET}}),
        ("app_crm", ENROL, {"input": CARD | {"homeStore": SECRET}}),
        ("app_crm", UPDATE, {"id": SECRET, "input": {"name": "x"}}),
        ("app_crm", f'{{ member(by: {{phone: "{SECRET}" {SECRET}}}) {{ id }} }}', {}),
        ("app_crm", f"{{ {SECRET} }}", {}),
    ],
    ids=str,
)
async def test_no_error_repeats_what_was_sent(
    town: Town, caplog: pytest.LogCaptureFixture, asked: tuple[str, str, dict[str, Any]]
) -> None:
    role, query, variables = asked
    before = await town.ask("dpo", EVERYBODY)

    answer = await town.post(role, query, variables=variables)

    said = answer.text + caplog.text + str([tuple(row) for row in await town.audited()])
    assert [part for part in ("沈秘密", "13988887777", *OF_A_MEMBER) if part in said] == []
    assert await town.ask("dpo", EVERYBODY) == before


async def test_a_refused_field_of_a_member_names_the_right_and_no_value(world: World, people: People) -> None:
    answer = await world.post("sales_associate", UPDATE, variables={"id": str(people.whole), "input": {"name": "赵六"}})

    assert answer.status_code == 403
    assert answer.json()["errors"][0]["message"] == "This role and purpose may not do this."
    assert [part for part in OF_A_MEMBER if part in answer.text] == []
    assert [(row.outcome, row.member_ids) for row in await world.audited()] == [("FORBIDDEN", [])]
