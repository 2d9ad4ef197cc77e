"""A program that runs `member-hub` commands in processes of their own, each forked from this one, which has imported
everything: a command starts in milliseconds, and can be told to die in the middle.

It reads one JSON object per line. {"start": {...}} is answered by the id of the process, {"wait": id} by its exit
status (negative: the signal). `dies_at` counts statements and commits, from the first one about a run; at that one,
or some milliseconds later, the process is killed with -9. How many there were it leaves beside its output.
"""

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any, NoReturn

from sqlalchemy import event
from sqlalchemy.engine import Engine

from member_hub import cli
from member_hub.commands import identity, ingest, opening, quarantine
from member_hub.db import session
from member_hub.holders import HOLDERS
from member_hub.ingest import batches, retrying, running
from member_hub.runtime import open_runtime

LOADED = (identity, ingest, opening, quarantine, session, HOLDERS, retrying, running, open_runtime)


class Steps:
    """Counts statements and commits; at one of them, or a little later, comes the end."""

    def __init__(self, dies_at: int, dies_after_ms: float) -> None:
        self.count = 0
        self._dies_at, self._dies_after_ms = dies_at, dies_after_ms
        event.listen(Engine, "before_cursor_execute", lambda _c, _u, statement, *_: self._step(str(statement)))
        event.listen(Engine, "commit", lambda _c: self._step(""))

    def _step(self, statement: str) -> None:
        if not self.count and "ingest_run" not in statement:
            return
        self.count += 1
        if self.count == self._dies_at and self._dies_after_ms:
            threading.Thread(target=self._die, daemon=True).start()
        elif self.count == self._dies_at:
            self._die()

    def _die(self) -> None:
        time.sleep(self._dies_after_ms / 1000)
        os.kill(os.getpid(), signal.SIGKILL)


def run(order: dict[str, Any]) -> NoReturn:
    os.environ.update(order["environ"])
    for stream, name in enumerate((os.devnull, order["output"], order["output"] + ".errors")):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT if stream else os.O_RDONLY, 0o600), stream)
    sys.argv = ["member-hub", *order["arguments"]]
    batches.BATCH_MAX = order["batch"]
    steps = Steps(order["dies_at"], order["dies_after_ms"])
    status = 70
    try:
        cli.main()
    except SystemExit as ended:
        status = int(ended.code or 0)
    finally:
        sys.stdout.flush()
        Path(order["output"] + ".steps").write_text(str(steps.count), "utf-8")
        os._exit(status)


def main() -> None:
    for line in sys.stdin:
        asked = json.loads(line)
        if "wait" in asked:
            answer = os.waitstatus_to_exitcode(os.waitpid(asked["wait"], 0)[1])
        else:
            answer = os.fork() or run(asked["start"])
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
