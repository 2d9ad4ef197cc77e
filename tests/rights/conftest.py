"""The small hub of world.py with its people, imported once; each test gets a copy of its database and its folders."""

import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from member_hub.db import Database, migrate, provision
from member_hub.db.embedded import Server
from member_hub.settings import Mode, Settings
from tests.conftest import Run, admin
from tests.rights.populating import populate
from tests.rights.world import World

COMMAND = Path(sys.executable).parent / "member-hub"
COMMAND_S = 120
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Installed:
    """The same hub in a database with roles of its own, as the commands find it."""

    world: World
    url: str

    def call(self, *words: str, key_dir: Path | None = None) -> subprocess.CompletedProcess[str]:
        environ = self.environ(key_dir=key_dir)
        return subprocess.run(
            [COMMAND, *words], env=environ, capture_output=True, text=True, timeout=COMMAND_S, check=False
        )

    def environ(self, *, key_dir: Path | None = None) -> dict[str, str]:
        bare = {name: value for name, value in os.environ.items() if not name.startswith("MEMBER_HUB")}
        settings = self.world.settings
        environ = {
            "MEMBER_HUB_DATABASE_URL": self.url,
            "MEMBER_HUB_DATA_DIR": str(settings.data_dir),
            "MEMBER_HUB_KEY_DIR": str(key_dir or settings.key_dir),
            "MEMBER_HUB_LEDGER_DIR": str(settings.ledger_dir),
        }
        return bare | environ


@pytest.fixture(scope="session")
def populated(server: Server, template: str, run: Run, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The folders of a hub whose database is named as the last of them."""
    folder = tmp_path_factory.mktemp("world")
    settings = _settings(folder)
    run(_populate(server, template, settings, folder))
    return settings


def _settings(folder: Path) -> Settings:
    return Settings(
        mode=Mode.DEVELOPMENT,
        database_url=None,
        data_dir=folder / "rights_world",
        key_dir=folder / "keys",
        ledger_dir=folder / "ledger",
        port=0,
        policy_dir=None,
        debug=False,
    )


@pytest.fixture
def world(server: Server, template: str, populated: Settings, run: Run, tmp_path: Path) -> Iterator[World]:
    name = f"{populated.data_dir.name}_{next(_numbers)}"
    run(admin(server, f'CREATE DATABASE "{name}" TEMPLATE "{populated.data_dir.name}" STRATEGY file_copy'))
    database = Database.open(server.url(name), role_prefix=template)
    settings = replace(
        populated,
        key_dir=Path(shutil.copytree(populated.key_dir, tmp_path / "keys")),
        ledger_dir=Path(shutil.copytree(populated.ledger_dir, tmp_path / "ledger")),
    )
    yield run(World.open(database, settings))
    run(database.close())
    run(admin(server, f'DROP DATABASE "{name}" WITH (FORCE)'))


@pytest.fixture(scope="module")
def installed(server: Server, run: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    folder = tmp_path_factory.mktemp("installed")
    name = f"rights_installed_{next(_numbers)}"
    run(admin(server, f'CREATE DATABASE "{name}"'))
    database = Database.open(server.url(name))
    settings = _settings(folder)
    run(_install(database, settings, folder))
    yield Installed(run(World.open(database, settings)), server.url(name))
    run(database.close())
    run(admin(server, f'DROP DATABASE "{name}" WITH (FORCE)'))


async def _install(database: Database, settings: Settings, folder: Path) -> None:
    await provision.provision(database)
    await migrate.upgrade(database)
    await populate(await World.open(database, settings), folder)


async def _populate(server: Server, template: str, settings: Settings, folder: Path) -> None:
    name = settings.data_dir.name
    await admin(server, f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
    database = Database.open(server.url(name), role_prefix=template)
    await populate(await World.open(database, settings), folder)
    await database.close()
