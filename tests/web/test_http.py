"""GraphQL over HTTP: who asks, how, and what the status says."""

import json
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from graphql import get_introspection_query

from member_hub.web.body import BODY_BYTES_MAX
from tests.graphql.conftest import Town
from tests.graphql.world import NOW, WHOLE, World

QUERY = "{ memberList(first: 1) { edges { node { id } } } }"
GRAPHQL = "application/graphql-response+json"


def signed(town: World, role: str = "app_crm", **about: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {town.token(role, **about)}"}


async def send(town: World, content: bytes, **headers: str) -> httpx2.Response:
    sent = {"Content-Type": "application/json", **signed(town), **headers}
    return await town.client.post("/graphql", content=content, headers=sent)


def code(answer: httpx2.Response) -> str:
    (error,) = answer.json()["errors"]
    return str(error["extensions"]["code"])


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        (GRAPHQL, GRAPHQL),
        (f"{GRAPHQL}, application/json;q=0.9", GRAPHQL),
        (f"application/json, {GRAPHQL}", "application/json"),
        (f"application/json;q=0.5, {GRAPHQL};q=0.6", GRAPHQL),
        ("text/html, application/*;q=0.1", "application/json"),
        (f"{GRAPHQL}; charset=utf-8", GRAPHQL),
    ],
)
async def test_the_answer_has_the_media_type_that_is_preferred(town: Town, accept: str | None, media_type: str) -> None:
    headers = {**signed(town), "Accept": accept} if accept else signed(town)

    answer = await town.client.post("/graphql", json={"query": QUERY}, headers=headers)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == f"{media_type}; charset=utf-8"
    assert list(answer.json()) == ["data", "extensions"]


@pytest.mark.parametrize("accept", ["text/html", "application/xml", f"{GRAPHQL};q=0", "image/*"])
async def test_another_media_type_is_not_acceptable(town: Town, accept: str) -> None:
    answer = await town.client.post("/graphql", json={"query": QUERY}, headers={**signed(town), "Accept": accept})

    assert (answer.status_code, code(answer)) == (406, "BAD_USER_INPUT")


REFUSED_DOCUMENTS = {
    "{": 400,
    "{ nothing }": 422,
    "{ memberList { edges { cursor } } }": 294,  # read, valid, and refused by its resolver: data is null
    "query A { __typename } query B { __typename }": 422,
    "query ($n: Int!) { memberList(first: $n) { edges { cursor } } }": 422,
    '{ memberList(first: "many") { edges { cursor } } }': 422,
}


@pytest.mark.parametrize("query", REFUSED_DOCUMENTS)
@pytest.mark.parametrize("accept", ["application/json", GRAPHQL])
async def test_the_status_of_a_refused_document(town: Town, accept: str, query: str) -> None:
    answer = await town.client.post("/graphql", json={"query": query}, headers={**signed(town), "Accept": accept})

    expected = REFUSED_DOCUMENTS[query] if accept == GRAPHQL else 200
    assert (answer.status_code, code(answer)) == (expected, "BAD_USER_INPUT")


async def test_too_complex_a_document_is_422(town: Town) -> None:
    query = "{ " + " ".join(f"a{i}: me {{ id }}" for i in range(11)) + " }"

    answer = await town.client.post("/graphql", json={"query": query}, headers={**signed(town), "Accept": GRAPHQL})

    assert (answer.status_code, code(answer)) == (422, "QUERY_TOO_COMPLEX")


@pytest.mark.parametrize(("accept", "status"), [("application/json", 200), (GRAPHQL, 294)])
async def test_data_beside_errors_is_a_partial_success(town: Town, accept: str, status: int) -> None:
    query = '{ member(by: {phone: "12"}) { id } memberList(first: 1) { edges { node { id } } } }'

    answer = await town.client.post("/graphql", json={"query": query}, headers={**signed(town), "Accept": accept})

    assert (answer.status_code, code(answer)) == (status, "BAD_USER_INPUT")
    assert len(answer.json()["data"]["memberList"]["edges"]) == 1


