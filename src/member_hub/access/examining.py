"""What else is wrong with a policy folder that loads: cases that do not hold, a matrix that is not current, lost roles.

A load does not ask for it: the hub goes by policy.csv and the registers alone. `member-hub policy check` does, before a
folder is put in force.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from member_hub import organisation as organisations
from member_hub.access import cases
from member_hub.access.grants import Policies
from member_hub.access.matrix import matrix
from member_hub.access.register import RoleKind
from member_hub.organisation import strict_text

MATRIX = "matrix.txt"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as the folder itself says; `line` 0: the whole file."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}: {self.text}" if self.line else f"{self.file}: {self.text}"


@dataclass(frozen=True, slots=True)
class Examination:
    policies: Policies
    cases: int
    findings: tuple[Finding, ...]


def examine(folder: Path, *, consent_keys: Collection[str]) -> Examination:
    """Load a folder as the hub would, with the consents that it can check, and hold it against what stands beside it.

    Raises PolicyError for what does not load at all.
    """
    policies = Policies.load(folder, consent_keys=consent_keys)
    stated = cases.load(folder) if (folder / cases.FILE).exists() else ()
    found = (*_broken(policies, stated), *_lost_roles(policies, folder), *_old_matrix(policies, folder))
    return Examination(policies, len(stated), found)


def _broken(policies: Policies, stated: tuple[cases.Case, ...]) -> Iterator[Finding]:
    for case in stated:
        answer = case.answer(policies)
        if answer != case.expected:
            asked = f"{case.role}, {case.purpose}, {case.object}, {case.action}"
            yield Finding(cases.FILE, case.line, f"{asked}: expected {case.expected}, is {answer} ({case.why})")


def _lost_roles(policies: Policies, folder: Path) -> Iterator[Finding]:
    if not (folder / organisations.FILE).exists():
        return
    for app in organisations.load(folder / organisations.FILE).apps.values():
        role = policies.register.roles.get(app.role)
        if role is None or role.kind is not RoleKind.APP:
            yield Finding(
                organisations.FILE, 0, f"the app {app.name!r} acts as {app.role!r}, which is no role of an app"
            )


def _old_matrix(policies: Policies, folder: Path) -> Iterator[Finding]:
    if (folder / MATRIX).exists() and strict_text(folder / MATRIX) != matrix(policies):
        yield Finding(MATRIX, 0, "is not the matrix of this policy; write it anew with `member-hub policy show`")
