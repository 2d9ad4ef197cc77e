"""The lock file, the Makefile and the tree: what a fresh clone depends on."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = (ROOT / "requirements.lock").read_text("utf-8")


def test_the_lock_file_pins_versions_with_hashes_and_no_address() -> None:
    pinned = re.findall(r"(?m)^([a-z0-9][a-z0-9.-]*)==[^ ]+.* \\$", LOCK)

    assert len(pinned) > 40
    assert len(re.findall(r"(?m)^\S", LOCK)) == len(pinned)
    assert LOCK.count("--hash=sha256:") >= len(pinned)
    assert [word for word in ("://", "file:", "@ ", "/", "index-url", "find-links") if word in LOCK] == []


def test_everything_that_the_project_names_is_in_the_lock_file() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    named = [
        *project["project"]["dependencies"],
        *project["project"]["optional-dependencies"]["parquet"],
        *project["dependency-groups"]["dev"],
    ]

    names = {re.split(r"[\[=<>; ]", requirement)[0] for requirement in named}

    assert {name for name in names if not re.search(rf"(?m)^{name}==", LOCK)} == set()
    assert "casbin" not in names  # it and pycasbin overwrite each other


def test_every_promised_target_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")

    for target in ("run", "test", "lint", "bench", "migration", "lock", "clean"):
        assert re.search(rf"(?m)^{target}:", makefile), target


def test_an_interpreter_that_is_too_old_or_missing_is_refused_in_words() -> None:
    said = subprocess.run(
        ["make", "--no-print-directory", "venv", "PYTHON=no-such-python"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert said.returncode != 0
    assert "Python 3.11 or newer is needed: make PYTHON=" in said.stderr


def test_alembics_folder_is_no_package() -> None:
    assert not (ROOT / "alembic" / "__init__.py").exists()


def test_workers_agree_on_the_tests_that_sets_name(tmp_path: Path) -> None:
    """Else a whole run ends before its first test, whenever two workers happen to hash otherwise."""
    (tmp_path / "test_sets.py").write_text(
        "import pytest\n"
        '@pytest.mark.parametrize("letters", [{*"abcdefgh"}, {*"ijklmnop"}, {*"qrstuvwx"}], ids=str)\n'
        "def test_letters(letters: set[str]) -> None:\n"
        "    assert len(letters) == 8\n",
        "utf-8",
    )
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "PYTHONHASHSEED"))}
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider", "-n", "2"]

    said = subprocess.run(
        [*command, "-c", ROOT / "pyproject.toml", tmp_path],
        cwd=ROOT,
        env=outside,
        capture_output=True,
        text=True,
        check=False,
    )

    assert "3 passed" in said.stdout, said.stdout + said.stderr
    assert re.search(r"(?m)^workers: PYTHONHASHSEED=\d+$", said.stdout)
