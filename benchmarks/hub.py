"""The hub as an operator has it: its command line, on a data folder of its own that is thrown away."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from member_hub.db import embedded, place
from member_hub.db.embedded import DATABASE, Server

SOURCES = {
    "website": "website.jsonl",
    "app": "app.jsonl",
    "store": "store.csv",
    "orders": "orders.csv",
    "activity": "activity.csv",
}
_COMMAND = (sys.executable, "-c", "from member_hub.cli import main; main()")
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss


class HubFailed(Exception):
    """A command of the hub ended with an error."""


@dataclass(frozen=True, slots=True)
class Done:
    """One command that ended well."""

    wall_s: float
    cpu_s: float
    peak_rss_bytes: int
    stdout: str


@dataclass(frozen=True, slots=True)
class Hub:
    folder: Path
    server: Server  # held by the benchmark, so that a command's own time and memory are its own

    def run(self, *arguments: str, one_core: bool = False) -> Done:
        """Run `member-hub ARGUMENTS`. Raises HubFailed with the end of what it said."""
        with (
            tempfile.TemporaryFile("w+", encoding="utf-8") as out,
            tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as err,
        ):
            started = time.perf_counter()
            process = subprocess.Popen(
                [*_COMMAND, *arguments],
                stdout=out,
                stderr=err,
                env=os.environ | self.environ,
                preexec_fn=to_one_core if one_core else None,  # noqa: PLW1509  (this process has no threads)
            )
            _, status, usage = os.wait4(process.pid, 0)
            wall_s = time.perf_counter() - started
            process.returncode = os.waitstatus_to_exitcode(status)
            out.seek(0)
            err.seek(0)
            if process.returncode:
                raise HubFailed(
                    f"member-hub {' '.join(arguments[:2])} ended with {process.returncode}\n{err.read()[-2000:]}"
                )
            cpu_s = usage.ru_utime + usage.ru_stime
            return Done(wall_s, cpu_s, usage.ru_maxrss * _RSS_UNIT, out.read())

    def ingest(self, source: str, files: Path, *, one_core: bool = False) -> Done:
        """Import one of the five files of a folder."""
        return self.run("ingest", source, str(files / SOURCES[source]), one_core=one_core)

    @property
    def command(self) -> Sequence[str]:
        return _COMMAND

    @property
    def url(self) -> str:
        return self.server.url(DATABASE)

    @property
    def environ(self) -> dict[str, str]:
        return {
            "MEMBER_HUB_MODE": "development",
            "MEMBER_HUB_DATABASE_URL": "",
            "MEMBER_HUB_DATA_DIR": str(self.folder / "data"),
            "MEMBER_HUB_KEY_DIR": str(self.folder / "keys"),
            "MEMBER_HUB_LEDGER_DIR": str(self.folder / "ledger"),
            "MEMBER_HUB_COST_PER_S": "100000000",  # what is measured is the hub, not its limits
            "MEMBER_HUB_LOOKUPS_PER_S": "100000000",
            "MEMBER_HUB_LOOKUPS_PER_DAY": "100000000",
        }


@contextmanager
def fresh_hub() -> Iterator[Hub]:
    """A hub without a row, its embedded server running, its tables made."""
    with tempfile.TemporaryDirectory() as folder:
        hub_folder = Path(folder)
        try:
            with embedded.server(hub_folder / "data") as server:
                hub = Hub(hub_folder, server)
                hub.run("migrate")
                yield hub
        finally:
            _remove_outside(hub_folder / "data")


def _remove_outside(data_dir: Path) -> None:
    """The server's files, where its user could not enter the temporary folder and they lie elsewhere."""
    files = place.existing(data_dir)
    if files is not None and not files.is_relative_to(data_dir):
        shutil.rmtree(files)


def to_one_core() -> None:
    """Only where the system can tell: elsewhere the figure is for the machine as it is."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
