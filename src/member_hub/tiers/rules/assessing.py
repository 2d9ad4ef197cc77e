"""What follows for one member (pure): up at once, down only when the term is over, and never without notice before.

    assess(measures, rules, stood, now) -> Assessment

Up: whoever meets a tier's promotion has it at once, for a new term, which counts from the day on which that is decided.
Price: where a standstill moves it over New Year, a term that ends with a year ends with the next one.
At the end of a term whoever meets its retention (looked at as of the last day of the term, however late the clock
comes), or its promotion again, keeps it for another. Who does not, keeps it for the grace; reaching enough in the grace
keeps the tier, too. So does what happened within the term and is told in the grace (by a till that was offline, in the
file of the night), as if it had been told in time; a fixed end is counted from the last day of the term in either case.
After the grace comes the fall: one step, or to what is earned, never below what is earned; the term that it brings
counts from the end of the grace, however late the clock comes. What is told later still brings nobody back but by the
rule of promotion: a standing is never backdated. Price: with a grace of no days nobody waits for what the night brings.
A grace lasts until the notice has stood for its time, whenever it was given, so a clock that stood still takes nobody's
time away; and until the day that the notice told, whatever rules come into force meanwhile. Who has enough by now is
told of no fall any more, and anew where a refund takes it back.
The notice comes so many days before the term ends, while what keeps the tier can still be reached in the days that the
term counts; in a calendar year a notice at the end of the grace would ask for a whole year at once. The day that it
names is the one on which the tier is lost, grace and all: one day, which the grace does not move. Price: a member is
told by the length of the grace earlier than so many days before the fall.
An end that is over is judged by the rules that were in force when it came (`then`), everything else by those of now.
A floor, and what a splitting protects, stand apart from one's own tier, which goes its way beneath; the highest counts.
One assessment takes one step: after a decision the review takes another, until nothing is decided any more.
A quantile of the end of a term is that of its last day, in the grace, too: it does not move with the day. As long as it
is not known nothing is decided, and the member is looked at again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import lru_cache

from member_hub.clock import business_day
from member_hub.tiers.rules.criteria import Ask, Measures, Member, Reached, Rule, Threshold, Viewpoint, asked, ranked
from member_hub.tiers.rules.model import Condition, TierRules
from member_hub.tiers.rules.windows import ONE_DAY, last_day_before, midnight, term_end
from member_hub.tiers.words import Demotion, TermEnd, Why


@dataclass(frozen=True, slots=True)
class Told:
    """That somebody was told of a fall: once for each end of a term with its grace, or of a floor.

    `until`: the day on which the tier is lost, grace and all. It, and how much growth is needed, are kept up to date;
    None: what is missing is something else.
    """

    at: datetime
    until: datetime
    needed: int | None


@dataclass(frozen=True, slots=True)
class Stood:
    """Where a member stands: the tier that counts, the tier of one's own, the floor."""

    tier: str
    since: datetime
    reason: Why
    own: str
    until: datetime | None = None
    term_since: datetime | None = None  # None: with `since`; a tier that is kept for another term has a later one
    in_grace: bool = False
    term_until: datetime | None = None  # in a grace: when the term itself ended
    floor: str | None = None
    floor_until: datetime | None = None
    told: Told | None = None
    protected: str | None = None  # after a splitting
    protected_until: datetime | None = None
    given_days: int = 0  # added to the grace of this term: an objection to everything lasted so long


@dataclass(frozen=True, slots=True)
class Assessment:
    stood: Stood
    decided: Why | None  # None: nothing but perhaps a notice changed; else another step may follow
    earned: int  # the rank whose promotion is met today
    due_at: datetime | None
    is_open: bool = False  # an end is over, and what would decide about it is not known


def asks(rules: TierRules, stood: Stood, member: Member, now: datetime, then: TierRules | None = None) -> set[Ask]:
    """The figures that `assess` will look up."""
    found: set[Ask] = set()
    today = _promoting(now)
    for level in rules.levels[1:]:
        found |= asked(level.promotion, member, today)
    ruling = _ruling(rules, then, stood, now)
    for view in _views(ruling, stood, now):
        found |= asked(ruling.level(stood.own).retention, member, view)
    return found


def thresholds(rules: TierRules, stood: Stood, now: datetime, then: TierRules | None = None) -> set[Threshold]:
    """The quantiles that `assess` will look up."""
    ruling = _ruling(rules, then, stood, now)
    if not rules.thresholds and not ruling.thresholds:
        return set()
    today = _promoting(now)
    found = {one for level in rules.levels for one in ranked(level.promotion, today)}
    return found.union(*(ranked(ruling.level(stood.own).retention, view) for view in _views(ruling, stood, now)))


