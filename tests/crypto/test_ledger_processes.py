"""The erasure ledger under several processes, and under one that is killed."""

import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from member_hub.crypto import Ledger, LedgerKind, Note

NEXT = Note(
    LedgerKind.ERASURE, (UUID("01900000-0000-7000-8000-00000000000a"),), datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
)

APPEND = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID
from member_hub.crypto import Ledger, LedgerKind, Note
ledger = Ledger.open(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()  # all begin when the test says so
for n in range(int(sys.argv[3])):
    notes = [Note(LedgerKind.REKEY, (UUID(int=1000 * int(sys.argv[2]) + n),), datetime.now(UTC), ("contact",))]
    for entry in ledger.append(notes * 2):
        print(entry.seq, entry.hash, flush=True)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "hub" / "ledger"


def start(folder: Path, number: int, appends: int) -> subprocess.Popen[str]:
    """A process that is ready to append and waits for its line."""
    command = [sys.executable, "-c", APPEND, str(folder), str(number), str(appends)]
    run = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None
    assert run.stdout.readline() == "ready\n"
    return run


def go(run: subprocess.Popen[str]) -> None:
    assert run.stdin is not None
    run.stdin.write("go\n")
    run.stdin.flush()


def test_processes_that_append_at_once_make_one_chain(folder: Path) -> None:
    runs = [start(folder, number, 50) for number in (1, 2)]
    for run in runs:
        go(run)
    said = [line.split() for run in runs for line in run.communicate()[0].splitlines()]
    ledger = Ledger.open(folder)

    assert [run.returncode for run in runs] == [0, 0]
    assert sorted((int(seq), hashed) for seq, hashed in said) == [(e.seq, e.hash) for e in ledger.entries()]
    assert ledger.head().seq == 200
    assert {e.note.subjects[0].int // 1000 for e in ledger.entries(after=1)} == {1, 2}


@pytest.mark.parametrize("acknowledged", [1, 8, 31])
def test_killing_a_process_that_appends_loses_nothing_acknowledged(folder: Path, acknowledged: int) -> None:
    run = start(folder, 1, 1_000_000)
    go(run)
    assert run.stdout is not None

    said = [run.stdout.readline().split() for _ in range(acknowledged)]
    run.send_signal(signal.SIGKILL)
    said += [words for line in run.communicate()[0].splitlines() if len(words := line.split()) == 2]

    kept = {(str(entry.seq), entry.hash) for entry in Ledger.open(folder).entries()}
    assert run.returncode == -signal.SIGKILL
    assert {(seq, hashed) for seq, hashed in said if len(hashed) == 64} <= kept
    assert Ledger.open(folder).append([NEXT])[0].seq == len(kept) + 1
