"""Marking members to be looked at: what counting does after each line, and the clock for who falls due.

A mark is `due_at` of the standing. A merged id marks its root; who is erased or unknown is left out. The member's row
is held meanwhile, so neither a merge nor an erasure can miss the mark.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, DateTime, Select, and_, bindparam, func, or_, select
from sqlalchemy.dialects.postgresql import Insert, insert

from member_hub.db.base import Tx
from member_hub.db.bulk import among, among_given, constant, table_of
from member_hub.db.direct import Direct
from member_hub.ids import MemberId
from member_hub.members.bits import restriction_mask
from member_hub.members.tables import Member, MemberStatus
from member_hub.privacy import Purpose
from member_hub.tiers.tables import TierStanding

DUE_MAX: Final = 2000  # members in one look
member_t = table_of(Member)
standing_t = table_of(TierStanding)
# Who is assessed: who is neither frozen nor restricted, and has not objected to everything (PIPL 44).
ASSESSED: Final = and_(
    member_t.c.status == MemberStatus.ACTIVE,
    member_t.c.restriction_bits.op("&")(restriction_mask(Purpose.MEMBER_SERVICE)) == 0,
)
GONE: Final = (constant(MemberStatus.MERGED), constant(MemberStatus.ERASED))


async def touch(tx: Tx, member_ids: Collection[MemberId], *, now: datetime) -> int:
    """Mark the roots of these members due now; returns how many were not."""
    return await _TOUCH.done(tx, {"touched": list(member_ids), "now": now}) if member_ids else 0


async def mark(tx: Tx, which: ColumnElement[bool], *, now: datetime) -> int:
    """The same for every living member row under a condition."""
    return int((await tx.execute(_marking(which), {"now": now})).rowcount)


async def due_members(tx: Tx, *, now: datetime, but: Collection[MemberId] = ()) -> Sequence[MemberId]:
    """Members to be looked at, longest due first. Frozen and restricted ones wait until they are neither, and who
    objected to everything until they no longer do.

    `but`: those who failed before, so that however many they are, the others have their turn.
    """
    statement = (
        select(standing_t.c.member_id)
        .join(member_t, member_t.c.member_id == standing_t.c.member_id)
        .where(standing_t.c.due_at <= now, ASSESSED)
        .order_by(standing_t.c.due_at, standing_t.c.member_id)
        .limit(DUE_MAX)
    )
    if but:
        statement = statement.where(~among(standing_t.c.member_id, but))
    return [MemberId(row.member_id) for row in await tx.execute(statement)]


def _marking(which: ColumnElement[bool]) -> Insert:
    at = bindparam("now", type_=DateTime(timezone=True))
    living = (
        select(member_t.c.member_id, at.label("due_at"))
        .where(which, member_t.c.status.not_in(GONE))
        .order_by(member_t.c.member_id)
        .with_for_update(read=True, key_share=True)
    )
    new = insert(standing_t).from_select(["member_id", "due_at"], living)
    return new.on_conflict_do_update(
        index_elements=[standing_t.c.member_id],
        set_={"due_at": new.excluded.due_at},
        where=or_(standing_t.c.due_at.is_(None), standing_t.c.due_at > new.excluded.due_at),
    )


def _roots_touched() -> Select[Any]:
    asked = member_t.alias("asked")
    root = func.coalesce(asked.c.merged_into, asked.c.member_id)
    return select(root).where(among_given(asked.c.member_id, "touched"))


_TOUCH: Final = Direct(_marking(member_t.c.member_id.in_(_roots_touched())))
