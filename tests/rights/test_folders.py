"""Key and ledger folders that are loose, damaged or lost: refused with the remedy, and nothing new is made."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from member_hub.members.tables import Channel
from tests.conftest import Run
from tests.rights import files
from tests.rights.conftest import Installed


@pytest.fixture
def keys(installed: Installed, tmp_path: Path) -> Path:
    """A copy of the key folder, to be spoiled."""
    return Path(shutil.copytree(installed.world.settings.key_dir, tmp_path / "keys"))


@pytest.fixture
def ledger(installed: Installed) -> Iterator[Path]:
    """The ledger folder itself, restored afterwards."""
    folder = installed.world.settings.ledger_dir
    kept = folder.with_name("kept")
    shutil.copytree(folder, kept)
    yield folder
    shutil.rmtree(folder)
    kept.rename(folder)


def refused(done: CompletedProcess[str]) -> str:
    """What a command that was refused has said."""
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def test_an_open_key_folder_is_refused(installed: Installed, keys: Path) -> None:
    keys.chmod(0o755)

    said = refused(installed.call("quarantine", "list", key_dir=keys))

    assert said == f"member-hub: {keys} is open to others (mode 0755). Run: chmod 700 {keys}\n"


@pytest.mark.parametrize(("name", "mode"), [("root.key", 0o640), ("epoch-1.key", 0o604)])
def test_a_key_file_that_others_may_read_is_refused(installed: Installed, keys: Path, name: str, mode: int) -> None:
    file = keys / name
    file.chmod(mode)

    said = refused(installed.call("quarantine", "list", key_dir=keys))

    assert said == f"member-hub: {file} is open to others (mode {mode:04o}). Run: chmod 600 {file}\n"


def test_a_lost_key_folder_is_refused_and_nothing_is_made_in_its_place(installed: Installed, tmp_path: Path) -> None:
    lost = tmp_path / "lost"

    said = refused(installed.call("quarantine", "list", key_dir=lost))

    assert said == (
        f"member-hub: {lost / 'root.key'} is missing, and the database holds keys that need it. Restore the key folder "
        "of this database from its backup; MEMBER_HUB_KEY_DIR says where it is looked for.\n"
    )
    assert not lost.exists()


@pytest.mark.parametrize("name", ["root.key", "epoch-1.key"])
def test_a_lost_key_file_is_refused_and_not_made_anew(installed: Installed, keys: Path, name: str) -> None:
    (keys / name).unlink()

    said = refused(installed.call("rights", "export", "00000000-0000-7000-8000-000000000000", key_dir=keys))

    assert f"{keys / name} is missing, and the database holds keys that need it." in said
    assert not (keys / name).exists()


def test_the_key_folder_of_another_installation_is_refused(installed: Installed, keys: Path, tmp_path: Path) -> None:
    (keys / "root.key").write_bytes(bytes(32))

    said = refused(installed.call("quarantine", "list", key_dir=keys))

    assert "The root key does not open" in said
    assert "Restore the key folder of this database from its backup" in said


def test_an_open_ledger_folder_stops_an_erasure(installed: Installed, ledger: Path, run: Run) -> None:
    member_id = run(installed.world.member_of(Channel.WEBSITE, files.NEW_OWNER))
    ledger.chmod(0o750)

    said = refused(installed.call("rights", "erase", "--yes", str(member_id)))

    assert said == f"member-hub: {ledger} is open to others (mode 0750). Run: chmod 700 {ledger}\n"
    assert run(installed.world.person(member_id)).member_id == member_id


def test_a_ledger_that_others_may_read_stops_an_erasure(installed: Installed, ledger: Path, run: Run) -> None:
    member_id = run(installed.world.member_of(Channel.WEBSITE, files.NEW_OWNER))
    file = ledger / "erasure.jsonl"
    file.chmod(0o644)

    said = refused(installed.call("rights", "erase", "--yes", str(member_id)))

    assert said == f"member-hub: {file} is open to others (mode 0644). Run: chmod 600 {file}\n"
    assert run(installed.world.person(member_id)).member_id == member_id


def test_a_ledger_that_was_altered_stops_an_erasure(installed: Installed, ledger: Path, run: Run) -> None:
    member_id = run(installed.world.member_of(Channel.WEBSITE, files.NEW_OWNER))
    (ledger / "erasure.jsonl").write_bytes(b'{"seq":1,"kind":"erasure"}\n')

    said = refused(installed.call("rights", "erase", "--yes", str(member_id)))

    assert said == (
        "member-hub: The erasure ledger is broken at its end: it is not an entry. Restore it from its copy.\n"
    )
    assert run(installed.world.person(member_id)).member_id == member_id
