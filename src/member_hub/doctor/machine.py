"""What this machine has: the program itself, its settings' mode, and folders that nobody else may enter."""

import os
import platform
import stat
import sys
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path

from member_hub.db import place
from member_hub.doctor.findings import Check, Verdict, failed
from member_hub.errors import Misconfigured
from member_hub.settings import Settings

OLDEST_PYTHON = (3, 11)
FILES_MAX = 1000


def product() -> Check:
    return Check("member-hub", Verdict.OK, metadata.version("member-hub"))


def python() -> Check:
    verdict = Verdict.OK if sys.version_info >= OLDEST_PYTHON else Verdict.FAIL
    return Check("python", verdict, platform.python_version(), "" if verdict is Verdict.OK else "Use 3.11 or newer.")


def mode(settings: Settings) -> Check:
    return Check("mode", Verdict.OK, settings.mode)


def private_folder(name: str, folder: Path) -> Iterator[Check]:
    """The folder and every file in it belong to this user alone."""
    if not folder.is_dir():
        yield Check(name, Verdict.OK, f"{folder} is not made yet")
        return
    for path in [folder, *sorted(folder.iterdir())[:FILES_MAX]]:
        found = path.lstat()
        wanted = 0o700 if stat.S_ISDIR(found.st_mode) else 0o600
        if found.st_uid != os.geteuid():
            yield Check(name, Verdict.FAIL, f"{path} belongs to another user", f"chown {os.geteuid()} {path}")
        elif found.st_mode & 0o777 & ~wanted:
            yield Check(name, Verdict.FAIL, f"{path} is open to others", f"chmod {wanted:o} {path}")
    yield Check(name, Verdict.OK, str(folder))


def data_folder(data_dir: Path, environ: Mapping[str, str]) -> Iterator[Check]:
    try:
        files = place.existing(data_dir)
    except Misconfigured as error:
        yield failed("data folder", error)
        return
    yield Check("data folder", Verdict.OK, str(data_dir) if files else f"{data_dir} is not made yet")
    if files and files.parent != data_dir:
        yield Check("server files", Verdict.OK, f"{files}, because the server's user cannot enter the data folder")
    for path in place.leftovers(data_dir, environ):
        yield Check(
            "server files", Verdict.WARN, f"{path} was left by an earlier data folder", "Remove it if nobody needs it."
        )
