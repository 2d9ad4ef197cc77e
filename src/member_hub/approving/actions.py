"""Proposing an act, approving it, and using the approval up for just that act.

Whoever proposes does it in the end, and whoever approves is another person: compared are staff numbers, not subjects
(members/staff_numbers.py), because one person may have two roles at two issuers. Every condition stands in the
statement that writes.

Decision: an approval is used up under the key of the request that used it. The same request sent again under that key
finds it again, and then the first answer (idempotency/); under another key it is used up. Price: the row is kept for
as long as keys are.
Whoever approved had the right to when they did; a right that is withdrawn later leaves the approval as it is, for the
day that it lives: rights come with each token, and the hub knows of none by itself.
Decision: the limit of proposals counts what is committed, so that two at once may pass it by one. It keeps a list
readable, and protects nothing else.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, func, insert, literal, or_, select, update

from member_hub.access import Caller, CallerKind
from member_hub.approving.rules import Proposal
from member_hub.approving.tables import ActApproval
from member_hub.crypto import Vault
from member_hub.db.base import Tx
from member_hub.db.bulk import table_of
from member_hub.errors import Conflict, Forbidden, NotFound, Refused
from member_hub.idempotency import RequestKey
from member_hub.idempotency.actions import KEPT
from member_hub.ids import MemberId, uuid7
from member_hub.members.staff_numbers import number_in, spellings_of

APPROVAL_LIVES: Final = timedelta(hours=24)
OPEN_MAX: Final = 100  # proposals of one person that wait or were not used yet
SWEPT_MAX: Final = 100  # old rows removed per row written
SOURCE: Final = "approving"

approval_t = table_of(ActApproval)


class ApprovalRequired(Refused):
    """Nobody has approved it yet."""

    code = "APPROVAL_REQUIRED"
    zh = "该操作须由另一人批准。"
    en = "This needs the approval of a second person."


class ApprovalOver(Refused):
    code = "APPROVAL_EXPIRED"
    zh = "该批准已过期或已使用。"
    en = "This approval has expired or was used."


class ApprovalMismatch(Refused):
    """Also where there is no such approval: ids are not to be tried out."""

    code = "APPROVAL_MISMATCH"
    zh = "该批准不是针对本次操作的。"
    en = "This approval is not for what is asked."


class OwnProposal(Forbidden):
    code = "SECOND_PERSON_REQUIRED"
    zh = "不能批准本人的申请。"
    en = "Nobody approves what they proposed."


class TooManyProposals(Conflict):
    zh = "未完成的申请过多。"
    en = "Too many proposals are open: have them approved first, or wait until they expire."


@dataclass(frozen=True, slots=True)
class Proposed:
    approval_id: UUID
    expires_at: datetime


async def propose(
    tx: Tx, vault: Vault, caller: Caller, member_id: MemberId, proposal: Proposal, *, now: datetime
) -> Proposed:
    """Ask for a second person; the same asked again while it is open is the same proposal.

    The caller holds the member's row, so that an erasure that is under way takes this with it.
    """
    digest = vault.message_digest(proposal.said(member_id))
    mine = and_(approval_t.c.proposed_by == caller.subject, is_open(now))
    same = and_(mine, approval_t.c.member_id == member_id, approval_t.c.digest == digest)
    found = select(approval_t.c.approval_id, approval_t.c.expires_at).where(same).order_by(approval_t.c.expires_at)
    row = (await tx.execute(found.limit(1))).first()
    if row is not None:
        return Proposed(row.approval_id, row.expires_at)
    if int(await tx.scalar(select(func.count()).select_from(approval_t).where(mine)) or 0) >= OPEN_MAX:
        raise TooManyProposals
    await forget_old(tx, now=now)
    proposed = Proposed(uuid7(), now + APPROVAL_LIVES)
    await tx.execute(
        insert(approval_t).values(
            member_id=member_id,
            approval_id=proposed.approval_id,
            act=proposal.act.value,
            digest=digest,
            amount=proposal.amount,
            tier=proposal.tier,
            floor=proposal.floor,
            until=proposal.until,
            reason=proposal.reason,
            proposed_by=caller.subject,
            proposed_at=now,
            expires_at=proposed.expires_at,
        )
    )
    return proposed


async def approve(tx: Tx, caller: Caller, member_id: MemberId, approval_id: UUID, *, now: datetime) -> datetime:
    """Let the colleague do it; answers until when. Again changes nothing, and the first who approved stays.

    The caller has checked the reach. Raises OwnProposal, Forbidden for an app, ApprovalOver, NotFound.
    """
    if caller.kind is not CallerKind.STAFF:
        raise Forbidden(field="approvalId")
    this = and_(approval_t.c.member_id == member_id, approval_t.c.approval_id == approval_id)
    not_own = number_in(approval_t.c.proposed_by).not_in(spellings_of(caller.subject))
    approved = (
        update(approval_t)
        .where(this, is_open(now), not_own)
        .values(
            approved_by=func.coalesce(approval_t.c.approved_by, caller.subject),
            approved_at=func.coalesce(approval_t.c.approved_at, now),
        )
    )
    ends: datetime | None = await tx.scalar(approved.returning(approval_t.c.expires_at))
    if ends is not None:
        return ends
    row = (await tx.execute(select(not_own.label("is_others")).where(this))).first()
    if row is None:
        raise NotFound(field="approvalId")
    raise ApprovalOver(field="approvalId") if row.is_others else OwnProposal(field="approvalId")


async def use(
    tx: Tx,
    vault: Vault,
    caller: Caller,
    member_id: MemberId,
    proposal: Proposal,
    *,
    approval_id: UUID,
    key: RequestKey,
    now: datetime,
) -> str:
    """Use the approval up for this act under this key; answers who approved. Stands if the caller's transaction does.

    Raises ApprovalMismatch, ApprovalOver, ApprovalRequired where nobody has approved yet.
    """
    under = vault.message_key(SOURCE, f"{key.caller}\0{key.key}")
    fits = and_(
        approval_t.c.member_id == member_id,
        approval_t.c.approval_id == approval_id,
        approval_t.c.digest == vault.message_digest(proposal.said(member_id)),
        number_in(approval_t.c.proposed_by).in_(spellings_of(caller.subject)),
    )
    # Only while the key stands, by the later of the clocks by which it is forgotten: else the act would be done again.
    stands = approval_t.c.used_at > func.greatest(now, func.now()) - literal(KEPT)
    retried = and_(approval_t.c.used_under == under, stands)
    another = number_in(approval_t.c.approved_by).not_in(spellings_of(caller.subject))
    used = (
        update(approval_t)
        .where(fits, another, or_(is_open(now), retried))
        .values(used_at=func.coalesce(approval_t.c.used_at, now), used_under=under)
    )
    approved_by = await tx.scalar(used.returning(approval_t.c.approved_by))
    if approved_by is not None:
        return str(approved_by)
    row = (await tx.execute(select(is_open(now).label("is_open"), approval_t.c.approved_by).where(fits))).first()
    if row is None or (row.is_open and row.approved_by is not None):
        raise ApprovalMismatch(field="approvalId")
    raise ApprovalRequired(field="approvalId") if row.is_open else ApprovalOver(field="approvalId")


def is_open(now: datetime) -> ColumnElement[bool]:
    """Not used, not over: it waits, or is approved."""
    return and_(approval_t.c.used_at.is_(None), approval_t.c.expires_at > now)


async def void(tx: Tx, member_id: UUID) -> None:
    """Take back what was not used: whoever proposed or approved it looked at another account than there is now."""
    await tx.execute(delete(approval_t).where(approval_t.c.member_id == member_id, approval_t.c.used_at.is_(None)))


async def forget_old(tx: Tx, *, now: datetime) -> int:
    """Some of what is over, once no retry can ask for it; how many. Skips what others hold."""
    old = (
        select(approval_t.c.member_id, approval_t.c.approval_id)
        .where(approval_t.c.expires_at <= now - KEPT)
        .limit(SWEPT_MAX)
        .with_for_update(skip_locked=True)
        .cte("old")
    )
    same = and_(approval_t.c.member_id == old.c.member_id, approval_t.c.approval_id == old.c.approval_id)
    return int((await tx.execute(delete(approval_t).where(same))).rowcount)
