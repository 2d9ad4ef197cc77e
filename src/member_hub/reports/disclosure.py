"""How many of a group are told: nothing under 20, else the number rounded to a multiple of 5 by a keyed lot.

Context: whoever may ask many questions subtracts the answers: a whole less its shown parts is the part that was
withheld. Withholding a second part in each table does not last when the same people are counted by other dimensions.
Decision: only the cells of one fixed grid are counted (grid.py), no totals beside groups, an empty group and a small
one are both left out, and each number is moved by less than 5. The lot hangs on who is in the group: the same people
always give the same number, asking again averages nothing, and the mean of many groups stays true.
Times: a week has one answer, and a group keeps its lot over the weeks (snapshots.py). Whoever knows how a whole and its
part grow learns the sum of size and lot of each, and never a lot: what is withheld lies within 4 of a number.
What holds (tests/reports): each number says 5 to 9 possible sizes. A whole less any number of its parts never tells
the size of a withheld group of 1 to 18, nor of 19 but where all of them (four at least) moved their furthest at once.
Price and limits: no number is exact, and none younger than a week. Of all tables of a grid held against each other it
is tested, not proven. Who asks every week sees in which week a group changed, came to 20 or fell below it; who enrols
people himself can test where a number turns, and one who sees a group come to 20 exactly and knows its growth from
there finds its lot. Two groups that come to be the same people later have two lots, so two numbers for one size. A
group that was not told last time, and a table that nobody asked for in thirteen months, draw anew.
"""

from typing import Final

from member_hub.crypto import Vault

MINIMUM_GROUP: Final = 20
ROUNDED_TO: Final = 5
_LOT: Final = "statistics"  # the keyed function's name space; ingest has no source of this name


def told(size: int, lot: int) -> int | None:
    """What is said of a group; None: nothing. `lot` is 0 to 4: a remainder r is rounded up for r lots of 5."""
    if size < MINIMUM_GROUP:
        return None
    return (size + lot) // ROUNDED_TO * ROUNDED_TO


def lot_of(vault: Vault, size: int, fingerprint: int) -> int:
    """The lot of a group: from its members (an XOR over random bits of their ids) under a key that nobody asks with."""
    digest = vault.message_key(_LOT, f"{size}/{fingerprint}")
    return int.from_bytes(digest[:8], "big") % ROUNDED_TO
