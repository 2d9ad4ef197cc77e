"""How many statements an answer costs: the same for a hundred members as for one."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event, select

from member_hub.graphql.building import global_id
from member_hub.members.tables import Channel
from tests.conftest import Run
from tests.graphql.conftest import Town
from tests.graphql.consenting import GATES, inform, member_t, turn
from tests.graphql.world import WHOLE, World, line, said

EVERYTHING = """
  id version homeStore { code } name { value } phone { value } email { value } birthday { value } gender { value }
  address { value } accounts { account { value } } identifiers { value { value } }
  a: provenance(field: NAME) { value { value } chosen } b: provenance(field: EMAIL) { value { value } }
  orders(first: 10) { edges { node { orderNo } } }
"""
MANY = f"query ($by: [MemberKey!]!) {{ members(by: $by) {{ {EVERYTHING} }} }}"


@pytest.fixture
def statements(town: Town) -> Iterator[list[str]]:
    """What the shared hub asks the database."""
    yield from watched(town)


def watched(world: World) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    engine = world.hub.database.app.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


@pytest.fixture
def hundred(world: World, run: Run) -> World:
    """A hundred members with an order each."""
    stated = [
        said(Channel.STORE, f"30000{i:05}", phone=f"+86139{i:08}"[:14], home_store="SH001", name="张三", gender="M")
        for i in range(10_000, 10_100)
    ]
    run(world.resolve(*stated))
    run(world.buy(*(line(f"H-{s.account}", (Channel.STORE, s.account), store="SH001") for s in stated)))
    return world


async def test_a_hundred_members_cost_as_many_statements_as_one(hundred: World) -> None:
    keys = [{"storeCard": f"30000{i:05}"} for i in range(10_000, 10_100)]
    counts = []
    for by in (keys[:1], keys):
        for seen in watched(hundred):
            found = (await hundred.ask("app_crm", MANY, variables={"by": by}))["members"]
            assert [len(m["orders"]["edges"]) for m in found] == [1] * len(by)
            counts.append(len(seen))

    # token, members, accounts, claims, values, orders, keys
    assert counts == [7, 7]


async def test_a_page_of_a_hundred_costs_as_many_statements_as_a_page_of_one(hundred: World) -> None:
    counts = []
    for first in (1, 100):
        for seen in watched(hundred):
            query = f"{{ memberList(first: {first}) {{ edges {{ node {{ {EVERYTHING} }} }} }} }}"
            found = await hundred.ask("app_crm", query)
            assert len(found["memberList"]["edges"]) == first
            counts.append(len(seen))

    # members, accounts, claims, values, orders, keys
    assert counts == [6, 6]


async def test_a_look_up_by_phone_costs_three_statements(town: Town, statements: list[str]) -> None:
    query = "query ($by: MemberKey!) { member(by: $by) { name { value } birthday { display } } }"

    await town.ask("app_crm", query, variables={"by": {"phone": WHOLE["phone"]}})

    assert len(statements) == 3  # token, member, keys


async def test_a_refused_operation_asks_the_database_nothing(town: Town, statements: list[str]) -> None:
    await town.refused("auditor", "{ memberList(first: 1) { edges { node { id } } } }")

    assert statements == []


async def test_who_reaches_nobody_asks_nothing(town: Town, statements: list[str]) -> None:
    query = "query ($id: ID!) { node(id: $id) { id } }"

    await town.ask("app_mini_program", query, variables={"id": global_id(town.people.whole)})

    assert statements == []


async def test_objections_age_and_consent_cost_no_statement(hundred: World) -> None:
    """As many as above, for staff who need an approval and for a purpose that rests on consent."""
    keys = [{"storeCard": f"30000{i:05}"} for i in range(10_000, 10_100)]
    page = f"{{ memberList(first: 100) {{ edges {{ node {{ {EVERYTHING} }} }} }} }}"
    one = "query ($by: MemberKey!) { member(by: $by) { name { value } birthday { display } } }"
    asked = [(one, {"by": keys[0]}), (MANY, {"by": keys}), (page, None)]
    await inform(hundred, [])
    await turn(hundred, select(member_t.c.member_id), consent_bits=1 << GATES["marketing", ""])
    counts: dict[str, list[int]] = {}
    for role, purpose in (("app_crm", "marketing"), ("support_agent", "customer_support")):
        for query, variables in asked:
            for seen in watched(hundred):
                await hundred.ask(role, query, variables=variables, purpose=purpose)
                counts.setdefault(role, []).append(len(seen))

    assert counts == {"app_crm": [3, 7, 6], "support_agent": [3, 7, 6]}


async def test_a_request_loads_five_hundred_members_at_most(hundred: World) -> None:
    roots = [f"r{i}: memberList(first: 100) {{ edges {{ node {{ id }} }} }}" for i in range(6)]

    assert await hundred.refused("app_crm", f"{{ {' '.join(roots[:5])} }}") == []
    assert await hundred.refused("app_crm", f"{{ {' '.join(roots)} }}") == ["QUERY_TOO_COMPLEX"]


async def test_a_request_loads_so_many_order_lines_at_most(hundred: World) -> None:
    pages = " ".join(f"o{i}: orders(first: {100 - i}) {{ state }}" for i in range(3))
    query = f"{{ memberList(first: 100) {{ edges {{ node {{ {pages} }} }} }} }}"

    assert await hundred.refused("app_crm", query) == ["QUERY_TOO_COMPLEX"]
