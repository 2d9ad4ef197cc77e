"""The table [tags] of the programme's file, read strictly: the numbers behind RFM, lifecycle stage and churn risk."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from member_hub.organisation import Section

DAYS_MAX: Final = 3660
PERCENT_MAX: Final = 10_000
KEYS: Final[Mapping[str, tuple[int, int]]] = {
    "window_days": (1, DAYS_MAX),
    "new_days": (1, DAYS_MAX),
    "loyal_orders": (1, 1_000),
    "dormant_after_days": (1, DAYS_MAX),
    "churned_after_days": (1, DAYS_MAX),
    "default_gap_days": (1, DAYS_MAX),
    "gap_min_days": (1, DAYS_MAX),
    "medium_percent": (1, PERCENT_MAX),
    "high_percent": (1, PERCENT_MAX),
}


@dataclass(frozen=True, slots=True)
class Numbers:
    """What the words in figures.py stand for."""

    window_days: int
    new_days: int
    loyal_orders: int
    dormant_after_days: int
    churned_after_days: int
    default_gap_days: int
    gap_min_days: int
    medium_percent: int
    high_percent: int


def numbers_of(tags: Section) -> Numbers:
    """Raises PolicyError."""
    tags.only(*KEYS)
    found = Numbers(**{key: tags.number(key, least, most) for key, (least, most) in KEYS.items()})
    if found.churned_after_days <= found.dormant_after_days:
        raise tags.refused("churned_after_days", "'churned_after_days' is not after 'dormant_after_days'")
    if found.high_percent <= found.medium_percent:
        raise tags.refused("high_percent", "'high_percent' is not above 'medium_percent'")
    return found
