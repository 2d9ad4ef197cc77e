"""The key folder: made once, private, and never silently made again."""

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from member_hub import private
from member_hub.crypto.keyfiles import epoch_key, local_file
from member_hub.errors import Misconfigured

FIRST_RUN = """
import sys
from pathlib import Path
from member_hub.crypto.keyfiles import epoch_key, local_file
print("ready", flush=True)
sys.stdin.readline()  # all begin when the test says so
root = local_file(Path(sys.argv[1]), may_create=True)
print(root.fingerprint().hex(), epoch_key(Path(sys.argv[1]), 1, root, may_create=True).hex())
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A key folder as the first run leaves it."""
    path = tmp_path / "hub" / "keys"
    epoch_key(path, 1, local_file(path, may_create=True), may_create=True)
    return path


def test_the_first_run_makes_private_files_and_the_second_reads_them(folder: Path) -> None:
    root = local_file(folder, may_create=False)
    key = epoch_key(folder, 1, root, may_create=False)

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {f.name: stat.S_IMODE(f.stat().st_mode) for f in folder.iterdir()} == {
        "root.key": 0o600,
        "epoch-1.key": 0o600,
        "lock": 0o600,
    }
    again = local_file(folder, may_create=True)
    assert again.fingerprint() == root.fingerprint()
    assert epoch_key(folder, 1, again, may_create=True) == key
    assert key not in (folder / "epoch-1.key").read_bytes()


def test_an_open_umask_does_not_open_the_files(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        local_file(tmp_path / "keys", may_create=True)
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "keys" / "root.key").stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601, 0o644])
@pytest.mark.parametrize("name", ["root.key", "epoch-1.key"])
def test_a_looser_file_is_refused_with_its_remedy(folder: Path, name: str, mode: int) -> None:
    (folder / name).chmod(mode)

    with pytest.raises(Misconfigured) as refusal:
        epoch_key(folder, 1, local_file(folder, may_create=False), may_create=False)

    assert f"{name} is open to others (mode {mode:04o})" in refusal.value.what
    assert refusal.value.remedy == f"Run: chmod 600 {folder / name}"
    assert stat.S_IMODE((folder / name).stat().st_mode) == mode


@pytest.mark.parametrize("mode", [0o750, 0o701, 0o755])
@pytest.mark.parametrize("may_create", [True, False])
def test_a_looser_folder_is_refused_with_its_remedy(folder: Path, mode: int, may_create: bool) -> None:
    folder.chmod(mode)

    with pytest.raises(Misconfigured) as refusal:
        local_file(folder, may_create=may_create)

    assert refusal.value.remedy == f"Run: chmod 700 {folder}"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("name", ["", "root.key"])
def test_what_belongs_to_another_user_is_refused(folder: Path, name: str) -> None:
    os.chown(folder / name, 65534, 65534)

    with pytest.raises(Misconfigured, match=r"belongs to another user \(uid 65534\)"):
        local_file(folder, may_create=False)


def _link(file: Path) -> None:
    file.rename(file.with_name("elsewhere"))
    file.symlink_to(file.with_name("elsewhere"))


def _directory(file: Path) -> None:
    file.unlink()
    file.mkdir(mode=0o700)


def _short(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def _empty(file: Path) -> None:
    file.write_bytes(b"")


def _large(file: Path) -> None:
    file.write_bytes(bytes(10_000))


@pytest.mark.parametrize("spoil", [_link, _directory, _short, _empty, _large])
@pytest.mark.parametrize("name", ["root.key", "epoch-1.key"])
def test_a_file_that_is_no_key_is_refused_and_left_alone(
    folder: Path, name: str, spoil: Callable[[Path], None]
) -> None:
    spoil(folder / name)
    before = sorted((f.name, f.lstat().st_size, f.lstat().st_mode) for f in folder.iterdir())

    with pytest.raises(Misconfigured):
        epoch_key(folder, 1, local_file(folder, may_create=True), may_create=True)

    assert sorted((f.name, f.lstat().st_size, f.lstat().st_mode) for f in folder.iterdir()) == before


def test_a_missing_key_is_not_made_again_where_the_database_needs_it(folder: Path) -> None:
    (folder / "root.key").unlink()

    with pytest.raises(Misconfigured, match=r"root\.key is missing, and the database holds keys that need it") as lost:
        local_file(folder, may_create=False)

    assert "Restore the key folder" in lost.value.remedy
    assert not (folder / "root.key").exists()


def test_a_missing_folder_is_not_made_again_where_the_database_needs_it(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"root\.key is missing"):
        local_file(tmp_path / "keys", may_create=False)

    assert not (tmp_path / "keys").exists()


def test_an_epoch_key_opens_under_its_own_root_only(folder: Path, tmp_path: Path) -> None:
    other = local_file(tmp_path / "other", may_create=True)

    with pytest.raises(Misconfigured, match=r"root key does not open .*epoch-1\.key"):
        epoch_key(folder, 1, other, may_create=False)


def test_an_epoch_key_does_not_pass_for_another_epochs(folder: Path) -> None:
    root = local_file(folder, may_create=False)
    (folder / "epoch-1.key").rename(folder / "epoch-2.key")

    with pytest.raises(Misconfigured, match=r"root key does not open .*epoch-2\.key"):
        epoch_key(folder, 2, root, may_create=False)


def test_no_bit_of_an_epoch_key_can_change(folder: Path) -> None:
    root = local_file(folder, may_create=False)
    file = folder / "epoch-1.key"
    wrapped = file.read_bytes()
    accepted = []

    for at in range(len(wrapped) * 8):
        file.write_bytes(wrapped[: at // 8] + bytes([wrapped[at // 8] ^ 1 << at % 8]) + wrapped[at // 8 + 1 :])
        try:
            epoch_key(folder, 1, root, may_create=False)
        except Misconfigured:
            continue
        accepted.append(at)

    assert accepted == []


def test_a_process_that_died_before_its_file_had_its_name_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    private.ensure_folder(folder)
    (folder / "root.key.new").write_bytes(b"half a k")

    local_file(folder, may_create=True)

    assert sorted(f.name for f in folder.iterdir()) == ["lock", "root.key"]


def test_processes_that_start_at_once_get_the_same_keys(tmp_path: Path) -> None:
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", FIRST_RUN, str(tmp_path / "new" / "keys")]
    runs = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(4)]

    assert [run.stdout.readline() for run in runs if run.stdout] == ["ready\n"] * 4
    for run in runs:
        assert run.stdin is not None
        run.stdin.write("go\n")
        run.stdin.flush()
    said = [run.communicate()[0].split() for run in runs]

    assert [run.returncode for run in runs] == [0] * 4
    assert len(said[0]) == 2
    assert said == [said[0]] * 4
