"""A hub whose operator states other rules: the policy folder with some keys of its programme changed."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from member_hub import resources

Changes = Mapping[str, str]  # a key of the programme's file with its table, and what it says there, as TOML
CAMPAIGNS = "points.campaigns"  # what stands for it are tables of their own, as the file shows them


def policies_with(changes: Changes, folder: Path) -> Path:
    """A copy of the shipped policies; every key has to be there, once."""
    copy = Path(shutil.copytree(resources.folder("policies"), folder / "policies"))
    file = copy / "programme.toml"
    text = file.read_text("utf-8")
    for name, value in changes.items():
        if name == CAMPAIGNS:
            text = text.replace("\ncampaigns = []\n", "\n") + value
        else:
            text = _changed(text, *name.rsplit(".", 1), value)
    file.write_text(text, "utf-8")
    return copy


def campaigns(*said: tuple[str, int, str, str]) -> Changes:
    """Campaigns of (kind, multiplier_bp, first day, last day)."""
    tables = [
        f'\n[[points.campaigns]]\nname = "campaign_{n}"\nkind = "{kind}"\nmultiplier_bp = {bp}\n'
        f'from = "{first}"\nto = "{last}"\n'
        for n, (kind, bp, first, last) in enumerate(said)
    ]
    return {CAMPAIGNS: "".join(tables)}


def purchases(**said: int | str) -> Changes:
    return _of("points.earn.purchase", said)


def tasks(**said: int | str) -> Changes:
    return _of("points.earn.task", said)


def _of(table: str, said: Mapping[str, int | str]) -> Changes:
    return {f"{table}.{key}": f'"{value}"' if isinstance(value, str) else str(value) for key, value in said.items()}


def _changed(text: str, table: str, key: str, value: str) -> str:
    head, found, rest = text.partition(f"\n[{table}]\n")
    assert found, table
    inside, *after = re.split(r"(?=\n\[)", rest, maxsplit=1)
    inside, count = re.subn(rf"(?m)^{key} = [^#\n]*?(?=\s*(#.*)?$)", f"{key} = {value}", inside)
    assert count == 1, key
    return "".join((head, found, inside, *after))
