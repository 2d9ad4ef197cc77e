"""Who a person is: the root, every id merged into it, every channel account, and the tokens that all are known by."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select

from member_hub.crypto import CannotOpen, Vault
from member_hub.db.base import Tx
from member_hub.db.bulk import among, table_of
from member_hub.db.contention import Unsettled
from member_hub.errors import NotFound
from member_hub.identity.kinds import CONNECTING_KINDS
from member_hub.identity.statements import own_kind
from member_hub.identity.tables import IdentityHint
from member_hub.ids import MemberId, OriginId
from member_hub.members.tables import Channel, ChannelAccount, Member, MemberStatus
from member_hub.privacy import DataClass, Person

SETTLE_ROUNDS_MAX = 6  # how often the person may change while being locked

member_t = table_of(Member)
account_t = table_of(ChannelAccount)
hint_t = table_of(IdentityHint)


async def find_person(tx: Tx, vault: Vault, member_id: MemberId) -> Person:
    """The person behind a member id, also a merged one. Raises NotFound, also where they were erased."""
    root = await _root(tx, member_id)
    absorbed = await tx.scalars(select(member_t.c.member_id).where(member_t.c.merged_into == root))
    statement = select(account_t.c.origin_id, account_t.c.channel, account_t.c.account)
    accounts = (await tx.execute(statement.where(account_t.c.member_id == root))).all()
    stated, own = await _tokens(tx, {row.origin_id: Channel(row.channel) for row in accounts})
    own |= await _awaited_tokens(tx, vault, accounts)
    return Person(
        root,
        absorbed_ids=sorted(MemberId(one) for one in absorbed),
        origin_ids=sorted(OriginId(row.origin_id) for row in accounts),
        tokens=sorted(stated | own),
        own_numbers=sorted(own),
    )


async def hold_person(tx: Tx, vault: Vault, member_id: MemberId) -> Person:
    """The same, and nobody else changes anything about the person until the transaction ends.

    An import that is about to attach something to the person waits for the member's row, and then looks again what
    became of them (merging/gathering.py). Raises NotFound; Unsettled where others keep changing the same members.
    """
    person = await find_person(tx, vault, member_id)
    for _ in range(SETTLE_ROUNDS_MAX):
        rows = select(member_t.c.member_id).where(among(member_t.c.member_id, person.member_ids))
        await tx.execute(rows.order_by(member_t.c.member_id).with_for_update())
        held, person = person, await find_person(tx, vault, member_id)
        if held == person:
            return person
    raise Unsettled


async def _root(tx: Tx, member_id: MemberId) -> MemberId:
    asked = member_t.alias("asked")
    root_id = select(func.coalesce(asked.c.merged_into, asked.c.member_id)).where(asked.c.member_id == member_id)
    statement = select(member_t.c.member_id, member_t.c.status).where(member_t.c.member_id == root_id.scalar_subquery())
    root = (await tx.execute(statement)).one_or_none()
    if root is None or root.status == MemberStatus.ERASED:
        raise NotFound
    return MemberId(root.member_id)


async def _tokens(tx: Tx, channels: Mapping[UUID, Channel]) -> tuple[set[bytes], set[bytes]]:
    """What the accounts state, and the accounts' own numbers among it; without devices, which anybody may hold."""
    statement = select(hint_t.c.kind, hint_t.c.token, hint_t.c.origin_id)
    rows = (
        await tx.execute(
            statement.where(among(hint_t.c.origin_id, channels), hint_t.c.kind.in_(sorted(CONNECTING_KINDS)))
        )
    ).all()
    own = {row.token for row in rows if row.kind == own_kind(channels[row.origin_id])}
    return {row.token for row in rows}, own


async def _awaited_tokens(tx: Tx, vault: Vault, accounts: Sequence[Row[*tuple[Any, ...]]]) -> set[bytes]:
    """What lines wait under that name an account by its channel only (orders/actions.py); a damaged number: none."""
    keys = await vault.keys_for(tx, [(row.origin_id, DataClass.IDENTIFIER) for row in accounts])
    tokens = set()
    for row in accounts:
        try:
            number = keys.open(account_t.c.account, row.origin_id, row.account)
        except CannotOpen:
            continue
        tokens.add(vault.token(own_kind(Channel(row.channel)), row.channel, number))
    return tokens
