"""Which proposals are open, for those who may approve them: in reach, in pages, the newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, literal, select, tuple_

from member_hub.approving.actions import approval_t, is_open
from member_hub.db.base import Tx
from member_hub.ids import MemberId
from member_hub.members.reading import Visible, member_t


@dataclass(frozen=True, slots=True)
class ProposalPosition:
    """A place in the list."""

    proposed_at: datetime
    approval_id: UUID


def position_of(row: Row[Any]) -> ProposalPosition:
    return ProposalPosition(row.proposed_at, row.approval_id)


async def about_whom(tx: Tx, approval_id: UUID) -> MemberId | None:
    """Whose account a proposal is about, be it open or over."""
    found = await tx.scalar(select(approval_t.c.member_id).where(approval_t.c.approval_id == approval_id))
    return MemberId(found) if found is not None else None


async def open_page(
    tx: Tx, visible: Visible, *, count: int, after: ProposalPosition | None, now: datetime
) -> tuple[Sequence[Row[Any]], bool]:
    """Up to `count` open proposals about members in reach, and whether there are more; one statement."""
    if visible.reaches_nobody(by_key=False):
        return [], False
    key = (approval_t.c.proposed_at, approval_t.c.approval_id)
    in_reach = member_t.c.member_id == approval_t.c.member_id
    statement = select(approval_t).join(member_t, in_reach).where(is_open(now), visible.condition(by_key=False))
    if after is not None:
        statement = statement.where(tuple_(*key) < tuple_(literal(after.proposed_at), literal(after.approval_id)))
    ordered = statement.order_by(*(column.desc() for column in key)).limit(count + 1)
    rows = (await tx.execute(ordered, dict(visible.parameters))).all()
    return rows[:count], len(rows) > count
