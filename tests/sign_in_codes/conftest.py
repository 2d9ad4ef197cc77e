"""`front`: a hub of the test's own with a message service; `make_front`: the same in other settings."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest

from member_hub.db import Database
from member_hub.settings import Settings
from tests.conftest import Run
from tests.sign_in_codes.desk import Front, open_front

MakeFront = Callable[..., Awaitable[Front]]


@pytest.fixture
def make_front(database: Database, settings: Settings, run: Run) -> Iterator[MakeFront]:
    stack = AsyncExitStack()

    async def make(*, with_sender: bool = True, address: str = "198.51.100.7", **changed: Any) -> Front:
        opened = open_front(database, replace(settings, **changed), with_sender=with_sender, address=address)
        return await stack.enter_async_context(opened)

    yield make
    run(stack.aclose())


@pytest.fixture
def front(make_front: MakeFront, run: Run) -> Front:
    made: Front = run(make_front())
    return made
