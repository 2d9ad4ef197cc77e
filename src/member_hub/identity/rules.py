"""Who is one person: the pure partition of channel accounts into members (DESIGN 4, DOMAIN "Identity resolution").

    partition(facts, Rules(), never_merge=..., agreements=...) -> sets, holders, statuses, candidates, links
    opened_with(accounts, number, proven, Rules()) -> those of a member's accounts that a proven number opens

Where this reads DOMAIN more freely than its letter, because the letter costs recall that the product must have:
- On a number that nobody contests, no name or one surname suffices (matching/tenure.py: why, and the price).
- An equal birth date counts as the second thing that agrees: beside one phone it is as telling as an address.
- Given names that only sound alike agree: typed for one another, they would tear a person in two and let a number
  change hands. They do not make two accounts on one site one person's; that takes one full name.
- Two accounts on one site are one person's too when only one of them verified the phone or address that both state.
Limits are kept by taking no bond that would break one; bonds are tried strongest first, so it is the weakest that is
dropped, and it becomes a candidate.
"""

from member_hub.identity.kinds import CONNECTING_KINDS, ClaimKind, ClaimStatus
from member_hub.identity.matching.partition import partition
from member_hub.identity.matching.proving import opened_with
from member_hub.identity.model import (
    Agreements,
    Candidate,
    Claim,
    ClaimKey,
    Link,
    NeverMerge,
    OriginFacts,
    Partition,
    Reason,
    Rules,
    Value,
)

__all__ = [
    "CONNECTING_KINDS",
    "Agreements",
    "Candidate",
    "Claim",
    "ClaimKey",
    "ClaimKind",
    "ClaimStatus",
    "Link",
    "NeverMerge",
    "OriginFacts",
    "Partition",
    "Reason",
    "Rules",
    "Value",
    "opened_with",
    "partition",
]