@pytest.mark.parametrize("accept", ["application/json", GRAPHQL])
async def test_a_schema_may_be_read_by_get(town: Town, accept: str) -> None:
    """What else may stand in an address, and that nothing about anybody may: tests/attacks/test_addresses.py."""
    query = """query A($name: String!) { ...T } query B { x: __typename }
      fragment T on Query { __type(name: $name) { name } }"""
    asked = {"query": query, "operationName": "A", "variables": json.dumps({"name": "Member"}), "extensions": ""}

    answer = await town.client.get("/graphql", params=asked, headers={**signed(town), "Accept": accept})

    assert (answer.status_code, answer.headers["content-type"]) == (200, f"{accept}; charset=utf-8")
    assert answer.json()["data"] == {"__type": {"name": "Member"}}
    assert answer.json()["extensions"]["cost"]["requested"] > 0


async def test_a_whole_schema_fits_into_an_address(town: Town) -> None:
    answer = await town.client.get("/graphql", params={"query": get_introspection_query()}, headers=signed(town))

    assert answer.status_code == 200
    assert answer.json()["data"]["__schema"]["queryType"]["name"] == "Query"


@pytest.mark.parametrize(("query", "status"), [("{ __typename }", 200), ("{ me { id } }", 405), ("{", 400)])
async def test_head_is_answered_as_get(town: Town, query: str, status: int) -> None:
    asked = {"params": {"query": query}, "headers": {**signed(town), "Accept": GRAPHQL}}
    by_get = await town.client.get("/graphql", **asked)
    by_head = await town.client.head("/graphql", **asked)

    assert (by_get.status_code, by_head.status_code) == (status, status)
    assert by_head.headers["content-type"] == by_get.headers["content-type"]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_no_other_method_is_taken(town: Town, method: str) -> None:
    answer = await town.client.request(method, "/graphql?query={__typename}", headers=signed(town))

    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD, POST"
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("origin", ["https://elsewhere.example", "null", "http://hub"])
async def test_pages_of_others_read_nothing(town: Town, origin: str) -> None:
    asking = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    preflight = await town.client.options("/graphql", headers=asking)
    answer = await town.client.post("/graphql", json={"query": QUERY}, headers={**signed(town), "Origin": origin})

    assert preflight.status_code == 405
    for headers in (preflight.headers, answer.headers):
        assert [name for name in headers if name.startswith("access-control-")] == []
        assert headers["cross-origin-resource-policy"] == "same-origin"


BODIES = [
    b"",
    b"1",
    b"null",
    b'"query"',
    b"true",
    b"[]",
    b'[{"query": "{ __typename }"}]',
    b'[{"query": "{ __typename }"}, {"query": "{ __typename }"}]',
    b"{}",
    b"{",
    b'{"query": 1}',
    b'{"query": null}',
    b'{"query": " "}',
    b'{"query": ["{ __typename }"]}',
    b'{"query": "{ __typename }", "variables": 1}',
    b'{"query": "{ __typename }", "variables": []}',
    b'{"query": "{ __typename }", "operationName": 1}',
    b'{"query": "{ __typename }", "extensions": "x"}',
    b'\xff\xfe{\x00"\x00',
    b'{"query": "{ __typename } # \xff"}',
    b'{"query": "\\ud800"}',
    b"[" * 5000,
]


@pytest.mark.parametrize("body", BODIES, ids=[repr(body[:30]) for body in BODIES])
@pytest.mark.parametrize("accept", ["application/json", GRAPHQL])
async def test_a_body_that_is_no_request_is_400(town: Town, body: bytes, accept: str) -> None:
    answer = await send(town, body, Accept=accept)

    assert (answer.status_code, code(answer)) == (400, "BAD_USER_INPUT")


