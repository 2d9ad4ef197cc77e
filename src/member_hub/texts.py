"""What no text that somebody sends may contain: control characters, but for tabs and line ends.

PostgreSQL stores no NUL, logs and terminals obey the others, and no name, number or reason has one.
"""

import re
from typing import Final

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def has_control(text: str) -> bool:
    return _CONTROL.search(text) is not None


def any_control(value: object) -> bool:
    """Whether a text in what was read from JSON has one; names count, too. Linear, without recursion."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            if has_control(each):
                return True
        elif isinstance(each, dict):
            waiting += (*each, *each.values())
        elif isinstance(each, list):
            waiting += each
    return False
