"""A responsible manager lets staff see minors (Minors' Online Regulation 36): standing, or one colleague for one use.

A standing approval is for a role in a store (or for a role without stores), for a term, by a named approver; every
read of a minor's row looks for one (members/reading.py). What opens a minor's field takes one for that very act beside
it. Nobody approves for themselves: a standing approval is never for the approver's own role, one for a single use never
for their own staff number; and what somebody approved counts for nobody with their staff number, whatever the role or
the issuer of the credential. Apps are not staff, and need none.

Decision: who may approve for whom stands here and not in the policy, which knows no pair of roles. Price: an operator
with other roles changes this list.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, insert, select, update

from member_hub.access import Caller, CallerKind, Operation
from member_hub.db.base import Tx
from member_hub.db.bulk import table_of
from member_hub.errors import BadInput, Forbidden, NotFound, Refused
from member_hub.ids import MemberId, uuid7
from member_hub.members.gates import MinorApproval
from member_hub.members.reading import is_living, member_t
from member_hub.members.staff_numbers import number_in, number_of, spellings_of
from member_hub.members.tables import AgeBand

IN_FORCE_MAX = 200  # approvals of one approver at a time
DPO: Final = "dpo"
# None: whoever is staff.
_APPROVES_FOR: Final[Mapping[str, frozenset[str] | None]] = MappingProxyType(
    {
        "store_manager": frozenset({"sales_associate"}),
        "region_manager": frozenset({"sales_associate", "store_manager"}),
        DPO: None,
    }
)

approval_t = table_of(MinorApproval)


class ApprovalKind(StrEnum):
    STANDING = "standing"
    SINGLE_USE = "single_use"


class MinorApprovalRequired(Refused):
    code = "MINOR_APPROVAL_REQUIRED"
    zh = "该会员未满十八周岁，查看须经负责人单次批准。"
    en = "This member is under 18: it takes the approval of the responsible manager for this one use."


class OwnMinorApproval(Forbidden):
    zh = "不能为本人或本人的角色批准。"
    en = "Nobody approves for themselves or for their own role."


class NotTheirs(Forbidden):
    zh = "不能为该角色或该门店批准。"
    en = "This role may not approve for that role or store."


class BadTerm(BadInput):
    zh = "批准的期限超出允许范围。"
    en = "An approval does not last that long."


class TooManyApprovals(Refused):
    code = "CONFLICT"
    zh = "有效的批准过多，请先撤销不再需要的。"
    en = "Too many approvals are in force: take back those that are not needed."


@dataclass(frozen=True, slots=True)
class Granted:
    approval_id: UUID
    expires_at: datetime


async def grant_standing(
    tx: Tx,
    caller: Caller,
    *,
    role: str,
    store: str | None,
    stores: frozenset[str],
    days: int,
    days_max: int,
    now: datetime,
) -> Granted:
    """Let a role see minors, in a store or, for a role without stores, everywhere in its reach.

    `stores` are those that the approver answers for; the caller has checked that role and store go together.
    """
    _check_role(caller, role)
    if role == caller.role:
        raise OwnMinorApproval(field="role")
    if caller.role != DPO and (store is None or store not in stores):
        raise NotTheirs(field="store")
    what = {"role": role, "store": store}
    return await _grant(tx, caller, what, kind=ApprovalKind.STANDING, days=_term(days, days_max), now=now)


async def grant_single_use(
    tx: Tx,
    caller: Caller,
    member_id: MemberId,
    *,
    role: str,
    operation: Operation,
    granted_to: str,
    days: int,
    days_max: int,
    now: datetime,
) -> Granted:
    """Let one colleague in a role do one thing with one member once. Only the data protection officer does.

    Does not tell whether the member is a minor. Raises NotFound for nobody of the officer's handler.
    """
    if caller.role != DPO:
        raise NotTheirs(field="kind")
    _check_role(caller, role)
    if number_of(granted_to) == number_of(caller.subject):
        raise OwnMinorApproval(field="grantedTo")
    living = select(member_t.c.member_id).where(
        member_t.c.member_id == member_id, member_t.c.handler == caller.handler, is_living()
    )
    if await tx.scalar(living.with_for_update(read=True)) is None:
        raise NotFound(field="member")
    what = {"role": role, "member_id": member_id, "operation": operation.value, "granted_to": granted_to}
    return await _grant(tx, caller, what, kind=ApprovalKind.SINGLE_USE, days=_term(days, days_max), now=now)


async def revoke(tx: Tx, caller: Caller, approval_id: UUID, *, now: datetime) -> None:
    """Take an approval back, for good; again changes nothing. The approver may, and the officer of the handler."""
    mine = and_(approval_t.c.approval_id == approval_id, approval_t.c.handler == caller.handler)
    if caller.role != DPO:
        mine = and_(mine, approval_t.c.approved_by == caller.subject)
    taken_back = update(approval_t).where(mine).values(revoked_at=func.coalesce(approval_t.c.revoked_at, now))
    if (await tx.execute(taken_back)).rowcount == 0:
        raise NotFound(field="id")


async def use(tx: Tx, caller: Caller, member_id: MemberId, *, operation: Operation, now: datetime) -> str | None:
    """Use up the approval that this takes of a minor; answers whose it was, None where none is needed.

    Holds until the caller's transaction ends, and stands if that does. Raises MinorApprovalRequired.
    """
    band = await tx.scalar(select(member_t.c.age_band).where(member_t.c.member_id == member_id))
    if caller.kind is not CallerKind.STAFF or band not in (AgeBand.CHILD, AgeBand.MINOR):
        return None
    fits = and_(
        approval_t.c.kind == ApprovalKind.SINGLE_USE,
        approval_t.c.handler == caller.handler,
        approval_t.c.member_id == member_id,
        approval_t.c.operation == operation.value,
        approval_t.c.role == caller.role,
        approval_t.c.granted_to == caller.subject,
        number_in(approval_t.c.approved_by).not_in(spellings_of(caller.subject)),
        approval_t.c.used_at.is_(None),
        _holds(now),
    )
    first = select(approval_t.c.approval_id).where(fits).order_by(approval_t.c.expires_at).limit(1)
    chosen = first.with_for_update(skip_locked=True).scalar_subquery()
    used = update(approval_t).where(approval_t.c.approval_id == chosen).values(used_at=now)
    approved_by = await tx.scalar(used.returning(approval_t.c.approved_by))
    if approved_by is None:
        raise MinorApprovalRequired(field="id")
    return str(approved_by)


def roles_approved_by(role: str) -> frozenset[str] | None:
    """For which roles somebody in this one approves; None: for whoever is staff."""
    return _APPROVES_FOR.get(role, frozenset())


def _holds(now: datetime) -> ColumnElement[bool]:
    return and_(approval_t.c.revoked_at.is_(None), approval_t.c.expires_at > now)


def _check_role(caller: Caller, role: str) -> None:
    for_whom = roles_approved_by(caller.role)
    if caller.handler is None or (for_whom is not None and role not in for_whom):
        raise NotTheirs(field="role")


def _term(days: int, days_max: int) -> int:
    if not 1 <= days <= days_max:
        raise BadTerm(field="days")
    return days


async def _grant(
    tx: Tx, caller: Caller, what: Mapping[str, object], *, kind: ApprovalKind, days: int, now: datetime
) -> Granted:
    mine = select(func.count()).where(approval_t.c.approved_by == caller.subject, approval_t.c.used_at.is_(None))
    if int(await tx.scalar(mine.where(_holds(now))) or 0) >= IN_FORCE_MAX:
        raise TooManyApprovals
    granted = Granted(uuid7(), now + timedelta(days=days))
    row = {
        "approval_id": granted.approval_id,
        "kind": kind.value,
        "handler": caller.handler,
        "approved_by": caller.subject,
        "approved_at": now,
        "expires_at": granted.expires_at,
    }
    await tx.execute(insert(approval_t).values(row | dict(what)))
    return granted
