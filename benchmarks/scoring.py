"""Precision and recall of a partition over unordered pairs of distinct channel accounts of one person."""

import csv
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

Account = tuple[str, str]  # channel, and account as in the files
Partition = Mapping[Account, str]  # which member, or person, an account belongs to


@dataclass(frozen=True, slots=True)
class Score:
    """Counts of pairs: found and true, found, true."""

    right: int
    found: int
    true: int

    @property
    def precision(self) -> float:
        return self.right / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        return self.right / self.true if self.true else 1.0


def read_partition(path: Path) -> Partition:
    """CSV of channel, account and member or person, with a header."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        next(rows, None)
        return {(channel, account): owner for channel, account, owner in rows}


def score(found: Partition, truth: Partition) -> Score:
    """Accounts the truth does not know are left out; accounts that were not found stand alone."""
    known = {account: owner for account, owner in found.items() if account in truth}
    both = Counter((owner, truth[account]) for account, owner in known.items())
    sizes, true_sizes = Counter(known.values()), Counter(truth.values())
    return Score(_pairs(both.values()), _pairs(sizes.values()), _pairs(true_sizes.values()))


def _pairs(sizes: Iterable[int]) -> int:
    return sum(size * (size - 1) // 2 for size in sizes)
