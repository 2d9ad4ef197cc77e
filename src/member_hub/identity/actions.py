"""Writing what channel accounts claim: locks first, then accounts, claims, values and tokens, set-wise."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import ARRAY, Integer, and_, bindparam, delete, func, select, tuple_

from member_hub.crypto import KeySet, Vault, sealed_row
from member_hub.db.base import Tx
from member_hub.db.bulk import among, insert_rows, parameters, table_of, update_rows, values_of
from member_hub.db.direct import Direct
from member_hub.identity.kinds import ClaimKind
from member_hub.identity.queries import Token, stating
from member_hub.identity.rules import Candidate, Reason
from member_hub.identity.states import AccountState, ClaimState, ValueState
from member_hub.identity.tables import (
    CandidateStatus,
    IdentityClaim,
    IdentityHint,
    IdentityToken,
    ReviewCandidate,
)
from member_hub.ids import MemberId, OriginId
from member_hub.members.tables import ChannelAccount, ProfileValue
from member_hub.privacy import DataClass

LIVE_PAIRS_MAX = 5  # of one value typed live
LIVE_WEIGHT_BP = 5_000
LOCK_CLASS = 0x4D48  # "MH": our half of PostgreSQL's advisory lock space
LOCK_BUCKETS = 4096  # a batch of 500 may take most of them; the server's lock table holds at least 6400

account_t = table_of(ChannelAccount)
value_t = table_of(ProfileValue)
claim_t = table_of(IdentityClaim)
hint_t = table_of(IdentityHint)
token_t = table_of(IdentityToken)
candidate_t = table_of(ReviewCandidate)

_BUCKETS = func.unnest(bindparam("buckets", type_=ARRAY(Integer))).column_valued("bucket")
_LOCK = Direct(select(func.count(func.pg_advisory_xact_lock(LOCK_CLASS, _BUCKETS))))
_TRY_LOCK = select(func.bool_and(func.pg_try_advisory_xact_lock(LOCK_CLASS, _BUCKETS)))


async def lock(tx: Tx, tokens: Iterable[bytes]) -> None:
    """Hold every value in question until the transaction ends, in one order for everybody.

    Values share 4096 locks: two that meet wait for each other without need, and the server's lock table, which
    an unlucky batch of single locks could fill, is never the limit.
    """
    await _LOCK.one(tx, {"buckets": _buckets(tokens)})


async def try_lock(tx: Tx, tokens: Iterable[bytes]) -> bool:
    """The same where nobody has to be waited for; else false, and some of them are held."""
    return bool(await tx.scalar(_TRY_LOCK, {"buckets": _buckets(tokens)}))


def _buckets(tokens: Iterable[bytes]) -> list[int]:
    return sorted({int.from_bytes(token[:4]) % LOCK_BUCKETS for token in tokens})


ACCOUNT_COLUMNS = (
    "member_id",
    "origin_id",
    "filed_under",
    "channel",
    "namespace",
    "handler",
    "home_store",
    "first_seen_at",
    "last_seen_at",
    "account",
    "opening",
)


async def insert_accounts(tx: Tx, keys: KeySet, states: Sequence[AccountState]) -> None:
    """Store channel accounts seen for the first time; each has its member by now."""
    rows = [
        (
            state.member_id,
            state.origin_id,
            state.filed_under,
            state.channel,
            state.namespace,
            state.handler,
            state.home_store,
            state.first_seen_at,
            state.last_seen_at,
            keys.seal(account_t.c.account, state.origin_id, state.account or ""),
            None if state.opening is None else keys.seal(account_t.c.opening, state.origin_id, state.opening),
        )
        for state in states
    ]
    await insert_rows(tx, ChannelAccount, ACCOUNT_COLUMNS, rows)


async def update_accounts(tx: Tx, keys: KeySet, states: Sequence[AccountState]) -> None:
    """Store what newer deliveries changed about known accounts."""
    seen = [s for s in states if s.is_changed]
    columns = ("member_id", "origin_id", "home_store", "first_seen_at", "last_seen_at")
    rows = [(s.member_id, s.origin_id, s.home_store, s.first_seen_at, s.last_seen_at) for s in seen]
    await update_rows(tx, ChannelAccount, columns, rows)
    sealed = [
        (s.member_id, s.origin_id, keys.seal(account_t.c.opening, s.origin_id, s.opening))
        for s in states
        if s.is_opening_changed and s.opening is not None
    ]
    await update_rows(tx, ChannelAccount, ("member_id", "origin_id", "opening"), sealed)


CLAIM_COLUMNS = (
    "member_id",
    "origin_id",
    "claim_id",
    "kind",
    "namespace",
    "value",
    "status",
    "verified_at",
    "stated_from",
    "stated_to",
    "connects",
    "begins_at",
    "is_dated",
)


HINT_COLUMNS = ("kind", "token", "key_version", "origin_id", "claim_id", "connects")
TOKEN_COLUMNS = ("kind", "token", "key_version", "member_id", "origin_id")


async def write_claims(tx: Tx, keys: KeySet, vault: Vault, states: Collection[AccountState]) -> None:
    """Insert new claims with their hints, update those whose times or status changed."""
    claims = [(state, claim) for state in states for claim in state.claims.values()]
    fresh = [(state, claim) for state, claim in claims if claim.is_new]
    await insert_rows(tx, IdentityClaim, CLAIM_COLUMNS, [_claim_row(keys, s, c) for s, c in fresh])
    hinted = [
        (c.kind, c.token, vault.token_version(c.kind), s.origin_id, c.claim_id, c.connects)
        for s, c in claims
        if c.is_new or c.begins_to_connect
    ]
    await insert_rows(tx, IdentityHint, HINT_COLUMNS, hinted, on_conflict="replace")
    columns = tuple(name for name in CLAIM_COLUMNS if name not in ("kind", "namespace", "value"))
    rows = [
        (s.member_id, s.origin_id, c.claim_id, c.status, *_claim_times(c))
        for s, c in claims
        if c.is_changed and not c.is_new
    ]
    await update_rows(tx, IdentityClaim, columns, rows)


def _claim_row(keys: KeySet, state: AccountState, claim: ClaimState) -> tuple[object, ...]:
    sealed = keys.seal(
        claim_t.c.value, state.origin_id, claim.plain or "", row=sealed_row(IdentityClaim, {"claim_id": claim.claim_id})
    )
    return (
        state.member_id,
        state.origin_id,
        claim.claim_id,
        claim.kind,
        claim.namespace,
        sealed,
        claim.status,
        *_claim_times(claim),
    )


def _claim_times(claim: ClaimState) -> tuple[object, ...]:
    return (claim.verified_at, claim.stated_from, claim.stated_to, claim.connects, claim.begins_at, claim.is_dated)


VALUE_COLUMNS = (
    "member_id",
    "field",
    "origin_id",
    "value_digest",
    "value",
    "strength",
    "first_stated_at",
    "stated_at",
    "verified_at",
    "connects",
    "collected_for",
)


async def write_values(tx: Tx, keys: KeySet, states: Collection[AccountState]) -> None:
    """Insert new values, update those stated again, delete those beyond the cap."""
    fresh: list[tuple[object, ...]] = []
    changed: list[tuple[object, ...]] = []
    for state in states:
        for value in state.values.values():
            if value.is_new:
                fresh.append(_value_row(keys, state, value))
            elif value.is_changed:
                changed.append((state.member_id, value.field, state.origin_id, value.digest, *_value_times(value)))
    await insert_rows(tx, ProfileValue, VALUE_COLUMNS, fresh)
    await update_rows(tx, ProfileValue, tuple(c for c in VALUE_COLUMNS if c != "value"), changed)


def _value_row(keys: KeySet, state: AccountState, value: ValueState) -> tuple[object, ...]:
    value.digest = keys.digest(state.origin_id, DataClass.CONTACT, value.field.encode(), value.plain.encode())
    row = sealed_row(ProfileValue, {"field": value.field, "value_digest": value.digest})
    sealed = keys.seal(value_t.c.value, state.origin_id, value.plain, row=row)
    return (
        state.member_id,
        value.field,
        state.origin_id,
        value.digest,
        sealed,
        *_value_times(value),
    )


def _value_times(value: ValueState) -> tuple[object, ...]:
    times = (value.first_stated_at, value.stated_at, value.verified_at)
    return (value.strength, *times, value.connects, value.collected_for)


async def forget_values(tx: Tx, states: Collection[AccountState]) -> list[OriginId]:
    """Delete what went over the cap; returns the accounts whose CONTACT key must be renewed for that."""
    rows = [(s.member_id, v.field, s.origin_id, v.digest) for s in states for v in s.dropped]
    if not rows:
        return []
    names = ("member_id", "field", "origin_id", "value_digest")
    given = values_of([value_t.c[name] for name in names])
    statement = delete(value_t).where(and_(*(value_t.c[name] == given.c[name] for name in names)))
    await tx.execute(statement, parameters(names, rows))
    return [s.origin_id for s in states if s.dropped]


async def forget_claims(tx: Tx, states: Collection[AccountState]) -> list[OriginId]:
    """Delete what went over the cap, and by what it was found; returns the accounts whose IDENTIFIER key must be
    renewed for that."""
    rows = [(s.member_id, s.origin_id, c.claim_id) for s in states for c in s.dropped_claims]
    if not rows:
        return []
    names = ("member_id", "origin_id", "claim_id")
    given = values_of([claim_t.c[name] for name in names])
    own = and_(*(claim_t.c[name] == given.c[name] for name in names))
    await tx.execute(delete(claim_t).where(own), parameters(names, rows))
    of_claim = and_(hint_t.c.origin_id == given.c.origin_id, hint_t.c.claim_id == given.c.claim_id)
    await tx.execute(delete(hint_t).where(of_claim), parameters(names, rows))
    return [s.origin_id for s in states if s.dropped_claims]


async def point_tokens(
    tx: Tx,
    vault: Vault,
    origins: Collection[OriginId],
    holders: Mapping[Token, tuple[MemberId, OriginId]],
) -> None:
    """Make every value that finds exactly one member find the right one, and the released ones nobody."""
    statement = select(token_t.c.kind, token_t.c.token, token_t.c.member_id, token_t.c.origin_id).where(
        among(token_t.c.origin_id, origins)
    )
    stored = {
        (ClaimKind(kind), token): (MemberId(member), OriginId(origin))
        for kind, token, member, origin in await tx.execute(statement)
    }
    stale = [token for token in stored if token not in holders]
    if stale:
        await tx.execute(delete(token_t).where(tuple_(token_t.c.kind, token_t.c.token).in_(stale)))
    moved = sorted((key, held) for key, held in holders.items() if stored.get(key) != held)
    rows = [(kind, token, vault.token_version(kind), *held) for (kind, token), held in moved]
    await insert_rows(tx, IdentityToken, TOKEN_COLUMNS, rows, on_conflict="replace")


async def write_candidates(
    tx: Tx, origins: Collection[OriginId], candidates: Sequence[Candidate], *, now: datetime
) -> int:
    """Make the open candidates among these accounts those that the rules give; decided ones stay decided.

    Returns how many are new.
    """
    wanted = {(min(c.a, c.b), max(c.a, c.b), str(c.reason)): c.weight_bp for c in candidates}
    names = ("origin_a", "origin_b", "reason", "weight_bp")
    touched = and_(among(candidate_t.c.origin_a, origins), candidate_t.c.status == CandidateStatus.OPEN)
    rows = await tx.execute(select(*(candidate_t.c[name] for name in names)).where(touched))
    stored = {(OriginId(a), OriginId(b), reason): weight for a, b, reason, weight in rows}
    stale = [key for key in stored if key not in wanted and key[2] != Reason.STATED_LIVE]
    if stale:
        key = tuple_(candidate_t.c.origin_a, candidate_t.c.origin_b, candidate_t.c.reason)
        await tx.execute(delete(candidate_t).where(key.in_(stale)))
    weighed = [(*key, weight) for key, weight in sorted(wanted.items()) if stored.get(key, weight) != weight]
    await update_rows(tx, ReviewCandidate, names, weighed)
    fresh = [(*key, w, CandidateStatus.OPEN, now) for key, w in sorted(wanted.items()) if key not in stored]
    return await insert_rows(tx, ReviewCandidate, (*names, "status", "created_at"), fresh, on_conflict="ignore")


async def note_live(tx: Tx, states: Collection[AccountState], *, now: datetime) -> int:
    """What was typed live unites nothing; where somebody else is known by it, staff get a pair to look at."""
    live = {
        (claim.kind, claim.token): state.origin_id
        for state in states
        for claim in state.claims.values()
        if claim.is_new and not claim.connects
    }
    own = {state.origin_id for state in states}
    pairs = {
        (min(live[value], other), max(live[value], other))
        for value, others in (await stating(tx, live, LIVE_PAIRS_MAX)).items()
        for other in others
        if other not in own
    }
    rows = [(*pair, Reason.STATED_LIVE, LIVE_WEIGHT_BP, CandidateStatus.OPEN, now) for pair in sorted(pairs)]
    columns = ("origin_a", "origin_b", "reason", "weight_bp", "status", "created_at")
    return await insert_rows(tx, ReviewCandidate, columns, rows, on_conflict="ignore")
