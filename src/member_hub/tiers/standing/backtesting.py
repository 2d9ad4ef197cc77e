"""Trying rules on today's members before anything is applied (T8): the same assessing as a review's, and no writing.

`moves` are what the next review would do, so terms and graces that run are kept; `earned` is where everybody would
stand by what they have today, which is where the moves lead in the end: that is held against the target shares.
"""

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, select

from member_hub.db.base import Tx
from member_hub.ids import MemberId
from member_hub.members.tables import MemberStatus
from member_hub.tiers.rules.model import FULL_BP, TierRules
from member_hub.tiers.standing.marking import member_t
from member_hub.tiers.standing.preparing import quantiles
from member_hub.tiers.standing.reviewing import Course, run
from member_hub.tiers.standing.taking import Taken, asked_of, reading, stood_of

BATCH: Final = 5000


@dataclass(slots=True)
class Backtest:
    """Numbers only; tiers by their codes."""

    rules: TierRules
    members: int = 0
    moves: Counter[tuple[str, str]] = field(default_factory=Counter)
    before: Counter[str] = field(default_factory=Counter)
    after: Counter[str] = field(default_factory=Counter)
    earned: Counter[str] = field(default_factory=Counter)

    def told(self) -> dict[str, Any]:
        """As JSON: shares in basis points, rounded down."""
        codes = [level.code for level in self.rules.levels]
        gone = sorted(self.before.keys() - set(codes))
        return {
            "members": self.members,
            "moves": [
                {"from": was, "to": is_, "members": self.moves[was, is_]}
                for was in [*codes, *gone]
                for is_ in codes
                if was != is_ and self.moves[was, is_]
            ],
            "pyramid": [
                {
                    "tier": level.code,
                    "before": self.before[level.code],
                    "after": self.after[level.code],
                    "earned": self.earned[level.code],
                    "earned_bp": self.earned[level.code] * FULL_BP // self.members if self.members else 0,
                    "target_bp": level.share_bp,
                }
                for level in self.rules.levels
            ],
        }


async def backtest(tx: Tx, rules: TierRules, *, now: datetime, handler: str | None = None) -> Backtest:
    """What these rules would do with every active member (of one handler), were they in force now."""
    found = Backtest(rules)
    thresholds: dict[str, Mapping[str, int]] = {}
    async for ids in _pages(tx, handler):
        rows = (await tx.execute(reading(ids))).all()
        for one in {row.handler for row in rows} - thresholds.keys():
            thresholds[one] = await quantiles(tx, rules.thresholds, one, now=now) if rules.thresholds else {}
        courses = [
            Course(Taken(MemberId(row.of_member), row, stood_of(row), asked_of(row), row.handler), stood_of(row))
            for row in rows
        ]
        await run(tx, rules, courses, thresholds, now)
        for course in courses:
            was, is_ = course.taken.stood.tier, course.stood.tier
            found.members += 1
            found.before[was] += 1
            found.after[is_] += 1
            found.earned[rules.levels[course.earned].code] += 1
            if was != is_:
                found.moves[was, is_] += 1
    return found


async def _pages(tx: Tx, handler: str | None) -> AsyncIterator[list[MemberId]]:
    statement: Select[Any] = select(member_t.c.member_id).where(member_t.c.status == MemberStatus.ACTIVE)
    if handler is not None:
        statement = statement.where(member_t.c.handler == handler)
    last: MemberId | None = None
    while True:
        page = statement if last is None else statement.where(member_t.c.member_id > last)
        ids = [MemberId(one) for one in await tx.scalars(page.order_by(member_t.c.member_id).limit(BATCH))]
        if not ids:
            return
        yield ids
        last = ids[-1]