def assess(
    measures: Measures, rules: TierRules, stood: Stood, now: datetime, then: TierRules | None = None
) -> Assessment:
    """`then`: the rules in force when the term or grace ended, where it is over; None: the same."""
    earned = earned_rank(measures, rules, now)
    after, reason, is_open = _own(measures, rules, _ruling(rules, then, stood, now), stood, now, earned=earned)
    after = _floored(rules, after, now)
    rank, before = _counting(rules, after), rules.rank(stood.tier)
    if reason is None and _is_uncovered(rules, after, stood, rank):
        reason = Why.LAPSED if rank < before or stood.tier not in rules.ranks else Why.EARNED
    if reason is not None:
        after = _decided(after, stood, reason, tier=rules.levels[rank].code, now=now)
    else:
        after = _notified(measures, rules, after, now, is_open=is_open)
    due_at = midnight(business_day(now) + ONE_DAY) if is_open and reason is None else _due(rules, after, now)
    return Assessment(after, reason, earned, due_at, is_open)


def _decided(after: Stood, before: Stood, reason: Why, *, tier: str, now: datetime) -> Stood:
    """Beneath a floor that goes on covering it nothing is seen of the decision; a grace is no new start."""
    is_covered = (after.floor or after.protected) is not None and tier == before.tier and after.own != tier
    is_same_end = tier == before.tier and after.until == before.until  # a floor at the same tier is over, no more
    told = before.told if is_covered or is_same_end or reason is Why.GRACE else None
    return replace(
        after,
        tier=tier,
        since=now if tier != before.tier else before.since,
        reason=before.reason if is_covered else reason,
        told=told,
    )


def earned_rank(measures: Measures, rules: TierRules, now: datetime) -> int:
    """The highest tier whose promotion is met today."""
    view = _promoting(now)
    ranks = range(len(rules.levels) - 1, 0, -1)
    return next((rank for rank in ranks if measures.is_met(rules.levels[rank].promotion, view)), 0)


def reasons_of(
    measures: Measures, rules: TierRules, stood: Stood, now: datetime, then: TierRules | None = None
) -> list[Reached]:
    """Every criterion that was looked at, of every tier, and of the term where it was its turn."""
    ruling = _ruling(rules, then, stood, now)
    level = ruling.level(stood.own)
    views = _views(ruling, stood, now)
    found = [one for view in views for one in measures.all_of(level.retention, level.code, view)]
    today = _promoting(now)
    for higher in rules.levels:
        found += measures.all_of(higher.promotion, higher.code, today)
    return found


def staying(measures: Measures, rules: TierRules, stood: Stood, now: datetime) -> list[Reached]:
    """What it takes to keep the tier that counts, and what is reached of it."""
    condition, view = _to_stay(rules, stood, now)
    return measures.all_of(condition, rules.levels[_counting(rules, stood)].code, view)


def _ruling(rules: TierRules, then: TierRules | None, stood: Stood, now: datetime) -> TierRules:
    """The rules by which one's own term is looked at."""
    is_over = stood.until is not None and stood.until <= now
    return then if then is not None and is_over and stood.own in then.ranks else rules


def _own(
    measures: Measures, rules: TierRules, ruling: TierRules, stood: Stood, now: datetime, *, earned: int
) -> tuple[Stood, Why | None, bool]:
    """The tier of one's own after this step, and whether nobody can tell yet what becomes of it."""
    if earned > rules.rank(stood.own):
        return _on(rules, stood, earned, measures.member, business_day(now), began=now), Why.EARNED, False
    if stood.own not in ruling.ranks:  # the programme's file has that tier no more
        return _on(rules, stood, earned, measures.member, business_day(now), began=now), Why.LAPSED, False
    own = ruling.rank(stood.own)
    if own == 0 or stood.until is None:
        return stood, None, False
    is_over = now >= stood.until
    if not is_over and not stood.in_grace:
        return stood, None, False
    views = _views(ruling, stood, now)
    kept = [measures.is_known_to_be_met(ruling.levels[own].retention, view) for view in views]
    is_earned = stood.own in rules.ranks and earned >= rules.rank(stood.own)
    if is_earned or True in kept:
        return _again(ruling, stood, measures.member, views, now, is_late=kept[-1] is not True), Why.RETAINED, False
    if not is_over:
        return stood, None, False
    if None in kept or _may_be_earned(measures, rules, stood.own, now):
        return stood, None, True
    ends = _grace_end(ruling, stood, now)
    if ends > stood.until:
        return replace(stood, until=ends, in_grace=True, term_until=_term_until(stood)), Why.GRACE, False
    lower = earned
    if ruling.demotion is Demotion.ONE_STEP:
        lower = max(earned, rules.rank(ruling.levels[own - 1].code))
    return _on(rules, stood, lower, measures.member, business_day(stood.until), began=now), Why.LAPSED, False


