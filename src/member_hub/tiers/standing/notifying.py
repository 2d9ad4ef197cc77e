"""Telling members ahead that they fall, and what is still needed (T5): by the clock, once for each term that ends.

A review writes the notice into the standing (reviewing.py); here it becomes a task of telling/, in the transaction that
marks it as handed over. What the message says is looked up when it goes out: who has grown enough by then is not told.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import select, update

from member_hub import telling
from member_hub.clock import business_day
from member_hub.db.base import Tx
from member_hub.db.bulk import among
from member_hub.ids import MemberId
from member_hub.telling import Kind, ToTell
from member_hub.telling.kinds import Value
from member_hub.tiers.standing.marking import ASSESSED, member_t, standing_t

NOTICES_MAX: Final = 500  # in one transaction


async def ask_notices(tx: Tx, *, now: datetime) -> int:
    """Have those told whose notice stands and went out to nobody yet; how many. Two processes share them out."""
    statement = (
        select(standing_t.c.member_id)
        .join(member_t, member_t.c.member_id == standing_t.c.member_id)
        .where(
            standing_t.c.notice_at <= now,
            standing_t.c.notice_until > now,
            standing_t.c.notice_sent_at.is_(None),
            ASSESSED,
        )
        .order_by(standing_t.c.member_id)
        .limit(NOTICES_MAX)
        .with_for_update(of=standing_t, skip_locked=True)
    )
    members = [MemberId(one) for one in await tx.scalars(statement)]
    if members:
        await telling.ask(tx, [ToTell(one, Kind.TIER_ENDING) for one in members], now)
        sent = update(standing_t).where(among(standing_t.c.member_id, members))
        await tx.execute(sent.values(notice_sent_at=now))
    return len(members)


async def said_of(tx: Tx, member_id: MemberId, *, now: datetime) -> Mapping[Value, str] | None:
    """The day on which this root falls, grace and all, and the growth that is still needed; None: no fall any more."""
    statement = select(standing_t.c.notice_until, standing_t.c.notice_needed).where(
        standing_t.c.member_id == member_id, standing_t.c.notice_until > now
    )
    row = (await tx.execute(statement)).one_or_none()
    if row is None:
        return None
    said = {Value.DAY: business_day(row.notice_until).isoformat()}
    return said if row.notice_needed is None else said | {Value.GROWTH: str(row.notice_needed)}
