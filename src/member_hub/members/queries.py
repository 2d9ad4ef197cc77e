"""Reading members: rows locked for a change, and rows visible to a caller."""

from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from member_hub.crypto import CannotOpen, Item, Vault
from member_hub.db.base import Tx
from member_hub.db.bulk import among, table_of
from member_hub.ids import MemberId
from member_hub.members.actions import SEALED_FIELDS
from member_hub.members.tables import AgeBand, ChannelAccount, Member, MemberStatus
from member_hub.privacy import DataClass, ProfileField

member_t = table_of(Member)
account_t = table_of(ChannelAccount)


@dataclass(frozen=True, slots=True, repr=False)
class StoredMember:
    """A member row with its golden profile opened; a value that could not be opened is missing from `values`."""

    member_id: MemberId
    status: MemberStatus
    merged_into: MemberId | None
    handler: str
    joined_at: datetime
    home_store: str | None
    channels: int
    consented_fields: int
    version: int
    age_band: AgeBand
    restriction_bits: int
    values: Mapping[ProfileField, str]


async def lock_members(tx: Tx, vault: Vault, ids: Collection[MemberId]) -> dict[MemberId, StoredMember]:
    """Lock these members until the transaction ends, in id order, and open their golden profiles."""
    if not ids:
        return {}
    statement = select(member_t).where(among(member_t.c.member_id, ids)).order_by(member_t.c.member_id)
    rows = (await tx.execute(statement.with_for_update())).all()
    keys = await vault.keys_for(tx, [(r.member_id, c) for r in rows for c in (DataClass.CONTACT, DataClass.PROFILE)])
    sealed = [
        Item(member_t.c[field], row.member_id, getattr(row, field))
        for row in rows
        for field in SEALED_FIELDS
        if getattr(row, field) is not None
    ]
    opened = keys.open_many(sealed, reason="recompute the golden profile")
    values: dict[MemberId, dict[ProfileField, str]] = {row.member_id: {} for row in rows}
    for (column, member_id, _, _), plain in zip(sealed, opened, strict=True):
        if not isinstance(plain, CannotOpen):
            values[MemberId(member_id)][ProfileField(column.name)] = plain
    for row in rows:
        if row.gender is not None:
            values[row.member_id][ProfileField.GENDER] = row.gender
    return {
        row.member_id: StoredMember(
            row.member_id,
            MemberStatus(row.status),
            row.merged_into,
            row.handler,
            row.joined_at,
            row.home_store,
            row.channels,
            row.consented_fields,
            row.version,
            AgeBand(row.age_band),
            row.restriction_bits,
            values[row.member_id],
        )
        for row in rows
    }


EXPORT_BATCH = 1000


async def export_accounts(tx: Tx, vault: Vault) -> AsyncIterator[tuple[str, str, MemberId]]:
    """Every channel account with its member, as (channel, account in clear, member id); the caller audits it."""
    result = await tx.stream(
        select(account_t.c.channel, account_t.c.origin_id, account_t.c.account, account_t.c.member_id)
        .order_by(account_t.c.member_id, account_t.c.origin_id)
        .execution_options(yield_per=EXPORT_BATCH)
    )
    async for rows in result.partitions():
        keys = await vault.keys_for(tx, [(row.origin_id, DataClass.IDENTIFIER) for row in rows])
        for row in rows:
            yield row.channel, keys.open(account_t.c.account, row.origin_id, row.account), MemberId(row.member_id)
