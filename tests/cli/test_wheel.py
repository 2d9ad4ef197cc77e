"""A wheel built from the tree and installed elsewhere runs: policies, schema and migrations are inside."""

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    _run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder), cwd=ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installed") / "site"
    _run(
        *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(folder)),
        str(wheel),
        cwd=folder.parent,
    )
    return folder


def test_the_wheel_holds_what_the_tree_has_beside_the_code(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())

    for folder in ("alembic", "policies", "schema"):
        files = [path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
        missing = {f"member_hub/_data/{path.relative_to(ROOT)}" for path in files} - inside
        assert missing == set()


def test_the_wheel_holds_no_more_than_the_product(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()

    assert {re.sub(r"-\d.*", "", name.split("/")[0]) for name in names} == {"member_hub"}
    assert [name for name in names if "__pycache__" in name or name.endswith(".pyc")] == []


def test_an_installed_wheel_finds_its_own_files(installed: Path, tmp_path: Path) -> None:
    program = "from member_hub import resources as r; print(*map(r.folder, ('alembic', 'policies', 'schema')))"

    said = _installed(installed, sys.executable, "-c", program, cwd=tmp_path)

    assert [Path(word).parent for word in said.split()] == [installed / "member_hub" / "_data"] * 3


def test_an_installed_wheel_makes_a_database_and_is_well(installed: Path, tmp_path: Path) -> None:
    command = str(installed / "bin" / "member-hub")

    _installed(installed, sys.executable, command, "migrate", cwd=tmp_path)
    examined = json.loads(_installed(installed, sys.executable, command, "doctor", "--json", cwd=tmp_path))

    checks = {check["name"]: check["verdict"] for check in examined["checks"]}
    assert examined["ok"] is True
    assert (checks["roles and schemas"], checks["migrations"]) == ("ok", "ok")
    assert (tmp_path / ".member-hub" / "data" / "postgres").exists() or (
        tmp_path / ".member-hub" / "data" / "postgres.at"
    ).exists()


def _installed(site: Path, *command: str, cwd: Path) -> str:
    """Run with the installed copy before the checkout."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("MEMBER_HUB")}
    return _run(*command, cwd=cwd, environ=bare | {"PYTHONPATH": str(site), "MEMBER_HUB_MODE": "development"})


def _run(*command: str, cwd: Path, environ: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
