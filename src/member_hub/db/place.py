"""Whose rights the embedded server has, and where its programs and files lie.

Context: PostgreSQL refuses to run as root, and what it runs as instead may not enter the checkout. Decision: as root
first a user namespace, in which the server keeps root's files but none of its privileges; where that is refused,
`nobody`. What the server's user cannot enter lies outside: files in a folder named by a digest of the data folder's
path, to which the data folder keeps a pointer; a wheel's programs as a copy that keeps the wheel's layout. Price:
deleting the data folder leaves the files outside behind (`doctor` names them), and other programs that run as
`nobody` could read them, which is one more reason why production refuses the embedded server.
"""

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from member_hub.db import launch
from member_hub.db.binaries import Binaries, choose, libraries
from member_hub.db.launch import RunAs
from member_hub.errors import Misconfigured

FILES = "postgres"  # the server's files inside the data folder
POINTER = "postgres.at"  # or this says where they are
OUTSIDE_VARIABLE = "MEMBER_HUB_SERVER_DIR"
OUTSIDE = ("/var/lib/member-hub", "/var/tmp/member-hub")  # noqa: S108  used only when ours alone
RUN_AS_VARIABLE = "MEMBER_HUB_POSTGRES_AS"
RUN_AS = {"namespace": RunAs.NAMESPACE, "nobody": RunAs.NOBODY}
PROBE_S = 20
NAMES_MAX = 100
PARTS = ("bin", "lib", "share")


@dataclass(frozen=True, slots=True)
class Place:
    run_as: RunAs
    binaries: Binaries
    files: Path  # PostgreSQL's data folder; `is_new` until initdb made it
    is_new: bool


def settle(data_dir: Path, environ: Mapping[str, str]) -> Place:
    """Decide for this data folder. Raises Misconfigured with the remedy where nothing works.

    An existing data folder is opened with programs of its own major version and as the user who owns it; it is never
    made anew.
    """
    files = existing(data_dir)
    binaries = choose(environ, major=_major(files) if files else None)
    for run_as in _identities(files, environ):
        runnable = _runnable(binaries, run_as, environ)
        if runnable is None:
            continue
        if files is not None:
            if can(run_as, files):
                return Place(run_as, runnable, files, is_new=False)
        elif new := _new_files(data_dir, run_as, environ):
            return Place(run_as, runnable, new, is_new=True)
    raise Misconfigured(
        "PostgreSQL does not run as root, and here neither in a user namespace nor as `nobody`.",
        remedy="Run the hub as an ordinary user, or set MEMBER_HUB_DATABASE_URL.",
    )


def existing(data_dir: Path) -> Path | None:
    """Where the server's files are; None before the first start."""
    pointer = data_dir / POINTER
    files = Path(pointer.read_text("utf-8").strip()) if pointer.is_file() else data_dir / FILES
    if (files / "PG_VERSION").is_file():
        return files
    if pointer.exists() or files.exists():
        raise Misconfigured(
            f"The embedded server's files should be in {files}, and are not.",
            remedy="Restore them, or take another MEMBER_HUB_DATA_DIR.",
        )
    return None


def leftovers(data_dir: Path, environ: Mapping[str, str]) -> list[Path]:
    """Files outside that earlier data folders at this path left behind."""
    mine = existing(data_dir)
    said = environ.get(OUTSIDE_VARIABLE)
    found = [p for folder in ([said] if said else OUTSIDE) for p in Path(folder).glob(f"{_digest(data_dir)}*")]
    return sorted(path for path in found if path != mine)


def can(run_as: RunAs, *paths: Path) -> bool:
    """Whether this identity exists here, may write into the folders and run the programs among `paths`."""
    if run_as is RunAs.SAME_USER:
        return True
    command = [*launcher(run_as, signal=9), "--probe", *map(str, paths)]
    return subprocess.run(command, capture_output=True, timeout=PROBE_S, check=False).returncode == 0


def launcher(run_as: RunAs, *, signal: int) -> list[str]:
    """What stands before a command that shall run as `run_as` and get `signal` when this process dies."""
    return [sys.executable, "-I", "-S", launch.__file__, run_as, str(os.getpid()), str(signal)]


