"""Every code that a refusal may carry: what caused it, whether to send the same again, and what to do about it.

Programs act on codes, so the list is closed: a test walks every refusal and finds its code here. Each area has a module
of its own, in the order of the alphabet; CODES puts them together, in that order too. The documentation
(schema/ERRORS.md) is generated from it by `member-hub schema errors`.
"""

from typing import Final

from member_hub.codes import (
    approving,
    benefits,
    consent,
    documenting,
    members,
    minors,
    notices,
    operating,
    points,
    requests,
    tags,
    tiers,
)
from member_hub.codes.code import Code, Place, Retry

__all__ = ["CODES", "Code", "Place", "Retry", "as_markdown"]

_AREAS: Final = (
    requests,
    operating,
    approving,
    members,
    minors,
    consent,
    notices,
    points,
    tiers,
    tags,
    benefits,
)
CODES: Final = tuple(sorted((code for area in _AREAS for code in area.CODES), key=lambda code: code.name))


def as_markdown() -> str:
    """The documentation of all codes. Ends in a line feed."""
    return documenting.as_markdown(CODES)
