"""A changed policy folder: taken up by the next request, whole or not at all, in every process."""

import asyncio
import json
import logging
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from member_hub import organisation, resources
from member_hub.access import Policies, keeping
from member_hub.db.embedded import Server
from member_hub.graphql import reading
from tests.conftest import Run, admin
from tests.graphql.conftest import Settled, make_settings, opened
from tests.graphql.world import WHOLE, World

NAME = "p, sales_associate, member_service, member.name, read, {}"
BY = "query ($by: MemberKey!) { member(by: $by) { name { display } } }"
PHONE = {"by": {"phone": WHOLE["phone"]}}
START_S = 60.0  # a bound, not a wait: reached only by a process that does not come up


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(resources.folder("policies"), tmp_path / "policies"))


@pytest.fixture
def governed(
    request: pytest.FixtureRequest, run: Run, settled: Settled, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """A hub of the test's own whose policy folder may be changed; it looks at every request."""
    monkeypatch.setattr(keeping, "LOOK_S", 0)
    monkeypatch.setattr(keeping, "SETTLE_S", 0)
    server, template = request.getfixturevalue("server"), request.getfixturevalue("template")
    settings = replace(make_settings(folder.parent), key_dir=settled.key_dir, policy_dir=folder)
    yield from opened(server, run, settled.database, settings, role_prefix=template)


def edit(folder: Path, file: str, old: str, new: str) -> None:
    """As a careful editor does: the new file takes the old one's name at once."""
    text = (folder / file).read_text("utf-8")
    assert old in text
    (folder / "new").write_text(text.replace(old, new), "utf-8")
    (folder / "new").replace(folder / file)


def show_names(folder: Path) -> None:
    edit(folder, "policy.csv", NAME.format("masked"), NAME.format("clear"))


async def name_at_the_till(world: World) -> str:
    found = await world.ask("sales_associate", BY, variables=PHONE)
    return str(found["member"]["name"]["display"])


async def readiness(world: World) -> tuple[int, Any]:
    answer = await world.client.get("/readyz")
    return answer.status_code, answer.json()["policies"]


async def stale(world: World) -> bool:
    return "member_hub_policies_stale 1\n" in (await world.client.get("/metrics")).text


async def test_a_changed_policy_holds_for_the_next_request(governed: World, folder: Path) -> None:
    before = await name_at_the_till(governed)
    show_names(folder)

    assert (before, await name_at_the_till(governed)) == ("欧阳*", "欧阳娜娜")
    assert await readiness(governed) == (200, {"version": Policies.load(folder).version, "state": "current"})


async def test_a_right_that_was_taken_away_is_gone_with_the_token_still_good(governed: World, folder: Path) -> None:
    token = governed.token("sales_associate")
    sent = {"json": {"query": BY, "variables": PHONE}, "headers": {"Authorization": f"Bearer {token}"}}
    assert (await governed.client.post("/graphql", **sent)).status_code == 200

    for name in ("member", "members"):
        edit(folder, "policy.csv", f"p, sales_associate, member_service, operation:{name}, call, clear\n", "")
    answer = await governed.client.post("/graphql", **sent)

    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (403, "FORBIDDEN")
    assert [row.outcome for row in await governed.audited()] == ["ok", "FORBIDDEN"]


async def test_a_refused_folder_changes_nothing_and_shows_why(
    governed: World, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good = governed.hub.policies.version
    with caplog.at_level(logging.WARNING, "member_hub.access.keeping"):
        edit(folder, "policy.csv", NAME.format("masked"), NAME.format("cleer"))

        assert [await name_at_the_till(governed) for _ in range(3)] == ["欧阳*"] * 3
        status, said = await readiness(governed)

    line = (folder / "policy.csv").read_text("utf-8").split("\n").index(NAME.format("cleer")) + 1
    reason = "'cleer' is not an outcome of read on member.name"
    assert (status, said["version"], said["state"]) == (200, good, "stale")
    assert said["refused"] == {"file": "policy.csv", "line": line, "reason": reason}
    assert await stale(governed)
    assert [record.getMessage() for record in caplog.records] == [
        f"A changed policy was refused: policy.csv, line {line}: {reason}. Version {good} stays in force."
    ]


async def test_a_folder_that_is_good_again_holds(governed: World, folder: Path) -> None:
    edit(folder, "policy.csv", NAME.format("masked"), NAME.format("cleer"))
    assert (await readiness(governed))[1]["state"] == "stale"

    edit(folder, "policy.csv", NAME.format("cleer"), NAME.format("clear"))

    assert (await readiness(governed))[1]["state"] == "current"
    assert not await stale(governed)
    assert await name_at_the_till(governed) == "欧阳娜娜"


@pytest.mark.parametrize("file", ["policy.csv", "register.toml", "model.conf"])
async def test_a_file_that_is_gone_takes_no_right_away_and_gives_none(governed: World, folder: Path, file: str) -> None:
    (folder / file).unlink()

    assert await name_at_the_till(governed) == "欧阳*"
    assert (await readiness(governed))[1]["refused"]["file"] == file


async def test_files_that_somebody_is_still_writing_are_left_alone(
    governed: World, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "SETTLE_S", 3600)
    show_names(folder)
    meanwhile = await name_at_the_till(governed)
    monkeypatch.setattr(keeping, "SETTLE_S", 0)

    assert (meanwhile, await name_at_the_till(governed)) == ("欧阳*", "欧阳娜娜")


async def test_a_folder_that_changes_while_it_is_read_is_read_again(
    governed: World, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read of it, half old and half new, never holds."""
    load = Policies.load
    read: list[str] = []

    def interrupted(of: Path, **about: Any) -> Policies:
        found = load(of, **about)
        if not read:
            edit(folder, "register.toml", 'zh = "店长"', 'zh = "门店经理"')
        read.append(found.version)
        return found

    monkeypatch.setattr(Policies, "load", interrupted)
    show_names(folder)

    first, second = await name_at_the_till(governed), await name_at_the_till(governed)

    assert (first, second) == ("欧阳*", "欧阳娜娜")
    assert len(set(read)) == 2
    assert governed.hub.policies.version == read[1]


async def test_a_request_under_way_keeps_its_grant(
    governed: World, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()
    find_members = reading.find_members

    async def held(*about: Any) -> Any:
        begun.set()
        await go_on.wait()
        return await find_members(*about)

    monkeypatch.setattr(reading, "find_members", held)
    under_way = asyncio.create_task(name_at_the_till(governed))
    await begun.wait()
    show_names(folder)
    assert (await readiness(governed))[1]["version"] == Policies.load(folder).version
    go_on.set()

    assert await under_way == "欧阳*"
    assert await name_at_the_till(governed) == "欧阳娜娜"


async def test_many_requests_look_together(governed: World, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load = Policies.load
    read: list[Path] = []
    monkeypatch.setattr(Policies, "load", lambda of, **about: (read.append(of), load(of, **about))[1])
    show_names(folder)

    names = await asyncio.gather(*(name_at_the_till(governed) for _ in range(8)))

    assert set(names) == {"欧阳娜娜"}
    assert len(read) == 1


async def test_whatever_goes_wrong_in_reading_the_last_good_policy_stays(
    governed: World, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> Policies:
        raise RecursionError

    monkeypatch.setattr(Policies, "load", fails)
    show_names(folder)

    assert await name_at_the_till(governed) == "欧阳*"
    assert (await readiness(governed))[1]["refused"]["reason"] == "cannot be read (RecursionError)"


async def test_a_changed_organisation_waits_for_a_restart_and_says_so(governed: World, folder: Path) -> None:
    edit(folder, organisation.FILE, "own_stores_months = 12", "own_stores_months = 24")

    _, said = await readiness(governed)

    assert said["organisation"] == "changed: start the hub again"
    assert "member_hub_restart_due 1\n" in (await governed.client.get("/metrics")).text
    assert governed.hub.organisation.own_stores_months == 12


async def test_whether_the_process_lives_is_answered_without_looking(
    governed: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[object] = []
    monkeypatch.setattr(keeping, "_fingerprint", lambda *of: looked.append(of))

    await governed.client.get("/livez")

    assert looked == []


def test_a_changed_policy_reaches_two_served_processes(server: Server, run: Run, folder: Path, tmp_path: Path) -> None:
    run(admin(server, "CREATE DATABASE two_processes"))
    environ = _environ(server, folder, tmp_path)
    subprocess.run([*COMMAND, "migrate"], env=environ, check=True, capture_output=True)
    with ExitStack() as stack:
        ports = [stack.enter_context(Served(environ)) for _ in range(2)]
        before = Policies.load(folder).version
        assert [_version(port) for port in ports] == [before] * 2

        show_names(folder)

        after = Policies.load(folder).version
        for port in ports:
            _until(lambda port=port: _version(port) == after)  # type: ignore[misc]
    run(admin(server, "DROP DATABASE two_processes WITH (FORCE)"))


COMMAND = (sys.executable, "-c", "from member_hub.cli import main; main()")


def _environ(server: Server, folder: Path, tmp_path: Path) -> dict[str, str]:
    return os.environ | {
        "MEMBER_HUB_MODE": "development",
        "MEMBER_HUB_DATABASE_URL": server.url("two_processes"),
        "MEMBER_HUB_DATA_DIR": str(tmp_path / "data"),
        "MEMBER_HUB_KEY_DIR": str(tmp_path / "keys"),
        "MEMBER_HUB_LEDGER_DIR": str(tmp_path / "ledger"),
        "MEMBER_HUB_POLICY_DIR": str(folder),
    }


class Served:
    """One `member-hub serve` on a free port, for the length of the block."""

    def __init__(self, environ: dict[str, str]) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = int(free.getsockname()[1])
        self._environ = environ | {"MEMBER_HUB_PORT": str(self._port)}

    def __enter__(self) -> int:
        self._process = subprocess.Popen(
            [*COMMAND, "serve"], env=self._environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self._process.stdout is not None
        assert f"{self._port}" in self._process.stdout.readline()  # said once it listens
        return self._port

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate(timeout=START_S)


def _version(port: int) -> str:
    answer = httpx2.get(f"http://127.0.0.1:{port}/readyz")
    return str(json.loads(answer.content)["policies"]["version"])


def _until(holds: Callable[[], bool]) -> None:
    """Ask again and again; a request is what makes a process look."""
    for _ in range(5_000):
        if holds():
            return
    raise AssertionError("The change has not arrived.")
