"""Everything that a batch of statements touches, locked and loaded, with the statements folded in."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC

import orjson
from sqlalchemy import select

from member_hub.crypto import Vault
from member_hub.db.base import Tx
from member_hub.db.bulk import among, table_of
from member_hub.db.contention import Unsettled
from member_hub.identity import actions as claims
from member_hub.identity import queries
from member_hub.identity.kinds import CONNECTING_KINDS, ClaimKind
from member_hub.identity.queries import Reach, Token
from member_hub.identity.rules import Rules
from member_hub.identity.statements import AccountStatement, StatedIdentifier
from member_hub.identity.states import AccountState, Tokenise, first_sight
from member_hub.identity.tables import MergeEvent
from member_hub.ids import MemberId, OriginId
from member_hub.members.queries import StoredMember, lock_members
from member_hub.members.tables import Member, MemberStatus
from member_hub.organisation import Organisation

member_t = table_of(Member)
event_t = table_of(MergeEvent)

SETTLE_ROUNDS_MAX = 6  # how often the component may change while it is being locked


@dataclass(slots=True)
class Work:
    """The component in hand."""

    accounts: dict[OriginId, AccountState]
    members: dict[MemberId, StoredMember]
    shared: frozenset[Token]  # values too common to connect anything
    said: list[tuple[AccountState, bool]]  # per statement its account, and whether this was its first sight
    is_delivery: bool = False  # told by the channels themselves, and not typed live


async def gather(
    tx: Tx, vault: Vault, organisation: Organisation, rules: Rules, statements: Sequence[AccountStatement]
) -> Work:
    """Lock and load the component of these statements and fold them in."""
    tokenise = tokeniser(vault)
    uniting = [i for said in statements for i in said.identifiers if i.kind in CONNECTING_KINDS and said.unites(i)]
    seeds = {(i.kind, tokenise(i)) for i in uniting}
    own = {(said.identifiers[0].kind, tokenise(said.identifiers[0])) for said in statements}
    work = await regather(tx, vault, rules, seeds, own)
    by_token = {account.account_token: account for account in work.accounts.values()}
    work.is_delivery = all(said.is_vouched for said in statements)
    work.said = [_fold(one, by_token, organisation, tokenise) for one in statements]
    for account, _ in work.said:
        account.forget_the_oldest()
    work.accounts |= {account.origin_id: account for account in by_token.values()}
    return work


async def regather(tx: Tx, vault: Vault, rules: Rules, seeds: Collection[Token], own: Collection[Token]) -> Work:
    """Lock and load the component of these values as it is stored; `own` are accounts' own numbers among them."""
    for _ in range(SETTLE_ROUNDS_MAX):
        found = await _settle(tx, seeds, own, rules.shared_max)
        holding, filed = await queries.members_holding(tx, found.origin_ids)
        members = await lock_members(tx, vault, holding | filed)
        # An erasure locks the members only, and so does a withdrawal that takes values with it: what they took while
        # we waited for them must not be written again. So the accounts are read under the locks.
        if all(members[member].status is not MemberStatus.ERASED for member in holding):
            accounts = await queries.load_accounts(tx, vault, found.origin_ids)
            return Work(accounts, members, found.shared, [])
    raise Unsettled


async def absorbed_by(
    tx: Tx, vault: Vault, roots: Collection[MemberId]
) -> tuple[dict[MemberId, StoredMember], dict[MemberId, list[OriginId]]]:
    """The members that were merged into these, locked, and which accounts each had when it was."""
    merged = select(member_t.c.member_id).where(among(member_t.c.merged_into, roots))
    ids = [MemberId(row[0]) for row in await tx.execute(merged)]
    members = await lock_members(tx, vault, ids)
    events = (
        select(event_t.c.gone, event_t.c.origin_ids)
        .where(event_t.c.kind == "merge", among(event_t.c.gone, ids))
        .order_by(event_t.c.happened_at, event_t.c.event_id)
    )
    return members, {row.gone: row.origin_ids for row in await tx.execute(events)}  # of several the last counts


def tokeniser(vault: Vault) -> Tokenise:
    """Blind-index tokens, each computed once per batch."""
    known: dict[tuple[ClaimKind, str, str], bytes] = {}

    def tokenise(stated: StatedIdentifier) -> bytes:
        key = (stated.kind, stated.namespace, stated.value)
        if key not in known:
            known[key] = vault.token(*key)
        return known[key]

    return tokenise


async def _settle(tx: Tx, seeds: Collection[Token], own: Collection[Token], shared_max: int) -> Reach:
    """Lock every value of the component, then look whether it has grown meanwhile.

    All locks are taken in one statement and so in one order. What it has grown by is locked only if nobody has to be
    waited for; else all are given back and taken anew. Nobody waits for a lock while holding one that comes later in
    the order, so nobody deadlocks on them.
    """
    found = await queries.reach(tx, seeds, own=own, shared_max=shared_max)
    for _ in range(SETTLE_ROUNDS_MAX):
        attempt = await tx.begin_nested()
        await claims.lock(tx, _only_tokens(found.tokens))
        locked, found = found, await queries.reach(tx, found.tokens, own=own, shared_max=shared_max)
        while found.tokens != locked.tokens and await claims.try_lock(tx, _only_tokens(found.tokens - locked.tokens)):
            locked, found = found, await queries.reach(tx, found.tokens, own=own, shared_max=shared_max)
        if found.tokens == locked.tokens:
            await attempt.commit()
            return found
        await attempt.rollback()
    raise Unsettled


def _only_tokens(tokens: Collection[Token]) -> list[bytes]:
    return [token for _, token in tokens]


def _fold(
    said: AccountStatement, by_token: dict[bytes, AccountState], organisation: Organisation, tokenise: Tokenise
) -> tuple[AccountState, bool]:
    token = tokenise(said.identifiers[0])
    account = by_token.get(token)
    is_first = account is None
    if account is None:
        account = by_token[token] = first_sight(said, token, organisation.handler_of(said.channel))
    account.fold(said, tokenise, _opening(said))
    return account, is_first


def _opening(said: AccountStatement) -> str | None:
    """The old system's balance and tier word; the text begins with its time in one width: the greater is the newer."""
    if said.opening_balance is None and said.old_tier is None:
        return None
    at = said.event_time.astimezone(UTC).isoformat(timespec="microseconds")
    return orjson.dumps({"at": at, "balance": said.opening_balance, "tier": said.old_tier}).decode()
