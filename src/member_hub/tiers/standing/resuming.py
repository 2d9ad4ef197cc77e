"""Giving time back: an objection to everything was lifted, and for as long as it stood nobody looked at the tier.

Decision: the term itself keeps its last day, since its windows hang on that: a longer one would drop orders out of
them. The days are added to the grace that follows it, to a grace that runs, and to a floor. What was told of a fall is
told anew, with the new day. Whole days that are over count, so that objecting and lifting in turn lengthens nothing.
Whoever was merged into the member has the days, too, should they part. A floor that counts longer is logged, since by
the log one knows what a purchase earned.
"""

from datetime import datetime
from typing import Final

from sqlalchemy import select, update

from member_hub.access import system_caller
from member_hub.db.base import Tx
from member_hub.ids import MemberId, uuid7
from member_hub.privacy import Purpose
from member_hub.tiers.queries import counting
from member_hub.tiers.standing.log import log
from member_hub.tiers.standing.marking import ASSESSED, member_t, standing_t, touch
from member_hub.tiers.standing.sides import Row, changed, counted, lengthened, put_longer
from member_hub.tiers.words import Why

WHY: Final = {"floor": Why.MANUAL, "protected": Why.SPLIT}  # what counts longer: as it was given
UNTOLD: Final = dict.fromkeys(("notice_at", "notice_until", "notice_needed", "notice_sent_at"))


async def resume(tx: Tx, member_id: MemberId, *, since: datetime, now: datetime) -> None:
    """For the transaction that lifts the last objection to everything of this root, which stood since then.

    Where another one still stands nothing is given: the last one that is lifted gives it all.
    """
    days = (now - since).days
    row = await _looked_at(tx, member_id) if days > 0 else None
    if row is not None:
        given = lengthened(row, since, days)
        await tx.execute(update(standing_t).where(standing_t.c.member_id == member_id).values(**given, **UNTOLD))
        await put_longer(tx, member_id, since=since, days=days)
        await _log(tx, member_id, row, {**row, **given}, now)
    await touch(tx, [member_id], now=now)


async def _looked_at(tx: Tx, member_id: MemberId) -> Row | None:
    """The standing, locked, of a member who is assessed again."""
    decided = (
        select(standing_t)
        .join(member_t, member_t.c.member_id == standing_t.c.member_id)
        .where(standing_t.c.member_id == member_id, standing_t.c.tier.is_not(None), ASSESSED)
        .with_for_update(of=standing_t)
    )
    row = (await tx.execute(decided)).mappings().one_or_none()
    return None if row is None else dict(row)


async def _log(tx: Tx, member_id: MemberId, before: Row, after: Row, now: datetime) -> None:
    by = counting(after, now)
    if by != "own":
        caller = system_caller(subject="tiers", purpose=Purpose.SYSTEM_OPERATION, request_id=uuid7())
        tier = counted(before, now)["tier"]
        await log(tx, caller, [changed(member_id, tier, after, WHY[by], facts={}, now=now)], now=now)
