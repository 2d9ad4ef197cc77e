"""What a request costs: by the schema and its arguments, linear in the document."""

from typing import Any

import pytest
from graphql import parse
from graphql.execution.values import VariableValues, get_variable_values

from member_hub.graphql.cost import COST_MAX, Meter
from member_hub.graphql.documents import Document, Documents
from member_hub.graphql.limits import WEIGHT_MAX
from member_hub.graphql.problems import Language
from member_hub.graphql.schema import core_schema
from tests.graphql.conftest import Town

SCHEMA = core_schema()


def meter(document: Document, **variables: Any) -> Meter:
    (operation,) = document.operations.values()
    stated = get_variable_values(SCHEMA, operation.variable_definitions or (), variables)
    assert isinstance(stated, VariableValues)
    return Meter(SCHEMA, document, stated)


def cost(query: str, **variables: Any) -> int:
    document = Documents(SCHEMA, introspects=True).read(query, Language.EN)
    (operation,) = document.operations.values()
    return meter(document, **variables).price(operation)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("{ __typename }", 1 + 1),
        ("{ me { id version } }", 1 + 1),
        ("{ me { name { state } } }", 1 + 1 + 1),
        ("{ me { name { value display } } }", 1 + 1 + 1 + 4),
        ("{ me { a: name { value } b: name { value } } }", 1 + 1 + 2 * 3),
        ("{ me { accounts { channel } } }", 1 + 1 + 3),
        ("{ me { accounts { account { value } } } }", 1 + 1 + 3 * (1 + 3)),
        ("{ me { identifiers { value { value } } } }", 1 + 1 + 6 * (1 + 3)),
        ("{ me { provenance(field: NAME) { value { value } } } }", 1 + 1 + 4 * (1 + 3)),
        ("{ me { orders { edges { node { orderNo } } } } }", 1 + 1 + 1 + 20 * 2),
        ("{ me { orders(first: 7) { edges { node { orderNo } } pageInfo { hasNextPage } } } }", 1 + 1 + 1 + 1 + 7 * 2),
        ("{ me { orders { state } } }", 1 + 1 + 1 + 20),
        ("{ me { orders(first: 100) { state } } }", 1 + 1 + 1 + 100),
        ("{ me { orders(first: 7) { pageInfo { hasNextPage } } } }", 1 + 1 + 1 + 1 + 7),
        ("{ memberList(first: 100) { edges { node { orders(first: 100) { state } } } } }",
         1 + 1 + 100 * (1 + 1 + 1 + 100)),
        ("{ memberList(first: 100) { pageInfo { hasNextPage } } }", 1 + 1 + 1 + 100),
        ("{ memberList(first: 100) { ... on MemberConnection { __typename } } }", 1 + 1 + 1 + 100),
        ("{ memberStatistics(groupBy: [STORE]) { roundedTo } }", 1 + 1_000),
        ("{ memberStatistics(groupBy: [STORE]) { groups { count } } }", 1 + 1_000 + 10),
        ("{ a: memberStatistics(groupBy: [STORE]) { roundedTo } b: memberStatistics(groupBy: [GENDER]) { roundedTo } }",
         1 + 2 * 1_000),
        ('{ auditEntries(first: 1, filter: {outcome: "none"}) { edges { node { caller } } } }', 1 + 50 + 1 * 2),
        ("{ auditEntries(first: 100) { edges { node { caller } } } }", 1 + 50 + 100 * 2),
        ("{ accessHistory(first: 10) { edges { node { happenedAt } } } }", 1 + 50 + 10 * 2),
        ("{ memberList(first: 100) { edges { cursor } } }", 1 + 1 + 100),
        ("{ memberList(last: 100) { edges { cursor } } }", 1 + 1 + 100),
        ("{ memberList(first: 100) { edges { node { name { value } } } } }", 1 + 1 + 100 * (1 + 1 + 3)),
        ("{ memberList(first: 2000000000) { edges { cursor } } }", 1 + 1 + 100),
        ("{ memberList(first: -5) { edges { cursor } } }", 1 + 1 + 1),
        ("""{ a: memberList(first: 5) { ...F } b: memberList(first: 7) { ...F } }
         fragment F on MemberConnection { edges { node { ...G } } } fragment G on Member { id }""",
         1 + (1 + 5 * 2) + (1 + 7 * 2)),
        ('{ member(by: {phone: "1"}) { id } }', 1 + 5),
        ('{ members(by: [{phone: "1"}, {phone: "2"}]) { id name { state } } }', 1 + 2 * (5 + 1)),
        ('{ members(by: []) { id } }', 1),
        ('{ node(id: "x") { id ... on Member { name { value } } } }', 1 + 1 + 3),
        ("{ me { ... @include(if: false) { name { value } } } }", 1 + 1 + 3),
    ],
)  # fmt: skip
def test_what_it_costs(query: str, expected: int) -> None:
    assert cost(query) == expected


