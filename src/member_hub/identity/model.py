"""What the partition takes and what it gives: values in, values out, no storage.

Tokens are compared for equality only. Tie-breaks use an account's `order_key`, never its random origin id, so that
two hubs that were told the same things come to the same members.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from member_hub.identity.kinds import ClaimKind, ClaimStatus
from member_hub.identity.names import Name
from member_hub.ids import OriginId

Value = tuple[ClaimKind, str, bytes]  # kind, namespace, token
ClaimKey = tuple[OriginId, ClaimKind, str, bytes]
NeverMerge = frozenset[frozenset[OriginId]]  # pairs
Agreements = frozenset[frozenset[str]]  # groups of handlers that may join their members


@dataclass(frozen=True, slots=True)
class Claim:
    """What one channel account says about one identifier; times are aware.

    `verified_at` is the latest verification. An account, a unionid, an openid and an owned card are verified by
    their source, whatever it says. `begins_at`: somebody proved the number then and nothing that was held with it
    before (sign_in/): the value alone never makes what others held long before one person's with it.
    """

    origin: OriginId
    kind: ClaimKind
    namespace: str
    token: bytes
    verified_at: datetime | None
    stated_from: datetime
    stated_to: datetime
    begins_at: datetime | None = None

    @property
    def value(self) -> Value:
        return (self.kind, self.namespace, self.token)


@dataclass(frozen=True, slots=True, repr=False)
class OriginFacts:
    """One channel account: all that deciding looks at.

    `name` is never a nickname; `other_names` are those it stated before, by which another channel may still know it.
    """

    origin_id: OriginId
    order_key: bytes
    channel: str
    handler: str
    namespace: str  # the site, the appid or the brand
    first_seen: datetime
    last_seen: datetime
    name: Name | None = None
    birthday: date | None = None
    birthday_verified: bool = False
    gender: str | None = None
    claims: tuple[Claim, ...] = ()
    other_names: tuple[Name, ...] = ()


_STRENGTHS: Final[Mapping[ClaimKind, int]] = MappingProxyType(
    {
        ClaimKind.UNIONID: 0,
        ClaimKind.ACCOUNT: 1,
        ClaimKind.PHONE: 2,
        ClaimKind.CARD: 3,
        ClaimKind.OPENID: 4,
        ClaimKind.EMAIL: 5,
        ClaimKind.MEMBER_CODE: 7,
    }
)


@dataclass(frozen=True, slots=True)
class Rules:
    """Every limit and priority (DOMAIN, the table of identity resolution)."""

    strengths: Mapping[ClaimKind, int] = field(default_factory=lambda: _STRENGTHS)  # smaller is stronger
    typed_phone_strength: int = 6  # a phone that only one side has verified, or neither
    shared_max: int = 20  # a value that more accounts state connects nothing
    recycled_after: timedelta = timedelta(days=90)  # carriers may give a number to somebody else after that
    cards_max: int = 3
    typed_phones_max: int = 5
    emails_max: int = 5
    verified_emails_max: int = 3  # within `verified_emails_window`
    verified_emails_window: timedelta = timedelta(days=365)
    devices_max: int = 5  # within `devices_window`
    devices_window: timedelta = timedelta(days=30)
    merges_max: int = 100
    identities_max: int = 1000
    handlers_joined: Agreements = frozenset()  # set by `partition` from the organisation's register


class Reason(StrEnum):
    """Why two accounts that share something are not one member without staff looking."""

    TYPED_PHONE = "typed_phone"  # an unverified phone, and nothing that agrees besides
    OTHER_NAME = "other_name"  # one phone, different names
    OTHER_PERSON = "other_person"  # one phone, but birth date, gender or account differ
    STALE_PHONE = "stale_phone"  # verified by both, but too long apart on a number with several owners
    TYPED_EMAIL = "typed_email"
    EMAIL = "email"  # verified by both, and the names do not agree
    CARD = "card"  # stated without phone or staff check
    LIMIT = "limit"  # joining them would break a limit or a cap
    STATED_LIVE = "stated_live"  # typed through the API by somebody who may not be given the other profile for it
    HANDLER = "handler"  # different legal entities without a joint-handling agreement


@dataclass(frozen=True, slots=True)
class Candidate:
    """Two accounts of different members that may be one person; `a` has the smaller order key."""

    a: OriginId
    b: OriginId
    reason: Reason
    weight_bp: int


@dataclass(frozen=True, slots=True)
class Link:
    """One piece of evidence by which two sets became one."""

    a: OriginId
    b: OriginId
    kind: ClaimKind
    rule: str


@dataclass(frozen=True, slots=True)
class Partition:
    """Who belongs together, who holds each value, what became of each claim, and what staff should look at."""

    sets: tuple[frozenset[OriginId], ...]
    holders: Mapping[Value, OriginId]
    statuses: Mapping[ClaimKey, ClaimStatus]
    candidates: tuple[Candidate, ...]
    links: tuple[Link, ...]
