"""What is told of a back-test of tier rules: groups of twenty members or more, rounded as every figure is.

Context: whoever proposes rules chooses the criteria, so these groups are no fixed grid, and who may see no orders could
ask, for one sum of money after the other, whether the one member with a growth of 77 would move.
Decision: fewer than twenty who go the same way from a tier are counted with those who stay, and where these are fewer
than twenty with another way that twenty go: in what is told of moves, of the tiers after, and of what is earned. So
whether a few members move is in no number, nor in the difference of two. Which way that is hangs on no majority: one
member could turn it, and many would be counted elsewhere.
What is told is what is kept with the proposal; numbers kept before that were exact, and nothing is told of them.
Price and limits: `after` and `earned` are off by what is counted elsewhere. A group of twenty or more can still be
chosen so that one member belongs to it or not; its number then says as little as disclosure.py allows, and few of these
can be asked for in a day (tiers/proposals.py). The command counts exactly.
"""

from collections.abc import Mapping
from functools import reduce
from typing import Any, Final

from member_hub.crypto import Vault
from member_hub.reports.disclosure import MINIMUM_GROUP, ROUNDED_TO, lot_of, told
from member_hub.tiers.rules.model import FULL_BP
from member_hub.tiers.standing.backtesting import Backtest, Flows, Group

_ROUNDED: Final = "rounded_to"  # only what was rounded says so
_NOT_TOLD: Final[Mapping[str, None]] = {"before": None, "after": None, "earned": None, "earned_bp": None}


def told_of_backtest(vault: Vault, exact: Backtest) -> dict[str, Any]:
    """As JSON; None: fewer than twenty, or nobody."""
    going, leading = folded(exact.going), folded(exact.leading)
    codes = [level.code for level in exact.rules.levels]

    def number(group: Group) -> int | None:
        return told(group.size, lot_of(vault, group.size, group.fingerprint))

    moves = {way: number(group) for way, group in going.items() if way[0] != way[1]}
    earned = {code: number(_all_of(leading, code, place=1)) for code in codes}
    whole = sum(members or 0 for members in earned.values())
    return {
        _ROUNDED: ROUNDED_TO,
        "members": number(reduce(Group.beside, exact.going.values(), Group())),
        "one_in": exact.one_in,
        "moves": [
            {"from": was, "to": is_, "members": moves[was, is_]}
            for was in [*codes, *sorted({was for was, _ in moves} - set(codes))]
            for is_ in codes
            if moves.get((was, is_))
        ],
        "pyramid": [
            {
                "tier": level.code,
                "before": number(_all_of(going, level.code, place=0)),
                "after": number(_all_of(going, level.code, place=1)),
                "earned": earned[level.code],
                "earned_bp": None if (members := earned[level.code]) is None else members * FULL_BP // whole,
                "target_bp": level.share_bp,
            }
            for level in exact.rules.levels
        ],
    }


def backtest_as_told(kept: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a proposal kept; nothing of exact numbers."""
    if kept.get(_ROUNDED) == ROUNDED_TO:
        return kept
    return {**kept, "members": None, "moves": [], "pyramid": [step | _NOT_TOLD for step in kept["pyramid"]]}


def folded(flows: Flows) -> Flows:
    """Fewer than twenty who go one way are counted with those who stay, or with the first way that is not so few."""
    found: dict[tuple[str, str], Group] = {}
    for (was, is_), group in flows.items():
        told_ways = [way for way in sorted(flows) if way[0] == was and flows[way].size >= MINIMUM_GROUP]
        stays = (was, was)
        others = stays if stays in told_ways or not told_ways else told_ways[0]
        goes = (was, is_) if (was, is_) in told_ways else others
        found[goes] = found.get(goes, Group()).beside(group)
    return found


def _all_of(flows: Flows, tier: str, *, place: int) -> Group:
    """Who leave a tier (0), or reach it (1)."""
    return reduce(Group.beside, (group for way, group in flows.items() if way[place] == tier), Group())