def test_variables_count_as_what_they_say() -> None:
    query = (
        "query ($n: Int = 3, $by: [MemberKey!]!) { memberList(first: $n) { edges { cursor } } members(by: $by) { id } }"
    )

    assert cost(query, by=[{"phone": "1"}] * 4) == 1 + (1 + 3) + 4 * 5
    assert cost(query, by=[{"phone": "1"}], n=50) == 1 + (1 + 50) + 5


def test_a_change_costs_more_than_a_look() -> None:
    query = """mutation { profileUpdate(id: "x", expectedVersion: 1, input: {name: "x"}) {
      member { id } userErrors { code } } }"""

    assert cost(query) == 1 + 50 + 1 + 10


@pytest.mark.parametrize("number", [10, 60, 300])
def test_pricing_is_linear_in_the_document(number: int) -> None:
    parts = [f"fragment f{i} on Member {{ ...f{i + 1} ...f{i + 1} }}" for i in range(number)]
    text = " ".join(["{ me { ...f0 } }", *parts, f"fragment f{number} on Member {{ name {{ value }} }}"])
    node = parse(text)
    operation, *fragments = node.definitions
    document = Document(node, {"": operation}, {f.name.value: f for f in fragments})  # type: ignore[union-attr, dict-item, misc]
    meter_ = meter(document)

    assert meter_.price(operation) == min(2 + min(3 * 2**number, WEIGHT_MAX), 1 + WEIGHT_MAX)  # type: ignore[arg-type]
    assert meter_.visits == 2 + 2 * number + 2


async def test_figures_and_the_audit_log_cost_by_what_they_take(town: Town) -> None:
    roots = " ".join(f"r{i}: memberStatistics(groupBy: [STORE]) {{ groups {{ count }} }}" for i in range(10))

    figures = (await town.post("marketing_analyst", f"{{ {roots} }}")).json()
    log = (await town.post("dpo", "{ auditEntries(first: 1) { edges { node { caller } } } }")).json()

    assert figures["extensions"]["cost"]["requested"] == 1 + 10 * 1_010
    assert log["extensions"]["cost"]["requested"] == 1 + 50 + 2


async def test_what_costs_too_much_is_refused_and_told(town: Town) -> None:
    before = len(await town.audited())
    page = "memberList(first: 100) { edges { node { orders(first: 100) { edges { node { orderNo } } } } } }"
    lists = " ".join(f"l{i}: {page}" for i in range(3))

    answer = (await town.post("app_crm", f"{{ {lists} }}")).json()

    requested = 1 + 3 * (1 + 100 * (1 + 1 + 1 + 100 * 2))
    assert requested > COST_MAX
    assert [e["extensions"] for e in answer["errors"]] == [{"code": "QUERY_TOO_COMPLEX"}]
    assert answer["extensions"]["cost"] == {"requested": requested, "limit": COST_MAX}
    assert "data" not in answer
    assert len(await town.audited()) == before
