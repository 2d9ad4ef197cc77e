"""`world`: a hub of the test's own, with the people of the town if the test asks for `people` too, and under the rules
that it states if it asks for `ruled` (what it is then are parameters: see ruling.py).

`town`: one hub with people that all reading tests share; nobody changes anything there.
"""

import itertools
import shutil
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from member_hub.db import Database
from member_hub.db.embedded import Server
from member_hub.settings import Mode, Settings
from tests.conftest import Run, admin
from tests.graphql.decided import Decided, decide
from tests.graphql.ruling import policies_with
from tests.graphql.world import People, World, open_world, settle

_numbers = itertools.count(1)  # tests/web has fixtures of its own: those of a session are made once per conftest


@dataclass
class Town(World):
    people: People


@dataclass(frozen=True)
class Settled:
    """A database with everybody in it and the keys that belong to it, to be copied."""

    database: str
    key_dir: Path
    people: People


@pytest.fixture
def world(request: pytest.FixtureRequest, server: Server, run: Run, template: str, tmp_path: Path) -> Iterator[World]:
    database, settings = template, make_settings(tmp_path)
    if "people" in request.fixturenames:
        settled: Settled = request.getfixturevalue("settled")
        shutil.copytree(settled.key_dir, settings.key_dir)
        database = settled.database
    if "ruled" in request.fixturenames:
        settings = replace(settings, policy_dir=policies_with(request.getfixturevalue("ruled"), tmp_path))
    yield from opened(server, run, database, settings, role_prefix=template)


@pytest.fixture
def people(settled: Settled) -> People:
    return settled.people


@pytest.fixture
def decided(world: World, people: People, run: Run) -> Decided:
    """`people.whole`, who said yes to text messages at their number."""
    found: Decided = run(decide(world, people))
    return found


@pytest.fixture(scope="session")
def town(
    server: Server, run: Run, template: str, settled: Settled, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Town]:
    settings = replace(make_settings(tmp_path_factory.mktemp("town")), key_dir=settled.key_dir)
    for world in opened(server, run, settled.database, settings, role_prefix=template):
        yield Town(**vars(world), people=settled.people)


@pytest.fixture(scope="session")
def settled(server: Server, run: Run, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settled]:
    settings = make_settings(tmp_path_factory.mktemp("settled"))
    name = _copy(server, run, template)
    database = Database.open(server.url(name), role_prefix=template)
    stack = AsyncExitStack()
    people = run(settle(run(stack.enter_async_context(open_world(database, settings)))))
    run(stack.aclose())
    run(database.close())
    yield Settled(name, settings.key_dir, people)
    run(admin(server, f'DROP DATABASE "{name}" WITH (FORCE)'))


def opened(server: Server, run: Run, source: str, settings: Settings, *, role_prefix: str) -> Iterator[World]:
    name = _copy(server, run, source)
    database = Database.open(server.url(name), role_prefix=role_prefix)
    stack = AsyncExitStack()
    yield run(stack.enter_async_context(open_world(database, settings)))
    run(stack.aclose())
    run(database.close())
    run(admin(server, f'DROP DATABASE "{name}" WITH (FORCE)'))


def _copy(server: Server, run: Run, source: str) -> str:
    name = f"member_hub_town_{next(_numbers)}"
    run(admin(server, f'CREATE DATABASE "{name}" TEMPLATE "{source}" STRATEGY file_copy'))
    return name


def make_settings(folder: Path) -> Settings:
    return Settings(
        mode=Mode.DEVELOPMENT,
        database_url=None,
        data_dir=folder / "data",
        key_dir=folder / "keys",
        ledger_dir=folder / "ledger",
        port=0,
        policy_dir=None,
        debug=False,
        cost_per_s=5_000_000,  # all tests of a session are one caller; limits have tests of their own
        lookups_per_s=100_000,
    )
