"""What each bit on a member row means: objections, and for which consent alone a field is held. Pure.

Positions follow the order of `Purpose`, `ProfileField` and the contact channels, and are stored: a new word goes last.
Which bit of `consent_bits` stands for a consent is no constant: `hub.consent_gate` says it (gates.py).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from member_hub.privacy import ProfileField, Purpose

PROFILING: Final = 1 << 40  # an objection to automated decisions and profiles (PIPL 24)
_FIRST_CHANNEL: Final = 41
CHANNELS_MAX: Final = 63 - _FIRST_CHANNEL  # of a bigint, without its sign
CODE_BITS: Final = 4  # per field: 0 for the service, else the number of a purpose
CODE_MASK: Final = (1 << CODE_BITS) - 1

# Duties of the law, which no objection ends (PIPL 13(1)(3)); rights are what an objection is.
UNRESTRICTED: Final = frozenset({Purpose.RIGHTS_HANDLING, Purpose.STATUTORY_DISCLOSURE, Purpose.SECURITY_AUDIT})

PURPOSE_BITS: Final[Mapping[Purpose, int]] = MappingProxyType({p: 1 << place for place, p in enumerate(Purpose)})
_CODES: Final[Mapping[Purpose, int]] = MappingProxyType({p: place for place, p in enumerate(Purpose, start=1)})
_SHIFTS: Final[Mapping[ProfileField, int]] = MappingProxyType(
    {field: place * CODE_BITS for place, field in enumerate(ProfileField)}
)


def restriction_mask(purpose: Purpose) -> int:
    """The objections that hide a member from a reading for this purpose; 0 where none does."""
    if purpose in UNRESTRICTED:
        return 0
    return PURPOSE_BITS[purpose] | (PROFILING if purpose is Purpose.PERSONALISATION else 0)


def channel_bit(number: int) -> int:
    """The objection to being contacted over the channel of this number."""
    assert 0 <= number < CHANNELS_MAX
    return 1 << (_FIRST_CHANNEL + number)


def code_of(purpose: Purpose) -> int:
    return _CODES[purpose]


def shift_of(field: ProfileField) -> int:
    """By how many bits the code of the field stands to the left in `consented_fields`."""
    return _SHIFTS[field]


def is_held_for(consented_fields: int, field: ProfileField, purpose: Purpose) -> bool:
    """Whether the value may be read for the purpose: it is held for the service, or for this purpose alone.

    A code that no purpose has is held for nobody.
    """
    return consented_fields >> _SHIFTS[field] & CODE_MASK in (0, _CODES[purpose])


def holding(consented_fields: int, field: ProfileField, purpose: Purpose | None) -> int:
    """The same bits, with this field held for that purpose alone; None: for the service."""
    shift = _SHIFTS[field]
    code = _CODES[purpose] if purpose is not None else 0
    return consented_fields & ~(CODE_MASK << shift) | code << shift
