"""A channel account in memory while it is being resolved: what is stored about it, and what a delivery adds.

Folding is commutative and idempotent: the same statements in any order and any number give the same state, so
neither the order of files nor repeated delivery can matter (DESIGN 4).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from member_hub.identity.kinds import ClaimKind, ClaimStatus
from member_hub.identity.statements import AccountStatement, StatedConsent, StatedIdentifier, StatedValue, own_kind
from member_hub.ids import MemberId, OriginId, uuid7
from member_hub.members.rules import SourceStrength
from member_hub.members.tables import Channel
from member_hub.privacy import ProfileField, Purpose

VALUES_PER_FIELD_MAX = 20  # the newest are kept; a person with more addresses than that is a data fault
CLAIMS_MAX = 100  # per account; the newest are kept
CONSENTS_MAX = 200  # per account and delivery

Tokenise = Callable[[StatedIdentifier], bytes]
ClaimKey = tuple[ClaimKind, str, bytes]


@dataclass(slots=True, repr=False)
class ClaimState:
    """One identifier as one account states it. `plain` is None where nothing asked for it to be opened."""

    claim_id: UUID
    kind: ClaimKind
    namespace: str
    token: bytes
    plain: str | None
    status: ClaimStatus
    verified_at: datetime | None
    stated_from: datetime
    stated_to: datetime
    connects: bool
    is_new: bool = False
    begins_to_connect: bool = False
    is_changed: bool = False
    begins_at: datetime | None = None
    is_dated: bool = True

    def said(self) -> tuple[object, ...]:
        """What a delivery may change."""
        times = (self.verified_at, self.stated_from, self.stated_to, self.begins_at)
        return (*times, self.connects, self.is_dated)


@dataclass(slots=True, repr=False)
class ValueState:
    """One value of a profile field as one account states it; `digest` is None until it is stored."""

    field: ProfileField
    plain: str
    digest: bytes | None
    strength: SourceStrength
    first_stated_at: datetime
    stated_at: datetime
    verified_at: datetime | None
    connects: bool
    collected_for: Purpose | None = None
    is_changed: bool = False

    @property
    def is_new(self) -> bool:
        return self.digest is None

    def said(self) -> tuple[object, ...]:
        """What a delivery may change."""
        times = (self.first_stated_at, self.stated_at, self.verified_at)
        return (*times, self.strength, self.connects, self.collected_for)


@dataclass(slots=True, repr=False)
class AccountState:
    """One channel account, stored or new, with everything that resolution looks at."""

    origin_id: OriginId
    account_token: bytes
    channel: Channel
    namespace: str
    handler: str
    member_id: MemberId | None  # None: seen for the first time
    filed_under: MemberId | None
    first_seen_at: datetime
    last_seen_at: datetime
    home_store: str | None
    account: str | None  # plain, where it is new
    opening: str | None = None  # canonical JSON that begins with its time, so that the greater text is the newer
    claims: dict[ClaimKey, ClaimState] = field(default_factory=dict)
    values: dict[tuple[ProfileField, str], ValueState] = field(default_factory=dict)
    consents: list[StatedConsent] = field(default_factory=list)
    dropped: list[ValueState] = field(default_factory=list)  # stored, and over the cap now
    dropped_claims: list[ClaimState] = field(default_factory=list)
    is_changed: bool = False
    is_opening_changed: bool = False

    @property
    def is_new(self) -> bool:
        return self.member_id is None

    def fold(self, said: AccountStatement, tokenise: Tokenise, opening: str | None) -> None:
        """Take in what a delivery says; after the last one `forget_the_oldest` has to follow."""
        self._fold_account(said, opening)
        for identifier in said.identifiers:
            self._fold_claim(identifier, tokenise(identifier), said)
        for value in said.values:
            self._fold_value(value, said)
        self.consents.extend(said.consents[:CONSENTS_MAX])

    def forget_the_oldest(self) -> None:
        """Keep to the caps. What stays is what was stated last, so neither order nor batches can matter."""
        if len(self.values) > VALUES_PER_FIELD_MAX:
            self._forget_values()
        if len(self.claims) > CLAIMS_MAX:
            self._forget_claims()

    def _fold_account(self, said: AccountStatement, opening: str | None) -> None:
        """The newest statement decides; of two of the same moment the greater text, so that order cannot.

        Typing something live is no sign of life that could hold on to a number: it moves no time.
        """
        if not said.is_vouched:
            return
        before = (self.first_seen_at, self.last_seen_at, self.home_store)
        if (said.event_time, said.home_store or "") > (self.last_seen_at, self.home_store or ""):
            self.home_store = said.home_store
        if opening is not None and opening > (self.opening or ""):
            self.opening, self.is_opening_changed = opening, True
        self.first_seen_at = min(self.first_seen_at, said.first_seen, said.event_time)
        self.last_seen_at = max(self.last_seen_at, said.event_time)
        self.is_changed |= before != (self.first_seen_at, self.last_seen_at, self.home_store)

    def _fold_claim(self, stated: StatedIdentifier, token: bytes, said: AccountStatement) -> None:
        key, at = (stated.kind, stated.namespace, token), said.event_time
        connects = said.unites(stated)
        claim = self.claims.get(key)
        if claim is None:
            self.claims[key] = ClaimState(
                uuid7(),
                *key,
                stated.value,
                ClaimStatus.UNVERIFIED,
                stated.verified_at,
                at,
                at,
                connects,
                is_new=True,
                begins_at=stated.begins_at,
                is_dated=stated.is_dated,
            )
            return
        before = claim.said()
        claim.begins_to_connect |= connects and not claim.connects
        claim.connects |= connects
        claim.verified_at, claim.is_dated = _verification(claim, stated)
        claim.stated_from, claim.stated_to = min(claim.stated_from, at), max(claim.stated_to, at)
        claim.begins_at = later(claim.begins_at, stated.begins_at)
        claim.is_changed |= before != claim.said()

    def _fold_value(self, stated: StatedValue, said: AccountStatement) -> None:
        key, at = (stated.field, stated.value), said.event_time
        connects = said.unites(stated)
        value = self.values.get(key)
        if value is None:
            self.values[key] = ValueState(
                stated.field,
                stated.value,
                None,
                said.strength,
                at,
                at,
                stated.verified_at,
                connects,
                stated.collected_for,
            )
            return
        before = value.said()
        value.connects |= connects
        value.collected_for = _basis(value, stated, at)
        value.first_stated_at, value.stated_at = min(value.first_stated_at, at), max(value.stated_at, at)
        value.verified_at = later(value.verified_at, stated.verified_at)
        value.strength = max(value.strength, said.strength)
        value.is_changed |= before != value.said()

    def _forget_values(self) -> None:
        for profile_field in ProfileField:
            held = [value for value in self.values.values() if value.field is profile_field]
            held.sort(key=lambda value: (value.stated_at, value.plain), reverse=True)
            for value in held[VALUES_PER_FIELD_MAX:]:
                del self.values[value.field, value.plain]
                if not value.is_new:
                    self.dropped.append(value)

    def _forget_claims(self) -> None:
        """The account's own number stays in any case: it is what the account is known by."""
        own = (own_kind(self.channel), self.namespace, self.account_token)
        others = [claim for key, claim in self.claims.items() if key != own]
        others.sort(key=lambda claim: (claim.stated_to, claim.kind, claim.token), reverse=True)
        for claim in others[CLAIMS_MAX - 1 :]:
            del self.claims[claim.kind, claim.namespace, claim.token]
            if not claim.is_new:
                self.dropped_claims.append(claim)


