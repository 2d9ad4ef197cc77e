"""The key file of development tokens: made once, for its owner alone, and never silently replaced."""

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from member_hub.access import DevelopmentTokens
from member_hub.errors import Misconfigured
from member_hub.settings import Settings

MakeSettings = Callable[..., Settings]


def test_the_key_file_is_made_once_and_for_its_owner_alone(make_settings: MakeSettings) -> None:
    settings = make_settings()

    DevelopmentTokens.open(settings)
    made = (settings.key_dir / "development-token.key").read_bytes()
    DevelopmentTokens.open(settings)

    file = settings.key_dir / "development-token.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(settings.key_dir.stat().st_mode) == 0o700
    assert (file.read_bytes(), len(made)) == (made, 32)
    assert {found.name for found in settings.key_dir.iterdir()} == {"development-token.key", "lock"}


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610])
def test_a_looser_key_file_is_refused(make_settings: MakeSettings, mode: int) -> None:
    settings = make_settings()
    DevelopmentTokens.open(settings)
    (settings.key_dir / "development-token.key").chmod(mode)

    with pytest.raises(Misconfigured, match=f"mode {mode:04o}"):
        DevelopmentTokens.open(settings)


def test_a_looser_key_folder_is_refused_before_a_key_is_made(make_settings: MakeSettings) -> None:
    settings = make_settings()
    settings.key_dir.mkdir(mode=0o700)
    settings.key_dir.chmod(0o750)

    with pytest.raises(Misconfigured, match="mode 0750"):
        DevelopmentTokens.open(settings)

    assert list(settings.key_dir.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_key_file_of_another_owner_is_refused(make_settings: MakeSettings) -> None:
    settings = make_settings()
    DevelopmentTokens.open(settings)
    os.chown(settings.key_dir / "development-token.key", 12345, 12345)

    with pytest.raises(Misconfigured, match="uid 12345"):
        DevelopmentTokens.open(settings)


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_damaged_key_file_is_refused(make_settings: MakeSettings, size: int) -> None:
    settings = make_settings()
    DevelopmentTokens.open(settings)
    (settings.key_dir / "development-token.key").write_bytes(b"k" * size)

    with pytest.raises(Misconfigured, match="damaged"):
        DevelopmentTokens.open(settings)


def test_processes_that_start_at_once_get_the_same_key(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from member_hub.access.token_key import load_or_make;"
        "sys.stdout.buffer.write(load_or_make(Path(sys.argv[1])).public_key().public_bytes_raw())"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "keys")]

    with ThreadPoolExecutor(2) as pool:
        keys = list(pool.map(lambda _: subprocess.run(command, capture_output=True, check=True).stdout, range(2)))

    assert len(set(keys)) == 1
    assert len(keys[0]) == 32
