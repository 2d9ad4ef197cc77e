"""What stands in an address asks nothing about anybody (GET), whoever asks, whatever it is hidden behind."""

import json
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from member_hub.access import caller_from
from member_hub.graphql import Api, Asked, Language
from member_hub.graphql.throttle import REFUSAL_COST
from member_hub.ids import uuid7
from member_hub.settings import Mode
from member_hub.web.address import ADDRESS_BYTES_MAX
from tests.graphql.conftest import Town
from tests.graphql.test_throttle import limited
from tests.graphql.world import NOW, WHOLE, People, World

PHONE = WHOLE["phone"]
GRAPHQL = "application/graphql-response+json"
LOOK_UP = f'member(by: {{phone: "{PHONE}"}}) {{ phone {{ value }} }}'
ABOUT_SOMEBODY = {
    "look-up": f"{{ {LOOK_UP} }}",
    "list": "{ memberList(first: 1) { edges { node { id } } } }",
    "node": '{ node(id: "x") { id } }',
    "own": "{ me { id } }",
    "figures": "{ memberStatistics(groupBy: [STORE]) { roundedTo } }",
    "beside __typename": f"{{ __typename {LOOK_UP} }}",
    "beside introspection": f"{{ __schema {{ queryType {{ name }} }} {LOOK_UP} }}",
    "alias": f"{{ __typename: {LOOK_UP} }}",
    "fragment": f"{{ ...A }} fragment A on Query {{ ...B }} fragment B on Query {{ {LOOK_UP} }}",
    "inline fragment": f"{{ ... on Query {{ ... {{ {LOOK_UP} }} }} }}",
    "never included": f"{{ __typename ... @include(if: false) {{ {LOOK_UP} }} }}",
    "another operation": f"query A {{ __typename }} query B {{ {LOOK_UP} }}",
    "no field at all": f"{{ nothing {LOOK_UP} }}",
    "mutation": "mutation A { __typename }",
    "mutation beside": "query A { __typename } mutation B { __typename }",
    "subscription": "subscription { __typename }",
    "variable": "query ($by: MemberKey!) { member(by: $by) { id } }",
    "fragment that calls itself": f"{{ ...A }} fragment A on Query {{ __typename ...A {LOOK_UP} }}",
}


