"""Takes each defence of tools/defences.toml away once, in a copy, and sees whether a test notices: `make mutation`.

    python tools/mutation_check.py [--only TEXT]

First every named test has to pass as the code stands, else its failing later would say nothing. A defence counts as
guarded where pytest ran and a test failed; where the tests still pass, or the changed code does not even import, it
does not. Exit 0: every defence is guarded.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIST = ROOT / "tools" / "defences.toml"
COPIED = ("src", "tests", "policies", "schema", "alembic", "pyproject.toml", "alembic.ini", "benchmarks", "tools")
RUN_S = 300  # of one run of tests; longer counts as not guarded
PASSED, FAILED = 0, 1  # exit codes of pytest


@dataclass(frozen=True, slots=True)
class Defence:
    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def removed_from(self, text: str) -> str:
        if text.count(self.old) != 1:
            raise SystemExit(f"{self.name}: the text stands {text.count(self.old)} times in {self.file}, not once.")
        return text.replace(self.old, self.new)


def defences() -> list[Defence]:
    stated = tomllib.loads(LIST.read_text("utf-8"))["defence"]
    return [Defence(**{**each, "tests": tuple(each["tests"])}) for each in stated]


def main() -> int:
    parser = argparse.ArgumentParser(prog="mutation_check", description="Does a test notice when a defence is gone?")
    parser.add_argument("--only", default="", help="defences whose name contains this")
    chosen = [each for each in defences() if parser.parse_args().only in each.name]
    if not chosen:
        parser.error("No defence has such a name.")
    with tempfile.TemporaryDirectory(prefix="member-hub-mutation-") as folder:
        copy = _copy(Path(folder))
        tests = sorted({test for each in chosen for test in each.tests})
        status, _ = _run(copy, tests)
        if status != PASSED:
            print(f"The tests do not pass as the code stands (pytest ended with {status}).", file=sys.stderr)
            return 1
        width = max(len(each.name) for each in chosen)
        results = [_tried(copy, each, width) for each in chosen]
    print(f"{sum(results)} of {len(results)} defences are guarded by a test.")
    return 0 if all(results) else 1


def _copy(folder: Path) -> Path:
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copyfile(source, folder / name)
    return folder


def _tried(copy: Path, defence: Defence, width: int) -> bool:
    file = copy / defence.file
    whole = file.read_text("utf-8")
    file.write_text(defence.removed_from(whole), "utf-8")
    began = time.monotonic()
    try:
        status, first = _run(copy, list(defence.tests))
    finally:
        file.write_text(whole, "utf-8")
    is_guarded = status == FAILED and bool(first)
    said = first if is_guarded else f"NOT GUARDED (pytest ended with {status})"
    print(f"{defence.name:<{width}}  {time.monotonic() - began:5.1f} s  {said}", flush=True)
    return is_guarded


def _run(copy: Path, tests: list[str]) -> tuple[int | None, str]:
    """How pytest ended, and the first test that failed."""
    command = [sys.executable, "-B", "-m", "pytest", "-q", "-x", "-rf", "--no-header", "-p", "no:cacheprovider", *tests]
    environ = os.environ | {"PYTHONPATH": str(copy / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            command, cwd=copy, env=environ, capture_output=True, text=True, timeout=RUN_S, check=False
        )
    except subprocess.TimeoutExpired:
        return None, ""
    failed = [line for line in done.stdout.splitlines() if line.startswith("FAILED ")]
    return done.returncode, failed[0].removeprefix("FAILED ").split(" - ")[0][:90] if failed else ""


if __name__ == "__main__":
    sys.exit(main())
