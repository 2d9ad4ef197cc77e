"""What every test may ask for.

- `server`: an embedded PostgreSQL server, one per session. `database`: a `Database` of the test's own with every
  table, gone afterwards. `settings`: settings whose folders are the test's own.
- Casbin is asked once about the same rows, and the connection that makes and drops databases is kept: hundreds of tests
  open a hub of their own with the shipped policy, and its compilation and that connection took most of their time.
- `async def test_...` simply works: coroutine tests run on one event loop per session, so that connections outlive
  the call that made them. Fixtures stay ordinary functions and may hand out asynchronous things; one that has to
  await asks for `run`, which runs a coroutine on that loop.
- Workers of one run hash alike (`_hash_alike`); the seed stands in the head of what pytest prints.
"""

import asyncio
import inspect
import itertools
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import lru_cache, wraps
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from member_hub.access import deciding, grants
from member_hub.db import Database, embedded, provision
from member_hub.db.embedded import Server
from member_hub.settings import Mode, Settings
from member_hub.tables import METADATA

TEMPLATE = "member_hub_test"
MEMORY = Path("/dev/shm")
MEMORY_BYTES = 4 * 1024**3  # ten times what is used at once
Run = Callable[[Coroutine[Any, Any, Any]], Any]
RUNNER = pytest.StashKey[asyncio.Runner]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[RUNNER] = asyncio.Runner()
    if config.getoption("numprocesses", None):
        _hash_alike()


def _hash_alike() -> None:
    """Let the workers that are about to start order their sets alike, by another seed each run: else a test whose name
    or place comes from a set is another one in each worker, and pytest-xdist runs none at all."""
    if os.environ.get("PYTHONHASHSEED", "random") == "random":
        os.environ["PYTHONHASHSEED"] = str(secrets.randbelow(2**32))


def pytest_report_header(config: pytest.Config) -> str | None:
    return f"workers: PYTHONHASHSEED={os.environ['PYTHONHASHSEED']}" if config.getoption("numprocesses", None) else None


def pytest_unconfigure(config: pytest.Config) -> None:
    config.stash[RUNNER].close()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> None:
    """Make a coroutine test an ordinary one; pytest then calls it as usual."""
    runner = pyfuncitem.config.stash[RUNNER]
    inner = getattr(pyfuncitem.obj, "hypothesis", None)
    if inner is not None and inspect.iscoroutinefunction(inner.inner_test):
        inner.inner_test = _ordinary(inner.inner_test, runner)
    elif inspect.iscoroutinefunction(pyfuncitem.obj):
        pyfuncitem.obj = _ordinary(pyfuncitem.obj, runner)


def _ordinary(test: Callable[..., Coroutine[Any, Any, None]], runner: asyncio.Runner) -> Callable[..., None]:
    @wraps(test)
    def call(*args: object, **named: object) -> None:
        runner.run(test(*args, **named))

    return call


@pytest.fixture(scope="session")
def run(pytestconfig: pytest.Config) -> Run:
    return pytestconfig.stash[RUNNER].run


@pytest.fixture(scope="session", autouse=True)
def casbin_answers_once() -> Iterator[None]:
    """Its answers are a pure function of the rows; every file is still read and checked at each load."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grants, "decide", lru_cache(maxsize=8)(deciding.decide))
        yield


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        mode=Mode.DEVELOPMENT,
        database_url=None,
        data_dir=tmp_path / "data",
        key_dir=tmp_path / "keys",
        ledger_dir=tmp_path / "ledger",
        port=0,
        policy_dir=None,
        debug=False,
    )


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, run: Run) -> Iterator[Server]:
    # What a test writes need not survive a power cut.
    options = {"fsync": "off", "max_wal_size": "256MB"}
    with _folder(tmp_path_factory) as folder, embedded.server(folder, options=options) as started:
        yield started
        for kept in _admins.values():
            run(kept.close())
        _admins.clear()


@contextmanager
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """In memory where there is room: a database is some 600 files, and making those of each test on a disk took longer
    than the tests."""
    if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= MEMORY_BYTES:
        with tempfile.TemporaryDirectory(prefix="member-hub-test-", dir=MEMORY) as folder:
            yield Path(folder)
    else:
        yield tmp_path_factory.mktemp("server")


@pytest.fixture(scope="session")
def template(server: Server, run: Run) -> str:
    """A database with every table, made once, of which each test gets a copy."""
    run(_make_template(server))
    return TEMPLATE


@pytest.fixture
def database(server: Server, template: str, run: Run) -> Iterator[Database]:
    name = f"{template}_{next(_numbers)}"
    run(admin(server, f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy'))
    opened = Database.open(server.url(name), role_prefix=template)
    yield opened
    run(opened.close())
    run(admin(server, f'DROP DATABASE "{name}" WITH (FORCE)'))


_numbers = itertools.count(1)


async def _make_template(server: Server) -> None:
    await admin(server, f'CREATE DATABASE "{TEMPLATE}"')
    template = Database.open(server.url(TEMPLATE))
    await provision.provision(template)
    async with template.owner.begin() as tx:
        await tx.run_sync(METADATA.create_all)
        await provision.give_rights(tx, template)
    await template.close()


async def admin(server: Server, statement: str) -> None:
    """Run a statement that no transaction may hold, as the login."""
    url = server.url("postgres")
    if url not in _admins:
        _admins[url] = Database.open(url)
    async with _admins[url].login.connect() as plain:
        connection = await plain.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text(statement))


_admins: dict[str, Database] = {}
