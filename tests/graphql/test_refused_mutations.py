"""A mutation that cannot be executed as it stands: refused before anything is asked, changes nothing, and on record."""

from collections.abc import Mapping
from typing import Any

import pytest

from member_hub.audit import AuditLog, AuditUnavailable
from member_hub.graphql.throttle import REFUSAL_COST
from tests.graphql.pointing import everything, mutation
from tests.graphql.test_throttle import limited
from tests.graphql.world import NOW, WHOLE, People, World

TILL = "app_checkout"
PHONE = WHOLE["phone"]
EARN = mutation("pointsEarn")
SPELT_OUT = 'mutation {{ {0}(input: {{amount: 5, kind: {1}}}, idempotencyKey: "k") {{ userErrors {{ code }} }} }}'


def earning(**more: Any) -> dict[str, Any]:
    return {"input": {"amount": 5, "kind": "TASK", **more}, "key": "k"}


async def told(world: World) -> list[tuple[Any, ...]]:
    return [
        (row.role, row.purpose, row.operation, row.outcome, row.fields, row.member_ids, row.happened_at)
        for row in await world.audited()
    ]


def row_of(operation: str, outcome: str = "BAD_USER_INPUT") -> tuple[Any, ...]:
    return (TILL, "member_service", operation, outcome, [], [], NOW)


@pytest.mark.parametrize(
    ("query", "variables", "operation"),
    [
        (EARN, earning(channel="TMALL"), "pointsEarn"),
        (EARN, earning(amount="many"), "pointsEarn"),
        (EARN, {}, "pointsEarn"),
        (SPELT_OUT.format("pointsEarn", "GIFT"), {}, "pointsEarn"),
        (SPELT_OUT.format("own: pointsEarn", f'"{PHONE}"'), {}, "pointsEarn"),
        (SPELT_OUT.format("pointsEarm", "TASK"), {}, "request"),
        (f"mutation p{PHONE[1:]} {{ p{PHONE[1:]} {{ id }} }}", {}, "request"),
        ("mutation { ...some } fragment some on Mutation { pointsEarn { nothing } }", {}, "request"),
    ],
)
async def test_it_leaves_one_row_with_what_it_was_and_why_and_not_a_word_of_its_own(
    world: World, people: People, query: str, variables: Mapping[str, Any], operation: str
) -> None:
    before = await everything(world)

    answer = await world.post(TILL, query, variables=variables)

    assert {error["extensions"]["code"] for error in answer.json()["errors"]} == {"BAD_USER_INPUT"}
    assert await told(world) == [row_of(operation)]
    assert [str(row.request_id) for row in await world.audited()] == [answer.headers["x-request-id"]]
    assert await everything(world) == before


async def test_of_several_operations_the_one_that_is_named(world: World) -> None:
    both = f"query asks {{ me {{ nothing }} }} {EARN.replace('mutation', 'mutation acts', 1)}"
    headers = {"Authorization": f"Bearer {world.token(TILL)}"}

    for name in ("asks", "acts"):
        sent = {"query": both, "operationName": name, "variables": earning()}
        assert (await world.client.post("/graphql", json=sent, headers=headers)).json()["errors"]

    assert await told(world) == [row_of("pointsEarn")]


async def test_one_in_an_address_is_on_record_too(world: World) -> None:
    headers = {"Authorization": f"Bearer {world.token(TILL)}"}
    sent = {"query": SPELT_OUT.format("pointsEarn", "TASK")}

    assert (await world.client.get("/graphql", params=sent, headers=headers)).status_code == 405

    assert await told(world) == [row_of("pointsEarn")]


async def test_too_much_of_it_is_on_record_as_that(world: World) -> None:
    both = "mutation { tagRemove { member { id } } pointsEarn { member { id } } }"

    assert await world.refused(TILL, both) == ["QUERY_TOO_COMPLEX"]

    assert await told(world) == [row_of("pointsEarn,tagRemove", "QUERY_TOO_COMPLEX")]


@pytest.mark.parametrize("query", ["{ me { nothing } }", "mutation { pointsEarn(", "", "subscription { me { id } }"])
async def test_what_changes_nothing_or_is_no_graphql_is_not(world: World, query: str) -> None:
    assert await world.refused(TILL, query) != []

    assert await told(world) == []


async def test_nobody_fills_the_log_with_them(world: World) -> None:
    """Each is paid for; who has nothing left is turned away, and that is told once a minute."""
    async with limited(world, cost_per_s=1) as slow:
        found = [await slow.refused(TILL, SPELT_OUT.format("pointsEarn", "GIFT")) for _ in range(10)]
        rows = [(row.operation, row.outcome) for row in await slow.audited()]

    assert found[-1] == ["THROTTLED"]
    assert 0 < rows.count(("pointsEarn", "BAD_USER_INPUT")) <= 60 // REFUSAL_COST + 1
    assert rows.count(("request", "THROTTLED")) == 1
    assert len(rows) == rows.count(("pointsEarn", "BAD_USER_INPUT")) + 1


async def test_without_an_audit_log_it_is_not_even_told_why(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(_self: AuditLog, _entry: Any) -> None:
        raise AuditUnavailable

    monkeypatch.setattr(AuditLog, "write", fails)

    assert await world.refused(TILL, EARN, variables=earning(channel="TMALL")) == ["UNAVAILABLE"]