def give(path: Path, run_as: RunAs) -> None:
    """Make the server's user the owner."""
    if run_as is RunAs.NOBODY:
        os.chown(path, *launch.nobody())


def _major(files: Path) -> int:
    return int((files / "PG_VERSION").read_text("ascii"))


def _identities(files: Path | None, environ: Mapping[str, str]) -> list[RunAs]:
    owner = files.stat().st_uid if files else None
    mine = os.geteuid()
    if mine != 0:
        possible = {RunAs.SAME_USER: mine}
    else:
        possible = {RunAs.NAMESPACE: 0, RunAs.NOBODY: launch.nobody()[0]}
        if said := environ.get(RUN_AS_VARIABLE):
            possible = {run_as: uid for run_as, uid in possible.items() if run_as is RUN_AS.get(said)}
    fitting = [run_as for run_as, uid in possible.items() if owner in (None, uid)]
    if not fitting:
        raise Misconfigured(
            f"The embedded server's files in {files} belong to another user.",
            remedy="Run the hub as that user, or take another MEMBER_HUB_DATA_DIR.",
        )
    return fitting


def _new_files(data_dir: Path, run_as: RunAs, environ: Mapping[str, str]) -> Path | None:
    if _can_hold(data_dir, run_as):
        return data_dir / FILES
    outside = _outside(run_as, environ)
    if outside is None:
        return None
    digest = _digest(data_dir)
    for number in range(1, NAMES_MAX):
        # A name in use belongs to a data folder that was deleted: its files are not ours to open or to remove.
        if not (candidate := outside / (digest if number == 1 else f"{digest}-{number}")).exists():
            return candidate
    return None


def _digest(data_dir: Path) -> str:
    return hashlib.sha256(str(data_dir.resolve()).encode()).hexdigest()[:16]


def _can_hold(folder: Path, run_as: RunAs) -> bool:
    with tempfile.TemporaryDirectory(prefix="probe.", dir=folder) as inside:
        give(Path(inside), run_as)
        return can(run_as, Path(inside))


def _outside(run_as: RunAs, environ: Mapping[str, str]) -> Path | None:
    """A folder outside the checkout that is ours alone to write and that the server's user may enter."""
    said = environ.get(OUTSIDE_VARIABLE)
    for folder in map(Path, [said] if said else OUTSIDE):
        try:
            folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        except OSError:
            continue
        found = folder.lstat()
        if found.st_uid == os.geteuid() and not found.st_mode & 0o022 and _can_hold(folder, run_as):
            return folder
    return None


def _runnable(binaries: Binaries, run_as: RunAs, environ: Mapping[str, str]) -> Binaries | None:
    """The programs where this identity may run them: as they are, else a wheel's as a copy outside."""
    if can(run_as, *binaries.programs):
        return binaries
    outside = _outside(run_as, environ) if binaries.package else None
    if outside is None:
        return None
    copied = _copied(binaries, outside)
    return copied if can(run_as, *copied.programs) else None


def _copied(binaries: Binaries, outside: Path) -> Binaries:
    package = binaries.package
    assert package is not None, "only a wheel's programs are copied"
    install = binaries.folder.parent
    digest = hashlib.sha256(f"{install}:{install.stat().st_mtime_ns}".encode()).hexdigest()[:8]
    target = outside / f"{package.name}-{binaries.version}-{digest}"
    if not target.exists():
        with tempfile.TemporaryDirectory(prefix="copy.", dir=outside) as temporary:
            copy = Path(temporary) / "copy"
            for part in PARTS:
                shutil.copytree(install / part, copy / package.name / install.name / part, symlinks=True)
            shutil.copytree(libraries(package), libraries(copy / package.name), symlinks=True)
            for path in _all_paths(copy):  # a wheel unpacked under a strict umask is closed to others
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
            with contextlib.suppress(FileExistsError, NotADirectoryError):  # another data folder's hub was quicker
                copy.rename(target)
    return replace(binaries, folder=target / package.name / install.name / "bin")


def _all_paths(folder: Path) -> Iterator[Path]:
    yield folder
    yield from (path for path in folder.rglob("*") if not path.is_symlink())
