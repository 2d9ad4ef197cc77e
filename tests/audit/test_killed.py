"""A sealer that is killed at any step (kill -9) loses nothing and seals nothing twice."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from member_hub.ids import uuid7
from tests.audit.logs import Log

# Forks a sealer per order, which dies before the step of that number: a statement, a commit, a write or a flush.
PROGRAM = """
import asyncio, json, os, signal, sys
from datetime import datetime
from pathlib import Path
from sqlalchemy import event
from member_hub.audit import AuditKeys, Sealer
from member_hub import private
from member_hub.db import Database

url, prefix, key_dir, ledger_dir = sys.argv[1:]

async def seal(dies_at):
    steps = 0
    def step(*_):
        nonlocal steps
        steps += 1
        if steps == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
    def stepping(call):
        def stepped(*given):
            step()
            done = call(*given)
            step()
            return done
        return stepped
    os.fsync, private.write_all = stepping(os.fsync), stepping(private.write_all)
    database = Database.open(url, role_prefix=prefix)
    for name in ("before_cursor_execute", "after_cursor_execute", "commit"):
        event.listen(database.audit.sync_engine, name, step)
    sealer = Sealer(database, AuditKeys.open(Path(key_dir)), Path(ledger_dir))
    await sealer.run(datetime.fromisoformat("2026-12-31T20:00:00+00:00"))
    await database.close()

for line in sys.stdin:
    child = os.fork()
    if not child:
        asyncio.run(seal(json.loads(line)))
        os._exit(0)
    print(json.dumps(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])), flush=True)
"""
ROUNDS_MAX = 60


@pytest.fixture
def sealers(log: Log, server: object, tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    where = [log.database.url, log.database.role_prefix, str(tmp_path / "keys"), str(log.folder)]
    command = [sys.executable, "-c", PROGRAM, *where]
    with subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        yield program
        assert program.stdin
        program.stdin.close()


async def test_a_sealer_killed_at_any_step_loses_nothing_and_doubles_nothing(
    log: Log, sealers: "subprocess.Popen[str]"
) -> None:
    killed, unfinished, unexported = 0, 0, 0
    for dies_at in range(1, ROUNDS_MAX):
        await log.write(2, member_ids=[uuid7()])
        if _ended(sealers, dies_at) == 0:
            break
        killed += 1
        report = await log.report()
        assert (report.findings, report.entries + report.unsealed) == ([], 2 * dies_at)
        unfinished += report.unsealed > 0
        unexported += report.unexported > 0
        await log.seal()
        report = await log.report()
        assert (report.findings, report.entries, report.unsealed, report.unexported) == ([], 2 * dies_at, 0, 0)

    assert killed > 20
    assert unfinished > 10
    assert unexported > 3
    sealed = [(p.writer, n) for p in await log.rows("audit_seal_part") for n in range(p.first, p.last + 1)]
    assert sorted(sealed, key=str) == sorted(((r.writer, r.sequence) for r in await log.rows("audit_entry")), key=str)
    assert len(await log.rows("audit_subject")) == len(sealed)


def _ended(sealers: "subprocess.Popen[str]", dies_at: int) -> int:
    assert sealers.stdin
    assert sealers.stdout
    sealers.stdin.write(f"{dies_at}\n")
    sealers.stdin.flush()
    status = int(json.loads(sealers.stdout.readline()))
    assert status in (0, -9)
    return status
