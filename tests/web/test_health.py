"""Whether the process lives and can work, and what it counts: kinds and codes, nobody."""

import asyncio
from typing import Any

import httpx2
import pytest
from sqlalchemy.exc import OperationalError

from member_hub.db.base import snapshot
from tests.graphql.conftest import Town
from tests.graphql.world import WHOLE, World


async def test_a_process_that_answers_lives(town: Town) -> None:
    answer = await town.client.get("/livez")

    assert (answer.status_code, answer.text) == (200, "ok\n")


async def test_a_hub_with_its_database_is_ready(town: Town) -> None:
    answer = await town.client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json() == {
        "ready": True,
        "database": "ok",
        "keys": {"provider": town.hub.vault.provider, "epoch": town.hub.vault.epoch},
        "policies": {"version": town.hub.policies.version, "state": "current"},
        "sign_in": {},
    }


@pytest.mark.parametrize("failure", [OperationalError("", None, Exception()), TimeoutError(), ConnectionError()])
async def test_a_hub_without_its_database_is_not_ready(
    town: Town, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    def fails(_engine: object) -> Any:
        raise failure

    monkeypatch.setattr("member_hub.web.health.KEPT_S", 0)
    monkeypatch.setattr("member_hub.web.health.snapshot", fails)

    answer = await town.client.get("/readyz")

    assert (answer.status_code, answer.json()["ready"]) == (503, False)


async def test_many_who_ask_whether_it_is_ready_take_one_connection(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[object] = []

    def noted(engine: Any) -> Any:
        taken.append(engine)
        return snapshot(engine)

    monkeypatch.setattr("member_hub.web.health.KEPT_S", 3600)
    monkeypatch.setattr("member_hub.web.health.snapshot", noted)

    answers = await asyncio.gather(*(world.client.get("/readyz") for _ in range(20)))

    assert {answer.status_code for answer in answers} == {200}
    assert len(taken) == 1


async def test_requests_are_counted_by_kind_and_outcome(world: World) -> None:
    await world.post("app_crm", "{ memberList(first: 1) { edges { cursor } } }")
    await world.post("auditor", "{ memberList(first: 1) { edges { cursor } } }")
    await world.post("app_crm", "{")
    await world.client.get(f"/{WHOLE['phone']}")

    text = (await world.client.get("/metrics")).text

    lines = [line for line in text.splitlines() if not line.startswith("#") and "seconds" not in line]
    assert lines == [
        'member_hub_requests_total{kind="none",outcome="BAD_USER_INPUT"} 1',
        'member_hub_requests_total{kind="query",outcome="FORBIDDEN"} 1',
        'member_hub_requests_total{kind="query",outcome="ok"} 1',
        'member_hub_http_responses_total{path="/graphql",status="200"} 2',
        'member_hub_http_responses_total{path="/graphql",status="403"} 1',
        'member_hub_http_responses_total{path="other",status="404"} 1',
        "member_hub_policies_stale 0",
        "member_hub_restart_due 0",
    ]


async def test_production_has_the_same_health(production: httpx2.AsyncClient) -> None:
    statuses = [(await production.get(path)).status_code for path in ("/livez", "/readyz", "/metrics")]

    assert statuses == [200, 200, 200]
