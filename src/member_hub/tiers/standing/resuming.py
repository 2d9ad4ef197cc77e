"""Giving time back: an objection to everything was lifted, and for as long as it stood nobody looked at the tier.

Decision: the term itself keeps its last day, since its windows hang on that: a longer one would drop orders out of
them. The days are added to the grace that follows it, to a grace that runs, and to a floor. What was told of a fall is
told anew, with the new day. Whole days that are over count, so that objecting and lifting in turn lengthens nothing.
"""

from datetime import datetime, timedelta

from sqlalchemy import case, exists, update

from member_hub.db.base import Tx
from member_hub.ids import MemberId
from member_hub.tiers.standing.marking import ASSESSED, member_t, standing_t, touch


async def resume(tx: Tx, member_id: MemberId, *, since: datetime, now: datetime) -> None:
    """For the transaction that lifts the last objection to everything of this root, which stood since then.

    Where another one still stands nothing is given: the last one that is lifted gives it all.
    """
    days, row = (now - since).days, standing_t.c
    is_looked_at = exists().where(member_t.c.member_id == row.member_id, ASSESSED)
    longer = timedelta(days=days)
    given = (
        update(standing_t)
        .where(row.member_id == member_id, row.tier.is_not(None), is_looked_at)
        .values(
            given_days=case((row.in_grace, row.given_days), else_=row.given_days + days),
            until=case((row.in_grace, row.until + longer), else_=row.until),
            floor_until=case((row.floor_until > since, row.floor_until + longer), else_=row.floor_until),
            protected_until=case(
                (row.protected_until > since, row.protected_until + longer), else_=row.protected_until
            ),
            notice_at=None,
            notice_until=None,
            notice_needed=None,
            notice_sent_at=None,
        )
    )
    if days > 0:
        await tx.execute(given)
    await touch(tx, [member_id], now=now)
