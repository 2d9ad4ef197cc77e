"""The command line: what it says, how it exits, what it does not load."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from member_hub.clock import Clock
from member_hub.crypto import Vault
from member_hub.db.session import connect
from member_hub.doctor import examine
from member_hub.settings import Mode, Settings, keep_development
from tests.conftest import Run

COMMAND = Path(sys.executable).parent / "member-hub"
HEAVY = ("sqlalchemy", "strawberry", "casbin", "asyncpg", "alembic", "cryptography", "pyarrow", "phonenumbers")


def call(*words: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    bare = bare_environment()
    return subprocess.run(
        [COMMAND, *words], cwd=cwd, env=bare | environ, capture_output=True, text=True, timeout=120, check=False
    )


def bare_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("MEMBER_HUB")}


def test_help_names_every_command_and_loads_nothing_heavy() -> None:
    program = """
import sys
from click.testing import CliRunner
from member_hub.cli import COMMANDS, cli

said = CliRunner().invoke(cli, ["--help"], catch_exceptions=False).output
print([name for name in (*COMMANDS, "doctor", "migrate") if f"  {name} " not in said])
print([name for name in sys.argv[1:] if name in sys.modules])
"""

    said = subprocess.run([sys.executable, "-c", program, *HEAVY], capture_output=True, text=True, check=True)

    assert said.stdout.splitlines() == ["[]", "[]"]


def test_wrong_usage_exits_with_2(tmp_path: Path) -> None:
    assert call("no-such-command", cwd=tmp_path).returncode == 2
    assert call("doctor", "--no-such-option", cwd=tmp_path).returncode == 2


def test_a_refusal_is_one_line_and_exits_with_1(tmp_path: Path) -> None:
    refused = call("migrate", cwd=tmp_path)

    assert refused.returncode == 1
    assert refused.stdout == ""
    assert refused.stderr == (
        "member-hub: Production does not use the embedded database server. "
        f"There is no data folder {tmp_path}/.member-hub/data: go to where the hub runs, or set MEMBER_HUB_DATA_DIR or "
        "MEMBER_HUB_DATABASE_URL. To try things out: member-hub run.\n"
    )
    (tmp_path / ".member-hub" / "data").mkdir(parents=True)
    assert call("migrate", cwd=tmp_path).stderr.endswith(
        "Set MEMBER_HUB_DATABASE_URL, or MEMBER_HUB_MODE=development to try things out.\n"
    )


def test_a_wrong_setting_is_named_and_not_quoted(tmp_path: Path) -> None:
    refused = call("migrate", cwd=tmp_path, MEMBER_HUB_MODE="geheim")

    assert refused.returncode == 1
    assert "MEMBER_HUB_MODE" in refused.stderr
    assert "geheim" not in refused.stderr


def test_migrate_then_doctor_is_well(tmp_path: Path) -> None:
    migrated = call("migrate", "--json", cwd=tmp_path, MEMBER_HUB_MODE="development")
    examined = call("doctor", "--json", cwd=tmp_path, MEMBER_HUB_MODE="development")

    assert (migrated.returncode, migrated.stderr) == (0, "")
    assert "migration" in json.loads(migrated.stdout)
    checks = {check["name"]: check for check in json.loads(examined.stdout)["checks"]}
    assert examined.returncode == 0
    assert checks["mode"]["says"] == "development"
    assert "embedded (" in checks["database server"]["says"]
    assert checks["roles and schemas"]["verdict"] == "ok"
    assert checks["migrations"]["verdict"] == "ok"
    assert checks["data folder"]["says"] == str(tmp_path / ".member-hub" / "data")


def test_doctor_in_production_without_a_database_fails_with_the_remedy(tmp_path: Path) -> None:
    examined = call("doctor", cwd=tmp_path)

    assert examined.returncode == 1
    assert "fail  database: Production does not use the embedded database server." in examined.stdout
    assert f"      There is no data folder {tmp_path}/.member-hub/data: go to where the hub runs" in examined.stdout
    assert not (tmp_path / ".member-hub").exists()


def test_doctor_before_the_first_start_names_the_programs_it_would_take(tmp_path: Path) -> None:
    examined = call("doctor", cwd=tmp_path, MEMBER_HUB_MODE="development", MEMBER_HUB_POSTGRES="wheel")

    assert examined.returncode == 0
    assert "from the wheel, programs in" in examined.stdout
    assert "made at the first start" in examined.stdout


@pytest.mark.parametrize("name", ["keys", "ledger"])
def test_doctor_finds_a_file_that_others_may_read(tmp_path: Path, name: str) -> None:
    folder = tmp_path / ".member-hub" / name
    folder.mkdir(parents=True, mode=0o700)
    (folder / "root.key").write_bytes(b"")
    (folder / "root.key").chmod(0o640)

    examined = call("doctor", cwd=tmp_path, MEMBER_HUB_MODE="development")

    assert examined.returncode == 1
    assert f"{folder / 'root.key'} is open to others\n      chmod 600" in examined.stdout


def test_doctor_tells_a_database_that_is_not_migrated(run: Run, settings: Settings, tmp_path: Path) -> None:
    run(_unmigrate(settings))

    examined = call(
        "doctor", "--json", cwd=tmp_path, MEMBER_HUB_MODE="development", MEMBER_HUB_DATA_DIR=str(settings.data_dir)
    )

    checks = {check["name"]: check for check in json.loads(examined.stdout)["checks"]}
    assert checks["roles and schemas"]["verdict"] == "fail"
    assert "CREATE SCHEMA vault AUTHORIZATION" in checks["roles and schemas"]["remedy"]
    assert examined.returncode == 1


@pytest.mark.parametrize("lost", ["root.key", "epoch-1.key"])
def test_doctor_fails_where_the_keys_of_the_database_are_missing(run: Run, settings: Settings, lost: str) -> None:
    environ = {
        "MEMBER_HUB_MODE": "development",
        "MEMBER_HUB_DATA_DIR": str(settings.data_dir),
        "MEMBER_HUB_KEY_DIR": str(settings.key_dir),
    }
    run(_found(settings))
    well = call("doctor", cwd=settings.data_dir, **environ)
    (settings.key_dir / lost).unlink()

    examined = call("doctor", cwd=settings.data_dir, **environ)

    assert (well.returncode, "ok    keys: those of this database, epoch 1" in well.stdout) == (0, True)
    assert examined.returncode == 1
    missing = f"fail  keys: {settings.key_dir / lost} is missing, and the database holds keys that need it."
    assert f"{missing}\n      Restore the key folder" in examined.stdout
    assert not (settings.key_dir / lost).exists()


def test_doctor_makes_no_keys(run: Run, settings: Settings) -> None:
    run(_migrate(settings))

    checks = run(examine(settings))

    assert [check.says for check in checks if check.name == "keys"] == ["made at the first start"]
    assert not settings.key_dir.exists()


def test_run_keeps_development_for_the_other_commands(tmp_path: Path) -> None:
    environ = {"MEMBER_HUB_DATA_DIR": str(tmp_path / "data")}
    assert Settings.from_environ(environ).mode is Mode.PRODUCTION

    keep_development(environ)

    assert Settings.from_environ(environ).mode is Mode.DEVELOPMENT
    assert Settings.from_environ(environ | {"MEMBER_HUB_MODE": "production"}).mode is Mode.PRODUCTION


def test_the_mode_that_run_kept_counts_only_for_the_database_that_it_was_given(tmp_path: Path) -> None:
    embedded = {"MEMBER_HUB_DATA_DIR": str(tmp_path / "data")}
    tried = embedded | {"MEMBER_HUB_DATABASE_URL": "postgresql://me:old@db/trying"}
    real = embedded | {"MEMBER_HUB_DATABASE_URL": "postgresql://me:old@db/members"}

    def modes() -> list[Mode]:
        return [Settings.from_environ(environ).mode for environ in (embedded, tried, real)]

    keep_development(embedded)
    assert modes() == [Mode.DEVELOPMENT, Mode.PRODUCTION, Mode.PRODUCTION]

    keep_development(tried)
    keep_development(tried)
    assert modes() == [Mode.DEVELOPMENT, Mode.DEVELOPMENT, Mode.PRODUCTION]
    assert len((tmp_path / "data" / "mode").read_text("ascii").splitlines()) == 2

    changed = tried | {"MEMBER_HUB_DATABASE_URL": "postgresql://me:new@db/trying"}
    assert Settings.from_environ(changed).mode is Mode.DEVELOPMENT


def test_a_mode_kept_by_an_earlier_version_is_the_embedded_servers(tmp_path: Path) -> None:
    (tmp_path / "mode").write_text("development", "ascii")
    environ = {"MEMBER_HUB_DATA_DIR": str(tmp_path)}

    keep_development(environ)

    assert (tmp_path / "mode").read_text("ascii") == "development"
    assert Settings.from_environ(environ).mode is Mode.DEVELOPMENT
    assert Settings.from_environ(environ | {"MEMBER_HUB_DATABASE_URL": "postgresql://db/x"}).mode is Mode.PRODUCTION


def test_run_leaves_the_mode_alone_where_the_variable_says_it(tmp_path: Path) -> None:
    keep_development({"MEMBER_HUB_DATA_DIR": str(tmp_path / "data"), "MEMBER_HUB_MODE": "production"})

    assert not (tmp_path / "data").exists()


async def _migrate(settings: Settings) -> None:
    async with connect(settings):
        pass


async def _found(settings: Settings) -> None:
    """Make the keys, as the first start does."""
    async with connect(settings) as database:
        await Vault.open_ring(database, settings, Clock())


async def _unmigrate(settings: Settings) -> None:
    async with connect(settings) as database, database.owner.begin() as tx:
        await tx.exec_driver_sql("drop schema vault cascade")