@pytest.mark.parametrize("null", ["variables", "operationName", "extensions"])
async def test_null_is_as_good_as_left_out(town: Town, null: str) -> None:
    answer = await send(town, json.dumps({"query": QUERY, null: None}).encode())

    assert answer.status_code == 200


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "application/graphql", "application/json; charset=gb18030", "multipart/form-data"],
)
async def test_another_content_type_is_415(town: Town, content_type: str) -> None:
    answer = await send(town, json.dumps({"query": QUERY}).encode(), **{"Content-Type": content_type})

    assert (answer.status_code, code(answer)) == (415, "BAD_USER_INPUT")


@pytest.mark.parametrize("coding", ["gzip", "identity, br", "x"])
async def test_a_coded_body_is_415(town: Town, coding: str) -> None:
    answer = await send(town, json.dumps({"query": QUERY}).encode(), **{"Content-Encoding": coding})

    assert (answer.status_code, code(answer)) == (415, "BAD_USER_INPUT")


async def test_a_body_may_say_that_it_is_not_coded(town: Town) -> None:
    answer = await send(town, json.dumps({"query": QUERY}).encode(), **{"Content-Encoding": "Identity"})

    assert answer.status_code == 200


async def test_a_content_type_may_say_utf_8(town: Town) -> None:
    body = json.dumps({"query": QUERY}).encode()

    answer = await send(town, body, **{"Content-Type": 'Application/JSON; charset="UTF-8"'})

    assert answer.status_code == 200


async def test_a_body_has_a_limit(town: Town) -> None:
    fits = json.dumps({"query": QUERY, "extensions": {"x": ""}}).encode()
    whole = fits.replace(b'"x": ""', b'"x": "' + b"y" * (BODY_BYTES_MAX - len(fits)) + b'"')

    assert (await send(town, whole)).status_code == 200
    answer = await send(town, whole + b" ")
    assert (answer.status_code, code(answer)) == (413, "BAD_USER_INPUT")


async def test_a_registered_document_there_is_none(town: Town) -> None:
    answer = await send(town, b'{"documentId": "abc"}', Accept=GRAPHQL)

    assert (answer.status_code, code(answer)) == (400, "DOCUMENT_NOT_FOUND")


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer ", "Bearer x.y.z", "Basic dXNlcjpwYXNz", "bearer", "Token abc"]
)
@pytest.mark.parametrize("accept", ["application/json", GRAPHQL])
async def test_without_a_good_token_it_is_401(town: Town, authorization: str | None, accept: str) -> None:
    headers = {"Accept": accept} | ({"Authorization": authorization} if authorization is not None else {})

    answer = await town.client.post("/graphql", json={"query": QUERY}, headers=headers)

    assert (answer.status_code, code(answer)) == (401, "UNAUTHENTICATED")
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_who_asks_is_settled_before_the_body_is_read(town: Town) -> None:
    answer = await town.client.post("/graphql", content=b"x" * (BODY_BYTES_MAX + 1))

    assert answer.status_code == 401


async def test_an_expired_token_is_401(world: World) -> None:
    headers = signed(world)
    world.clock.at = NOW + timedelta(hours=12)

    answer = await world.client.post("/graphql", json={"query": QUERY}, headers=headers)

    assert (answer.status_code, code(answer)) == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize(
    ("purpose", "status", "expected"),
    [
        (None, 403, "PURPOSE_REQUIRED"),
        ("", 403, "PURPOSE_REQUIRED"),
        ("marketing", 403, "PURPOSE_NOT_ALLOWED"),
        ("nonsense", 403, "PURPOSE_NOT_ALLOWED"),
        ("member_service", 200, None),
        ("customer_support", 200, None),
    ],
)
async def test_one_purpose_is_declared(town: Town, purpose: str | None, status: int, expected: str | None) -> None:
    headers = signed(town, purposes=["member_service", "customer_support"])
    headers |= {"X-Purpose": purpose} if purpose is not None else {}

    answer = await town.client.post("/graphql", json={"query": QUERY}, headers=headers)

    assert answer.status_code == status
    assert expected is None or code(answer) == expected


