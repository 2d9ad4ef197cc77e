"""What somebody who asks for figures can work out: they know the rules (reports/disclosure.py), but not the key."""

from member_hub.reports.disclosure import MINIMUM_GROUP, ROUNDED_TO


def possible(number: int | None) -> tuple[int, int]:
    """The least and the greatest size behind an answer."""
    if number is None:
        return 0, MINIMUM_GROUP - 1
    return max(MINIMUM_GROUP, number - ROUNDED_TO + 1), number + ROUNDED_TO - 1
