"""The shared hub of tests/graphql, and one in production."""

from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import replace

import httpx2
import pytest

from member_hub.settings import Mode
from member_hub.web import make_app
from tests.conftest import Run
from tests.graphql.conftest import Town, people, settled, town, world

__all__ = ["people", "production", "settled", "town", "world"]


@pytest.fixture
def production(town: Town, run: Run) -> Iterator[httpx2.AsyncClient]:
    """The same hub as it answers in production."""
    hub = replace(town.hub, settings=replace(town.hub.settings, mode=Mode.PRODUCTION))
    stack = AsyncExitStack()
    transport = httpx2.ASGITransport(make_app(hub))
    yield run(stack.enter_async_context(httpx2.AsyncClient(transport=transport, base_url="http://hub")))
    run(stack.aclose())
