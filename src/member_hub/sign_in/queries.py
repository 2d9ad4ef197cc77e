"""Who holds a phone number, whose a second thing is, whose a session is."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, func, select

from member_hub.crypto import Vault
from member_hub.db.base import Tx
from member_hub.db.bulk import among, table_of
from member_hub.identity.facts import facts_of
from member_hub.identity.kinds import ClaimKind, ClaimStatus
from member_hub.identity.queries import load_accounts
from member_hub.identity.rules import OriginFacts
from member_hub.identity.speaking import Speaker, open_speakers
from member_hub.identity.tables import IdentityClaim, IdentityHint, IdentityToken
from member_hub.ids import MemberId, OriginId
from member_hub.members.tables import ChannelAccount, Member, MemberStatus
from member_hub.orders.tables import OrderLine
from member_hub.sign_in.tables import Session

HOLDERS_MAX = 100  # more who state one number hold it no longer: it is shared (identity/rules.py)

claim_t = table_of(IdentityClaim)
hint_t = table_of(IdentityHint)
token_t = table_of(IdentityToken)
account_t = table_of(ChannelAccount)
member_t = table_of(Member)
order_t = table_of(OrderLine)
session_t = table_of(Session)
HELD = (ClaimStatus.ACTIVE, ClaimStatus.UNVERIFIED)


@dataclass(frozen=True, slots=True)
class Holding:
    """One account that states the number, and whose it is. `verified_at` is None where it was only typed."""

    member_id: MemberId
    origin_id: OriginId
    verified_at: datetime | None
    stated_to: datetime
    connects: bool

    @property
    def firmness(self) -> tuple[bool, datetime]:
        return (self.verified_at is not None, self.verified_at or self.stated_to)


async def holdings(
    tx: Tx,
    phone_token: bytes,
    *,
    statuses: Collection[ClaimStatus] = HELD,
    among_origins: Collection[OriginId] = (),
    namespace: str | None = None,
    handler: str | None = None,
) -> list[Holding]:
    """The accounts that state the number with one of these statuses.

    Of these accounts, in this name space, or of this handler's members only.
    """
    columns = ("member_id", "origin_id", "verified_at", "stated_to", "connects", "status")
    statement = (
        select(*(claim_t.c[name] for name in columns))
        .join(hint_t, and_(hint_t.c.origin_id == claim_t.c.origin_id, hint_t.c.claim_id == claim_t.c.claim_id))
        .where(hint_t.c.kind == ClaimKind.PHONE, hint_t.c.token == phone_token, claim_t.c.status.in_(sorted(statuses)))
        .order_by(claim_t.c.status, claim_t.c.connects.desc(), claim_t.c.origin_id)  # who verified it is never cut off
        .limit(HOLDERS_MAX)
    )
    if namespace is not None:
        own = (account_t.c.member_id == claim_t.c.member_id) & (account_t.c.origin_id == claim_t.c.origin_id)
        statement = statement.join(account_t, own).where(account_t.c.namespace == namespace)
    if handler is not None:
        of_handler = (member_t.c.member_id == claim_t.c.member_id) & (member_t.c.handler == handler)
        statement = statement.join(member_t, of_handler)
    if among_origins:
        statement = statement.where(among(claim_t.c.origin_id, among_origins))
    return [
        Holding(
            MemberId(row.member_id),
            OriginId(row.origin_id),
            None if row.status == ClaimStatus.UNVERIFIED else row.verified_at,
            row.stated_to,
            row.connects,
        )
        for row in await tx.execute(statement)
    ]


async def speaker_of(tx: Tx, vault: Vault, holding: Holding) -> Speaker:
    """The account through which the number can be stated again. Raises CannotOpen where it was tampered with."""
    statement = select(account_t).where(
        account_t.c.member_id == holding.member_id, account_t.c.origin_id == holding.origin_id
    )
    (speaker,) = await open_speakers(tx, vault, (await tx.execute(statement)).all())
    return speaker


async def facts_of_member(tx: Tx, vault: Vault, member_id: MemberId) -> list[OriginFacts]:
    """All that deciding looks at of each of a member's accounts; values too common to connect anything left out."""
    origins = await tx.scalars(select(account_t.c.origin_id).where(account_t.c.member_id == member_id))
    accounts = (await load_accounts(tx, vault, [OriginId(origin) for origin in origins])).values()
    claims = [claim for account in accounts for claim in account.claims.values()]
    shared = frozenset((claim.kind, claim.token) for claim in claims if claim.status is ClaimStatus.SHARED)
    return [facts_of(account, shared) for account in accounts]


async def owners_of_token(
    tx: Tx, kind: ClaimKind, tokens: Collection[bytes], members: Collection[MemberId]
) -> set[tuple[MemberId, OriginId]]:
    """Which of these members is found by one of the tokens, and the account that holds it."""
    statement = select(token_t.c.member_id, token_t.c.origin_id).where(
        token_t.c.kind == kind, among(token_t.c.token, tokens), among(token_t.c.member_id, members)
    )
    return {(MemberId(member), OriginId(origin)) for member, origin in await tx.execute(statement)}


async def buyers(
    tx: Tx, order_no: str, *, since: datetime, members: Collection[MemberId]
) -> set[tuple[MemberId, OriginId]]:
    """Which of these members bought something under that order number since then, and with which account."""
    statement = (
        select(account_t.c.member_id, account_t.c.origin_id)
        .join(order_t, order_t.c.origin_id == account_t.c.origin_id)
        .where(among(account_t.c.member_id, members), order_t.c.order_no == order_no, order_t.c.ordered_at >= since)
    )
    return {(MemberId(member), OriginId(origin)) for member, origin in await tx.execute(statement)}


async def acting_member(tx: Tx, session_id: UUID, *, now: datetime) -> MemberId | None:
    """For whom a session acts now: its member, or the one this was merged into. None: ended, over, or erased."""
    signed_in = member_t.alias("signed_in")
    statement = (
        select(member_t.c.member_id)
        .select_from(session_t)
        .join(signed_in, signed_in.c.member_id == session_t.c.member_id)
        .join(member_t, member_t.c.member_id == func.coalesce(signed_in.c.merged_into, signed_in.c.member_id))
        .where(session_t.c.session_id == session_id, session_t.c.ended_at.is_(None), session_t.c.expires_at > now)
        .where(member_t.c.status.not_in((MemberStatus.ERASED, MemberStatus.MERGED)))
    )
    found = await tx.scalar(statement)
    return None if found is None else MemberId(found)
