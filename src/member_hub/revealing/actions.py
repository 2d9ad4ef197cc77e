"""What a reveal takes beside the right to it: a fresh second factor or a second person, and room in the day's limit.

Everything is a condition in the statement that writes it, so that two at once never share an approval or pass the
limit. What is refused takes nothing: the caller's transaction is undone.

Decision: an approval names the member, the field and the colleague, so it is given before the colleague asks and there
is no request to answer. Price: whoever wants one has to ask by other means, and say their staff number.
Decision: who approves and who may reveal are two people only where their numbers differ behind the issuer's name,
because one person may be known to two authorisation servers by one number. Price: two people who bear one number at
two of them do not approve for each other.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import and_, delete, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert

from member_hub.access import Caller, CallerKind, Operation
from member_hub.clock import business_day, seconds_left
from member_hub.db.base import Tx
from member_hub.db.bulk import table_of
from member_hub.errors import Forbidden, NotFound, Refused
from member_hub.ids import MemberId, uuid7
from member_hub.members import approvals
from member_hub.members.reading import is_living, member_t
from member_hub.privacy import ProfileField
from member_hub.revealing.tables import Approval, DailyCount
from member_hub.throttling import Throttled

REVEALS_PER_DAY = 20  # of one person, whatever their role
APPROVALS_PER_DAY = 50
APPROVAL_LIVES = timedelta(hours=24)
SWEPT_MAX = 100  # old rows removed per row written
COUNTS_KEPT = timedelta(days=1)

approval_t = table_of(Approval)
count_t = table_of(DailyCount)


class StepUpRequired(Refused):
    code = "STEP_UP_REQUIRED"
    zh = "需要重新进行二次验证，或由另一人批准。"
    en = "This takes a fresh second factor, or the approval of a second person."


class TooManyReveals(Throttled):
    zh = "今日查看明文的次数已达上限。"
    en = "The daily limit of reveals is reached."


class TooManyApprovals(Throttled):
    zh = "今日批准的次数已达上限。"
    en = "The daily limit of approvals is reached."


class OwnApproval(Forbidden):
    zh = "不能批准本人的申请。"
    en = "Nobody approves for themselves."


@dataclass(frozen=True, slots=True)
class Permitted:
    """Whose approvals it was; None: a fresh second factor, and a member who is no minor."""

    approved_by: str | None
    minor_approved_by: str | None


async def permit(tx: Tx, caller: Caller, member_id: MemberId, *, field: ProfileField, now: datetime) -> Permitted:
    """Let this person see the field once: counts towards the day, and uses up an approval where one is needed.

    A minor's field takes an approval for that very use beside it. The caller has checked policy and reach.
    Raises StepUpRequired, MinorApprovalRequired, TooManyReveals.
    """
    approved_by = None if caller.step_up else await _use_approval(tx, caller, member_id, field)
    minor_approved_by = await approvals.use(tx, caller, member_id, operation=Operation.MEMBER_REVEAL, now=now)
    if not await count_today(tx, caller, Operation.MEMBER_REVEAL, business_day(now), at_most=REVEALS_PER_DAY):
        raise TooManyReveals(seconds_left(now))
    return Permitted(approved_by, minor_approved_by)


async def approve(
    tx: Tx, caller: Caller, member_id: MemberId, *, field: ProfileField, granted_to: str, now: datetime
) -> datetime:
    """Let a colleague reveal this field of this member once within 24 hours; answers until when.

    Holds the member's row, so that an erasure that is under way takes this approval with it. Raises Forbidden for
    oneself, NotFound where the member is gone, TooManyApprovals.
    """
    if caller.kind is not CallerKind.STAFF or _number(granted_to) == _number(caller.subject):
        raise OwnApproval(field="grantedTo")
    living = select(member_t.c.member_id).where(member_t.c.member_id == member_id, is_living())
    if await tx.scalar(living.with_for_update(read=True)) is None:
        raise NotFound(field="id")
    if not await count_today(tx, caller, Operation.REVEAL_APPROVE, business_day(now), at_most=APPROVALS_PER_DAY):
        raise TooManyApprovals(seconds_left(now))
    await forget_expired(tx)
    statement = insert(approval_t).values(
        member_id=member_id,
        approval_id=uuid7(),
        operation=Operation.MEMBER_REVEAL,
        field=field.value,
        granted_to=granted_to,
        approved_by=caller.subject,
        approved_at=func.now(),
        expires_at=func.now() + literal(APPROVAL_LIVES),
    )
    ends: datetime = (await tx.execute(statement.returning(approval_t.c.expires_at))).scalar_one()
    return ends


def _number(subject: str) -> str:
    """What stands behind the issuer's name (`corp:E1001`)."""
    return subject.partition(":")[2].casefold() or subject.casefold()


async def _use_approval(tx: Tx, caller: Caller, member_id: MemberId, field: ProfileField) -> str:
    """The one that ends first; the same condition that finds it takes it."""
    fits = and_(
        approval_t.c.member_id == member_id,
        approval_t.c.operation == Operation.MEMBER_REVEAL,
        approval_t.c.field == field.value,
        approval_t.c.granted_to == caller.subject,
        approval_t.c.approved_by != caller.subject,
        approval_t.c.used_at.is_(None),
        approval_t.c.expires_at > func.now(),
    )
    first = select(approval_t.c.approval_id).where(fits).order_by(approval_t.c.expires_at).limit(1)
    chosen = first.with_for_update(skip_locked=True).scalar_subquery()
    used = update(approval_t).where(approval_t.c.member_id == member_id, approval_t.c.approval_id == chosen)
    approved_by = await tx.scalar(used.values(used_at=func.now()).returning(approval_t.c.approved_by))
    if approved_by is None:
        raise StepUpRequired
    return str(approved_by)


async def count_today(tx: Tx, caller: Caller, operation: Operation, day: date, *, at_most: int) -> bool:
    """One more of this person today, unless that were too many; others of the same person wait here for each other."""
    first = insert(count_t).values(operation=operation, subject=caller.subject, day=day, count=1)
    more = first.on_conflict_do_update(
        index_elements=["operation", "subject", "day"],
        set_={"count": count_t.c.count + 1},
        where=count_t.c.count < at_most,
    )
    count = (await tx.execute(more.returning(count_t.c.count))).scalar_one_or_none()
    if count == 1:
        await tx.execute(delete(count_t).where(count_t.c.subject == caller.subject, count_t.c.day < day - COUNTS_KEPT))
    return count is not None


async def forget_expired(tx: Tx) -> int:
    """Some approvals that are over; how many. Skips what others hold."""
    is_over = approval_t.c.expires_at <= func.now()
    old = (
        select(approval_t.c.member_id, approval_t.c.approval_id)
        .where(is_over)
        .limit(SWEPT_MAX)
        .with_for_update(skip_locked=True)
        .cte("old")
    )
    same = and_(approval_t.c.member_id == old.c.member_id, approval_t.c.approval_id == old.c.approval_id)
    return int((await tx.execute(delete(approval_t).where(same))).rowcount)


async def void(tx: Tx, member_id: UUID) -> None:
    """Take back what was approved about a member and not used: it named somebody who is two people now."""
    await tx.execute(delete(approval_t).where(approval_t.c.member_id == member_id, approval_t.c.used_at.is_(None)))
