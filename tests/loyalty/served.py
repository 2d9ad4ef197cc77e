"""The hub as an operator serves it: `member-hub serve` in a process of its own, to be killed and started again."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from member_hub import organisation, resources
from member_hub.access import Ask, DevelopmentTokens, Policies
from member_hub.clock import Clock
from member_hub.settings import Mode, Settings

COMMAND = Path(sys.executable).parent / "member-hub"
STARTS_S = 60
STEP_S = 0.05
_POLICIES = resources.folder("policies")


class Served:
    """One process that serves; what it says goes into a file, for nobody reads a pipe while it is under load."""

    def __init__(self, settings: Settings, log: Path, **environ: str) -> None:
        self.settings = settings
        self.address = ""
        self._log = log
        self._environ = environ_of(settings) | {"MEMBER_HUB_PORT": "0"} | environ
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Returns when it listens."""
        began = self._log.stat().st_size if self._log.exists() else 0
        with open(self._log, "ab") as log:
            self._process = subprocess.Popen([COMMAND, "serve"], env=self._environ, stdout=log, stderr=log)
        async with asyncio.timeout(STARTS_S):
            while (found := re.search(r"Serving (http://[\d.:]+)/graphql", self.said[began:])) is None:
                assert self._process.poll() is None, self.said[-2000:]
                await asyncio.sleep(STEP_S)
        self.address = found[1]

    @property
    def said(self) -> str:
        return self._log.read_text("utf-8")

    def kill(self) -> None:
        """kill -9, and nothing of it is left."""
        assert self._process
        self._process.kill()
        assert self._process.wait() == -signal.SIGKILL

    def kill_server(self) -> None:
        """kill -9 of the embedded PostgreSQL server below it."""
        os.kill(int(json.loads((self.settings.data_dir / "server.json").read_text("utf-8"))["server_pid"]), 9)

    def stop(self) -> None:
        """As an operator does, if it still runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(STARTS_S)

    def command(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """A command beside it."""
        return subprocess.run([COMMAND, *words], env=self._environ, capture_output=True, text=True, check=False)


def environ_of(settings: Settings) -> dict[str, str]:
    named = {
        "MEMBER_HUB_MODE": "development",
        "MEMBER_HUB_DATABASE_URL": settings.database_url or "",
        "MEMBER_HUB_DATA_DIR": str(settings.data_dir),
        "MEMBER_HUB_KEY_DIR": str(settings.key_dir),
        "MEMBER_HUB_LEDGER_DIR": str(settings.ledger_dir),
    }
    return {k: v for k, v in os.environ.items() if not k.startswith("MEMBER_HUB_")} | named


def token_of(settings: Settings, role: str, purpose: str = "member_service", **claims: object) -> str:
    """A development token, as `member-hub token` prints it."""
    known = replace(settings, mode=Mode.DEVELOPMENT)
    policies = Policies.load(_POLICIES)
    stated: Mapping[str, object] = {"role": role, "purposes": [purpose], **claims}
    register = organisation.load(_POLICIES / "organisation.toml")
    return DevelopmentTokens.open(known).issue(Ask(**stated), policies.register, register, now=Clock().now())  # type: ignore[arg-type]
