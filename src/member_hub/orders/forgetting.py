"""What of orders and activity may be kept no longer than a stated term, whoever it is about (PIPL 19)."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import and_, delete, select

from member_hub.clock import business_day
from member_hub.crypto import Vault
from member_hub.db.base import Tx
from member_hub.db.bulk import among
from member_hub.identity import actions as claims
from member_hub.orders.actions import activity_t, waiting_t
from member_hub.orders.tables import ACTIVITY_RETENTION_DAYS, WAITING_RETENTION_DAYS
from member_hub.orders.waiting import let_go

ACTIVITY_MAX: Final = 5_000  # rows in one transaction
WAITING_MAX: Final = 200  # lines that are looked for in one transaction; older ones of their accounts go with them


async def forget_old_activity(tx: Tx, now: datetime) -> int:
    """Remove activity that may be kept no longer, ACTIVITY_MAX rows; how many. Skips what others hold.

    What it grew stays: growth is a figure of the membership, with a term of its own.
    """
    before = business_day(now) - timedelta(days=ACTIVITY_RETENTION_DAYS)
    key = [activity_t.c[name] for name in ("member_id", "origin_id", "day", "kind")]
    old = select(*key).where(activity_t.c.day < before).limit(ACTIVITY_MAX).with_for_update(skip_locked=True).cte("old")
    same = and_(*(column == old.c[column.name] for column in key))
    return int((await tx.execute(delete(activity_t).where(same))).rowcount)


async def forget_old_waiting(tx: Tx, vault: Vault, now: datetime) -> int:
    """Remove lines whose account has not come within the term; how many. What is younger is sealed under a new key."""
    is_old = waiting_t.c.received_at < now - timedelta(days=WAITING_RETENTION_DAYS)
    oldest = select(waiting_t.c.account_token).where(is_old).order_by(waiting_t.c.received_at).limit(WAITING_MAX)
    awaited = sorted(set(await tx.scalars(oldest)))
    if not awaited:
        return 0
    await claims.lock(tx, awaited)
    gone = delete(waiting_t).where(among(waiting_t.c.account_token, awaited), is_old)
    subjects = list(await tx.scalars(gone.returning(waiting_t.c.subject_id)))
    await let_go(tx, vault, subjects)
    return len(subjects)
