"""What checking the audit log found, and where. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import Final
from uuid import UUID

FINDINGS_MAX: Final = 100  # what comes behind is counted


class Kind(StrEnum):
    ALTERED = "altered"  # an entry is not what was written
    MOVED = "moved"  # an entry stands at another place of its chain
    FORGED = "forged"  # an entry behind the last seal that the hub did not write so
    UNLINKED = "unlinked"  # an entry does not follow the one before it
    MISSING = "missing"  # entries were removed
    ROOT = "root"  # the entries of a seal are not those that were sealed
    SUBJECTS = "subjects"  # "who looked at me" lacks entries of a seal
    SUBJECT_ADDED = "subject_added"  # "who looked at me" names an entry that is not about that member
    PART_FORGED = "part_forged"  # entries are said to be sealed by a seal that there is not
    SEAL_ALTERED = "seal_altered"
    SEAL_MISSING = "seal_missing"
    SEALS_CUT = "seals_cut"  # the head outside knows newer seals
    HEAD_DIFFERS = "head_differs"  # the head outside knows another seal of this number
    EXPIRED_EARLY = "expired_early"  # a month was dropped before its retention was over


@dataclass(frozen=True, slots=True)
class Finding:
    """`first` to `last` are entries of a chain, or seals where there is no chain."""

    kind: Kind
    first: int
    last: int
    month: date | None = None
    writer: UUID | None = None
    seal: int | None = None
    moved_from: int | None = None

    def __str__(self) -> str:
        numbers = f"{self.first}" if self.first == self.last else f"{self.first} to {self.last}"
        if self.writer is None:
            return f"{self.kind}: seal {numbers}" + (f", month {self.month:%Y-%m}" if self.month else "")
        within = f" (seal {self.seal})" if self.seal is not None else ""
        origin = f", was {self.moved_from}" if self.moved_from is not None else ""
        return f"{self.kind}: month {self.month:%Y-%m}, writer {self.writer}, entry {numbers}{origin}{within}"


@dataclass(slots=True)
class Report:
    entries: int = 0  # sealed ones that were checked
    seals: int = 0
    unsealed: int = 0
    unexported: int = 0  # seals that the head outside does not know yet
    findings: list[Finding] = field(default_factory=list)
    more_findings: int = 0

    @property
    def is_whole(self) -> bool:
        return not self.findings

    def add(self, found: Iterable[Finding]) -> None:
        for one in found:
            if not self._extends(one):
                if len(self.findings) < FINDINGS_MAX:
                    self.findings.append(one)
                else:
                    self.more_findings += 1

    def tells_of(self, found: Finding) -> bool:
        """Whether something is known of the same entry."""
        return any(
            (known.month, known.writer) == (found.month, found.writer) and known.first <= found.first <= known.last
            for known in self.findings
        )

    def _extends(self, found: Finding) -> bool:
        """Entries of one chain that are missing from several seals are one gap."""
        if found.kind is not Kind.MISSING:
            return False
        for number, known in enumerate(self.findings):
            same = (known.kind, known.month, known.writer) == (found.kind, found.month, found.writer)
            if same and known.last == found.first - 1:
                self.findings[number] = replace(known, last=found.last)
                return True
        return False
