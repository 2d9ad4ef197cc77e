"""Finding channel accounts and members by what is claimed, and loading accounts for resolution.

Everything is set-wise: a batch of 500 records costs a handful of statements.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, Select, Text, and_, case, cast, func, or_, select, true, tuple_

from member_hub.crypto import CannotOpen, Item, KeySet, Vault, sealed_row
from member_hub.db.base import Tx
from member_hub.db.bulk import among, constant, parameters, table_of, values_of
from member_hub.db.direct import Direct
from member_hub.errors import HubError
from member_hub.identity.kinds import CONNECTING_KINDS, ClaimKind, ClaimStatus
from member_hub.identity.statements import own_kind
from member_hub.identity.states import AccountState, ClaimState, ValueState
from member_hub.identity.tables import (
    CandidateStatus,
    IdentityClaim,
    IdentityHint,
    IdentityToken,
    NeverMerge,
    ReviewCandidate,
)
from member_hub.ids import MemberId, OriginId
from member_hub.members.rules import SourceStrength
from member_hub.members.tables import Channel, ChannelAccount, ProfileValue
from member_hub.organisation import Organisation
from member_hub.privacy import DataClass, ProfileField, Purpose

REACH_MAX = 20_000  # accounts in hand at once: 500 records touch some thousand; beyond it memory would be lost

Token = tuple[ClaimKind, bytes]

claim_t = table_of(IdentityClaim)
hint_t = table_of(IdentityHint)
token_t = table_of(IdentityToken)
never_t = table_of(NeverMerge)
candidate_t = table_of(ReviewCandidate)
account_t = table_of(ChannelAccount)
value_t = table_of(ProfileValue)
TOKEN_COLUMNS = (hint_t.c.kind, hint_t.c.token)


@dataclass(frozen=True, slots=True)
class Reach:
    """What the claims in question connect with: the accounts, and the values too common to connect anything."""

    origin_ids: frozenset[OriginId]
    tokens: frozenset[Token]
    shared: frozenset[Token]


class TooManyConnected(HubError):
    """More accounts hang together than can be resolved at once."""

    code = "TOO_MANY_CONNECTED"


async def reach(tx: Tx, seeds: Collection[Token], *, own: Collection[Token], shared_max: int) -> Reach:
    """Follow values from account to account until nothing new comes: half a component would be resolved wrongly.

    A value that more than `shared_max` accounts state already is not followed: it connects nothing; only the account
    itself is found by its `own` number all the same. All accounts of a member that is touched are included, so that
    a link which has meanwhile gone can be taken back. Raises TooManyConnected beyond REACH_MAX.
    """
    origins: set[OriginId] = set()
    tokens, shared = set(seeds), set[Token]()
    frontier = set(seeds)
    while frontier:
        found = await stating(tx, frontier, shared_max)
        shared |= {token for token, by in found.items() if len(by) > shared_max}
        fresh = {o for token, by in found.items() if token not in shared for o in by} - origins
        if known_by := shared.intersection(own, found):
            fresh |= set((await accounts_by_token(tx, known_by)).values()) - origins
        if not fresh:
            break
        fresh |= await _siblings(tx, fresh)
        origins |= fresh
        if len(origins) > REACH_MAX:
            raise TooManyConnected(f"More than {REACH_MAX} accounts hang together.")
        frontier = await _connecting_tokens(tx, fresh) - tokens
        tokens |= frontier
    return Reach(frozenset(origins), frozenset(tokens), frozenset(shared))


async def stating(tx: Tx, tokens: Collection[Token], shared_max: int) -> dict[Token, list[OriginId]]:
    """Up to `shared_max + 1` accounts per value, of those that it may unite."""
    found: dict[Token, list[OriginId]] = {}
    if not tokens:
        return found
    given = values_of(TOKEN_COLUMNS)
    accounts = (
        select(hint_t.c.origin_id)
        .where(hint_t.c.kind == given.c.kind, hint_t.c.token == given.c.token, hint_t.c.connects)
        .limit(shared_max + 1)
        .lateral("accounts")
    )
    statement = select(given.c.kind, given.c.token, accounts.c.origin_id).select_from(given.join(accounts, true()))
    for kind, value, origin in await tx.execute(statement, parameters(("kind", "token"), sorted(tokens))):
        found.setdefault((ClaimKind(kind), value), []).append(OriginId(origin))
    return found


async def _siblings(tx: Tx, origins: Collection[OriginId]) -> set[OriginId]:
    own, other = account_t.alias("own"), account_t.alias("other")
    statement = select(other.c.origin_id).where(
        other.c.member_id.in_(select(own.c.member_id).where(among(own.c.origin_id, origins)))
    )
    return {OriginId(row[0]) for row in await tx.execute(statement)}


async def _connecting_tokens(tx: Tx, origins: Collection[OriginId]) -> set[Token]:
    statement = select(hint_t.c.kind, hint_t.c.token).where(
        among(hint_t.c.origin_id, origins), hint_t.c.connects, hint_t.c.kind.in_(CONNECTING_KINDS)
    )
    return {(ClaimKind(kind), value) for kind, value in await tx.execute(statement)}


async def members_holding(tx: Tx, origins: Collection[OriginId]) -> tuple[set[MemberId], set[MemberId]]:
    """Whose these accounts are, and under whom they were filed first."""
    if not origins:
        return set(), set()
    statement = select(account_t.c.member_id, account_t.c.filed_under).where(among(account_t.c.origin_id, origins))
    rows = (await tx.execute(statement)).all()
    return {MemberId(row.member_id) for row in rows}, {MemberId(row.filed_under) for row in rows}


async def load_accounts(tx: Tx, vault: Vault, origins: Collection[OriginId]) -> dict[OriginId, AccountState]:
    """The stored accounts with their claims and values; names, dates, phones, e-mails and opening balances opened."""
    if not origins:
        return {}
    rows = await _account_rows(tx, origins)
    states = {OriginId(row.origin_id): _account_state(row) for row in rows}
    needs = [(o, c) for o in states for c in (DataClass.CONTACT, DataClass.IDENTIFIER)]
    openings = [Item(account_t.c.opening, r.origin_id, r.opening) for r in rows if r.opening is not None]
    keys = await vault.keys_for(tx, [*needs, *((item.subject, DataClass.COMMERCE) for item in openings)])
    for item, plain in zip(openings, keys.open_many(openings, reason="resolve identity"), strict=True):
        states[OriginId(item.subject)].opening = plain if isinstance(plain, str) else None
    await _load_claims(tx, keys, states)
    await _load_values(tx, keys, states)
    return states


async def _account_rows(tx: Tx, origins: Collection[OriginId]) -> Sequence[Row[Any]]:
    own = hint_t.alias("own")
    own_kind_ = case((account_t.c.channel == Channel.STORE, own_kind(Channel.STORE)), else_=ClaimKind.ACCOUNT)
    statement = select(account_t, own.c.token).join(
        own, and_(own.c.origin_id == account_t.c.origin_id, own.c.kind == own_kind_)
    )
    return (await tx.execute(statement.where(among(account_t.c.origin_id, origins)))).all()


def _account_state(row: Row[Any]) -> AccountState:
    return AccountState(
        origin_id=OriginId(row.origin_id),
        account_token=row.token,
        channel=Channel(row.channel),
        namespace=row.namespace,
        handler=row.handler,
        member_id=MemberId(row.member_id),
        filed_under=MemberId(row.filed_under),
        first_seen_at=row.first_seen_at,
        last_seen_at=row.last_seen_at,
        home_store=row.home_store,
        account=None,
    )


async def _load_claims(tx: Tx, keys: KeySet, states: Mapping[OriginId, AccountState]) -> None:
    statement = (
        select(claim_t, hint_t.c.token)
        .join(hint_t, and_(hint_t.c.origin_id == claim_t.c.origin_id, hint_t.c.claim_id == claim_t.c.claim_id))
        .where(among(claim_t.c.origin_id, states))
    )
    rows = (await tx.execute(statement)).all()
    opened = keys.open_many(
        [
            Item(claim_t.c.value, row.origin_id, row.value, sealed_row(IdentityClaim, {"claim_id": row.claim_id}))
            for row in rows
            if row.kind in (ClaimKind.PHONE, ClaimKind.EMAIL)
        ],
        reason="resolve identity",
    )
    plain = iter(opened)
    for row in rows:
        is_contact = row.kind in (ClaimKind.PHONE, ClaimKind.EMAIL)
        claim = _claim_state(row, next(plain) if is_contact else None)
        states[OriginId(row.origin_id)].claims[claim.kind, claim.namespace, claim.token] = claim


def _claim_state(row: Row[Any], plain: str | CannotOpen | None) -> ClaimState:
    return ClaimState(
        row.claim_id,
        ClaimKind(row.kind),
        row.namespace,
        row.token,
        plain if isinstance(plain, str) else None,
        ClaimStatus(row.status),
        row.verified_at,
        row.stated_from,
        row.stated_to,
        row.connects,
        begins_at=row.begins_at,
        is_dated=row.is_dated,
    )


async def _load_values(tx: Tx, keys: KeySet, states: Mapping[OriginId, AccountState]) -> None:
    rows = (await tx.execute(select(value_t).where(among(value_t.c.origin_id, states)))).all()
    opened = keys.open_many(
        [Item(value_t.c.value, row.origin_id, row.value, _value_row(row)) for row in rows],
        reason="resolve identity",
    )
    for row, plain in zip(rows, opened, strict=True):
        if isinstance(plain, CannotOpen):
            continue  # a damaged value takes no part; reading it through the API says so
        states[OriginId(row.origin_id)].values[ProfileField(row.field), plain] = ValueState(
            ProfileField(row.field),
            plain,
            row.value_digest,
            SourceStrength(row.strength),
            row.first_stated_at,
            row.stated_at,
            row.verified_at,
            row.connects,
            Purpose(row.collected_for) if row.collected_for is not None else None,
        )


def _value_row(row: Row[Any]) -> bytes:
    return sealed_row(ProfileValue, {"field": row.field, "value_digest": row.value_digest})


def account_tokens(vault: Vault, organisation: Organisation, channel: Channel, account: str) -> list[Token]:
    """What an account may be found by where only its channel is known: an app user is named without the appid."""
    kind = own_kind(channel)
    return [(kind, vault.token(kind, each, account)) for each in organisation.channels[channel].namespaces]


async def accounts_by_token(tx: Tx, tokens: Collection[Token]) -> dict[Token, OriginId]:
    """The channel accounts that have one of these as their own number."""
    rows = await _OWN_NUMBERS.every(tx, parameters(("kind", "token"), sorted(tokens)))
    return {(ClaimKind(kind), token): OriginId(origin) for kind, token, origin in rows}


def _own_numbers() -> Select[Any]:
    """Each is looked up by itself (OFFSET 0): left to choose, the server went over all accounts for every batch."""
    given = values_of([hint_t.c.kind, hint_t.c.token])
    is_of_store = account_t.c.channel == constant(Channel.STORE)
    own = (
        select(hint_t.c.origin_id)
        .join(account_t, account_t.c.origin_id == hint_t.c.origin_id)
        .where(hint_t.c.kind == given.c.kind, hint_t.c.token == given.c.token)
        .where(is_of_store == (given.c.kind == constant(ClaimKind.CARD)))
        .offset(constant(0))
        .lateral("own")
    )
    return select(given.c.kind, given.c.token, own.c.origin_id).select_from(given.join(own, true()))


_OWN_NUMBERS: Final = Direct(_own_numbers())


async def never_merge(tx: Tx, origins: Collection[OriginId]) -> frozenset[frozenset[OriginId]]:
    """The pairs that touch any of these accounts."""
    statement = select(never_t.c.origin_a, never_t.c.origin_b).where(
        or_(among(never_t.c.origin_a, origins), among(never_t.c.origin_b, origins))
    )
    return frozenset(frozenset((OriginId(a), OriginId(b))) for a, b in await tx.execute(statement))


async def find_members(tx: Tx, tokens: Sequence[Token]) -> dict[Token, MemberId]:
    """Who is found by each value (CONTRACT MemberKey); values that find nobody, or several, are left out.

    Held verified: that member. Failing that, the only member who holds it unverified.
    """
    held = await tx.execute(
        select(token_t.c.kind, token_t.c.token, token_t.c.member_id).where(
            tuple_(token_t.c.kind, token_t.c.token).in_(tokens)
        )
    )
    found = {(ClaimKind(kind), token): MemberId(member) for kind, token, member in held}
    missing = [token for token in tokens if token not in found and token[0] in (ClaimKind.PHONE, ClaimKind.EMAIL)]
    return found | await _only_unverified(tx, missing)


async def _only_unverified(tx: Tx, tokens: Sequence[Token]) -> dict[Token, MemberId]:
    if not tokens:
        return {}
    statement = (
        select(hint_t.c.kind, hint_t.c.token, func.min(cast(claim_t.c.member_id, Text)))
        .join(claim_t, and_(claim_t.c.origin_id == hint_t.c.origin_id, claim_t.c.claim_id == hint_t.c.claim_id))
        .where(
            tuple_(hint_t.c.kind, hint_t.c.token).in_(tokens),
            claim_t.c.status == ClaimStatus.UNVERIFIED,
        )
        .group_by(hint_t.c.kind, hint_t.c.token)
        .having(func.count(claim_t.c.member_id.distinct()) == 1)
    )
    return {(ClaimKind(kind), token): MemberId(UUID(member)) for kind, token, member in await tx.execute(statement)}


async def open_candidates(tx: Tx, *, limit: int) -> list[dict[str, object]]:
    """Pairs of accounts for staff to look at, the heaviest first: ids, channels, reason and weight, no values."""
    a, b = account_t.alias("a"), account_t.alias("b")
    statement = (
        select(
            candidate_t.c.reason,
            candidate_t.c.weight_bp,
            a.c.member_id.label("member_a"),
            a.c.channel.label("channel_a"),
            b.c.member_id.label("member_b"),
            b.c.channel.label("channel_b"),
        )
        .join(a, a.c.origin_id == candidate_t.c.origin_a)
        .join(b, b.c.origin_id == candidate_t.c.origin_b)
        .where(candidate_t.c.status == CandidateStatus.OPEN)
        .order_by(candidate_t.c.weight_bp.desc(), candidate_t.c.origin_a, candidate_t.c.origin_b)
        .limit(limit)
    )
    return [dict(row) for row in (await tx.execute(statement)).mappings()]