def first_sight(said: AccountStatement, account_token: bytes, handler: str) -> AccountState:
    """The state of an account nobody has seen before; what it says is still to be folded in."""
    return AccountState(
        origin_id=OriginId(uuid7()),
        account_token=account_token,
        channel=said.channel,
        namespace=said.namespace,
        handler=handler,
        member_id=None,
        filed_under=None,
        first_seen_at=min(said.first_seen, said.event_time),
        last_seen_at=said.event_time,
        home_store=said.home_store,
        account=said.account,
    )


def _verification(claim: ClaimState, stated: StatedIdentifier) -> tuple[datetime | None, bool]:
    """Of moments the latest, before whatever has none. Of these the first: saying it again verifies nothing again."""
    said = [(each.verified_at, each.is_dated) for each in (claim, stated) if each.verified_at is not None]
    dated = [at for at, is_dated in said if is_dated]
    if dated:
        return max(dated), True
    return min((at for at, _ in said), default=None), not said


def _basis(value: ValueState, stated: StatedValue, at: datetime) -> Purpose | None:
    """The service is a basis of its own, and stays one; of two consented purposes the one stated for last."""
    if value.collected_for is None or stated.collected_for is None:
        return None
    if at == value.stated_at:
        return max(value.collected_for, stated.collected_for)
    return stated.collected_for if at > value.stated_at else value.collected_for


def later(one: datetime | None, other: datetime | None) -> datetime | None:
    """The later of two moments, where None is "never"."""
    return max(filter(None, (one, other)), default=None)
