"""Whatever fits the schema: schemathesis makes documents for every root field, and the hub never fails."""

from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.graphql import nodes

from member_hub.codes import CODES
from member_hub.graphql import sdl
from member_hub.graphql.schema import core_schema
from member_hub.web import make_app
from tests.conftest import Run
from tests.graphql.world import People, World

EXAMPLES = 40  # for each root field
ROLES = ("app_crm", "store_manager", "member")
DATES = st.datetimes(timezones=st.timezones()).map(lambda moment: nodes.String(moment.isoformat()))
KNOWN = {code.name for code in CODES}

schemathesis.graphql.scalar("DateTime", DATES)
schemathesis.graphql.scalar("Fen", st.integers().map(nodes.Int))
schemathesis.graphql.scalar("Points", st.integers().map(nodes.Int))
schemathesis.graphql.scalar("Date", st.dates().map(lambda day: nodes.String(day.isoformat())))
SCHEMA = schemathesis.graphql.from_file(sdl())
ROOTS = [("Query", name) for name in core_schema().query_type.fields]  # type: ignore[union-attr]
ROOTS += [("Mutation", name) for name in core_schema().mutation_type.fields]  # type: ignore[union-attr]


@pytest.fixture
def unlimited(world: World, people: People, run: Run) -> Iterator[World]:
    hub = replace(world.hub, settings=replace(world.hub.settings, cost_per_s=10**8, lookups_per_s=10**8))
    stack = AsyncExitStack()
    transport = httpx2.ASGITransport(make_app(hub))
    client = run(stack.enter_async_context(httpx2.AsyncClient(transport=transport, base_url="http://hub")))
    yield replace(world, client=client)
    run(stack.aclose())


@pytest.mark.parametrize(("type_", "name"), ROOTS, ids=[name for _, name in ROOTS])
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(data=st.data())
async def test_nothing_that_fits_the_schema_breaks_the_hub(
    unlimited: World, people: People, type_: str, name: str, data: Any
) -> None:
    case = data.draw(SCHEMA[type_][name].as_strategy())
    role = data.draw(st.sampled_from(ROLES))
    about = {"member": people.whole} if role == "member" else {}

    answer = await unlimited.post(
        role, str(case.body), headers={"Accept": "application/graphql-response+json"}, **about
    )

    assert answer.status_code < 500, case.body
    codes = {error["extensions"]["code"] for error in answer.json().get("errors", [])}
    assert codes <= KNOWN - {"INTERNAL", "UNAVAILABLE", "TAMPERED", "THROTTLED"}, case.body
