"""One hub, served by two processes on one database, for the tests of a module; and one asked in process."""

from collections.abc import Iterator, Sequence

import pytest

from member_hub.db import Database
from member_hub.db.embedded import Server
from member_hub.settings import Mode, Settings
from tests.conftest import Run, admin
from tests.graphql.conftest import world
from tests.ingest.commands import NAME, migrated
from tests.loyalty.served import Served

__all__ = ["migrated", "world"]


@pytest.fixture(scope="module")
def both(
    server: Server, migrated: str, tmp_path_factory: pytest.TempPathFactory, run: Run
) -> Iterator[Sequence[Served]]:
    """Started one after the other: the first makes the keys. Each keeps its share of the limits."""
    folder = tmp_path_factory.mktemp("both")
    run(admin(server, f"CREATE DATABASE {NAME} TEMPLATE {migrated} STRATEGY file_copy"))
    settings = Settings(
        mode=Mode.DEVELOPMENT,
        database_url=server.url(NAME),
        data_dir=folder / "data",
        key_dir=folder / "keys",
        ledger_dir=folder / "ledger",
        port=0,
        policy_dir=None,
        debug=False,
    )
    hubs = [Served(settings, folder / f"{n}.log", MEMBER_HUB_PROCESSES="2") for n in range(2)]
    for hub in hubs:
        run(hub.start())
    yield hubs
    for hub in hubs:
        hub.stop()
    run(admin(server, f"DROP DATABASE {NAME} WITH (FORCE)"))


@pytest.fixture
def rows(both: Sequence[Served], run: Run) -> Iterator[Database]:
    """The same database, to look at."""
    url = both[0].settings.database_url
    assert url
    database = Database.open(url)
    yield database
    run(database.close())
