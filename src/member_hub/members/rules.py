"""Survivorship: which of the values that a member's accounts state stands in the golden profile.

Every field is ranked alike: verified, self-declared, staff, import, inferred; then the newest. Losers stay as history,
so the choice can be made again at any time, and an unmerge recomputes instead of restoring. Sources that disagree about
a birth date or a gender are ranked so too: no source is believed because it said something often.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from member_hub.ids import OriginId
from member_hub.privacy import ProfileField


class SourceStrength(IntEnum):
    """How a value came to be known; the greater the stronger."""

    INFERRED = 1
    IMPORT = 2
    STAFF = 3
    SELF_DECLARED = 4
    VERIFIED = 5


@dataclass(frozen=True, slots=True, repr=False)
class ProfileValue:
    """One stated value of a profile field.

    `is_whole` is false for a name that is masked or says the surname only (张*, 张先生); a nickname is no value at all.
    `order_key` is the account's, the same in every hub that was told the same things.
    """

    field: ProfileField
    value: str
    origin_id: OriginId
    order_key: bytes
    channel: str
    source: SourceStrength
    observed_at: datetime
    verified_at: datetime | None
    is_whole: bool
    digest: bytes | None = None
    is_for_service: bool = True


def choose(
    values: Iterable[ProfileValue], *, released: Collection[tuple[ProfileField, str]] = frozenset()
) -> Mapping[ProfileField, ProfileValue]:
    """The value of each field that has one; the same whatever the order of `values`.

    `released` values are never chosen: a phone or an address that the member no longer holds.
    """
    chosen: dict[ProfileField, ProfileValue] = {}
    for stated in values:
        if (stated.field, stated.value) in released:
            continue
        held = chosen.get(stated.field)
        if held is None or _rank(stated) > _rank(held):
            chosen[stated.field] = stated
    return chosen


def _rank(stated: ProfileValue) -> tuple[bool, bool, SourceStrength, datetime, datetime, bool, str, bytes]:
    """Whole before partial, then the stronger source, then the newer; the rest only so that order cannot decide.

    Before all that: what is held for the service before what only a consented purpose justifies. Else an address that
    somebody gave for marketing would take the place of the one that the service works with, and go with the consent.

    A verified value is as new as its verification: stating it again proves nothing anew.
    """
    is_verified = stated.verified_at is not None
    newest = stated.verified_at or stated.observed_at
    said = (stated.is_for_service, stated.is_whole, stated.source, newest, stated.observed_at)
    return (*said, is_verified, stated.value, stated.order_key)