def _again(
    rules: TierRules, stood: Stood, member: Member, views: Sequence[Viewpoint], now: datetime, *, is_late: bool
) -> Stood:
    """With one's own tier for another term: from the end of the last one, or, where it is reached late, from today."""
    ended, is_fixed = _term_until(stood), rules.level(stood.own).term_end is not TermEnd.ROLLING
    is_new = stood.in_grace and (is_late or ended is None)
    day = views[0].day if is_new and not is_fixed else views[-1].day
    return _on(rules, stood, rules.rank(stood.own), member, day, began=now if is_new or ended is None else ended)


def _term_until(stood: Stood) -> datetime | None:
    """The end of the term itself; of a grace from before it was kept, nobody knows."""
    return stood.term_until if stood.in_grace else stood.until


def _may_be_earned(measures: Measures, rules: TierRules, own: str, now: datetime) -> bool:
    """Whether the promotion of one's own tier, or of a higher one, hangs on a quantile that is not known."""
    view, levels = _promoting(now), rules.levels[rules.rank(own) :]
    return any(measures.is_known_to_be_met(level.promotion, view) is None for level in levels)


def _on(rules: TierRules, stood: Stood, rank: int, member: Member, day: date, *, began: datetime) -> Stood:
    """With a tier of one's own for a term that begins at this moment, and is counted from `day`."""
    level = rules.levels[rank]
    until = term_end(level.term_end, level.term_months, day=day, joined=member.joined) if rank else None
    own = replace(stood, own=level.code, until=until, term_since=began)
    return replace(own, in_grace=False, term_until=None, given_days=0)


def _grace_end(rules: TierRules, stood: Stood, now: datetime) -> datetime:
    """Until when a tier whose term or grace is over lasts: at least until the notice has stood, and the day it told.

    Where a floor holds what would fall nobody has to be told yet; of its own end they are.
    """
    ends, own, (floor, floor_until) = _grace_over(rules, stood), rules.rank(stood.own), _cover(rules, stood)
    is_held = floor > own or (floor == own and floor_until is not None and floor_until > ends)
    if not is_held:
        if stood.told is None:
            return max(ends, _notice_over(rules, business_day(now) + ONE_DAY))
        return max(ends, _notice_over(rules, business_day(stood.told.at)), stood.told.until)
    return ends


def _grace_over(rules: TierRules, stood: Stood) -> datetime:
    assert stood.until is not None, "it is a tier with a term"
    return stood.until if stood.in_grace else stood.until + timedelta(days=rules.tier_grace_days + stood.given_days)


def _notice_over(rules: TierRules, told_on: date) -> datetime:
    return midnight(told_on + timedelta(days=rules.notice_days))


def _floored(rules: TierRules, stood: Stood, now: datetime) -> Stood:
    """Without a floor, or a protection, that is over or of a tier that is no more."""
    if stood.floor_until is not None and (stood.floor_until <= now or stood.floor not in rules.ranks):
        stood = replace(stood, floor=None, floor_until=None)
    if stood.protected_until is not None and (stood.protected_until <= now or stood.protected not in rules.ranks):
        stood = replace(stood, protected=None, protected_until=None)
    return stood


def _is_uncovered(rules: TierRules, after: Stood, before: Stood, rank: int) -> bool:
    """Whether a floor, or a protection, is over on which the tier rested."""
    if (after.floor_until, after.protected_until) == (before.floor_until, before.protected_until):
        return False
    return rank != rules.rank(before.tier) or _cover(rules, after)[0] <= rules.rank(after.own)


def _cover(rules: TierRules, stood: Stood) -> tuple[int, datetime | None]:
    """Of the floor and what is protected the higher, of equal ones the one that ends later; and its end."""
    covers = [(stood.floor, stood.floor_until), (stood.protected, stood.protected_until)]
    return max(((rules.rank(tier), until) for tier, until in covers if until is not None), default=(0, None))


