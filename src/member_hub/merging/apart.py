"""Keeping two channel accounts apart: said once, it holds against every later evidence (I9, I18)."""

from collections.abc import Collection
from datetime import datetime
from itertools import product
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from member_hub.db.base import Tx, transaction
from member_hub.db.bulk import among, table_of
from member_hub.db.contention import patiently
from member_hub.db.engines import Database
from member_hub.errors import BadInput, NotFound
from member_hub.identity.queries import Token, account_tokens, accounts_by_token
from member_hub.identity.tables import NeverMerge
from member_hub.ids import OriginId
from member_hub.members.tables import Channel, ChannelAccount
from member_hub.merging.resolution import Resolver

never_t = table_of(NeverMerge)
account_t = table_of(ChannelAccount)


async def keep_apart(
    database: Database,
    resolver: Resolver,
    one: tuple[Channel, str],
    other: tuple[Channel, str],
    *,
    reason: str,
    said_by: str,
    now: datetime,
) -> bool:
    """Remember that these accounts, each (channel, account), are never one member; split them where they are.

    Returns whether they were one member. Idempotent. Raises NotFound for an unknown account; the caller audits.
    """
    if one == other:
        raise BadInput("An account cannot be kept apart from itself.", zh="账号不能与自身分开。")
    sides = [account_tokens(resolver.vault, resolver.organisation, *pair) for pair in (one, other)]

    async def attempt() -> bool:
        async with transaction(database.app) as tx:
            first, second = [await _known(tx, tokens) for tokens in sides]
            was_one = not (await _members(tx, first)).isdisjoint(await _members(tx, second))
            pairs = [sorted(pair) for pair in product(first, second)]
            said = {"reason": reason, "said_by": said_by, "said_at": now}
            rows = [{"origin_a": a, "origin_b": b} | said for a, b in pairs]
            await tx.execute(insert(never_t).on_conflict_do_nothing(), rows)
            caused_by = f"keep-apart, {said_by}"
            await resolver.resolve_again(tx, [t for side in sides for t in side], caused_by=caused_by, now=now)
            return was_one

    return await patiently(attempt)


async def _known(tx: Tx, tokens: Collection[Token]) -> set[OriginId]:
    """The accounts of this number: in an app one for every appid that has it."""
    found = set((await accounts_by_token(tx, tokens)).values())
    if not found:
        raise NotFound
    return found


async def _members(tx: Tx, origins: Collection[OriginId]) -> set[UUID]:
    return set(await tx.scalars(select(account_t.c.member_id).where(among(account_t.c.origin_id, origins))))
