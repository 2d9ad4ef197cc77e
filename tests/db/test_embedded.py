"""The hub's own server: started, joined, killed, found again. Both ways of finding PostgreSQL, every time."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from member_hub.db import embedded, place
from member_hub.db.embedded import AlreadyRunning
from member_hub.errors import Misconfigured
from tests.db.conftest import StartHub, children, ended, ordinary_user

# Writes one row after another and tells each number once PostgreSQL has acknowledged it.
WRITER = """
import asyncio, sys
import asyncpg

async def write():
    connection = await asyncpg.connect(sys.argv[1])
    await connection.execute("create table written (n int)")
    for n in range(1_000_000):
        await connection.execute("insert into written values ($1)", n)
        print(n, flush=True)

asyncio.run(write())
"""
ACKNOWLEDGED = 200


async def ask(url: str, sql: str) -> Any:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def test_a_server_starts_and_answers(start_hub: StartHub, programs: dict[str, str], tmp_path: Path) -> None:
    hub = start_hub(tmp_path / "data", environ=programs)

    assert str(await ask(hub.state["url"], "show server_version")).split()[0] == hub.state["version"]
    assert hub.state["programs"].startswith("/usr") is ("MEMBER_HUB_POSTGRES" not in programs)
    assert await ask(hub.state["url"], "show fsync") == "on"
    assert await ask(hub.state["url"], "show synchronous_commit") == "on"
    assert await ask(hub.state["url"], "show listen_addresses") == ""
    assert await ask(hub.state["url"], "show server_encoding") == "UTF8"


async def test_what_was_written_is_there_at_the_next_start(
    start_hub: StartHub, programs: dict[str, str], tmp_path: Path
) -> None:
    first = start_hub(tmp_path / "data", environ=programs)
    await ask(first.state["url"], "create table kept as select 42 as answer")
    first.close()

    second = start_hub(tmp_path / "data", environ=programs)

    assert await ask(second.state["url"], "select answer from kept") == 42


async def test_an_ordinary_user_can_start_one(start_hub: StartHub, programs: dict[str, str], open_folder: Path) -> None:
    home = open_folder / "home"
    home.mkdir(mode=0o700)
    prefix = ordinary_user()
    if prefix:
        place.give(home, place.RunAs(prefix[4]))

    hub = start_hub(home / "data", prefix=prefix, environ=programs)

    assert hub.state["how"] == "same user"
    assert await ask(hub.state["url"], "select 1") == 1


async def test_killing_the_hub_leaves_no_server(start_hub: StartHub, programs: dict[str, str], tmp_path: Path) -> None:
    hub = start_hub(tmp_path / "data", environ=programs)
    server = hub.state["server_pid"]
    connection = await asyncpg.connect(hub.state["url"])
    processes = [server, *children(server)]

    hub.kill()

    assert len(processes) > 3
    assert [pid for pid in processes if not ended(pid)] == []
    connection.terminate()


async def test_a_hub_that_was_killed_starts_again(start_hub: StartHub, tmp_path: Path) -> None:
    first = start_hub(tmp_path / "data")
    await ask(first.state["url"], "create table kept as select 42 as answer")
    first.kill()

    second = start_hub(tmp_path / "data")

    assert await ask(second.state["url"], "select answer from kept") == 42
    assert not Path(first.state["socket_dir"]).exists()


async def test_killing_the_server_loses_no_acknowledged_write(
    start_hub: StartHub, programs: dict[str, str], tmp_path: Path
) -> None:
    first = start_hub(tmp_path / "data", environ=programs)
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, first.state["url"]], text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert writer.stdout
    acknowledged = [int(writer.stdout.readline()) for _ in range(ACKNOWLEDGED)]

    os.kill(first.state["server_pid"], signal.SIGKILL)
    acknowledged.extend(map(int, writer.stdout.read().split()))
    writer.stdout.close()
    writer.wait()
    first.close()

    second = start_hub(tmp_path / "data", environ=programs)
    connection = await asyncpg.connect(second.state["url"])
    there = {row["n"] for row in await connection.fetch("select n from written")}
    await connection.close()
    assert len(acknowledged) >= ACKNOWLEDGED
    assert set(acknowledged) - there == set()


async def test_a_served_hub_starts_a_server_again_that_died(tmp_path: Path) -> None:
    with embedded.server(tmp_path / "data") as server:
        await ask(server.url("postgres"), "create table kept as select 42 as answer")
        assert server.revive() is False
        os.kill(server.state.server_pid, signal.SIGKILL)
        assert ended(server.state.server_pid)

        assert server.revive() is True
        assert await ask(server.url("postgres"), "select answer from kept") == 42


def test_a_second_hub_is_told_that_and_where_one_runs(start_hub: StartHub, tmp_path: Path) -> None:
    first = start_hub(tmp_path / "data", alone=True)

    with (
        pytest.raises(AlreadyRunning, match=rf"already.* http://127\.0\.0\.1:8000 \(pid {first.state['pid']}\)"),
        embedded.server(tmp_path / "data", alone=True),
    ):
        pass


async def test_a_command_joins_the_running_server(start_hub: StartHub, tmp_path: Path) -> None:
    hub = start_hub(tmp_path / "data", alone=True)

    with embedded.server(tmp_path / "data") as joined:
        assert joined.state.server_pid == hub.state["server_pid"]
        assert await ask(joined.url("postgres"), "select 1") == 1

    assert await ask(hub.state["url"], "select 1") == 1


async def test_a_command_does_not_stop_its_server_under_another(start_hub: StartHub, tmp_path: Path) -> None:
    first = start_hub(tmp_path / "data")
    assert first.process.stderr

    with embedded.server(tmp_path / "data") as joined:
        first.end()
        assert "Other commands use this server" in first.process.stderr.readline()
        assert await ask(joined.url("postgres"), "select 1") == 1

    assert first.process.wait(timeout=60) == 0
    assert ended(first.state["server_pid"])


@pytest.mark.parametrize("locale", [{}, {"LANG": "zh_CN.UTF-8", "LC_ALL": "zh_CN.UTF-8"}], ids=["unset", "missing"])
async def test_the_locale_of_the_caller_does_not_matter(
    start_hub: StartHub, programs: dict[str, str], tmp_path: Path, locale: dict[str, str]
) -> None:
    bare = {name: value for name, value in programs.items() if not name.startswith(("LANG", "LC_"))}

    hub = start_hub(tmp_path / "data", environ=bare | locale)

    assert await ask(hub.state["url"], "select lower('ÀÉ') || length('欧阳娜娜𠮷')") in ("àé5", "ÀÉ5")
    assert await ask(hub.state["url"], "show lc_messages") == "C"


async def test_a_long_path_does_not_matter(start_hub: StartHub, tmp_path: Path) -> None:
    data_dir = tmp_path / ("d" * 100) / ("e" * 100)

    hub = start_hub(data_dir)

    assert await ask(hub.state["url"], "select 1") == 1
    assert len(f"{hub.state['socket_dir']}/.s.PGSQL.5432") <= 103


async def test_the_servers_log_holds_no_value(start_hub: StartHub, tmp_path: Path) -> None:
    hub = start_hub(tmp_path / "data")
    connection = await asyncpg.connect(hub.state["url"])
    await connection.execute("create table unique_value (v text primary key)")
    for sql in (
        "insert into unique_value values ('needle-13912345678'), ('needle-13912345678')",
        "select 'needle-13912345678'::int",
        'select 1 / 0 as "needle-13912345678"',
        "do $$ begin raise warning 'needle-13912345678'; end $$",
    ):
        with suppress(asyncpg.PostgresError):
            await connection.execute(sql)
    await connection.close()
    hub.close()

    log = (tmp_path / "data" / "server.log").read_text("utf-8")
    assert "database system is ready" in log
    assert "needle" not in log


async def test_the_socket_asks_for_the_password(start_hub: StartHub, tmp_path: Path) -> None:
    hub = start_hub(tmp_path / "data")
    password = (tmp_path / "data" / "password").read_text("utf-8")

    with pytest.raises(asyncpg.InvalidPasswordError):
        await ask(hub.state["url"].replace(password, "guess"), "select 1")


@pytest.mark.parametrize(("name", "mode"), [("password", 0o640), ("postgres", 0o750)])
def test_files_open_to_others_are_refused(stopped: Path, name: str, mode: int) -> None:
    (stopped / name).chmod(mode)

    with (
        pytest.raises(Misconfigured, match=rf"{name} is open to others\. .*chmod"),
        embedded.server(stopped),
    ):
        pass


def test_files_that_are_gone_are_never_made_anew(stopped: Path) -> None:
    (stopped / "postgres" / "PG_VERSION").unlink()

    with pytest.raises(Misconfigured, match="Restore them"), embedded.server(stopped):
        pass
    assert (stopped / "postgres" / "base").is_dir()


def test_a_password_that_is_gone_is_not_made_anew(stopped: Path) -> None:
    (stopped / "password").unlink()

    with pytest.raises(Misconfigured, match="password is missing"), embedded.server(stopped):
        pass


async def test_what_a_crash_during_initdb_left_is_cleared_away(start_hub: StartHub, tmp_path: Path) -> None:
    left = tmp_path / "data" / "postgres.new"
    left.mkdir(parents=True, mode=0o700)
    (left / "PG_VERSION").write_text("18\n", "ascii")

    hub = start_hub(tmp_path / "data")

    assert await ask(hub.state["url"], "select 1") == 1
    assert not left.exists()


def test_another_major_version_is_refused_with_the_remedy(stopped: Path) -> None:
    (stopped / "postgres" / "PG_VERSION").write_text("14\n", "ascii")

    with (
        pytest.raises(Misconfigured, match=r"made by PostgreSQL 14; found are only .*\. Install PostgreSQL 14"),
        embedded.server(stopped),
    ):
        pass


def test_a_running_servers_state_is_read_from_the_data_folder(start_hub: StartHub, tmp_path: Path) -> None:
    hub = start_hub(tmp_path / "data", alone=True)

    running = embedded.running(tmp_path / "data")
    assert running
    assert (running.server_pid, running.address) == (hub.state["server_pid"], "http://127.0.0.1:8000")

    hub.close()
    assert embedded.running(tmp_path / "data") is None
