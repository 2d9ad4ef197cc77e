"""The loyalty programme's file: one table for each part, which that part reads strictly by itself."""

from pathlib import Path
from typing import Final

from member_hub import resources
from member_hub.organisation import PolicyError, Section, read_toml
from member_hub.settings import Settings

FILE: Final = "programme.toml"
PARTS: Final = ("points", "tiers", "tags", "benefits")


def load(settings: Settings) -> dict[str, Section]:
    """The table of each part. Raises PolicyError for a table that is missing, and for a key that no part reads.

    An operator's own file was copied from an earlier version, perhaps before a part was there: all that it lacks is
    named at once, with the file to copy it from. Nothing is filled in silently, for these are the operator's promises.
    """
    found = read(file_of(settings))
    missing = [f"[{name}]" for name in PARTS if name not in found]
    if missing:
        raise PolicyError(
            FILE,
            0,
            f"it lacks {', '.join(missing)}, which this version needs; 缺少本版本所需的表 {'、'.join(missing)}",
            remedy=(
                f"Copy what is missing, each table with those below it, from {resources.folder('policies') / FILE}, "
                "make it yours, and check it with `member-hub policy check`. 请从上述随附文件复制缺少的表并按需修改。"
            ),
        )
    return found


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
