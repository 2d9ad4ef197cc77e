"""`member-hub audit` and the served hub as processes: what they print, how they end."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from member_hub.db import Database, migrate, provision
from member_hub.db.embedded import Server
from member_hub.ids import uuid7
from member_hub.settings import Settings
from tests.audit.logs import Log
from tests.conftest import Run, admin

COMMAND = Path(sys.executable).parent / "member-hub"
NAME = "audit_commanded"


@dataclass
class Installed:
    """A hub as an operator has it: the commands take the roles that are named after the database."""

    log: Log
    environ: dict[str, str]

    def call(self, *words: str) -> "subprocess.CompletedProcess[str]":
        command = [COMMAND, "audit", *words]
        return subprocess.run(command, env=self.environ, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def installed(server: Server, run: Run, settings: Settings) -> Iterator[Installed]:
    run(admin(server, f"CREATE DATABASE {NAME}"))
    database = Database.open(server.url(NAME))
    run(provision.provision(database))
    run(migrate.upgrade(database))
    bare = {name: value for name, value in os.environ.items() if not name.startswith("MEMBER_HUB")}
    environ = bare | {
        "MEMBER_HUB_MODE": "development",
        "MEMBER_HUB_DATABASE_URL": server.url(NAME),
        "MEMBER_HUB_DATA_DIR": str(settings.data_dir),
        "MEMBER_HUB_KEY_DIR": str(settings.key_dir),
        "MEMBER_HUB_LEDGER_DIR": str(settings.ledger_dir),
        "MEMBER_HUB_PORT": "0",
    }
    yield Installed(Log.of(database, settings), environ)
    run(database.close())
    run(admin(server, f"DROP DATABASE {NAME} WITH (FORCE)"))


def test_the_commands_prove_a_log_and_find_what_was_done_to_it(installed: Installed, run: Run, tmp_path: Path) -> None:
    writer = run(installed.log.write(3, member_ids=[uuid7()]))

    first = installed.call("verify")
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout.splitlines() == [
        "The audit log is whole: 0 entries under 0 seals checked.",
        "Not yet sealed: 3. Seals not yet in the head outside: 0.",
    ]

    head = installed.call("export-head")
    assert head.returncode == 0
    assert json.loads(head.stdout)["number"] == 1
    (tmp_path / "kept.jsonl").write_text(head.stdout, "ascii")
    (file,) = installed.log.folder.glob("audit-head-*")
    assert file.read_text("ascii") == head.stdout

    assert json.loads(installed.call("verify", "--json").stdout) == {
        "ok": True, "entries": 3, "seals": 1, "unsealed": 0, "unexported": 0, "findings": [], "more_findings": 0,
    }  # fmt: skip

    run(installed.log.superuser("DELETE FROM hub.audit_entry WHERE sequence = 2"))
    found = installed.call("verify")
    assert found.returncode == 1
    assert found.stdout.splitlines()[:2] == [
        f"missing: month 2026-12, writer {writer}, entry 2 (seal 1)",
        "THE AUDIT LOG WAS TAMPERED WITH: 2 entries under 1 seals checked.",
    ]

    run(installed.log.superuser("TRUNCATE hub.audit_entry, hub.audit_subject, hub.audit_seal, hub.audit_seal_part"))
    file.unlink()
    assert installed.call("verify").returncode == 0  # head and database were cut by the same hand
    kept = installed.call("verify", "--head", str(tmp_path / "kept.jsonl"), "--json")
    assert kept.returncode == 1
    assert [(one["kind"], one["first"]) for one in json.loads(kept.stdout)["findings"]] == [("seals_cut", 1)]


def test_expiring_says_what_went(installed: Installed) -> None:
    assert json.loads(installed.call("expire", "--json").stdout) == {"expired": []}


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_the_served_hub_seals_by_itself_and_stops_in_order(installed: Installed, run: Run, how: int) -> None:
    run(installed.log.write(3, member_ids=[uuid7()]))
    with subprocess.Popen(
        [COMMAND, "serve"], env=installed.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as served:
        assert served.stdout
        assert served.stdout.readline().startswith("Serving http://127.0.0.1:")
        run(installed.log.write(2))

        served.send_signal(how)
        _, errors = served.communicate(timeout=60)

    report = run(installed.log.report())
    assert (report.findings, report.entries, report.unsealed, report.unexported) == ([], 5, 0, 0)
    assert _complaints(errors.splitlines()) == []
    assert served.returncode == 0


def _complaints(lines: Sequence[str]) -> list[Any]:
    logged = [json.loads(line) for line in lines if line.startswith("{")]
    return [line["message"] for line in logged if line["level"] in ("ERROR", "CRITICAL")]
