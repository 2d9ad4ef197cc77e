"""Why a field of the golden profile is held: for the service, or for one consented purpose alone. Pure.

`hub.member.consented_fields` has four bits per profile field, in the order of ProfileField: 0 is the service, n the
n-th purpose of privacy.Purpose. So one read of the row tells what may be shown for which purpose, and nobody looks at
the values behind it.
"""

from collections.abc import Mapping
from typing import Final

from member_hub.privacy import ProfileField, Purpose

BITS_EACH: Final = 4
_EACH: Final = (1 << BITS_EACH) - 1
_SHIFT: Final = {field: number * BITS_EACH for number, field in enumerate(ProfileField)}
_PURPOSES: Final = tuple(Purpose)

assert len(_PURPOSES) <= _EACH
assert len(_SHIFT) * BITS_EACH < 32  # an integer column, without its sign


def packed(alone: Mapping[ProfileField, Purpose]) -> int:
    """The column's value; fields that are left out are held for the service."""
    return sum((_PURPOSES.index(purpose) + 1) << _SHIFT[field] for field, purpose in alone.items())


def alone_for(consented_fields: int, field: ProfileField) -> Purpose | None:
    """The consented purpose that alone justifies the field's value; None: the service."""
    number = (consented_fields >> _SHIFT[field]) & _EACH
    return _PURPOSES[number - 1] if number else None
