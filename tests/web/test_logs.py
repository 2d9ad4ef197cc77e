"""The log: JSON lines that name requests and nobody, at every level, for everything that is asked."""

import io
import json
import logging
from collections.abc import Iterator

import httpx2
import pytest

from member_hub.web import configure_logging
from tests.graphql.conftest import Town
from tests.graphql.world import WHOLE, People, World
from tests.web.served import served

PERSONAL = [value for value in WHOLE.values() if len(value) > 1] + ["13812345670", "欧阳*", "138****5670", "周杰"]
READ = "query ($by: MemberKey!) { member(by: $by) { name { value } phone { value } accounts { account { value } } } }"
ENROL = """mutation ($input: MemberEnrolInput!) { memberEnrol(input: $input, idempotencyKey: "k") {
  member { name { value } } userErrors { message } } }"""
UPDATE = """mutation ($id: ID!, $input: ProfileUpdateInput!) {
  profileUpdate(id: $id, expectedVersion: 2, input: $input) { member { name { value } } userErrors { message } } }"""


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Our own log at debug level; as it was afterwards."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logging(debug=True, stream=stream)
    monkeypatch.setattr(logging.getLogger("httpx2"), "disabled", True)  # the client of these tests
    yield stream
    root.handlers[:], root.level = before
    logging.getLogger("member_hub").setLevel(logging.NOTSET)


async def everything(world: World, people: People) -> None:
    """Hits, misses, refusals, writes, faults."""
    for key in ({"phone": WHOLE["phone"]}, {"storeCard": WHOLE["card"]}, {"phone": "12"}, {"nonsense": WHOLE["phone"]}):
        for role in ("app_crm", "sales_associate", "auditor"):
            await world.post(role, READ, variables={"by": key})
    stated = {"channel": "STORE", "account": "7700000001", "name": "周杰", "phone": WHOLE["phone"]}
    await world.post("app_crm", ENROL, variables={"input": stated})
    await world.post("app_crm", ENROL, variables={"input": stated | {"name": "欧阳*"}})
    await world.post("app_crm", UPDATE, variables={"id": str(people.whole), "input": {"name": "周杰"}})
    await world.post("app_crm", UPDATE, variables={"id": str(people.whole), "input": {"phone": "138****5670"}})
    await world.post("app_crm", f'{{ member(by: {{phone: "{WHOLE["phone"]}"}} {{ id }} }}')
    await world.client.get(f"/{WHOLE['phone']}?name={WHOLE['name']}")
    for query in (f'{{ member(by: {{phone: "{WHOLE["phone"]}"}}) {{ id }} }}', f'{{ __type(name: "{WHOLE["name"]}")'):
        sent = {"query": query, "operationName": WHOLE["name"], "variables": f'{{"by": "{WHOLE["phone"]}"}}'}
        signed = {"Authorization": f"Bearer {world.token('app_crm')}"}
        await world.client.get("/graphql", params=sent, headers=signed)
    await world.client.post("/graphql", content=WHOLE["phone"], headers={"Authorization": WHOLE["phone"]})


async def test_no_personal_value_is_logged_at_any_level(
    world: World, people: People, log: io.StringIO, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        await everything(world, people)

    assert len(log.getvalue().splitlines()) > 15
    for value in PERSONAL:
        assert value not in log.getvalue()
        assert value not in caplog.text


async def test_a_server_that_listens_logs_nothing_of_an_address(
    town: Town, log: io.StringIO, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed = {"Authorization": f"Bearer {town.token('app_crm')}"}
    query = f'{{ member(by: {{phone: "{WHOLE["phone"]}"}}) {{ id }} }}'

    async with served(town.hub, monkeypatch) as port:
        with caplog.at_level(logging.DEBUG):
            async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
                answer = await client.get("/graphql", params={"query": query}, headers=signed)
                head = await client.head("/graphql", params={"query": "{ __typename }"}, headers=signed)

    assert (answer.status_code, head.status_code, head.content) == (405, 200, b"")
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    said = [(line["method"], line["path"], line["status"]) for line in lines if line["message"] == "served"]
    assert said == [("GET", "/graphql", 405), ("HEAD", "/graphql", 200)]
    heard = "".join(record.getMessage() for record in caplog.records if not record.name.startswith("httpcore"))
    for part in (WHOLE["phone"], "member(", "__typename"):
        assert part not in log.getvalue()
        assert part not in heard


async def test_a_failing_statement_logs_no_value(
    world: World, people: People, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object, **__: object) -> None:
        logging.getLogger("member_hub.web.door").error("it failed", exc_info=ValueError(WHOLE["phone"]))
        raise ValueError(WHOLE["phone"])

    monkeypatch.setattr("member_hub.graphql.reading.find", fails)

    await world.post("app_crm", READ, variables={"by": {"phone": WHOLE["phone"]}})

    assert "ValueError" in log.getvalue()
    assert WHOLE["phone"] not in log.getvalue()


async def test_a_served_request_is_one_line_of_json(world: World, log: io.StringIO) -> None:
    answer = await world.client.get("/livez")

    (line,) = [json.loads(text) for text in log.getvalue().splitlines()]
    assert sorted(line) == [
        "duration_ms",
        "level",
        "logger",
        "message",
        "method",
        "path",
        "request_id",
        "status",
        "time",
    ]
    assert (line["method"], line["path"], line["status"], line["level"]) == ("GET", "/livez", 200, "INFO")
    assert line["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize("name", ["sqlalchemy.engine.Engine", "asyncpg", "strawberry.execution", "charset_normalizer"])
def test_libraries_do_not_speak_below_warning(log: io.StringIO, name: str) -> None:
    logging.getLogger(name).info("rows of somebody")
    logging.getLogger(name).debug("rows of somebody")

    assert log.getvalue() == ""


def test_strawberry_s_own_error_log_is_silent(log: io.StringIO) -> None:
    logging.getLogger("strawberry.execution").error("a document")

    assert log.getvalue() == ""
