"""Reviewing: what the rules decide about many members, written in a few statements, whatever their number.

Only what changed is written. Doing it twice is the same as once, and in two processes: the standings are locked, the
figures are read under the lock. A member takes as many steps as have fallen due meanwhile (STEPS_MAX at a time).
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from member_hub.access import Caller
from member_hub.db.base import Tx
from member_hub.db.bulk import update_rows
from member_hub.ids import MemberId
from member_hub.tiers.growth.measuring import measure
from member_hub.tiers.queries import beneath
from member_hub.tiers.rules.assessing import Stood, asks, assess, ends_at, reasons_of, thresholds
from member_hub.tiers.rules.criteria import Ask, Measures, Reached, Threshold, logged
from member_hub.tiers.rules.model import TierRules
from member_hub.tiers.rules.versions import InForce, Programme, at_moment, back_to, in_force
from member_hub.tiers.standing.log import Change, log
from member_hub.tiers.standing.ranking import Ranking
from member_hub.tiers.standing.taking import Taken, take
from member_hub.tiers.tables import TierStanding
from member_hub.tiers.words import PlacingReason, Why

BATCH_MAX: Final = 10_000  # members in one review
STEPS_MAX: Final = 24  # terms that end while nothing runs; what is left is due at once
COLUMNS: Final = (
    "member_id", "tier", "rank", "since", "reason", "own_tier", "own_rank", "until", "term_since", "in_grace",
    "term_until", "given_days", "floor", "floor_rank", "floor_until", "protected", "protected_rank", "protected_until",
    "notice_at", "notice_until", "notice_needed", "notice_sent_at", "rules_version", "due_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Placing:
    """What somebody decided before the rules do: from the standing as it is to another."""

    reason: PlacingReason
    approved_by: str
    place: Callable[[TierRules, Stood], Stood]


@dataclass(slots=True)
class Course:
    """One member's way through a review."""

    taken: Taken
    stood: Stood
    then: InForce  # the rules of the moment at which its term ends, or now
    ruled: InForce  # those by which the last decision was taken
    decided: list[Why] = field(default_factory=list)
    facts: dict[Ask, int] = field(default_factory=dict)
    reasons: Sequence[Reached] = ()
    earned: int = 0
    due_at: datetime | None = None
    is_open: bool = False


async def review(
    tx: Tx,
    programme: Programme,
    member_ids: Collection[MemberId],
    *,
    now: datetime,
    caller: Caller,
    placing: Placing | None = None,
    is_waited_for: bool = False,
) -> int:
    """Assess these roots; returns of how many the standing changed. Unknown and inactive ones are left out.

    Where somebody waits no quantile is computed: whoever hangs on one is left to the clock, due now.
    """
    assert len(member_ids) <= BATCH_MAX, "the caller goes in batches"
    ruled = await in_force(tx, programme, now=now)
    taken = await take(tx, member_ids, now=now)
    courses = [Course(one, one.stood, ruled, ruled) for one in taken]
    if placing is not None:
        for one in courses:
            one.stood, one.decided = placing.place(ruled.rules, one.stood), [Why.MANUAL]
    ends = [one.stood.until for one in courses if one.stood.until is not None]
    versions = await back_to(tx, programme, ruled, min([now, *ends]))
    named = {name: ranked for one in versions for name, ranked in one.rules.thresholds.items()}
    ranking = Ranking(named, computes=not is_waited_for)
    await run(tx, versions, courses, ranking, now)
    for one in courses:
        one.due_at = now if one.is_open and is_waited_for else one.due_at
    await update_rows(tx, TierStanding, COLUMNS, [row for one in courses if (row := _changed_row(one, ruled))])
    changed = [_change(one, ruled, placing, now) for one in courses if one.decided]
    await log(tx, caller, changed, now=now)
    return len(changed)


