"""The loyalty programme's file: one table for each part, which that part reads strictly by itself."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from member_hub import resources
from member_hub.organisation import PolicyError, Section, read_toml
from member_hub.settings import Settings

FILE: Final = "programme.toml"
PARTS: Final = ("points", "tiers", "tags", "benefits")


def load(settings: Settings) -> dict[str, Section]:
    """The table of each part that the file has. Raises PolicyError for a key that no part reads."""
    return read(file_of(settings))


def part(parts: Mapping[str, Section], name: str) -> Section:
    """The table of a part that the hub cannot do without. Raises PolicyError where the file has none."""
    if name not in parts:
        raise PolicyError(FILE, 0, f"the table [{name}] is missing")
    return parts[name]


def file_of(settings: Settings) -> Path:
    """The operator's programme where the policy folder has one, else the one that came with the product."""
    theirs = settings.policy_dir / FILE if settings.policy_dir else None
    return theirs if theirs and theirs.exists() else resources.folder("policies") / FILE


def read(path: Path) -> dict[str, Section]:
    top = read_toml(path)
    found = {}
    for name, values in top.values.items():
        if name not in PARTS or not isinstance(values, dict):
            raise top.refused(name, f"{name!r} is not one of the tables {', '.join(PARTS)}")
        found[name] = Section(top.file, top.source, name, values)
    return found