def signed(world: World, role: str = "app_crm", **more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {world.token(role)}", "Accept": GRAPHQL, **more}


async def get(world: World, role: str = "app_crm", **parameters: Any) -> httpx2.Response:
    return await world.client.get("/graphql", params=parameters, headers=signed(world, role))


def code(answer: httpx2.Response) -> str:
    assert "data" not in answer.json()
    (error,) = answer.json()["errors"]
    return str(error["extensions"]["code"])


@pytest.mark.parametrize("name", sorted(set(ABOUT_SOMEBODY) - {"fragment that calls itself"}))
@pytest.mark.parametrize("accept", [GRAPHQL, "application/json"])
async def test_nothing_about_anybody_is_asked_by_get(town: Town, name: str, accept: str) -> None:
    asked = {"query": ABOUT_SOMEBODY[name], "operationName": "A", "variables": json.dumps({"by": {"phone": PHONE}})}

    answer = await town.client.get("/graphql", params=asked, headers=signed(town) | {"Accept": accept})

    assert (answer.status_code, code(answer)) == (405, "BAD_USER_INPUT")
    assert answer.headers["allow"] == "POST"
    assert [value for value in WHOLE.values() if len(value) > 1 and value in answer.text] == []


async def test_a_fragment_that_calls_itself_is_refused(town: Town) -> None:
    answer = await get(town, query=ABOUT_SOMEBODY["fragment that calls itself"])

    assert (answer.status_code, code(answer)) == (422, "BAD_USER_INPUT")


@pytest.mark.parametrize("role", ["app_checkout", "store_manager", "dpo", "auditor", "system_admin"])
async def test_no_role_looks_anybody_up_by_get(town: Town, role: str) -> None:
    answer = await get(town, role, query=ABOUT_SOMEBODY["look-up"])

    assert (answer.status_code, code(answer)) == (405, "BAD_USER_INPUT")


async def test_a_document_that_came_by_post_is_not_open_to_get_for_that(world: World, people: People) -> None:
    by_post = await world.post("app_crm", ABOUT_SOMEBODY["look-up"])
    by_get = await get(world, query=ABOUT_SOMEBODY["look-up"])

    assert by_post.json()["data"] == {"member": {"phone": {"value": PHONE}}}
    assert (by_get.status_code, code(by_get)) == (405, "BAD_USER_INPUT")
    assert [row.member_ids for row in await world.audited()] == [[people.whole]]


async def test_a_mutation_by_get_changes_nothing(world: World, people: People) -> None:
    update = f"""mutation {{ profileUpdate(id: "{people.whole}", expectedVersion: 1, input: {{name: "林知夏"}}) {{
      userErrors {{ code }} }} }}"""
    before = await world.ask("dpo", "{ memberList(first: 100) { edges { node { id version } } } }")

    answer = await get(world, "store_manager", query=update)

    assert (answer.status_code, code(answer)) == (405, "BAD_USER_INPUT")
    assert await world.ask("dpo", "{ memberList(first: 100) { edges { node { id version } } } }") == before


@pytest.mark.parametrize("asked", [{}, {"query": "{ __typename }"}], ids=str)
async def test_a_registered_document_is_not_asked_for_by_get(town: Town, asked: dict[str, str]) -> None:
    answer = await get(town, documentId="sha256:" + "0" * 64, **asked)

    assert (answer.status_code, code(answer), answer.headers["allow"]) == (405, "BAD_USER_INPUT", "POST")


async def test_an_address_has_a_length(town: Town) -> None:
    query = "query={__typename}&x="
    longest = query + "a" * (ADDRESS_BYTES_MAX - len(query))

    taken = await town.client.get(f"/graphql?{longest}", headers=signed(town))
    refused = await town.client.get(f"/graphql?{longest}a", headers=signed(town))

    assert taken.json()["data"] == {"__typename": "Query"}
    assert (refused.status_code, code(refused)) == (414, "BAD_USER_INPUT")


@pytest.mark.parametrize(
    "address",
    [
        "",
        "query=",
        "query={",
        "query=%FF%FE",
        "query={__typename}&query={me{id}}",
        "query={__typename}&variables=1",
        "query={__typename}&variables=[]",
        "query={__typename}&variables={",
        "query={__typename}&variables=" + "[" * 5_000,
        "query={__typename}&extensions=x",
        "query={__typename}&operationName=" + "x" * 201,
        "&".join(f"p{n}=1" for n in range(11)),
    ],
    ids=range(12),
)
async def test_an_address_that_is_no_request_is_refused(town: Town, address: str) -> None:
    answer = await town.client.get(f"/graphql?{address}", headers=signed(town))

    assert (answer.status_code, code(answer)) == (400, "BAD_USER_INPUT")


@pytest.mark.parametrize("query", ["{ __typename }", ABOUT_SOMEBODY["look-up"]])
async def test_who_asks_is_settled_first(town: Town, query: str) -> None:
    stranger = await town.client.get("/graphql", params={"query": query})
    undeclared = {"Authorization": f"Bearer {town.token('app_crm', purposes=['member_service', 'marketing'])}"}
    vague = await town.client.get("/graphql", params={"query": query}, headers=undeclared)

    assert (stranger.status_code, code(stranger)) == (401, "UNAUTHENTICATED")
    assert (vague.status_code, code(vague)) == (403, "PURPOSE_REQUIRED")


async def test_a_token_in_an_address_is_none(town: Town) -> None:
    token = town.token("app_crm")

    for name in ("access_token", "token", "authorization"):
        answer = await town.client.get("/graphql", params={"query": "{ __typename }", name: token})
        assert (answer.status_code, code(answer)) == (401, "UNAUTHENTICATED")
        assert token not in answer.text


async def test_by_get_everything_costs_what_it_costs_by_post(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("member_hub.throttling.monotonic", lambda: 600.0)
    texts = ["{ __typename }", ABOUT_SOMEBODY["list"], "{ __typename }", ABOUT_SOMEBODY["look-up"]]

    async with limited(world, cost_per_s=1) as slow:
        answers = [await get(slow, query=query) for query in texts + texts[1:2] * 2]

    assert [answer.status_code for answer in answers] == [200, 405, 200, 405, 405, 429]
    first, third = (answer.json()["extensions"]["cost"] for answer in answers[:3:2])
    assert first["remaining"] - third["remaining"] == third["requested"] + REFUSAL_COST
    assert int(answers[-1].headers["retry-after"]) > 0


@pytest.mark.parametrize(
    ("role", "query", "codes"),
    [
        ("store_manager", "{ __typename }", []),
        ("store_manager", "{ __schema { __typename } }", ["BAD_USER_INPUT"]),
        (
            "app_crm",
            "{ __typename }",
            ["DOCUMENT_NOT_FOUND"],
        ),  # apps send registered documents there, and those by POST
    ],
)
async def test_production_opens_by_get_no_more_than_by_post(
    town: Town, role: str, query: str, codes: list[str]
) -> None:
    api = Api(replace(town.hub, settings=replace(town.hub.settings, mode=Mode.PRODUCTION)))
    claims = town.tokens.verify(town.token(role, purposes=["member_service"]), NOW)
    caller = caller_from(claims, None, town.hub.policies, town.hub.organisation, request_id=uuid7())

    for is_by_get in (True, False):
        answer = await api.answer(Asked(query, None, {}, is_by_get=is_by_get), caller, Language.EN)
        assert (answer.codes, answer.needs_post) == (codes, False)
        assert answer.data == (None if codes else {"__typename": "Query"})
