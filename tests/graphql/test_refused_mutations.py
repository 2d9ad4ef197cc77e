"""A mutation that cannot be executed as it stands: refused before anything is asked, changes nothing, and on record."""

from collections.abc import Mapping
from typing import Any

import pytest

from member_hub.audit import AuditLog, AuditUnavailable
from member_hub.graphql.throttle import REFUSAL_COST
from tests.graphql.pointing import everything, mutation
from tests.graphql.recording import RECORD, a_member, an_order, counts, record
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


SECRET = "13800138000"


def a_line(**more: Any) -> dict[str, Any]:
    return {"lineNo": 1, "amountFen": 100, **more}


def ordering(*lines: Any, **more: Any) -> dict[str, Any]:
    return {"input": {"channel": "STORE", "orderNo": "T-1", "store": "SH001", "lines": list(lines), **more}, "key": "k"}


UNFIT, MISSING = "与其类型不符", "缺失"
NO_ZONE = "缺少时区，时间应形如 2026-11-22T08:00:00+08:00"


@pytest.mark.parametrize(
    ("variables", "wrong"),
    [
        (ordering(a_line(), a_line(lineNo=2), a_line(lineNo=3, amountFen=SECRET)), {"input.lines.2.amountFen": UNFIT}),
        (ordering(a_line(amountFen=1.5)), {"input.lines.0.amountFen": UNFIT}),
        (ordering(a_line(amountFen=True)), {"input.lines.0.amountFen": UNFIT}),
        (ordering(a_line(), {"lineNo": 2}), {"input.lines.1.amountFen": MISSING}),
        (ordering(a_line(amountFen=None)), {"input.lines.0.amountFen": MISSING}),
        (ordering(a_line(lineNo=2**40)), {"input.lines.0.lineNo": UNFIT}),
        (ordering(a_line(refundOf={"lineNo": SECRET})), {"input.lines.0.refundOf.lineNo": UNFIT}),
        (ordering(SECRET), {"input.lines.0": UNFIT}),
        (ordering(a_line(**{f"p{SECRET}": SECRET})), {"input.lines.0": "含有不存在的字段"}),
        (ordering(a_line(), channel=SECRET), {"input.channel": UNFIT}),
        (ordering(a_line(), occurredAt=SECRET), {"input.occurredAt": UNFIT}),
        (ordering(a_line(), occurredAt="2026-11-08T00:00:00"), {"input.occurredAt": NO_ZONE}),
        (ordering(a_line(), account={"channel": "APP"}), {"input.account.id": MISSING}),
        ({"input": SECRET, "key": {"n": SECRET}}, {"input": UNFIT, "key": UNFIT}),
        ({}, {"input": MISSING, "key": MISSING}),
    ],
)
async def test_a_variable_that_does_not_fit_is_told_by_its_place_and_never_by_its_value(
    world: World, variables: Mapping[str, Any], wrong: Mapping[str, str]
) -> None:
    before = await counts(world)
    headers = {"Authorization": f"Bearer {world.token(TILL)}", "Accept-Language": "zh-CN"}

    answer = await world.client.post("/graphql", json={"query": RECORD, "variables": variables}, headers=headers)

    found = answer.json()["errors"]
    assert [(one["extensions"], one["message"]) for one in found] == [
        ({"code": "BAD_USER_INPUT", "field": place}, f"变量 ${place} {how}。") for place, how in wrong.items()
    ]
    assert all(one["locations"] for one in found)
    assert SECRET not in answer.text
    assert await told(world) == [row_of("orderRecord")]
    assert await counts(world) == before


async def test_the_same_in_english(world: World) -> None:
    found = (await world.post(TILL, EARN, variables=earning(amount="many", member=None))).json()["errors"]

    assert [one["message"] for one in found] == ["The variable $input.amount does not fit its type."]


async def test_null_in_the_place_of_a_default_is_told_by_the_variable(world: World) -> None:
    query = RECORD.replace("$key: String!", '$key: String = "k"')

    found = (await world.post(TILL, query, variables=ordering(a_line()) | {"key": None})).json()["errors"]

    assert [(one["extensions"]["field"], one["message"]) for one in found] == [("key", "The variable $key is missing.")]
    assert await told(world) == [row_of("orderRecord")]


@pytest.mark.parametrize(
    ("line", "place"),
    [
        (a_line(lineNo=2, amountFen=-3), "lines.1.amountFen"),
        (a_line(lineNo=2, amountFen=2**53 + 1), "lines.1.amountFen"),
        (a_line(lineNo=2, amountFen=2**80), "lines.1.amountFen"),
        (a_line(lineNo=-2), "lines.1.lineNo"),
        (a_line(lineNo=2, refundOf={"lineNo": -1}), "lines.1.refundOf.lineNo"),
        (a_line(lineNo=2, refundOf={"lineNo": 1, "orderNo": " "}), "lines.1.refundOf.orderNo"),
    ],
)
async def test_an_order_line_out_of_range_is_told_by_its_number(world: World, line: dict[str, Any], place: str) -> None:
    member = await a_member(world)
    before = await counts(world)

    assert await record(world, an_order(member, a_line(), line)) == (None, [(place, "BAD_USER_INPUT")])

    assert [(row.outcome, row.member_ids) for row in await world.audited()] == [("BAD_USER_INPUT", [member])]
    assert await counts(world) == before
