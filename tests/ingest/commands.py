"""`member-hub` as an operator has it: commands in processes of their own, on a database given by its address."""

import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from member_hub.db import Database, migrate, provision
from member_hub.db.embedded import Server
from member_hub.settings import Settings
from tests.conftest import Run, admin
from tests.hub import Hub

NAME = "commanded"  # the commands take the roles that are named after the database
TEMPLATE = f"{NAME}_template"


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that is over; a negative status is the signal that ended it."""

    status: int
    output: str
    errors: str
    steps: int  # statements and commits since it began a run; of one that was killed none are told

    @property
    def json(self) -> Any:
        assert self.status == 0, self.errors
        return json.loads(self.output)


@dataclass(frozen=True, slots=True)
class Commands:
    """One hub, and the program that runs commands on it."""

    program: "subprocess.Popen[str]"
    environ: dict[str, str]
    folder: Path
    hub: Hub

    def start(self, *arguments: str, batch: int = 500, dies_at: int = 0, dies_after_ms: float = 0) -> tuple[int, Path]:
        output = self.folder / f"output-{next(_numbers)}"
        order = {
            "arguments": arguments,
            "environ": self.environ,
            "output": str(output),
            "batch": batch,
            "dies_at": dies_at,
            "dies_after_ms": dies_after_ms,
        }
        return self._ask({"start": order}), output

    def end(self, started: tuple[int, Path]) -> Ended:
        status = self._ask({"wait": started[0]})
        output, errors, steps = (Path(f"{started[1]}{ending}") for ending in ("", ".errors", ".steps"))
        count = int(steps.read_text("utf-8")) if status >= 0 else 0
        return Ended(status, output.read_text("utf-8"), errors.read_text("utf-8"), count)

    def run(self, *arguments: str, batch: int = 500, dies_at: int = 0, dies_after_ms: float = 0) -> Ended:
        return self.end(self.start(*arguments, batch=batch, dies_at=dies_at, dies_after_ms=dies_after_ms))

    def _ask(self, question: dict[str, Any]) -> int:
        assert self.program.stdin
        assert self.program.stdout
        self.program.stdin.write(json.dumps(question) + "\n")
        self.program.stdin.flush()
        answer = self.program.stdout.readline()
        assert answer, "the importer has ended"
        return int(json.loads(answer))


_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def program() -> Iterator["subprocess.Popen[str]"]:
    """Started once: its children are the commands."""
    command = [sys.executable, str(Path(__file__).with_name("importer.py"))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as started:
        yield started
        assert started.stdin
        started.stdin.close()


_made: set[str] = set()


@pytest.fixture(scope="session")
def migrated(server: Server, run: Run) -> str:
    """A database as `member-hub migrate` makes it, of which each hub gets a copy.

    Made once on a server: the conftest of each folder that takes this fixture up has one of its own.
    """
    if server.url(TEMPLATE) in _made:
        return TEMPLATE

    async def make() -> None:
        await admin(server, f"CREATE DATABASE {TEMPLATE}")
        database = Database.open(server.url(TEMPLATE), role_prefix=NAME)
        await provision.provision(database)
        await migrate.upgrade(database)
        await database.close()

    run(make())
    _made.add(server.url(TEMPLATE))
    return TEMPLATE


@pytest.fixture
def commands(  # noqa: PLR0917 (fixtures)
    server: Server, migrated: str, program: "subprocess.Popen[str]", settings: Settings, tmp_path: Path, run: Run
) -> Iterator[Commands]:
    run(admin(server, f"CREATE DATABASE {NAME} TEMPLATE {migrated} STRATEGY file_copy"))
    database = Database.open(server.url(NAME))
    environ = {
        "MEMBER_HUB_MODE": "development",
        "MEMBER_HUB_DATABASE_URL": server.url(NAME),
        "MEMBER_HUB_DATA_DIR": str(settings.data_dir),
        "MEMBER_HUB_KEY_DIR": str(settings.key_dir),
        "MEMBER_HUB_LEDGER_DIR": str(settings.ledger_dir),
    }
    yield Commands(program, environ, tmp_path, run(Hub.open(database, settings, tmp_path)))
    run(database.close())
    run(admin(server, f"DROP DATABASE {NAME} WITH (FORCE)"))
