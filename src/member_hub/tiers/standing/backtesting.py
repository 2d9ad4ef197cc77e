"""Trying rules on today's members before anything is applied (T8): the same assessing as a review's, and no writing.

`moves` are what the next review would do, so terms and graces that run are kept; `earned` is where everybody would
stand by what they have today, which is where the moves lead in the end: that is held against the target shares.

Decision: where a request waits for the answer, of very many members one in so many is looked at, drawn by their ids,
and the answer says so: two hundred thousand take more than half a minute. The command looks at everybody.
"""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, func, select

from member_hub.db.base import Tx
from member_hub.ids import MemberId
from member_hub.members.tables import MemberStatus
from member_hub.tiers.rules.model import FULL_BP, TierRules
from member_hub.tiers.rules.versions import InForce
from member_hub.tiers.standing.marking import member_t
from member_hub.tiers.standing.ranking import PAGES_MAX, Ranking, drawn
from member_hub.tiers.standing.reviewing import Course, run
from member_hub.tiers.standing.taking import Taken, asked_of, reading, stood_of

BATCH: Final = 5000
LOOKED_AT_MAX: Final = 20_000  # about, where a request waits


@dataclass(slots=True)
class Backtest:
    """Numbers only; tiers by their codes."""

    rules: TierRules
    one_in: int = 1
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
            "one_in": self.one_in,
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


async def backtest(
    tx: Tx, rules: TierRules, *, now: datetime, handler: str | None = None, at_most: int | None = None
) -> Backtest:
    """What these rules would do with every active member (of one handler), were they in force now.

    `at_most`: about so many are looked at, one in `one_in`.
    """
    active = _active(handler)
    one_in = 1 if at_most is None else -(-int(await tx.scalar(_count(active)) or 0) // at_most) or 1
    found = Backtest(rules, one_in=one_in)
    ranking, tried = Ranking(rules.thresholds, stores=False, one_in=one_in), InForce(0, rules)
    async for ids in _pages(tx, [*active, drawn(one_in)]):
        rows = (await tx.execute(reading(ids))).all()
        courses = [
            Course(
                Taken(MemberId(row.of_member), row, stood_of(row), asked_of(row), row.handler),
                stood_of(row),
                tried,
                tried,
            )
            for row in rows
        ]
        await run(tx, [tried], courses, ranking, now)
        for course in courses:
            was, is_ = course.taken.stood.tier, course.stood.tier
            found.members += 1
            found.before[was] += 1
            found.after[is_] += 1
            found.earned[rules.levels[course.earned].code] += 1
            if was != is_:
                found.moves[was, is_] += 1
    return found


def _active(handler: str | None) -> list[ColumnElement[bool]]:
    active: ColumnElement[bool] = member_t.c.status == MemberStatus.ACTIVE
    return [active] if handler is None else [active, member_t.c.handler == handler]


def _count(active: Sequence[ColumnElement[bool]]) -> Select[Any]:
    return select(func.count()).select_from(member_t).where(*active)


async def _pages(tx: Tx, which: Sequence[ColumnElement[bool]]) -> AsyncIterator[list[MemberId]]:
    statement: Select[Any] = select(member_t.c.member_id).where(*which)
    last: MemberId | None = None
    for _ in range(PAGES_MAX):
        page = statement if last is None else statement.where(member_t.c.member_id > last)
        ids = [MemberId(one) for one in await tx.scalars(page.order_by(member_t.c.member_id).limit(BATCH))]
        if not ids:
            return
        yield ids
        last = ids[-1]
    raise AssertionError("more members than anybody has")
