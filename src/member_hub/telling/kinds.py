"""What members are told of, and how: the ways in the order of preference, what the message says, whether it presses.

Decision: a kind is told for a purpose, and obeys objections to that and to each way as whoever asks authoriseSend does.
A warning of what a stranger may have done with somebody's account is for none: like the code of a sign-in it goes out
whatever the member objected to, for silence would serve the stranger.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from member_hub.privacy import Purpose


class By(StrEnum):
    """Over what a message goes."""

    SMS = "sms"
    EMAIL = "email"
    OPENID = "openid"


# Which objection to a channel closes a way: its number among the contact channels (consent/words.py), which is stored.
CHANNELS: Final[Mapping[By, int]] = {By.SMS: 0, By.EMAIL: 1, By.OPENID: 2}


class Kind(StrEnum):
    """What a message is about; with the language it names the template."""

    SIGN_IN_CODE = "sign_in_code"
    TILL_CODE = "till_code"
    PHONE_RELEASED = "phone_released"
    ACCOUNT_OPENED = "account_opened"
    SECOND_THING_WRONG = "second_thing_wrong"
    PRIVACY_NOTICE = "privacy_notice"
    IDENTITIES_UNITED = "identities_united"
    GUARDIAN_ASKED = "guardian_asked"
    GUARDIAN_ENDED = "guardian_ended"
    TIER_ENDING = "tier_ending"


class Value(StrEnum):
    """What a message may say beside its template; no name, account or channel: it may reach another person."""

    NOTICE = "notice"  # what the notice is called
    ADDRESS = "address"  # where it can be read
    DAY = "day"  # on which it happens, here the tier is lost: 2026-12-31
    GROWTH = "growth"  # that is still needed; left out where it is not growth that is missing


@dataclass(frozen=True, slots=True)
class Manner:
    """How members are told of a kind. Bulk kinds come by the hundred thousand, and let whatever presses go first.

    `is_once`: about nothing in particular it is the same thing for every member that a person was; of another kind two
    tasks about nothing in particular are two things that happened. `purpose`: what for; None: a warning.
    """

    ways: tuple[By, ...] = (By.EMAIL, By.OPENID)  # no phone: it is often the phone that this is about
    values: tuple[Value, ...] = ()
    is_bulk: bool = False
    is_once: bool = False
    purpose: Purpose | None = Purpose.RIGHTS_HANDLING
    needs_verified: bool = False  # an address that somebody typed is nobody's word that it reached the member


# Kinds of tasks; a code is sent from the request that asks for it, and is none.
MANNERS: Final[Mapping[Kind, Manner]] = {
    Kind.PHONE_RELEASED: Manner(purpose=None),
    Kind.ACCOUNT_OPENED: Manner(purpose=None),
    Kind.SECOND_THING_WRONG: Manner(purpose=None),
    Kind.PRIVACY_NOTICE: Manner(
        ways=(By.OPENID, By.EMAIL, By.SMS),
        values=(Value.NOTICE, Value.ADDRESS),
        is_bulk=True,
        is_once=True,
        needs_verified=True,
    ),
    Kind.IDENTITIES_UNITED: Manner(),
    Kind.GUARDIAN_ASKED: Manner(),
    Kind.GUARDIAN_ENDED: Manner(),
    Kind.TIER_ENDING: Manner(
        ways=(By.OPENID, By.EMAIL),
        values=(Value.DAY, Value.GROWTH),
        is_bulk=True,
        purpose=Purpose.MEMBER_SERVICE,
        needs_verified=True,
    ),
}
BULK: Final = tuple(kind for kind, manner in MANNERS.items() if manner.is_bulk)
PRESSING: Final = tuple(kind for kind in MANNERS if kind not in BULK)