async def test_every_answer_has_a_request_id_of_its_own(town: Town) -> None:
    sent = {"X-Request-Id": "chosen-by-the-client"}
    answers = [
        await town.client.post("/graphql", json={"query": QUERY}, headers={**signed(town), **sent}),
        await town.client.post("/graphql", json={"query": "{"}, headers=signed(town)),
        await town.client.post("/graphql", json={"query": QUERY}),
        await town.client.get("/graphql"),
        await town.client.post(
            "/graphql", content=b"null", headers={**signed(town), "Content-Type": "application/json"}
        ),
    ]
    others = [await town.client.get(path) for path in ("/livez", "/readyz", "/metrics", "/", "/nowhere")]

    for answer in answers:
        assert answer.json()["extensions"]["requestId"] == answer.headers["x-request-id"]
    assert len({answer.headers["x-request-id"] for answer in answers + others}) == 10


async def test_responses_keep_browsers_from_doing_more_than_they_should(town: Town) -> None:
    for path in ("/", "/livez", "/graphql", "/nowhere"):
        headers = (await town.client.get(path)).headers
        assert headers["content-security-policy"].startswith("default-src 'none';")
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"


async def test_what_nobody_expected_is_internal_and_tells_nothing(
    town: Town, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError(WHOLE["phone"])

    monkeypatch.setattr("member_hub.graphql.executing.plan", fails)

    answer = await town.client.post("/graphql", json={"query": QUERY}, headers=signed(town))

    assert (answer.status_code, code(answer)) == (500, "INTERNAL")
    assert WHOLE["phone"] not in answer.text
    assert WHOLE["phone"] not in caplog.text
    assert answer.headers["x-request-id"] in caplog.text


async def test_what_fails_before_the_question_is_internal_too(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError(WHOLE["phone"])

    monkeypatch.setattr("member_hub.web.door.caller_from", fails)

    answer = await world.client.post("/graphql", json={"query": QUERY}, headers=signed(world))

    assert (answer.status_code, code(answer)) == (500, "INTERNAL")
    assert answer.json()["extensions"]["requestId"] == answer.headers["x-request-id"]
    assert WHOLE["phone"] not in answer.text + caplog.text
    assert "A request failed: RuntimeError (" in caplog.text
    counted = (await world.client.get("/metrics")).text
    assert 'member_hub_requests_total{kind="none",outcome="INTERNAL"} 1' in counted


async def test_a_failing_resolver_is_internal_and_tells_nothing(
    town: Town, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails(*_: object, **__: object) -> None:
        raise ValueError(WHOLE["phone"])

    monkeypatch.setattr("member_hub.graphql.reading.find_members", fails)
    query = f'{{ member(by: {{phone: "{WHOLE["phone"]}"}}) {{ id }} }}'

    answer = await town.client.post("/graphql", json={"query": query}, headers=signed(town))

    assert answer.json()["data"] == {"member": None}
    assert code(answer) == "INTERNAL"
    assert WHOLE["phone"] not in answer.text + caplog.text
    assert "A resolver failed: ValueError (" in caplog.text


async def test_a_database_that_does_not_answer_is_unavailable(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(*_: object, **__: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr("member_hub.graphql.reading.page", fails)

    answer = await town.client.post("/graphql", json={"query": QUERY}, headers=signed(town))

    assert (answer.status_code, code(answer)) == (503, "UNAVAILABLE")


async def test_development_tokens_are_nothing_in_production(town: Town, production: httpx2.AsyncClient) -> None:
    answer = await production.post("/graphql", json={"query": QUERY}, headers=signed(town))

    assert (answer.status_code, code(answer)) == (401, "UNAUTHENTICATED")
