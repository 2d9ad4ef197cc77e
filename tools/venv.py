"""Sets up `.venv` from requirements.lock with the interpreter that runs this; `lock` resolves the lock file anew.

Nothing but the standard library, and nothing to do when interpreter, lock file and project file are the same as at
the last time. Another interpreter means another `.venv`.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "stamp.json"
LOCK = ROOT / "requirements.lock"
PIP = ("--disable-pip-version-check", "--no-input", "--quiet")
COMPILE = (
    *("pyproject.toml", "--extra", "parquet", "--group", "dev", "--generate-hashes", "--universal", "--quiet"),
    *("--no-emit-index-url", "--no-emit-find-links", "--no-header", "--no-annotate", "--python-version", "3.11"),
    *("-o", LOCK.name),
)


def main(arguments: list[str]) -> None:
    if arguments == ["lock"]:
        lock()
    else:
        set_up()


def set_up() -> None:
    """Leave `.venv` holding exactly what the lock file says, and the project itself as a link to the checkout."""
    wanted, found = _wanted(), _found()
    if found == wanted and _runs():
        return
    if found.get("python") != wanted["python"] or not _runs():
        print(f"Making .venv with Python {sys.version.split()[0]} ...", flush=True)
        _make()
    print("Installing what requirements.lock names ...", flush=True)
    STAMP.unlink(missing_ok=True)
    _run(_python(), "-m", "pip", "install", *PIP, "--require-hashes", "-r", str(LOCK))
    _run(_python(), "-m", "pip", "install", *PIP, "--no-deps", "--no-build-isolation", "--editable", str(ROOT))
    STAMP.write_text(json.dumps(wanted), "utf-8")


def lock() -> None:
    """Resolve the exact versions with their hashes; no address and no path gets into the file."""
    with tempfile.TemporaryDirectory() as folder:
        _run(_python(), "-m", "pip", "install", *PIP, "--target", folder, "uv")
        _run(str(Path(folder) / "bin" / "uv"), "pip", "compile", *COMPILE)


def _wanted() -> dict[str, str]:
    interpreter = [sys.version, os.path.realpath(sys.executable), sys.platform]
    return {
        "python": hashlib.sha256(json.dumps(interpreter).encode()).hexdigest(),
        "lock": hashlib.sha256(LOCK.read_bytes()).hexdigest(),
        "project": hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest(),
        "place": str(ROOT),
    }


def _found() -> dict[str, str]:
    try:
        return dict(json.loads(STAMP.read_text("utf-8")))
    except (FileNotFoundError, ValueError):
        return {}


def _runs() -> bool:
    """Whether the interpreter in `.venv` still works: the one it was made from may be gone."""
    try:
        return subprocess.run([_python(), "-c", ""], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _make() -> None:
    shutil.rmtree(VENV, ignore_errors=True)
    made = subprocess.run([sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True, check=False)
    if made.returncode == 0:
        return
    # Some distributions part `ensurepip` from Python; its own pip can fill the environment as well.
    shutil.rmtree(VENV, ignore_errors=True)
    bare = subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(VENV)], capture_output=True, check=False)
    pip = [sys.executable, "-m", "pip", "--python", _python(), "install", *PIP, "pip"]
    if bare.returncode == 0 and subprocess.run(pip, capture_output=True, check=False).returncode == 0:
        return
    sys.exit(
        f"{(made.stdout + made.stderr).strip()}\n\n"
        "This Python cannot make virtual environments. Install its venv module (Debian, Ubuntu: python3-venv), "
        "or choose another interpreter: make PYTHON=/path/to/python3.11"
    )


def _python() -> str:
    return str(VENV / "bin" / "python")


def _run(*command: str) -> None:
    done = subprocess.run(command, cwd=ROOT, check=False)
    if done.returncode != 0:
        sys.exit(f"This failed, and its words stand above: {' '.join(command)}")


if __name__ == "__main__":
    main(sys.argv[1:])
