"""The kinds of identifier, and what can become of a claim about one."""

from enum import StrEnum
from typing import Final


class ClaimKind(StrEnum):
    """What kind of identifier a channel account states."""

    ACCOUNT = "account"
    UNIONID = "unionid"
    OPENID = "openid"
    CARD = "card"
    PHONE = "phone"
    EMAIL = "email"
    DEVICE = "device"
    MEMBER_CODE = "member_code"  # shown when one account was enrolled, and stated by both sides from then on


class ClaimStatus(StrEnum):
    """What the partition made of a claim."""

    ACTIVE = "active"  # verified, and this member is found by it
    UNVERIFIED = "unverified"  # typed only
    RELEASED = "released"  # the account states another by now, or somebody else verified it later
    SHARED = "shared"  # too many state it: it connects nothing
    DEMOTED = "demoted"  # beyond a limit: it connects nothing


# A device never connects: people share tablets, and a tablet in a store is everybody's.
CONNECTING_KINDS: Final = frozenset(ClaimKind) - {ClaimKind.DEVICE}
