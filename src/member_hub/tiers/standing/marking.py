"""Marking members to be looked at: what counting does after each line, and the clock for who falls due.

A mark is `due_at` of the standing. A merged id marks its root; who is erased or unknown is left out. The member's row
is held meanwhile, so neither a merge nor an erasure can miss the mark.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import DateTime, func, literal, or_, select
from sqlalchemy.dialects.postgresql import insert

from member_hub.db.base import Tx
from member_hub.db.bulk import among, table_of
from member_hub.ids import MemberId
from member_hub.members.tables import Member, MemberStatus
from member_hub.tiers.tables import TierStanding

DUE_MAX: Final = 2000  # members in one look
member_t = table_of(Member)
standing_t = table_of(TierStanding)
GONE: Final = (MemberStatus.MERGED, MemberStatus.ERASED)


async def touch(tx: Tx, member_ids: Collection[MemberId], *, now: datetime) -> int:
    """Mark the roots of these members due now; returns how many were not."""
    if not member_ids:
        return 0
    asked = member_t.alias("asked")
    roots = select(func.coalesce(asked.c.merged_into, asked.c.member_id)).where(among(asked.c.member_id, member_ids))
    return await mark(tx, member_t.c.member_id.in_(roots), now=now)


async def mark(tx: Tx, which: object, *, now: datetime) -> int:
    """The same for every living member row under a condition."""
    at = literal(now, DateTime(timezone=True))
    living = (
        select(member_t.c.member_id, at.label("due_at"))
        .where(which, member_t.c.status.not_in(GONE))  # type: ignore[arg-type]
        .order_by(member_t.c.member_id)
        .with_for_update(read=True, key_share=True)
    )
    new = insert(standing_t).from_select(["member_id", "due_at"], living)
    statement = new.on_conflict_do_update(
        index_elements=[standing_t.c.member_id],
        set_={"due_at": new.excluded.due_at},
        where=or_(standing_t.c.due_at.is_(None), standing_t.c.due_at > new.excluded.due_at),
    )
    return int((await tx.execute(statement)).rowcount)


async def due_members(tx: Tx, *, now: datetime, but: Collection[MemberId] = ()) -> Sequence[MemberId]:
    """Members to be looked at, longest due first. Frozen and restricted ones wait until they are neither.

    `but`: those who failed before, so that however many they are, the others have their turn.
    """
    statement = (
        select(standing_t.c.member_id)
        .join(member_t, member_t.c.member_id == standing_t.c.member_id)
        .where(standing_t.c.due_at <= now, member_t.c.status == MemberStatus.ACTIVE)
        .order_by(standing_t.c.due_at, standing_t.c.member_id)
        .limit(DUE_MAX)
    )
    if but:
        statement = statement.where(~among(standing_t.c.member_id, but))
    return [MemberId(row.member_id) for row in await tx.execute(statement)]
