"""What is decided about codes (pure): limits, lifetimes, which numbers get one.

A code is sent to the numbers that any message is sent to (telling/rules.py); any other number is answered like these,
and nothing is sent.
"""

import ipaddress
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from member_hub.identity import normalise
from member_hub.identity.rules import Rules
from member_hub.telling import gets_messages

CODE_DIGITS: Final = 6
CODE_LIVES: Final = timedelta(minutes=5)
TRIES_MAX: Final = 5
SESSION_LIVES: Final = timedelta(minutes=30)
ORDER_IS_RECENT: Final = timedelta(days=180)
VERIFICATION_LASTS: Final = Rules().recycled_after
PHONE_CHARS_MAX: Final = 40


class CodePurpose(StrEnum):
    """What a code is for; one for the one thing is none for the other."""

    SIGN_IN = "sign_in"
    TILL = "till"


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so many codes, or tries, within a window."""

    window: timedelta
    most: int


PHONE_LIMITS: Final = (Limit(timedelta(minutes=1), 1), Limit(timedelta(hours=1), 5), Limit(timedelta(days=1), 10))
# A store's network is one address for everybody in it.
ADDRESS_LIMITS: Final = (Limit(timedelta(minutes=1), 10), Limit(timedelta(hours=1), 60), Limit(timedelta(days=1), 300))
NETWORK_SHARE: Final = 2  # a provider gives a household a /48 of 65,536 networks: all together ask for twice as much
BUDGET_WINDOW: Final = timedelta(hours=1)
# Twice the codes: a member needs one try, or two with a second thing. Whoever guesses at many numbers needs more.
TRY_LIMITS: Final = (Limit(timedelta(minutes=1), 20), Limit(timedelta(hours=1), 120), Limit(timedelta(days=1), 600))
# Wrong ones, with a right code each; then the number begins anew or is signed in with by what else the member has.
SECOND_LIMIT: Final = Limit(timedelta(days=30), 5)
# A checkout asks for every till of the brand.
APP_LIMITS: Final = (Limit(timedelta(minutes=1), 120), Limit(timedelta(days=1), 20_000))


@dataclass(frozen=True, slots=True, repr=False)
class Asked:
    """A number as it was asked with: what it counts as, and whether a code is sent to it."""

    spelled: str
    is_reachable: bool


def network_of(address: str) -> str | None:
    """The /48 around an IPv6 network, which one household may have; None for any other address."""
    try:
        network = ipaddress.IPv6Network(address)
    except ValueError:
        return None
    return str(network.supernet(new_prefix=48)) if network.prefixlen > 48 else None


def of_network(limits: Sequence[Limit]) -> list[Limit]:
    return [Limit(limit.window, limit.most * NETWORK_SHARE) for limit in limits]


def asked(phone: str) -> Asked:
    """Junk counts as itself, so that it meets the same limits and the same work as a number."""
    number = normalise.phone(phone)
    return Asked(number or phone.strip(), number is not None and gets_messages(number))


def new_code() -> str:
    return f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"


def is_code(said: str) -> bool:
    return len(said) == CODE_DIGITS and said.isascii() and said.isdecimal()


def is_fresh(verified_at: datetime | None, now: datetime) -> bool:
    """Whether the number may be taken to be still theirs: a carrier gives it out again after 90 days at the soonest."""
    return verified_at is not None and now - verified_at <= VERIFICATION_LASTS
