"""Which approvals to see minors there are, for those who may give them: in pages, the newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, and_, literal, or_, select, tuple_

from member_hub.access import Caller
from member_hub.db.base import Tx
from member_hub.db.bulk import among
from member_hub.members.approvals import DPO, approval_t, roles_approved_by


class ApprovalState(StrEnum):
    """Whether an approval holds still, else what ended it."""

    IN_FORCE = "in_force"
    USED = "used"
    REVOKED = "revoked"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class ApprovalPosition:
    """A place in the list: the newest first."""

    approved_at: datetime
    approval_id: UUID


def position_of(row: Row[Any]) -> ApprovalPosition:
    return ApprovalPosition(row.approved_at, row.approval_id)


def state_of(row: Row[Any], *, now: datetime) -> ApprovalState:
    if row.revoked_at is not None:
        return ApprovalState.REVOKED
    if row.used_at is not None:
        return ApprovalState.USED
    return ApprovalState.IN_FORCE if row.expires_at > now else ApprovalState.EXPIRED


async def approvals_page(
    tx: Tx,
    caller: Caller,
    *,
    stores: frozenset[str],
    role: str | None,
    store: str | None,
    count: int,
    after: ApprovalPosition | None,
) -> tuple[Sequence[Row[Any]], bool]:
    """Those in the caller's scope, and whether there are more. `stores` are those that the caller answers for.

    Of a manager: the standing ones of those for whom and where this role approves. Of the officer: all of the handler.
    """
    statement = select(approval_t).where(_in_scope(caller, stores))
    if role is not None:
        statement = statement.where(approval_t.c.role == role)
    if store is not None:
        statement = statement.where(approval_t.c.store == store)
    key = (approval_t.c.approved_at, approval_t.c.approval_id)
    if after is not None:
        statement = statement.where(tuple_(*key) < tuple_(literal(after.approved_at), literal(after.approval_id)))
    ordered = statement.order_by(*(column.desc() for column in key)).limit(count + 1)
    rows = (await tx.execute(ordered)).all()
    return rows[:count], len(rows) > count


def _in_scope(caller: Caller, stores: frozenset[str]) -> ColumnElement[bool]:
    of_handler = approval_t.c.handler == caller.handler
    if caller.role == DPO:
        return of_handler
    theirs = and_(
        among(approval_t.c.role, roles_approved_by(caller.role) or ()),
        among(approval_t.c.store, stores),
        approval_t.c.member_id.is_(None),
    )
    return and_(of_handler, or_(theirs, approval_t.c.approved_by == caller.subject))
