"""Killed in the middle of load (kill -9), the process or the server under it: what was acknowledged is there, once."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from member_hub.db import Database, embedded, provision, snapshot
from member_hub.db.bulk import table_of
from member_hub.db.embedded import Server
from member_hub.idempotency.tables import DoneRequest
from member_hub.ids import MemberId
from member_hub.points.words import Act
from member_hub.points.writing import entry_t
from member_hub.settings import Settings
from member_hub.tables import METADATA
from tests.conftest import Run
from tests.points.desk import Desk

done_t = table_of(DoneRequest)

# Earns and redeems under keys of its own numbers, twelve at once, and says each number when it has its receipt.
LOAD = """
import asyncio, sys
from uuid import UUID
from datetime import UTC, datetime
from pathlib import Path
from member_hub import points
from member_hub.clock import Clock
from member_hub.crypto import Vault
from member_hub.db import Database, transaction
from member_hub.idempotency import RequestKey
from member_hub.points import Asked, Earning, LotKind, Programme
from member_hub.settings import Mode, Settings
from tests.points.desk import NOW, REGISTER, SHIPPED, staff
from tests.points.sharing import Shared

url, prefix, key_dir, count, how, *members = sys.argv[1:]

async def main():
    database = Database.open(url, role_prefix=prefix)
    settings = Settings(Mode.DEVELOPMENT, None, Path("."), Path(key_dir), Path("."), 0, None, False)
    vault = await Vault.open_ring(database, settings, Clock())
    numbers = iter(range(int(count)))
    shared = Shared(database)

    async def work():
        for number in numbers:
            member = UUID(members[number % len(members)])
            asked = Asked(Programme(vault, REGISTER, SHIPPED), NOW, RequestKey("load", str(number), b"same"))
            if number % 5 == 4:
                async with transaction(database.app) as tx:
                    await points.redeem(tx, staff(), member, asked=asked, amount=3)
            elif how == "together":
                await shared.earn(member, asked, earning=Earning(LotKind.PURCHASE, 1_000))
            else:
                async with transaction(database.app) as tx:
                    await points.earn(tx, staff(), member, asked=asked, earning=Earning(LotKind.TASK, 10))
            print(number, flush=True)

    await asyncio.gather(*(work() for _ in range(12)))
    await database.close()

asyncio.run(main())
"""
ROOT = Path(__file__).resolve().parent.parent.parent
COUNT = 600
DIES_S = 10
FUNDED = 200
HOWS = ("by itself", "together")
STOPS = (25, 150, 290, 430)  # acknowledged when it is killed; each time all are asked for again from the first


class Load:
    """The program, as often as it is started."""

    def __init__(self, desk: Desk, settings: Settings, how: str, members: list[MemberId]) -> None:
        database = desk.database
        said = [database.url, database.role_prefix, str(settings.key_dir), str(COUNT), how, *map(str, members)]
        self._command = [sys.executable, "-c", LOAD, *said]
        self.acknowledged: set[int] = set()

    def start(self) -> "subprocess.Popen[str]":
        quiet = subprocess.DEVNULL
        environ = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        return subprocess.Popen(self._command, cwd=ROOT, env=environ, text=True, stdout=subprocess.PIPE, stderr=quiet)

    def read(self, program: "subprocess.Popen[str]", enough: int | None = None) -> None:
        """Until it ends, or has acknowledged so many."""
        assert program.stdout
        for count, line in enumerate(program.stdout, 1):
            if line.endswith("\n"):  # the end of a killed process's words may be cut
                self.acknowledged.add(int(line))
            if count == enough:
                return


async def _members(desk: Desk) -> list[MemberId]:
    """Each with enough to redeem from the first."""
    members = [await desk.member() for _ in range(3)]
    for member in members:
        await desk.earn(member, FUNDED)
    return members


async def _proved(desk: Desk, load: Load) -> None:
    """Everything that was acknowledged stands, and nothing stands twice. Seen at one moment: what the dead process
    had sent, the server may still be at."""
    async with snapshot(desk.database.app) as tx:
        operation = select(entry_t.c.operation_id).where(entry_t.c.act.in_((Act.EARN, Act.REDEEM)))
        operations = set(await tx.scalars(operation))
        keys = (await tx.execute(select(done_t))).all()
    assert len(operations) == len(keys) == len({key.key_digest for key in keys})
    assert {key.result_id for key in keys} == operations
    assert {key.key_digest for key in keys} >= {_digest(desk, number) for number in load.acknowledged}
    assert await desk.faults() == []


def _digest(desk: Desk, number: int) -> bytes:
    return desk.vault.message_key("idempotency", str(number))


@pytest.mark.parametrize("how", HOWS)
async def test_a_process_killed_under_load_loses_and_doubles_nothing(desk: Desk, settings: Settings, how: str) -> None:
    members = await _members(desk)
    load = Load(desk, settings, how, members)
    for stop in STOPS:
        with load.start() as program:
            load.read(program, stop)
            program.kill()
            load.read(program)
        assert program.returncode == -signal.SIGKILL
        await _proved(desk, load)

    with load.start() as program:
        load.read(program)

    assert program.returncode == 0
    await _all_once(desk, load, members)


@pytest.fixture
def own_server(tmp_path: Path, run: Run) -> Iterator[Server]:
    """Ours to kill; it writes as a hub's does."""
    with embedded.server(tmp_path / "server") as started:
        yield started


@pytest.fixture
def own_desk(own_server: Server, settings: Settings, run: Run) -> Iterator[Desk]:
    database = run(_made(own_server))
    desk = run(Desk.open(database, settings))
    yield desk
    run(database.close())


async def _made(server: Server) -> Database:
    maintenance = Database.open(server.url("postgres"))
    await provision.ensure_database(maintenance, "killed")
    await maintenance.close()
    database = Database.open(server.url("killed"))
    await provision.provision(database)
    async with database.owner.begin() as tx:
        await tx.run_sync(METADATA.create_all)
        await provision.give_rights(tx, database)
    return database


@pytest.mark.parametrize("how", HOWS)
async def test_a_server_killed_under_load_loses_and_doubles_nothing(
    own_desk: Desk, own_server: Server, settings: Settings, how: str
) -> None:
    members = await _members(own_desk)
    load = Load(own_desk, settings, how, members)
    assert own_server.cluster
    for stop in STOPS[::2]:
        await own_desk.database.close()
        with load.start() as program:
            load.read(program, stop)
            os.kill(own_server.cluster.pid or 0, signal.SIGKILL)
            load.read(program)
        assert program.returncode == 1
        assert _revived(own_server)
        await _proved(own_desk, load)

    with load.start() as program:
        load.read(program)

    assert program.returncode == 0
    await _all_once(own_desk, load, members)


def _revived(server: Server) -> bool:
    deadline = time.monotonic() + DIES_S
    while not server.revive():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


async def _all_once(desk: Desk, load: Load, members: list[MemberId]) -> None:
    await _proved(desk, load)
    assert load.acknowledged == set(range(COUNT))
    expected = 3 * FUNDED + COUNT // 5 * 4 * 10 - COUNT // 5 * 3
    assert sum([sum(await desk.pots(member)) for member in members]) == expected
