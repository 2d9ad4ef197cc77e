"""Balances that old systems kept for channel accounts become opening lots, once for each account.

Once is once: a file that states another balance for the same account later changes nothing, because by then the
account earns here, and an old system that goes on counting would have every purchase counted twice.
Price: of an account that is stated twice with different balances in different batches the first counts.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import and_, exists, select, update

from member_hub import points
from member_hub.access import Caller
from member_hub.counting.needs import Counted, Loyalty
from member_hub.crypto import Vault
from member_hub.db.base import Tx
from member_hub.db.bulk import among, table_of
from member_hub.ids import MemberId, OriginId
from member_hub.members.tables import ChannelAccount
from member_hub.points.opening import Opening
from member_hub.points.tables import PointsOpening
from member_hub.privacy import DataClass

account_t = table_of(ChannelAccount)
opening_t = table_of(PointsOpening)
UNCOUNTED: Final = and_(account_t.c.opening.is_not(None), account_t.c.opened_at.is_(None))


async def count_openings(
    tx: Tx, caller: Caller, origins: Collection[OriginId], *, needs: Loyalty, now: datetime
) -> Counted:
    """Of these accounts those that state a balance which was not counted yet; they stay where they are meanwhile."""
    if not origins:
        return Counted()
    statement = (
        select(account_t.c.origin_id, account_t.c.member_id, account_t.c.opening)
        .where(among(account_t.c.origin_id, origins), UNCOUNTED)
        .order_by(account_t.c.origin_id)
        .with_for_update(read=True, key_share=True)
    )
    stated = await _opened(tx, needs.vault, list((await tx.execute(statement)).all()))
    if not stated:
        return Counted()
    done = await points.open_balances(tx, caller, needs.asked(now), stated)
    await _mark(tx, [one.origin_id for one in stated], now)
    earned = sum(one.points for one in stated if one.origin_id in done and one.points > 0)
    return Counted(lines=len(done), earned=earned, waiting=len(stated) - len(done))


async def _mark(tx: Tx, origins: Collection[OriginId], now: datetime) -> None:
    """What is counted, by whomever, need not be looked for again; the claim of the points part decides what that is."""
    is_counted = exists(select(opening_t.c.origin_id).where(opening_t.c.origin_id == account_t.c.origin_id))
    counted = update(account_t).where(among(account_t.c.origin_id, origins), is_counted)
    await tx.execute(counted.values(opened_at=now))


async def _opened(tx: Tx, vault: Vault, rows: Sequence[Any]) -> list[Opening]:
    """What each account states; an old tier word alone is a balance of nothing."""
    keys = await vault.keys_for(tx, {(row.origin_id, DataClass.COMMERCE) for row in rows})
    found = []
    for row in rows:
        said = orjson.loads(keys.open(account_t.c.opening, row.origin_id, row.opening))
        found.append(Opening(MemberId(row.member_id), OriginId(row.origin_id), said["balance"] or 0))
    return found
