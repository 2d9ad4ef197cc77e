"""What is proposed, in words that a second person can judge, and where an approval stands (pure)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row


class ProposedAct(StrEnum):
    """What takes a second person; spelled as the operation that does it."""

    POINTS_ADJUST = "pointsAdjust"
    TIER_PLACE = "tierPlace"


class ApprovalState(StrEnum):
    WAITING = "waiting"  # for somebody who approves
    APPROVED = "approved"
    USED = "used"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Proposal:
    """One act, whole: whoever approves sees all of it. What does not belong to the act is None."""

    act: ProposedAct
    reason: str
    amount: int | None = None
    tier: str | None = None
    floor: str | None = None
    until: datetime | None = None

    def said(self, member_id: UUID) -> bytes:
        """The act on this member in one spelling: the same gives the same bytes."""
        until = self.until.timestamp() if self.until else None
        parts = [self.act.value, member_id.hex, self.reason, self.amount, self.tier, self.floor, until]
        return orjson.dumps(parts)


def state_of(row: Row[Any], *, now: datetime) -> ApprovalState:
    if row.used_at is not None:
        return ApprovalState.USED
    if row.expires_at <= now:
        return ApprovalState.EXPIRED
    return ApprovalState.WAITING if row.approved_by is None else ApprovalState.APPROVED
