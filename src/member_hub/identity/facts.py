"""From an account in memory to what the rules look at, and back: facts in, claim statuses and golden values out."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

from member_hub.identity.kinds import CONNECTING_KINDS, ClaimKind, ClaimStatus
from member_hub.identity.model import Claim, OriginFacts, Partition
from member_hub.identity.names import Name, name
from member_hub.identity.queries import Token
from member_hub.identity.states import AccountState, ClaimState, ValueState
from member_hub.members.bits import holding
from member_hub.members.rules import ProfileValue, SourceStrength, choose
from member_hub.members.tables import Channel
from member_hub.privacy import ProfileField

CONTACT_FIELDS = {ClaimKind.PHONE: ProfileField.PHONE, ClaimKind.EMAIL: ProfileField.EMAIL}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HELD = frozenset({ClaimStatus.ACTIVE, ClaimStatus.UNVERIFIED})


def facts_of(account: AccountState, shared: frozenset[Token]) -> OriginFacts:
    """What deciding looks at; values too common to connect anything are left out.

    So is what only a consented purpose justifies: uniting identities is another purpose (PIPL 6), and when the consent
    ends the value goes without anybody having been united by it.
    """
    birthday = _newest(account, ProfileField.BIRTHDAY)
    gender = _newest(account, ProfileField.GENDER)
    names = _names(account)
    return OriginFacts(
        origin_id=account.origin_id,
        order_key=order_key(account),
        channel=account.channel,
        handler=account.handler,
        namespace=account.namespace,
        first_seen=account.first_seen_at,
        last_seen=account.last_seen_at,
        name=names[0] if names else None,
        other_names=tuple(names[1:]),
        birthday=date.fromisoformat(birthday.plain) if birthday else None,
        birthday_verified=birthday is not None and birthday.verified_at is not None,
        gender=gender.plain if gender else None,
        claims=tuple(
            Claim(
                account.origin_id, c.kind, c.namespace, c.token, c.verified_at, c.stated_from, c.stated_to, c.begins_at
            )
            for c in account.claims.values()
            if c.connects and (c.kind, c.token) not in shared
        ),
    )


def shared_values(accounts: Iterable[AccountState], known: frozenset[Token], shared_max: int) -> frozenset[Token]:
    """The values too common to connect anything: those known to be, and those that have just become so.

    They are left out of the facts in both cases, so that it does not matter when a value crossed the line.
    """
    claims = (claim for account in accounts for claim in account.claims.values() if claim.connects)
    stating = Counter((claim.kind, claim.token) for claim in claims)
    return known | {t for t, number in stating.items() if number > shared_max and t[0] in CONNECTING_KINDS}


def order_key(account: AccountState) -> bytes:
    """By which ties are broken: the older account first. Two hubs told the same things agree on it, whose tokens differ
    as their keys do, except where two accounts began in the same moment."""
    since = (account.first_seen_at - EPOCH) // timedelta(microseconds=1)
    return since.to_bytes(8) + account.account_token


def take_statuses(account: AccountState, agreed: Partition, shared: frozenset[Token]) -> None:
    """Give every claim the status that follows from the partition."""
    for claim in account.claims.values():
        if not claim.connects:
            status = ClaimStatus.UNVERIFIED
        elif (claim.kind, claim.token) in shared:
            status = ClaimStatus.SHARED
        else:
            status = agreed.statuses[account.origin_id, claim.kind, claim.namespace, claim.token]
        claim.is_changed |= status is not claim.status
        claim.status = status


def chosen_values(accounts: Sequence[AccountState]) -> dict[ProfileField, str]:
    """What survivorship makes of everything that a member's accounts state and still hold."""
    stated = [_profile_value(account, value) for account in accounts for value in account.values.values()]
    stated += [
        _contact_value(account, claim)
        for account in accounts
        for claim in account.claims.values()
        if claim.kind in CONTACT_FIELDS and claim.status in HELD and claim.plain is not None
    ]
    return {field: chosen.value for field, chosen in choose(stated).items()}


def consented_fields(accounts: Sequence[AccountState], chosen: Mapping[ProfileField, str]) -> int:
    """For which consented purpose alone each chosen value is held, packed (members/bits.py).

    A value that any of the accounts states for the service is held for the service.
    """
    found = 0
    for field, plain in chosen.items():
        stated = [account.values[field, plain] for account in accounts if (field, plain) in account.values]
        bases = [(value.stated_at, value.collected_for) for value in stated]
        consented = [(at, purpose) for at, purpose in bases if purpose is not None]
        if consented and len(consented) == len(bases):
            found = holding(found, field, max(consented)[1])
    return found


def holds(account: AccountState, field: ProfileField, value: str) -> bool:
    """Whether the account still states this, so that a golden profile may show it."""
    if (field, value) in account.values:
        return True
    return any(
        CONTACT_FIELDS.get(claim.kind) is field and claim.plain == value and claim.status in HELD
        for claim in account.claims.values()
    )


def _newest(account: AccountState, field: ProfileField) -> ValueState | None:
    stated = (value for value in account.values.values() if value.field is field and _may_unite(value))
    return max(stated, key=lambda value: (value.stated_at, value.plain), default=None)


def _may_unite(value: ValueState) -> bool:
    return value.connects and value.collected_for is None


def _names(account: AccountState) -> list[Name]:
    """Every name stated: full ones first, then the newest; what is partial is 张* or 张先生."""
    stated = [
        (parsed.is_full, value.stated_at, value.plain, parsed)
        for value in account.values.values()
        if value.field is ProfileField.NAME and _may_unite(value) and (parsed := name(value.plain)) is not None
    ]
    return [parsed for *_, parsed in sorted(stated, key=lambda one: one[:3], reverse=True)]


def _profile_value(account: AccountState, value: ValueState) -> ProfileValue:
    return ProfileValue(
        field=value.field,
        value=value.plain,
        origin_id=account.origin_id,
        order_key=order_key(account),
        channel=account.channel,
        source=SourceStrength.VERIFIED if value.verified_at else value.strength,
        observed_at=value.stated_at,
        verified_at=value.verified_at,
        is_whole=_is_whole(account, value),
        is_for_service=value.collected_for is None,
    )


def _is_whole(account: AccountState, value: ValueState) -> bool:
    """A masked name or a surname is no whole name; of an address the app knows the city only."""
    if value.field is ProfileField.NAME:
        parsed = name(value.plain)
        return parsed is not None and parsed.is_full
    return value.field is not ProfileField.ADDRESS or account.channel is not Channel.APP


def _contact_value(account: AccountState, claim: ClaimState) -> ProfileValue:
    typed = SourceStrength.STAFF if account.channel is Channel.STORE else SourceStrength.SELF_DECLARED
    return ProfileValue(
        field=CONTACT_FIELDS[claim.kind],
        value=claim.plain or "",
        origin_id=account.origin_id,
        order_key=order_key(account),
        channel=account.channel,
        source=SourceStrength.VERIFIED if claim.verified_at else typed,
        observed_at=claim.stated_to,
        verified_at=claim.verified_at,
        is_whole=True,
    )
