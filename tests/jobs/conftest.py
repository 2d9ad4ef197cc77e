"""A hub as the commands find it: its database has roles of its own, and a desk writes points into it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from member_hub.clock import Clock
from member_hub.db import Database, migrate, provision
from member_hub.db.embedded import Server
from member_hub.settings import Mode, Settings
from tests.conftest import Run, admin
from tests.hub import Hub
from tests.points.desk import Desk

COMMAND = Path(sys.executable).parent / "member-hub"
COMMAND_S = 120
NAME = "jobs_installed"


@dataclass(frozen=True, slots=True)
class Installed:
    desk: Desk
    settings: Settings

    def call(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [COMMAND, *words], env=self.environ(), capture_output=True, text=True, timeout=COMMAND_S, check=False
        )

    def start(self, *words: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [COMMAND, *words], env=self.environ(), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def environ(self) -> dict[str, str]:
        bare = {name: value for name, value in os.environ.items() if not name.startswith("MEMBER_HUB")}
        return bare | {
            "MEMBER_HUB_DATABASE_URL": self.desk.database.url,
            "MEMBER_HUB_DATA_DIR": str(self.settings.data_dir),
            "MEMBER_HUB_KEY_DIR": str(self.settings.key_dir),
            "MEMBER_HUB_LEDGER_DIR": str(self.settings.ledger_dir),
        }


@pytest.fixture(scope="module")
def installed(server: Server, run: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    folder = tmp_path_factory.mktemp("jobs")
    settings = Settings(
        mode=Mode.DEVELOPMENT,
        database_url=None,
        data_dir=folder / "data",
        key_dir=folder / "keys",
        ledger_dir=folder / "ledger",
        port=0,
        policy_dir=None,
        debug=False,
    )
    run(admin(server, f'CREATE DATABASE "{NAME}"'))
    database = Database.open(server.url(NAME))
    run(provision.provision(database))
    run(migrate.upgrade(database))
    yield Installed(run(Desk.open(database, settings)), settings)
    run(database.close())
    run(admin(server, f'DROP DATABASE "{NAME}" WITH (FORCE)'))


@pytest.fixture
def hub(installed: Installed, run: Run, tmp_path: Path) -> Hub:
    """On the database and the keys of the commands, by the same clock."""
    opened: Hub = run(Hub.open(installed.desk.database, installed.settings, tmp_path))
    return replace(opened, clock=Clock())
