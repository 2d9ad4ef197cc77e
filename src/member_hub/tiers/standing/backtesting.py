"""Trying rules on today's members before anything is applied (T8): the same assessing as a review's, and no writing.

`moves` are what the next review would do, so terms and graces that run are kept; `earned` is where everybody would
stand by what they have today, which is where the moves lead in the end: that is held against the target shares.
These numbers are exact: for the command, run by who operates the database. What others are told of them rounds them
and leaves out small groups (reports/backtests.py).

Decision: where a request waits for the answer, of very many members one in so many is looked at, drawn by their ids,
and the answer says so: two hundred thousand take more than half a minute. The command looks at everybody.
"""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, func, select

from member_hub.db.base import Tx
from member_hub.ids import MemberId
from member_hub.tiers.rules.model import FULL_BP, TierRules
from member_hub.tiers.rules.versions import InForce
from member_hub.tiers.standing.marking import ASSESSED, member_t
from member_hub.tiers.standing.ranking import PAGES_MAX, Ranking, drawn
from member_hub.tiers.standing.reviewing import Course, run
from member_hub.tiers.standing.taking import Taken, asked_of, reading, stood_of

BATCH: Final = 5000
LOOKED_AT_MAX: Final = 20_000  # about, where a request waits


RANDOM: Final = (1 << 48) - 1  # the last bits of an id (UUIDv7)


@dataclass(frozen=True, slots=True)
class Group:
    """How many, and which ones: an XOR over random bits of their ids, from which none of them can be told."""

    size: int = 0
    fingerprint: int = 0

    @classmethod
    def of(cls, member_id: MemberId) -> "Group":
        return cls(1, member_id.int & RANDOM)

    def beside(self, other: "Group") -> "Group":
        return Group(self.size + other.size, self.fingerprint ^ other.fingerprint)


Flows = Mapping[tuple[str, str], Group]  # from which tier to which; the same one for those who stay


@dataclass(slots=True)
class Backtest:
    """Numbers only; tiers by their codes. `going`: at the next review; `leading`: to what they have earned."""

    rules: TierRules
    one_in: int = 1
    going: defaultdict[tuple[str, str], Group] = field(default_factory=lambda: defaultdict(Group))
    leading: defaultdict[tuple[str, str], Group] = field(default_factory=lambda: defaultdict(Group))

    def add(self, member_id: MemberId, was: str, *, is_: str, earned: str) -> None:
        one = Group.of(member_id)
        self.going[was, is_] = self.going[was, is_].beside(one)
        self.leading[was, earned] = self.leading[was, earned].beside(one)

    @property
    def members(self) -> int:
        return self.before.total()

    @property
    def moves(self) -> Counter[tuple[str, str]]:
        return Counter({(was, is_): group.size for (was, is_), group in self.going.items() if was != is_})

    @property
    def before(self) -> Counter[str]:
        return _counted(self.going, place=0)

    @property
    def after(self) -> Counter[str]:
        return _counted(self.going, place=1)

    @property
    def earned(self) -> Counter[str]:
        return _counted(self.leading, place=1)

    def told(self) -> dict[str, Any]:
        """As JSON: shares in basis points, rounded down."""
        members, moves, before, after, earned = self.members, self.moves, self.before, self.after, self.earned
        codes = [level.code for level in self.rules.levels]
        gone = sorted(before.keys() - set(codes))
        return {
            "members": members,
            "one_in": self.one_in,
            "moves": [
                {"from": was, "to": is_, "members": moves[was, is_]}
                for was in [*codes, *gone]
                for is_ in codes
                if moves[was, is_]
            ],
            "pyramid": [
                {
                    "tier": level.code,
                    "before": before[level.code],
                    "after": after[level.code],
                    "earned": earned[level.code],
                    "earned_bp": earned[level.code] * FULL_BP // members if members else 0,
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
            earned = rules.levels[course.earned].code
            found.add(course.taken.member_id, course.taken.stood.tier, is_=course.stood.tier, earned=earned)
    return found


def _counted(flows: Flows, *, place: int) -> Counter[str]:
    """By the tier that they leave (0) or reach (1)."""
    found: Counter[str] = Counter()
    for way, group in flows.items():
        found[way[place]] += group.size
    return found


def _active(handler: str | None) -> list[ColumnElement[bool]]:
    return [ASSESSED] if handler is None else [ASSESSED, member_t.c.handler == handler]


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
