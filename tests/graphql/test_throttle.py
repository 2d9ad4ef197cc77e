"""What one caller may ask for: by cost, and by look-ups apart; refused with the time to wait, and put on record."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from math import ceil
from typing import Any

import httpx2
import pytest

from member_hub.graphql import executing
from member_hub.web import make_app
from tests.conftest import Run
from tests.graphql.world import NOW, WHOLE, People, World

LIST = "{ memberList(first: 10) { edges { node { name { value } } } } }"
LIST_COST = 1 + 1 + 10 * (1 + 1 + 1 + 2)
BY = "query ($by: [MemberKey!]!) { members(by: $by) { id } }"


class Time:
    def __init__(self) -> None:
        self.at = 600.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time()
    monkeypatch.setattr("member_hub.throttling.monotonic", time)
    return time


@pytest.fixture
def slow(world: World, people: People, time: Time, run: Run) -> Iterator[World]:
    """A hub where an app has 1 of cost and 5 look-ups per second."""
    stack = AsyncExitStack()
    yield run(stack.enter_async_context(limited(world, cost_per_s=1, lookups_per_s=5)))
    run(stack.aclose())


@asynccontextmanager
async def limited(world: World, **limits: int) -> AsyncIterator[World]:
    hub = replace(world.hub, settings=replace(world.hub.settings, **limits))
    transport = httpx2.ASGITransport(make_app(hub))
    async with httpx2.AsyncClient(transport=transport, base_url="http://hub") as client:
        yield replace(world, client=client)


def told(answer: httpx2.Response) -> tuple[int, list[str], Any, str | None]:
    errors = [error["extensions"] for error in answer.json().get("errors", [])]
    waits = [e.get("retryAfter") for e in errors]
    return answer.status_code, [e["code"] for e in errors], waits, answer.headers.get("retry-after")


def refusal_cost(answer: httpx2.Response) -> int:
    return 20 + len(answer.request.content) // 100


def keys(phones: Sequence[str]) -> dict[str, Any]:
    return {"by": [{"phone": phone} for phone in phones]}


async def test_every_answer_that_was_planned_says_its_cost(slow: World) -> None:
    first = (await slow.post("app_crm", LIST)).json()["extensions"]["cost"]

    assert first == {"requested": LIST_COST, "limit": 50_000, "remaining": 60 - LIST_COST}


async def test_too_much_cost_is_refused_with_the_time_to_wait(slow: World, time: Time) -> None:
    assert (await slow.post("app_crm", LIST)).status_code == 200
    audited = len(await slow.audited())

    answer = await slow.post("app_crm", LIST)

    wait_s = 2 * LIST_COST + refusal_cost(answer) - 60
    assert told(answer) == (429, ["THROTTLED"], [wait_s], str(wait_s))
    assert "data" not in answer.json()
    assert answer.json()["extensions"]["cost"]["remaining"] == 0
    row = (await slow.audited())[audited]
    assert (row.outcome, row.caller, row.operation, row.member_ids) == ("THROTTLED", "crm", "memberList", [])
    assert row.fields == ["member.name:ASKED"]

    time.at += wait_s
    assert (await slow.post("app_crm", LIST)).status_code == 200


async def test_requests_at_the_same_time_take_no_more_than_one_after_the_other(slow: World) -> None:
    answers = await asyncio.gather(*(slow.post("app_crm", LIST) for _ in range(10)))

    assert sorted(answer.status_code for answer in answers) == [200] + [429] * 9
    assert sorted(row.outcome for row in await slow.audited()) == ["THROTTLED", "ok"]


async def test_a_throttled_caller_leaves_one_row_a_minute(slow: World, time: Time) -> None:
    await slow.post("app_crm", LIST)
    for _ in range(5):
        assert await slow.refused("app_crm", LIST) == ["THROTTLED"]
    time.at += 75.0
    await slow.post("app_crm", LIST)
    assert await slow.refused("app_crm", LIST) == ["THROTTLED"]

    assert [row.outcome for row in await slow.audited()] == ["ok", "THROTTLED", "ok", "THROTTLED"]


async def test_an_app_is_one_caller_under_all_its_names_and_no_other(slow: World) -> None:
    assert await slow.refused("app_crm", LIST, subject="node-1") == []
    assert await slow.refused("app_crm", LIST, subject="node-2") == ["THROTTLED"]
    assert await slow.refused("app_checkout", LIST, subject="node-1") == []
    assert await slow.refused("support_agent", "{ __typename }") == []


async def test_look_ups_count_apart_hits_and_misses_alike(world: World, people: People, time: Time) -> None:
    async with limited(world, lookups_per_s=5) as slow:
        hits, misses = [WHOLE["phone"]] * 40, [f"139{number:08}" for number in range(60)]
        assert await slow.refused("app_crm", BY, variables=keys(hits)) == []
        assert await slow.refused("app_crm", BY, variables=keys(misses)) == []

        answer = await slow.post("app_crm", BY, variables=keys(misses[:10]))

        assert told(answer) == (429, ["THROTTLED"], [2], "2")
        assert await slow.refused("app_crm", LIST) == []
        row = (await slow.audited())[2]
        assert (row.outcome, row.operation, row.fields) == ("THROTTLED", "members", ["key:phone"])
        time.at += 2
        assert await slow.refused("app_crm", BY, variables=keys(misses[:10])) == []


async def test_a_person_looks_up_no_more_than_the_day_allows(world: World, people: People, time: Time) -> None:
    async with limited(world, lookups_per_s=100_000, lookups_per_day=40) as slow:
        misses = [f"139{number:08}" for number in range(20)]
        assert await slow.refused("support_agent", BY, variables=keys(misses)) == []

        answer = await slow.post("support_agent", BY, variables=keys(misses[:1]))

        assert told(answer) == (429, ["THROTTLED"], [4320], "4320")
        assert await slow.refused("support_agent", LIST) == []
        assert await slow.refused("support_agent", BY, variables=keys(misses[:1]), subject="S-2") == []
        assert await slow.refused("app_crm", BY, variables=keys(misses * 2)) == []
        found = 20
        for _ in range(20):
            time.at += 4320
            found += await slow.refused("support_agent", BY, variables=keys(misses[:1])) == []
            assert await slow.refused("support_agent", BY, variables=keys(misses[:1])) == ["THROTTLED"]
        assert found == 40


async def test_more_keys_than_there_may_be_are_bad_input_however_many_look_ups_are_left(
    world: World, people: People, time: Time
) -> None:
    async with limited(world, lookups_per_s=5) as slow:
        assert await slow.refused("app_crm", BY, variables=keys([WHOLE["phone"]] * 40)) == []

        for number in (0, 101):
            answer = await slow.post("app_crm", BY, variables=keys([WHOLE["phone"]] * number))

            assert (answer.status_code, answer.json()["errors"][0]["path"]) == (200, ["members"])
            assert [error["extensions"]["code"] for error in answer.json()["errors"]] == ["BAD_USER_INPUT"]
        assert [row.outcome for row in await slow.audited()] == ["ok", "BAD_USER_INPUT", "BAD_USER_INPUT"]
        assert await slow.refused("app_crm", BY, variables=keys([WHOLE["phone"]] * 60)) == []


async def test_a_person_tries_out_no_numbers(slow: World) -> None:
    query = "query ($by: MemberKey!) { member(by: $by) { status } }"
    codes = []
    for number in range(110):
        codes += await slow.refused(
            "support_agent", query, variables={"by": {"phone": f"139{number:08}"}}, subject="S-1"
        )

    assert set(codes) == {"THROTTLED"}
    assert len(await slow.audited()) < 110


async def test_bad_documents_are_not_free(slow: World) -> None:
    codes = [(await slow.refused("app_crm", "{ nothing }"))[0] for _ in range(5)]

    assert codes == ["BAD_USER_INPUT"] * 3 + ["THROTTLED"] * 2
    (row,) = await slow.audited()
    assert (row.outcome, row.operation, row.happened_at) == ("THROTTLED", "request", NOW)


async def test_reading_what_is_refused_is_not_free(world: World, people: People, time: Time) -> None:
    """It takes as long to make out a long request that is then refused as one that is answered."""
    async with limited(world, cost_per_s=100, lookups_per_s=500) as slow:
        long = keys([f"139{number:08}" for number in range(5_900)])
        assert await slow.refused("app_crm", LIST) == []

        answer = await slow.post("app_crm", BY, variables=long)

        assert refusal_cost(answer) > 1_400
        wait_s = ceil((LIST_COST + refusal_cost(answer)) / 100)  # until the bucket is empty: it wants more than all
        assert told(answer) == (429, ["THROTTLED"], [wait_s], str(wait_s))


async def test_whoever_is_turned_away_at_the_door_owes_no_more_for_it(slow: World, time: Time) -> None:
    """Trying again before the time costs nothing, so that a busy app gets in again when it was told."""
    await slow.post("app_crm", LIST)
    refused = await slow.post("app_crm", LIST)
    wait_s = told(refused)[2][0]
    for _ in range(20):
        assert await slow.refused("app_crm", LIST) == ["THROTTLED"]

    time.at += wait_s

    assert await slow.refused("app_crm", LIST) == []


@pytest.mark.parametrize("variables", [{"by": 1}, {"by": [{"phone": 1}] * 500}, {}], ids=["one", "many", "none"])
async def test_bad_variables_cost_by_their_length(
    world: World, people: People, time: Time, variables: dict[str, Any]
) -> None:
    async with limited(world, cost_per_s=10) as slow:
        bad = await slow.post("app_crm", BY, variables=variables)
        assert told(bad)[1][0] == "BAD_USER_INPUT"

        answer = (await slow.post("app_crm", "{ __typename }")).json()

        assert answer["extensions"]["cost"]["remaining"] == 600 - refusal_cost(bad) - 2


async def test_what_costs_too_much_costs_by_its_length(world: World, people: People, time: Time) -> None:
    async with limited(world, cost_per_s=100) as slow:
        dear = await slow.post("app_crm", BY, variables=keys(["1"] * 10_001))
        assert told(dear)[1] == ["QUERY_TOO_COMPLEX"]
        assert refusal_cost(dear) > 1_400

        answer = (await slow.post("app_crm", "{ __typename }")).json()

        assert answer["extensions"]["cost"]["remaining"] == 6_000 - refusal_cost(dear) - 2


@pytest.mark.parametrize(
    "query",
    [BY, "query ($by: [MemberKey!]!) { ...F } fragment F on Query { ... { m: members(by: $by) { id } } }"],
    ids=["plain", "fragment"],
)
async def test_what_a_caller_may_not_do_is_not_made_out_first(
    world: World, people: People, time: Time, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    """A long request of somebody who has no such right; a short one is made out, so that its record says more."""
    made_out = []
    variables_of = executing.get_variable_values
    monkeypatch.setattr(
        executing, "get_variable_values", lambda *about, **more: made_out.append(1) or variables_of(*about, **more)
    )
    async with limited(world, cost_per_s=10_000) as slow:
        long = await slow.post("marketing_analyst", query, variables=keys([f"139{n:08}" for n in range(900)]))
        assert (made_out, told(long)[:2]) == ([], (403, ["FORBIDDEN"]))
        short = await slow.post("marketing_analyst", query, variables=keys(["13912345678"]))
        assert (made_out, told(short)[:2]) == ([1], (403, ["FORBIDDEN"]))

    rows = await world.audited()
    assert [(row.operation, row.outcome, row.fields) for row in rows] == [
        ("members", "FORBIDDEN", []),
        ("members", "FORBIDDEN", ["key:phone"]),
    ]
    left = 6_000 - refusal_cost(long) - short.json()["extensions"]["cost"]["requested"]
    assert short.json()["extensions"]["cost"]["remaining"] == left


async def test_a_long_request_for_what_a_caller_may_is_answered(world: World, people: People) -> None:
    variables = keys([f"139{n:08}" for n in range(100)]) | {"unused": "x" * 10_000}

    assert await world.refused("app_crm", BY, variables=variables) == []


async def test_a_text_that_has_to_be_read_anew_is_not_free(slow: World) -> None:
    texts = [f"{{ __typename }} # {number} {'x' * 2_000}" for number in range(3)]

    assert await slow.refused("app_crm", texts[0]) == []
    assert await slow.refused("app_crm", texts[0]) == []
    answer = (await slow.post("app_crm", texts[1])).json()
    assert answer["extensions"]["cost"] == {"requested": 2, "limit": 50_000, "remaining": 60 - 2 * 20 - 3 * 2}
    assert await slow.refused("app_crm", texts[2]) == ["THROTTLED"]


async def test_processes_share_a_limit(world: World, people: People, time: Time) -> None:
    async with limited(world, cost_per_s=2, processes=2) as slow:
        answer = await slow.post("app_crm", LIST)

        assert answer.json()["extensions"]["cost"]["remaining"] == 60 - LIST_COST


async def test_bad_tokens_are_counted_per_address_and_good_ones_from_there_pass(slow: World, time: Time) -> None:
    bad = {"Authorization": "Bearer x.y.z"}
    statuses = [(await slow.client.post("/graphql", json={"query": LIST}, headers=bad)).status_code for _ in range(101)]

    assert statuses == [401] * 100 + [429]
    assert await slow.refused("app_crm", LIST) == []
    assert [row.outcome for row in await slow.audited()] == ["ok"]
    counted = (await slow.client.get("/metrics")).text
    assert 'member_hub_requests_total{kind="none",outcome="THROTTLED"} 1' in counted
    time.at += 1
    assert (await slow.client.post("/graphql", json={"query": LIST}, headers=bad)).status_code == 401


@pytest.mark.parametrize(
    ("declared", "code", "purpose"),
    [
        (None, "PURPOSE_REQUIRED", "none"),
        ("marketing", "PURPOSE_NOT_ALLOWED", "marketing"),
        ("a phone number", "PURPOSE_NOT_ALLOWED", "unknown"),
    ],
)
async def test_a_purpose_that_is_not_the_callers_is_on_record(
    slow: World, time: Time, declared: str | None, code: str, purpose: str
) -> None:
    headers = {"X-Purpose": declared} if declared else {}
    about = {"purposes": ["member_service", "customer_support"], "subject": "S-7", "headers": headers}
    for _ in range(3):
        assert await slow.refused("store_manager", LIST, **about) == [code]
    time.at += 60
    assert await slow.refused("store_manager", LIST, **about) == [code]

    rows = await slow.audited()
    assert [(r.caller_kind, r.caller, r.role, r.purpose, r.operation, r.outcome) for r in rows] == [
        ("STAFF", "S-7", "store_manager", purpose, "request", code)
    ] * 2
