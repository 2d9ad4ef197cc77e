"""Whether the process lives and can work, and what it counts: kinds and codes, nobody."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from member_hub.db import transaction
from member_hub.db.base import snapshot
from member_hub.db.roles import Role, role_name
from member_hub.jobs import every_job
from tests.graphql.conftest import Town
from tests.graphql.test_throttle import limited
from tests.graphql.world import NOW, WHOLE, World

READ = "{ memberList(first: 1) { edges { cursor } } }"


async def test_a_process_that_answers_lives(town: Town) -> None:
    answer = await town.client.get("/livez")

    assert (answer.status_code, answer.text) == (200, "ok\n")


async def test_a_hub_with_its_database_is_ready(town: Town) -> None:
    answer = await town.client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json() == {
        "ready": True,
        "database": "ok",
        "audit": "ok",
        "audit_seal_lag_s": 0.0,
        "clock": "ok",
        "documents": {"state": "current"},
        "keys": {"provider": town.hub.vault.provider, "epoch": town.hub.vault.epoch},
        "points": {"state": "not checked yet"},
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


async def ready(world: World) -> tuple[int, dict[str, Any]]:
    answer = await world.client.get("/readyz")
    return answer.status_code, answer.json()


@pytest.mark.parametrize("has_written", [False, True])
async def test_a_hub_that_cannot_write_its_audit_log_is_not_ready(
    world: World, monkeypatch: pytest.MonkeyPatch, *, has_written: bool
) -> None:
    monkeypatch.setattr("member_hub.web.health.KEPT_S", 0)
    monkeypatch.setattr("member_hub.audit.actions.LATELY_S", 0)
    role = role_name(world.hub.database.role_prefix, Role.AUDIT)
    if has_written:
        await world.ask("app_crm", READ)
    await _do(world, f'REVOKE INSERT ON hub.audit_entry FROM "{role}"')

    status, said = await ready(world)
    assert (status, said["ready"], said["database"], said["audit"]) == (503, False, "ok", "does not answer")
    assert (await world.post("app_crm", READ)).status_code == 503

    await _do(world, f'GRANT INSERT ON hub.audit_entry TO "{role}"')

    status, said = await ready(world)
    assert (status, said["ready"], said["audit"]) == (200, True, "ok")


async def test_a_hub_whose_audit_log_only_reads_is_not_ready(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("member_hub.web.health.KEPT_S", 0)
    await _do(world, f'ALTER DATABASE "{world.hub.database.name}" SET default_transaction_read_only = on')
    await world.hub.database.audit.dispose()

    status, said = await ready(world)

    assert (status, said["audit"]) == (503, "does not answer")


async def test_the_last_write_tells_before_anything_is_asked_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("member_hub.web.health.KEPT_S", 0)
    monkeypatch.setattr("member_hub.audit.actions._PROBE", text("SELECT 1 / 0"))

    assert (await ready(world))[1]["audit"] == "does not answer"
    await world.ask("app_crm", READ)
    assert (await ready(world))[1]["audit"] == "ok"

    monkeypatch.setattr("member_hub.audit.actions._PROBE", text("SELECT 1"))
    monkeypatch.setattr("member_hub.audit.actions.row_of", _fails)
    await world.post("app_crm", READ)
    assert (await ready(world))[1]["audit"] == "does not answer"


async def test_asking_whether_it_is_ready_leaves_nothing_in_the_audit_log(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("member_hub.web.health.KEPT_S", 0)

    assert [(await ready(world))[0] for _ in range(3)] == [200, 200, 200]

    assert await world.audited() == []


async def test_a_sealer_that_lags_is_behind_and_the_hub_serves_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.ask("app_crm", READ)
    monkeypatch.setattr("member_hub.audit.sealing.insert_rows", _fails)
    with pytest.raises(RuntimeError):
        await world.hub.sealer.run(NOW)

    said = []
    for seconds in (60, 61):
        monkeypatch.setattr(world.hub.clock, "now", lambda at=NOW + timedelta(seconds=seconds): at)
        said.append(await ready(world))
    monkeypatch.undo()
    await world.hub.sealer.run(NOW)

    assert [(status, one["audit"], one["audit_seal_lag_s"]) for status, one in said] == [
        (200, "ok", 60.0),
        (200, "behind", 61.0),
    ]
    assert (await ready(world))[1]["audit_seal_lag_s"] == 0.0


async def test_documents_that_are_not_served_are_shown_and_the_hub_serves_on(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("member_hub.graphql.trusted.RELOAD_S", 0)
    folder = tmp_path / "operations"
    (folder / "crm").mkdir(parents=True)
    (folder / "checkout").mkdir()
    (folder / "crm" / "Right.graphql").write_text("query Right { memberList(first: 1) { edges { cursor } } }", "utf-8")
    (folder / "checkout" / "Wrong.graphql").write_text("query", "utf-8")
    new = folder / "checkout" / "New.graphql"
    new.write_text("query New { me { phone { display } } }", "utf-8")

    async with limited(world, operations_dir=folder) as hub:
        first = await ready(hub)
        (folder / "checkout" / "fields.txt").write_text("member.phone\n", "utf-8")
        approved = await ready(hub)
        (folder / "checkout" / "Wrong.graphql").unlink()
        whole = await ready(hub)
        folder.rename(tmp_path / "away")
        away = await ready(hub)
        (tmp_path / "away").rename(folder)
        back = await ready(hub)

    assert [(status, said["documents"]) for status, said in (first, approved, whole, away, back)] == [
        (200, {"state": "degraded", "not_served": {"checkout": 2}}),
        (200, {"state": "degraded", "not_served": {"checkout": 1}}),
        (200, {"state": "current"}),
        (200, {"state": "stale"}),
        (200, {"state": "current"}),
    ]


async def test_points_that_do_not_add_up_are_shown_and_the_hub_serves_on(world: World) -> None:
    columns = "member_id, state, active, updated_at"
    await _do(world, f"INSERT INTO hub.points_account ({columns}) VALUES (gen_random_uuid(), 'open', 5, now())")
    (check,) = [job for job in every_job(world.hub) if job.name == "points self-check"]

    said = [await ready(world)]
    await check.run_if_due(NOW)
    said.append(await ready(world))
    metrics = (await world.client.get("/metrics")).text
    await _do(world, "UPDATE hub.points_account SET active = 0")
    await check.run_if_due(NOW + timedelta(minutes=1))
    said.append(await ready(world))

    assert [(status, one["ready"], one["points"]) for status, one in said] == [
        (200, True, {"state": "not checked yet"}),
        (200, True, {"state": "do not add up", "accounts": 1}),
        (200, True, {"state": "ok"}),
    ]
    assert "\nmember_hub_points_faulty_accounts 1\n" in metrics


async def _do(world: World, statement: str) -> None:
    async with transaction(world.hub.database.login) as tx:
        await tx.execute(text(statement))


def _fails(*_: object, **__: object) -> Any:
    raise RuntimeError


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
        "member_hub_points_faulty_accounts 0",
        "member_hub_policies_stale 0",
        "member_hub_restart_due 0",
    ]


async def test_production_has_the_same_health(production: httpx2.AsyncClient) -> None:
    statuses = [(await production.get(path)).status_code for path in ("/livez", "/readyz", "/metrics")]

    assert statuses == [200, 200, 200]
