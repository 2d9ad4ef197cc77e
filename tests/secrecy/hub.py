"""A hub in a folder of its own, worked through the real commands; their standard error is kept as its log."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib import request

from member_hub.db import place

COMMAND = Path(sys.executable).parent / "member-hub"
COMMAND_S = 120


class Hub:
    """Where it is, and how to speak to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data_dir, self.key_dir, self.ledger_dir = (folder / name for name in ("data", "keys", "ledger"))
        self.log = folder / "application.log"
        self.address = ""

    @property
    def environ(self) -> dict[str, str]:
        bare = {name: value for name, value in os.environ.items() if not name.startswith("MEMBER_HUB")}
        return bare | {
            "MEMBER_HUB_MODE": "development",
            "MEMBER_HUB_LOG": "debug",
            "MEMBER_HUB_PORT": "0",
            "MEMBER_HUB_DATA_DIR": str(self.data_dir),
            "MEMBER_HUB_KEY_DIR": str(self.key_dir),
            "MEMBER_HUB_LEDGER_DIR": str(self.ledger_dir),
        }

    def call(self, *words: str | Path, status: int = 0, **environ: str) -> str:
        """Run a command to its end; its standard output."""
        done = subprocess.run(
            [COMMAND, *words],
            cwd=self.folder,
            env=self.environ | environ,
            capture_output=True,
            timeout=COMMAND_S,
            check=False,
        )
        with self.log.open("ab") as log:
            log.write(done.stderr)
        assert done.returncode == status, f"{words[0]}: {done.returncode} {done.stderr.decode()[-2000:]}"
        return done.stdout.decode()

    @contextmanager
    def serving(self) -> Iterator[None]:
        """`member-hub serve` for the length of the block; other commands meanwhile join its database server."""
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [COMMAND, "serve"], cwd=self.folder, env=self.environ, stdout=subprocess.PIPE, stderr=log
            )
        assert process.stdout
        try:
            said = process.stdout.readline().decode()
            self.address = next(word for word in said.split() if word.startswith("http"))
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=COMMAND_S)

    def ask(self, token: str, document: str, **variables: object) -> Mapping[str, Any]:
        """What GraphQL answers."""
        body = json.dumps({"query": document, "variables": variables}).encode()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        with request.urlopen(request.Request(self.address, body, headers), timeout=COMMAND_S) as answer:
            told: Mapping[str, Any] = json.load(answer)
            return told

    @property
    def files(self) -> list[Path]:
        """Everything that it has written, also where its database server keeps its files elsewhere."""
        folders = {self.data_dir, self.key_dir, self.ledger_dir, place.existing(self.data_dir) or self.data_dir}
        return [self.log, *sorted({file for each in folders for file in each.rglob("*") if file.is_file()})]
