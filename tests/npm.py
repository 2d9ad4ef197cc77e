"""Programs of npm that the hub is held against: the exact versions of a lock file, in a folder of the test's own."""

import shutil
import subprocess
from pathlib import Path

INSTALL_S = 120


def install(source: Path, folder: Path) -> str | None:
    """Install what `source` names into `folder`, checked by its digests. Why not, where this machine cannot."""
    for program, name in (("node", "Node"), ("npm", "npm")):
        if shutil.which(program) is None:
            return f"not shown: {name} is missing"
    for file in source.iterdir():
        if file.is_file():
            shutil.copy(file, folder)
    words = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    try:
        done = subprocess.run(words, cwd=folder, capture_output=True, timeout=INSTALL_S, check=False)
    except subprocess.TimeoutExpired:
        return f"not shown: npm did not install {source.name} within {INSTALL_S} s"
    return None if done.returncode == 0 else f"not shown: npm cannot install {source.name} (status {done.returncode})"