async def run(tx: Tx, versions: Sequence[InForce], courses: Sequence[Course], ranking: Ranking, now: datetime) -> None:
    """Let each take every step that is due; nothing is written. `versions`: the newest first, as `back_to` tells."""
    rules = versions[0].rules
    going = list(courses)
    for _ in range(STEPS_MAX):
        if not going:
            return
        for one in going:
            one.then = versions[0] if one.stood.until is None else at_moment(versions, min(now, one.stood.until))
        wanted = {
            one.taken.member_id: asks(rules, one.stood, one.taken.asked, now, one.then.rules) - one.facts.keys()
            for one in going
        }
        figures = await measure(tx, {member: new for member, new in wanted.items() if new})
        await ranking.learn(tx, _thresholds(rules, going, now, is_ranked=bool(ranking.named)), now=now)
        again = []
        for one in going:
            one.facts |= figures.get(one.taken.member_id, {})
            measures = Measures(one.taken.asked, one.facts, ranking.known.get(one.taken.handler, {}))
            found = assess(measures, rules, one.stood, now, one.then.rules)
            if found.decided or (one.decided and not one.reasons):
                one.reasons = reasons_of(measures, rules, one.stood, now, one.then.rules)
                one.ruled = versions[0] if found.decided is Why.EARNED else one.then
            if found.decided:
                one.decided.append(found.decided)
                again.append(one)
            one.stood, one.due_at, one.earned, one.is_open = found.stood, found.due_at, found.earned, found.is_open
        going = again


def _thresholds(
    rules: TierRules, going: Sequence[Course], now: datetime, *, is_ranked: bool
) -> Mapping[str, set[Threshold]]:
    """The quantiles that come into it, of each handler."""
    found: dict[str, set[Threshold]] = defaultdict(set)
    if is_ranked:
        for one in going:
            found[one.taken.handler] |= thresholds(rules, one.stood, now, one.then.rules)
    return found


def _change(one: Course, ruled: InForce, placing: Placing | None, now: datetime) -> Change:
    facts: dict[str, Any] = {"steps": one.decided, "reasons": logged(one.reasons)} | _rise(one, ruled.rules)
    facts |= beneath(_ranked(one.stood, ruled.rules), now)  # what counts once the floor is over
    return Change(
        one.taken.member_id,
        one.taken.stood.tier,
        one.stood.tier,
        one.stood.reason if placing and len(one.decided) > 1 else one.decided[-1],
        ends_at(ruled.rules, one.stood),
        one.ruled.version,
        facts,
        placing.reason if placing else None,
        placing.approved_by if placing else None,
    )


def _ranked(stood: Stood, rules: TierRules) -> dict[str, Any]:
    """As a row says it, what counts and what lies beneath."""
    said = {"own_tier": stood.own, "own_rank": rules.rank(stood.own)}
    said |= {"floor": stood.floor, "floor_rank": rules.rank(stood.floor), "floor_until": stood.floor_until}
    protected = {"protected": stood.protected, "protected_rank": rules.rank(stood.protected)}
    return {**said, **protected, "protected_until": stood.protected_until}


def _rise(one: Course, rules: TierRules) -> dict[str, str]:
    """From where to where one's own tier rose, whatever covers it: by that a promotion brings its gift.

    A tier that a splitting protects was one's own while merged: to reach it again is no promotion.
    """
    before, after = one.taken.stood, one.stood
    own = max(rules.rank(before.own), rules.rank(before.protected))
    return {"own_from": rules.levels[own].code, "own_to": after.own} if rules.rank(after.own) > own else {}


def _changed_row(one: Course, ruled: InForce) -> tuple[Any, ...] | None:
    """The columns in order; None where the row says all that already."""
    before, stood, told = one.taken.row, one.stood, one.stood.told
    rank = ruled.rules.rank
    is_decided = bool(one.decided) or before.tier is not None
    sent_at = before.notice_sent_at if told and before.notice_at == told.at else None
    row = (
        one.taken.member_id,
        stood.tier if is_decided else None,
        rank(stood.tier),
        stood.since if is_decided else None,
        stood.reason if is_decided else None,
        stood.own if is_decided else None,
        rank(stood.own),
        stood.until,
        stood.term_since,
        stood.in_grace,
        stood.term_until,
        stood.given_days,
        stood.floor,
        rank(stood.floor),
        stood.floor_until,
        stood.protected,
        rank(stood.protected),
        stood.protected_until,
        told.at if told else None,
        told.until if told else None,
        told.needed if told else None,
        sent_at,
        one.ruled.version if one.decided else before.rules_version,
        one.due_at,
    )
    return None if all(getattr(before, name) == value for name, value in zip(COLUMNS, row, strict=True)) else row