def _counting(rules: TierRules, stood: Stood) -> int:
    return max(rules.rank(stood.own), _cover(rules, stood)[0])


def _notified(measures: Measures, rules: TierRules, stood: Stood, now: datetime, *, is_open: bool) -> Stood:
    """Told, once, from so many days before the end on, and in the grace; the day and what is needed follow.

    Of a term that is over and undecided nothing is told: the rules of then decide about it, and not by those of now.
    """
    ends = ends_at(rules, stood)
    if is_open and _cover(rules, stood)[0] <= rules.rank(stood.own):
        return stood
    is_time = ends is not None and _notice_from(rules, ends) <= now < ends
    if ends is None or not (is_time or (stood.in_grace and ends == stood.until)):
        return stood
    condition, view = _to_stay(rules, stood, now)
    if measures.is_met(condition, view):
        return replace(stood, told=None)
    at = now if stood.told is None else stood.told.at
    until = _lost_at(rules, stood, at)
    if stood.told is not None:
        until = max(until, stood.told.until)  # other rules make it no sooner
    return replace(stood, told=Told(at, until, measures.growth_missing(condition, view) or None))


def _to_stay(rules: TierRules, stood: Stood, now: datetime) -> tuple[Condition | None, Viewpoint]:
    """What it takes to keep the tier that counts, as a notice looks at it: above one's own, to reach it."""
    level = rules.levels[_counting(rules, stood)]
    view = _retaining(rules, stood, now)
    if rules.rank(stood.own) < rules.rank(level.code) or view is None:
        return level.promotion, _promoting(now)
    return level.retention, view


def ends_at(rules: TierRules, stood: Stood) -> datetime | None:
    """When the term, the grace or the floor ends by which the tier counts."""
    own, (floor, floor_until) = rules.rank(stood.own), _cover(rules, stood)
    if floor > own:
        return floor_until
    if floor_until is not None and stood.until is not None and floor == own:
        return max(stood.until, floor_until)
    return stood.until


def _lost_at(rules: TierRules, stood: Stood, told_at: datetime) -> datetime:
    """When the tier that counts is lost by who was told then and reaches no more. A floor has no grace."""
    own, (floor, floor_until) = rules.rank(stood.own), _cover(rules, stood)
    if floor > own and floor_until is not None:
        return floor_until
    ends = max(_grace_over(rules, stood), _notice_over(rules, business_day(told_at)))
    return max(ends, floor_until) if floor_until is not None and floor == own else ends


def _views(rules: TierRules, stood: Stood, now: datetime) -> list[Viewpoint]:
    """From where retention is looked at: in a grace also as of the last day of the term, which comes last."""
    view = _retaining(rules, stood, now)
    if view is None or not stood.in_grace or view.ranked_on is None:
        return [] if view is None else [view]
    return [view, replace(view, day=view.ranked_on)]


def _retaining(rules: TierRules, stood: Stood, now: datetime) -> Viewpoint | None:
    """From where retention is looked at: of an end to come and of one that is over its last day; in a grace today.

    The quantiles are those of the last day of the term, once it is over. Before, a notice goes by the newest.
    """
    if stood.until is None or rules.rank(stood.own) == 0:
        return None
    if not stood.in_grace and now < _notice_from(rules, stood.until):
        return None
    term_until = _term_until(stood)
    ranked_on = last_day_before(term_until) if term_until is not None and term_until <= now else None
    day = business_day(now) if stood.in_grace and now < stood.until else last_day_before(stood.until)
    return Viewpoint(Rule.RETENTION, day, rules.growth_grace_days, ranked_on)


@lru_cache(maxsize=8)
def _promoting(now: datetime) -> Viewpoint:
    return Viewpoint(Rule.PROMOTION, business_day(now))


def _notice_from(rules: TierRules, ends: datetime) -> datetime:
    return ends - timedelta(days=rules.notice_days)


def _due(rules: TierRules, stood: Stood, now: datetime) -> datetime | None:
    """When time alone may change something; now, where it is due already."""
    term = stood.until if rules.rank(stood.own) else None
    ends = [end for end in (term, stood.floor_until, stood.protected_until) if end is not None]
    counts = ends_at(rules, stood)
    if counts is not None and stood.told is None and _notice_from(rules, counts) > now:
        ends.append(_notice_from(rules, counts))
    return max(now, min(ends)) if ends else None
