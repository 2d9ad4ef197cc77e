"""What falls due by time, for accounts that nobody touches: activation, expiry, holds that time out.

Each account is an item of its own: atomic, safe to do twice and in two processes (the second finds nothing due), and it
catches up however long nothing ran, since every posting bears the time at which it fell due.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import select

from member_hub.access import Caller
from member_hub.db.base import Tx
from member_hub.ids import MemberId, uuid7
from member_hub.points.guards import ANY_LIVING, take_due
from member_hub.points.lots import Cause
from member_hub.points.words import Reason
from member_hub.points.writing import account_t, write

DUE_MAX: Final = 500  # accounts in one look


async def due_accounts(tx: Tx, *, now: datetime) -> Sequence[MemberId]:
    """Accounts of which something may be due, longest due first."""
    statement = (
        select(account_t.c.member_id)
        .where(account_t.c.due_at <= now, account_t.c.state.in_(ANY_LIVING))
        .order_by(account_t.c.due_at, account_t.c.member_id)
        .limit(DUE_MAX)
    )
    return [MemberId(row.member_id) for row in await tx.execute(statement)]


async def settle_due(tx: Tx, caller: Caller, member_id: MemberId, *, now: datetime) -> int:
    """Do what is due on one account; returns how many entries that made. Twice is the same as once."""
    book = await take_due(tx, member_id, Cause(uuid7(), Reason.DUE, is_due=True), now=now)
    if book is None:
        return 0
    await write(tx, book, caller)
    return len(book.postings)
