"""The log of decisions: one row for each, with the numbers it went by; rows of a batch go in together.

What was earned is put down once more, for whoever gives something for it: in the same transaction, so nothing is missed
however late that commits, and it is read once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from member_hub.access import Caller
from member_hub.db.base import Tx
from member_hub.db.bulk import insert_rows
from member_hub.ids import MemberId, uuid7
from member_hub.tiers.tables import TierChange, TierRise
from member_hub.tiers.words import PlacingReason, Why

COLUMNS: Final = (
    "member_id", "change_id", "from_tier", "to_tier", "reason", "placing", "until", "rules_version", "facts",
    "actor_kind", "actor", "approved_by", "changed_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    member_id: MemberId
    from_tier: str
    to_tier: str
    reason: Why
    until: datetime | None
    rules_version: int | None
    facts: Any
    placing: PlacingReason | None = None
    approved_by: str | None = None

    @property
    def rises(self) -> bool:
        """Whether one's own tier rose, be it in the same review as a placement that covers it."""
        return "own_to" in self.facts


async def log(tx: Tx, caller: Caller, changes: Sequence[Change], *, now: datetime) -> None:
    rows = [
        (
            one.member_id,
            uuid7(),
            one.from_tier,
            one.to_tier,
            one.reason,
            one.placing,
            one.until,
            one.rules_version,
            one.facts,
            caller.kind,
            caller.subject,
            one.approved_by,
            now,
        )
        for one in changes
    ]
    await insert_rows(tx, TierChange, COLUMNS, rows)
    earned = [row[:2] for row, one in zip(rows, changes, strict=True) if one.reason is Why.EARNED or one.rises]
    await insert_rows(tx, TierRise, COLUMNS[:2], earned)
