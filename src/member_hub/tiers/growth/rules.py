"""How much growth something brings (pure). Whole numbers, rounded down once per order line and per day of activity.

A refund leaves the same share of the growth as of the money, rounded down (of 100 for 100.50 yuan, 33.50 back leaves
66, not the 67 that 67.00 yuan alone would be), so refunds in parts and at once take the same. It is dated as the line
it takes back: what a window counts is then net of refunds, whenever they came.
"""

from member_hub.tiers.rules.model import TierRules
from member_hub.tiers.words import Figure


def of_line(rules: TierRules, amount_fen: int) -> int:
    """What a paid order line grows."""
    return max(0, amount_fen) // rules.growth_fen


def taken_back(growth: int, *, amount_fen: int, refunded_fen: int, refund_fen: int) -> int:
    """How much of the growth of a line this refund takes, after `refunded_fen` were refunded before.

    A refund of more than is left takes what is left.
    """
    left_fen = amount_fen - refunded_fen
    if left_fen <= 0:
        return 0
    after_fen = max(0, left_fen - max(0, refund_fen))
    return growth * left_fen // amount_fen - growth * after_fen // amount_fen


def of_activity(rules: TierRules, kind: str, count: int) -> int:
    """What a kind of activity grows on a day, done so many times; 0 where it grows nothing."""
    rule = rules.activity.get(Figure(kind))
    return min(rule.day_max, rule.growth * max(0, count)) if rule else 0
