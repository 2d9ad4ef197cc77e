"""Why a member stands where they stand, and what is missing for more (T7; PIPL 24(3)).

What decided is told from the log of the decision itself, with the numbers it went by; who stands at the lowest tier
without one is told what the rules look at today. What is missing for the next tier is counted now. The order lines are
those that the decision counted: bought within its windows, with the refunds of these, and known by then. So they add up
to what was reached. Price: a refund that came since shows in what is missing, not here.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Date, DateTime, Row, all_, and_, bindparam, case, column, func, or_, select, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUuid

from member_hub.clock import business_day
from member_hub.db.base import Tx
from member_hub.db.bulk import parameters, values_of
from member_hub.ids import MemberId
from member_hub.orders.queries import order_t
from member_hub.tiers.growth.measuring import account_t, activity_t, measure
from member_hub.tiers.queries import Standing, change_t, standing_of
from member_hub.tiers.rules.assessing import asks, reasons_of, staying
from member_hub.tiers.rules.assessing import thresholds as thresholds_in
from member_hub.tiers.rules.criteria import Measures, Reached, Rule, Viewpoint, asked, read_back
from member_hub.tiers.rules.model import Criterion, Level, TierRules, leaves
from member_hub.tiers.rules.versions import InForce, Programme, in_force
from member_hub.tiers.rules.windows import Span
from member_hub.tiers.standing.ranking import thresholds_of
from member_hub.tiers.standing.sides import ids_at, merges_of_many
from member_hub.tiers.standing.taking import asked_of, reading, stood_of
from member_hub.tiers.words import OF_ACTIVITY, OF_ORDERS, Figure, Why, Window

LINES_MAX: Final = 50
YEAR: Final = Criterion(Figure.GROWTH, Window.ROLLING, 12, 1, None)


@dataclass(frozen=True, slots=True)
class Next:
    level: Level
    growth_missing: int
    reasons: Sequence[Reached]


@dataclass(frozen=True, slots=True)
class Decision:
    """The last decision, or what is looked at where there was none. `by`: in whose log it stands."""

    rules_version: int
    decided_at: datetime | None
    reason: Why
    reasons: Sequence[Reached]
    by: MemberId | None = None


@dataclass(frozen=True, slots=True)
class Explained:
    """`growth` is what counts today: in the window by which the next tier, or at the top the own one, counts it.

    `staying`: where notice was given, what it takes to keep the tier. `levels`: those of the rules in force by code,
    for their names; a decision by earlier rules may name others.
    """

    standing: Standing
    level: Level
    growth: int
    next: Next | None
    decision: Decision
    staying: Sequence[Reached] = ()
    lines: Sequence[Row[Any]] = ()
    activity: Mapping[Figure, int] | None = None
    levels: Mapping[str, Level] = field(default_factory=dict)


async def standing_levels(
    tx: Tx, programme: Programme, member_ids: Sequence[MemberId], *, now: datetime
) -> dict[MemberId, tuple[Standing, Level]]:
    """Where these roots stand, with the tier as the rules in force define it; nothing is counted."""
    rules = (await in_force(tx, programme, now=now)).rules
    rows = (await tx.execute(reading(member_ids))).all()
    found = {MemberId(row.of_member): standing_of(row._mapping, now) for row in rows}  # noqa: SLF001 - public name
    return {member_id: (standing, rules.level(standing.tier)) for member_id, standing in found.items()}


async def explain(
    tx: Tx,
    programme: Programme,
    member_ids: Sequence[MemberId],
    *,
    now: datetime,
    with_orders: bool = False,
    with_activity: bool = False,
) -> dict[MemberId, Explained]:
    """Of each of these roots, in a fixed number of statements."""
    ruled = await in_force(tx, programme, now=now)
    rules = ruled.rules
    rows = {MemberId(row.of_member): row for row in await tx.execute(reading(member_ids))}
    wanted_of = {one[1] for row in rows.values() for one in thresholds_in(rules, stood_of(row), now)}
    thresholds = await thresholds_of(tx, ruled, now=now, days={day for day in wanted_of if day is not None})
    view = Viewpoint(Rule.PROMOTION, business_day(now))
    wanted = {
        one: asks(rules, stood_of(row), asked_of(row), now)
        | asked(_growth_of(rules, stood_of(row).tier), asked_of(row), view)
        for one, row in rows.items()
    }
    figures = await measure(tx, wanted)
    logs = await _decisions(tx, list(rows.values()), now)
    found = {}
    for one, row in rows.items():
        measures = Measures(asked_of(row), figures[one], thresholds.get(row.handler, {}))
        found[one] = _explained(ruled, row, measures, logs.get(one), now)
    if with_orders or with_activity:
        found = await _with_details(tx, found, now=now, with_orders=with_orders, with_activity=with_activity)
    return found


def _explained(ruled: InForce, row: Row[Any], measures: Measures, log: Row[Any] | None, now: datetime) -> Explained:
    rules, stood = ruled.rules, stood_of(row)
    standing = standing_of(row._mapping, now)  # noqa: SLF001 - public name
    view = Viewpoint(Rule.PROMOTION, business_day(now))
    higher = rules.levels[rules.rank(standing.tier) + 1 :]
    following = None
    if higher:
        level = higher[0]
        missing = measures.growth_missing(level.promotion, view)
        following = Next(level, missing, measures.all_of(level.promotion, level.code, view))
    if log is not None:
        reasons, by = read_back(log.facts["reasons"]), MemberId(log.member_id)
        decision = Decision(log.rules_version, log.changed_at, Why(log.reason), reasons, by)
    else:
        decision = Decision(ruled.version, None, standing.reason, reasons_of(measures, rules, stood, now))
    growth = measures.reached(_growth_of(rules, standing.tier), "", view).reached or 0
    stays = staying(measures, rules, stood, now) if standing.notice is not None else ()
    levels = {level.code: level for level in rules.levels}
    return Explained(standing, rules.level(standing.tier), growth, following, decision, stays, levels=levels)


def _growth_of(rules: TierRules, tier: str) -> Criterion:
    """The window in which growth is told: as the next tier counts it, else as the own one does, else a year."""
    rank = rules.rank(tier)
    levels = [*rules.levels[rank + 1 : rank + 2], rules.levels[rank]]
    criteria = (
        one for level in levels for condition in (level.promotion, level.retention) for one in leaves(condition)
    )
    return next((one for one in criteria if one.figure is Figure.GROWTH), YEAR)


async def _decisions(tx: Tx, standings: Collection[Row[Any]], now: datetime) -> dict[MemberId, Row[Any]]:
    """Of each the last decision of the rules by which the tier counts: to that tier, for the reason that stands there.

    After a merging it is that of whom the tier came from, the one that reached or kept it. A splitting brings a tier,
    weighing nothing, and a placement beneath what was earned decides nothing: then there is none, or the one before.
    """
    decided = [row for row in standings if row.tier is not None and row.tier == standing_of(row._mapping, now).tier]  # noqa: SLF001
    merged = [MemberId(row.of_member) for row in decided if row.reason == Why.MERGE]
    by = {one: merges[-1].decided_by for one, merges in (await merges_of_many(tx, merged)).items()} if merged else {}
    given = values_of([change_t.c.member_id, change_t.c.to_tier, change_t.c.reason, column("by", PgUuid())])  # type: ignore[list-item]
    is_same = case(
        (given.c.reason == Why.MERGE.value, change_t.c.reason.not_in([Why.GRACE, Why.MERGE, Why.SPLIT])),
        else_=change_t.c.reason == given.c.reason,
    )
    columns = ("member_id", "rules_version", "changed_at", "reason", "facts")
    last = (
        select(*(change_t.c[name] for name in columns))
        .where(
            change_t.c.member_id == given.c.by,
            change_t.c.to_tier == given.c.to_tier,
            change_t.c.facts.has_key("reasons"),
            is_same,
        )
        .order_by(change_t.c.changed_at.desc(), change_t.c.change_id.desc())
        .limit(1)
        .lateral("last")
    )
    statement = select(given.c.member_id.label("of_member"), last).select_from(given.join(last, true()))
    wanted = [(row.of_member, row.tier, row.reason, by.get(row.of_member) or row.of_member) for row in decided]
    rows = await tx.execute(statement, parameters(("member_id", "to_tier", "reason", "by"), wanted))
    return {MemberId(row.of_member): row for row in rows}


async def _with_details(
    tx: Tx, found: dict[MemberId, Explained], *, now: datetime, with_orders: bool, with_activity: bool
) -> dict[MemberId, Explained]:
    merges = await merges_of_many(tx, list(found))
    spans = {one: span for one, said in found.items() if (span := _widest(said.decision.reasons))}
    moments = {one: found[one].decision.decided_at or now for one in spans}
    joined = set[UUID]()
    for one, theirs in merges.items():
        if one in spans:
            everybody = frozenset[UUID]().union(*(merged.ids for merged in theirs))
            joined |= everybody - ids_at(theirs, found[one].decision.by or one, moments[one])
    lines = await _lines(tx, spans, moments, joined) if with_orders else {}
    counts = await _activity(tx, spans, joined) if with_activity else {}
    return {one: replace(said, lines=lines.get(one, ()), activity=counts.get(one, {})) for one, said in found.items()}


def _widest(reasons: Sequence[Reached]) -> Span | None:
    """All the days that any criterion of the decision looked at."""
    spans = [one.span for one in reasons if one.figure in OF_ORDERS | OF_ACTIVITY | {Figure.GROWTH}]
    return Span(min(one.first for one in spans), max(one.last for one in spans)) if spans else None


def _was_there(account: Any) -> ColumnElement[bool]:
    """Not of those who were merged with the member since it was decided."""
    is_theirs: ColumnElement[bool] = account.c.filed_under != all_(bindparam("joined", type_=ARRAY(PgUuid())))
    return is_theirs


async def _lines(
    tx: Tx, spans: Mapping[MemberId, Span], decided: Mapping[MemberId, datetime], joined: Collection[UUID]
) -> dict[MemberId, list[Row[Any]]]:
    """Of each member the newest lines that counted, and the refunds of these; not what came to light since then."""
    names, moment = ("begins", "ends", "decided_at"), DateTime(timezone=True)
    given = values_of([column("member_id", PgUuid()), *(column(name, moment) for name in names)])  # type: ignore[list-item]
    counts_at = case((order_t.c.refund_of_order.is_(None), order_t.c.ordered_at), else_=_bought_at(given))
    newest = (
        select(order_t)
        .join(account_t, account_t.c.origin_id == order_t.c.origin_id)
        .where(
            account_t.c.member_id == given.c.member_id,
            _was_there(account_t),
            or_(order_t.c.counted_at.is_(None), order_t.c.counted_at <= given.c.decided_at),
            counts_at >= given.c.begins,
            counts_at < given.c.ends,
        )
        .order_by(order_t.c.ordered_at.desc(), order_t.c.channel, order_t.c.order_no, order_t.c.line_no)
        .limit(LINES_MAX)
        .lateral("line")
    )
    statement = select(given.c.member_id.label("of_member"), newest).select_from(given.join(newest, true()))
    rows = [(one, span.begins, span.ends, decided[one]) for one, span in spans.items()]
    found: dict[MemberId, list[Row[Any]]] = defaultdict(list)
    wanted: dict[str, Any] = {**parameters(("member_id", *names), rows), "joined": sorted(joined)}
    for row in await tx.execute(statement, wanted):
        found[MemberId(row.of_member)].append(row)
    return {one: sorted(lines, key=_newest_first) for one, lines in found.items()}


def _bought_at(given: Any) -> Any:
    """Of a refund when its line was bought, with any account of the member: by that it counts, as its growth does."""
    bought, beside = order_t.alias("bought"), account_t.alias("beside")
    return (
        select(bought.c.ordered_at)
        .join(beside, and_(beside.c.origin_id == bought.c.origin_id, beside.c.filed_under == bought.c.member_id))
        .where(
            beside.c.member_id == given.c.member_id,
            bought.c.channel == order_t.c.channel,
            bought.c.order_no == order_t.c.refund_of_order,
            bought.c.line_no == order_t.c.refund_of_line,
        )
        .limit(1)
        .correlate(given, order_t)
        .scalar_subquery()
    )


def _newest_first(row: Row[Any]) -> tuple[float, str, str, int]:
    return -row.ordered_at.timestamp(), row.channel, row.order_no, row.line_no


async def _activity(
    tx: Tx, spans: Mapping[MemberId, Span], joined_since: Collection[UUID]
) -> dict[MemberId, dict[Figure, int]]:
    given = values_of([column("member_id", PgUuid()), column("first", Date()), column("last", Date())])  # type: ignore[list-item]
    within = (
        (activity_t.c.origin_id == account_t.c.origin_id)
        & (activity_t.c.day >= given.c.first)
        & (activity_t.c.day <= given.c.last)
        & _was_there(account_t)
    )
    joined = given.join(account_t, account_t.c.member_id == given.c.member_id).join(activity_t, within)
    statement = (
        select(given.c.member_id, activity_t.c.kind, func.sum(activity_t.c.count).label("times"))
        .select_from(joined)
        .group_by(given.c.member_id, activity_t.c.kind)
    )
    rows = [(one, span.first, span.last) for one, span in spans.items()]
    found: dict[MemberId, dict[Figure, int]] = defaultdict(dict)
    wanted: dict[str, Any] = {**parameters(("member_id", "first", "last"), rows), "joined": sorted(joined_since)}
    for row in await tx.execute(statement, wanted):
        found[MemberId(row.member_id)][Figure(row.kind)] = int(row.times)
    return found
