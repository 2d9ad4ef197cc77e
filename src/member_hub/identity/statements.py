"""What one delivery says about one channel account, already normalised: the input of resolution."""

from dataclasses import dataclass
from datetime import datetime

from member_hub.identity.kinds import ClaimKind
from member_hub.members.rules import SourceStrength
from member_hub.members.tables import Channel
from member_hub.privacy import ProfileField, Purpose


@dataclass(frozen=True, slots=True, repr=False)
class StatedIdentifier:
    kind: ClaimKind
    namespace: str
    value: str
    verified_at: datetime | None = None
    begins_at: datetime | None = None  # proven then, with nothing that was held before (model.Claim)
    is_dated: bool = True  # false: it was said to be verified, without a time, and this is when it was said


@dataclass(frozen=True, slots=True, repr=False)
class StatedValue:
    field: ProfileField
    value: str
    verified_at: datetime | None = None
    collected_for: Purpose | None = None  # the consented purpose that alone justifies it; None: the service


@dataclass(frozen=True, slots=True, repr=False)
class StatedConsent:
    """A statement about consent exactly as it was delivered; the consent part replays it later."""

    purpose: str
    granted: bool
    at: datetime
    notice: str


def own_kind(channel: Channel) -> ClaimKind:
    """By what kind of identifier an account of the channel is known: a card's number is also asked for elsewhere."""
    return ClaimKind.CARD if channel is Channel.STORE else ClaimKind.ACCOUNT


@dataclass(frozen=True, slots=True, repr=False)
class AccountStatement:
    """One channel account as it was at `event_time`; the first of its identifiers is the account's own number.

    Where it `is_vouched` for (a channel's own delivery), everything in it may unite accounts. What somebody types live
    may not, but for verified identifiers: else whoever types a stranger's phone would be given the stranger's profile.
    `opening_balance` (whole points) and `old_tier` are the old system's words, kept sealed and not acted upon.
    """

    channel: Channel
    namespace: str
    account: str
    event_time: datetime
    first_seen: datetime
    strength: SourceStrength
    identifiers: tuple[StatedIdentifier, ...]
    values: tuple[StatedValue, ...] = ()
    consents: tuple[StatedConsent, ...] = ()
    home_store: str | None = None
    opening_balance: int | None = None
    old_tier: str | None = None
    is_vouched: bool = True

    def unites(self, stated: StatedIdentifier | StatedValue) -> bool:
        """Whether this part of the statement may unite accounts."""
        return self.is_vouched or stated.verified_at is not None
