"""What the rules decide about one member, on paper: up at once, down late and never unannounced."""

import random
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from member_hub.clock import business_day
from member_hub.tiers.rules.assessing import Stood, Told
from member_hub.tiers.rules.model import Criterion
from member_hub.tiers.rules.windows import midnight
from member_hub.tiers.words import Figure, Why, Window
from tests.tiers.desk import rules_of
from tests.tiers.paper import Paper, ladder, spelled, stood_at

LAST = date(2026, 5, 31)
START = date(2026, 1, 10)
GROWN = st.lists(st.tuples(st.dates(date(2025, 1, 1), date(2027, 12, 31)), st.integers(1, 3000)), max_size=12)
RANKS = {"base": 0, "standard": 1, "core": 2, "vip": 3}


@given(grown=GROWN, more=st.integers(1, 5000), on=st.dates(date(2026, 2, 1), date(2027, 2, 1)))
def test_more_growth_never_means_a_lower_tier(grown: list[tuple[date, int]], more: int, on: date) -> None:
    stood = stood_at("core", midnight(date(2026, 8, 1)))
    less, richer = Paper(ladder(), grown=grown, stood=stood), Paper(ladder(), grown=[*grown, (on, more)], stood=stood)

    lower, higher = less.look(on), richer.look(on)

    assert RANKS[higher.tier] >= RANKS[lower.tier]


@given(grown=GROWN, seed=st.integers())
def test_the_order_of_entries_does_not_matter(grown: list[tuple[date, int]], seed: int) -> None:
    shuffled = random.Random(seed).sample(grown, len(grown))
    first, second = Paper(ladder(), grown=grown), Paper(ladder(), grown=shuffled)

    first.run(START, date(2028, 3, 1), step=17)
    second.run(START, date(2028, 3, 1), step=17)

    assert (first.stood, first.decided) == (second.stood, second.decided)


@settings(deadline=None)
@given(grown=GROWN, step=st.integers(1, 200), demotion=st.sampled_from(["one_step", "to_earned"]))
def test_nobody_falls_before_the_end_of_a_term_nor_without_thirty_days_of_notice(
    grown: list[tuple[date, int]], step: int, demotion: str
) -> None:
    paper = Paper(ladder(demotion=demotion, grace=10), grown=grown)
    before: list[Stood] = []

    def check(day: date, stood: Stood) -> None:
        if before and RANKS[stood.tier] < RANKS[before[-1].tier]:
            was = before[-1]
            assert was.until is not None
            assert midnight(day) >= was.until
            assert was.told is not None
            assert midnight(day) - was.told.at >= timedelta(days=30)
            assert midnight(day - timedelta(days=step)) < was.told.until <= midnight(day)
        if before and stood.told is not None and before[-1].told is not None and stood.told.at == before[-1].told.at:
            assert stood.told.until == before[-1].told.until
        before.append(stood)

    paper.run(START, START + timedelta(days=1200), step=step, each=check)


@settings(deadline=None)
@given(grown=GROWN, at=st.integers(0, 900))
def test_a_promotion_is_there_the_moment_it_is_earned(grown: list[tuple[date, int]], at: int) -> None:
    paper = Paper(ladder(), grown=grown)
    day = START + timedelta(days=at)

    stood = paper.look(day)

    year = sum(amount for when, amount in grown if day - timedelta(days=365) < when <= day)
    sure = [tier for tier, least in (("standard", 100), ("core", 1000), ("vip", 5000)) if year >= least]
    assert RANKS[stood.tier] >= len(sure)
    assert stood.since == (midnight(day) if stood.tier != "base" else midnight(paper.joined))


def test_a_term_that_was_not_reached_goes_into_grace_and_then_one_step_down() -> None:
    paper = Paper(ladder(), stood=stood_at("vip", midnight(date(2026, 6, 1))))

    paper.run(date(2026, 4, 25), date(2026, 8, 1))

    assert paper.told == [date(2026, 5, 2)]
    assert paper.decided == [Why.GRACE, Why.LAPSED]
    assert paper.stood is not None
    assert (paper.stood.tier, paper.stood.since) == ("core", midnight(date(2026, 7, 1)))
    assert paper.stood.until == midnight(date(2027, 7, 2))


def test_a_fall_to_what_is_earned_skips_steps_and_one_step_stops_at_what_is_earned() -> None:
    ended = stood_at("vip", midnight(date(2026, 6, 1)), told=Told(midnight(START), midnight(date(2026, 6, 1)), 4000))
    grown = [(date(2026, 3, 1), 120)]
    down, step = Paper(ladder(demotion="to_earned", grace=0), grown=grown), Paper(ladder(grace=0), grown=grown)
    rich = Paper(ladder(demotion="to_earned", grace=0), grown=[(date(2026, 3, 1), 1200)])
    for paper in (down, step, rich):
        paper.stood = ended

    tiers = [paper.look(date(2026, 6, 1)).tier for paper in (down, step, rich)]

    assert tiers == ["standard", "core", "core"]


def test_retention_is_a_rule_of_its_own_and_looks_at_the_last_day_of_the_term() -> None:
    kept = Paper(ladder(), grown=[(date(2025, 6, 1), 4000)], stood=stood_at("vip", midnight(date(2026, 6, 1))))
    late = Paper(ladder(), grown=[(date(2025, 6, 1), 4000)], stood=stood_at("vip", midnight(date(2026, 6, 1))))
    missed = Paper(ladder(), grown=[(date(2025, 5, 31), 4000)], stood=stood_at("vip", midnight(date(2026, 6, 1))))

    ends = [paper.look(day).until for paper, day in ((kept, date(2026, 6, 1)), (late, date(2026, 6, 20)))]

    assert ends == [midnight(date(2027, 6, 1))] * 2
    assert kept.decided == [Why.RETAINED]
    assert missed.look(date(2026, 6, 1)).in_grace is True


def test_a_term_begins_where_the_last_one_ended_however_late_the_clock_comes() -> None:
    kept = Paper(ladder(), grown=[(date(2026, 5, 1), 4000)], stood=stood_at("vip", midnight(date(2026, 6, 1))))

    stood = kept.look(date(2026, 6, 20))

    assert kept.decided == [Why.RETAINED]
    assert (stood.since, stood.term_since) == (midnight(date(2025, 6, 1)), midnight(date(2026, 6, 1)))


def test_growth_grace_looks_further_back_for_retention_and_not_for_promotion() -> None:
    grown = [(date(2025, 5, 2), 5000)]
    paper = Paper(ladder(growth_grace=30), grown=grown, stood=stood_at("vip", midnight(date(2026, 6, 1))))
    fresh = Paper(ladder(growth_grace=30), grown=grown)

    assert paper.look(date(2026, 6, 1)).tier == "vip"
    assert paper.decided == [Why.RETAINED]
    assert fresh.look(date(2026, 6, 1)).tier == "base"


def test_enough_in_the_grace_keeps_the_tier_from_that_day() -> None:
    paper = Paper(ladder(), stood=stood_at("core", midnight(date(2026, 6, 1))))
    paper.run(date(2026, 5, 1), date(2026, 6, 10), step=3)
    assert paper.stood is not None
    assert paper.stood.in_grace is True

    paper.grown.append((date(2026, 6, 12), 800))
    stood = paper.look(date(2026, 6, 12), hour=15)

    assert (stood.tier, stood.in_grace, stood.until) == ("core", False, midnight(date(2027, 6, 13)))
    assert paper.decided[-1] is Why.RETAINED


@pytest.mark.parametrize("end", ["end_of_year", "anniversary"])
def test_with_a_fixed_end_keeping_the_tier_in_the_grace_earns_no_longer_term(end: str) -> None:
    rules = rules_of(spelled().replace('term_end = "rolling"', f'term_end = "{end}"'))
    first = date(2027, 1, 1) if end == "end_of_year" else date(2027, 5, 20)
    found = []
    for enough in (first - timedelta(days=3), first + timedelta(days=10)):
        grown = [(first - timedelta(days=200), 700), (enough, 200)]
        paper = Paper(rules, grown=grown[:1], stood=stood_at("core", midnight(first)))
        paper.run(first - timedelta(days=40), enough - timedelta(days=1))
        paper.grown = grown
        paper.run(enough, first + timedelta(days=20))
        assert paper.decided[-1] is Why.RETAINED
        found.append(paper.stood and paper.stood.until)

    assert found == [midnight(first.replace(year=2028))] * 2


@pytest.mark.parametrize("joined", [date(2024, 2, 28), date(2024, 2, 29), date(2024, 3, 1)])
def test_a_term_that_ends_with_the_anniversary_is_a_year_however_often_it_is_kept(joined: date) -> None:
    rules = rules_of(spelled().replace('term_end = "rolling"', 'term_end = "anniversary"'))
    grown = [(date(2024, 6, 1), 200), *((date(year, month, 10), 200) for year in range(2025, 2036) for month in (1, 7))]
    paper = Paper(rules, joined=joined, grown=grown)
    ends: list[date] = []

    def note(_: date, stood: Stood) -> None:
        if stood.until is not None and business_day(stood.until) not in ends[-1:]:
            ends.append(business_day(stood.until))

    paper.run(date(2024, 6, 1), date(2034, 12, 31), each=note)

    leaps = {2028, 2032}
    days = {28: "02-28", 29: "02-28"} if joined.month == 2 else {1: "03-01"}
    assert [str(day) for day in ends] == [
        f"{year}-{'02-29' if joined.day == 29 and year in leaps else days[joined.day]}"
        for year in range(ends[0].year, 2036)
    ]
    assert ends[0].year == 2026


def test_what_is_told_late_of_a_day_within_the_term_keeps_the_tier_as_if_it_had_been_told_in_time() -> None:
    """In the grace; where the tier is lost already, promotion alone brings it back."""
    ends = midnight(date(2026, 6, 1))
    papers = [Paper(ladder(grace=7), grown=[(date(2026, 2, 1), 700)], stood=stood_at("core", ends)) for _ in range(3)]
    for paper in papers:
        paper.run(date(2026, 5, 2), date(2026, 6, 1))
        assert paper.stood is not None
        assert (paper.stood.in_grace, paper.stood.term_until) == (True, ends)
    rescued, missed, lost = papers
    lost.look(date(2026, 6, 8))
    for paper, day in ((rescued, date(2026, 5, 31)), (missed, date(2025, 5, 31)), (lost, date(2026, 5, 31))):
        paper.grown.append((day, 100))

    kept = rescued.look(date(2026, 6, 7), hour=20)

    assert (kept.until, kept.term_since, kept.term_until) == (midnight(date(2027, 6, 1)), ends, None)
    assert missed.look(date(2026, 6, 7), hour=20).in_grace is True
    assert lost.look(date(2026, 6, 8), hour=20).tier == "standard"
    lost.grown.append((date(2026, 6, 8), 200))
    assert lost.look(date(2026, 6, 8), hour=21).tier == "core"


def test_a_clock_that_stood_still_takes_nobodys_time_away() -> None:
    paper = Paper(ladder(grace=0), stood=stood_at("core", midnight(date(2026, 6, 1))))

    stood = paper.look(date(2026, 9, 15))

    assert (stood.tier, stood.in_grace, stood.until) == ("core", True, midnight(date(2026, 10, 16)))
    assert stood.told == Told(midnight(date(2026, 9, 15)), midnight(date(2026, 10, 16)), 800)
    assert paper.look(date(2026, 10, 16)).tier == "standard"


def test_a_fall_that_is_seen_late_brings_no_longer_term_than_one_in_time() -> None:
    """The clock stood still over New Year, and the term of the lower tier ends with a year."""
    rules = rules_of(spelled().replace('term_end = "rolling"', 'term_end = "end_of_year"'))
    found = []
    for day in (date(2026, 12, 31), date(2027, 1, 20)):
        paper = Paper(rules, stood=stood_at("core", midnight(date(2026, 12, 1))), grown=[(date(2026, 10, 1), 500)])
        paper.run(date(2026, 11, 1), date(2026, 12, 2))
        found.append((paper.look(day).tier, paper.look(day).until))

    assert found == [("standard", midnight(date(2028, 1, 1)))] * 2


def test_the_notice_is_given_once_and_follows_what_grows() -> None:
    paper = Paper(ladder(), grown=[(date(2026, 2, 1), 300)], stood=stood_at("core", midnight(date(2026, 6, 1))))
    paper.run(date(2026, 4, 20), date(2026, 5, 20))
    assert paper.stood is not None
    assert paper.stood.told == Told(midnight(date(2026, 5, 2)), midnight(date(2026, 7, 1)), 500)

    paper.grown.append((date(2026, 5, 21), 499))
    assert paper.look(date(2026, 5, 21)).told == Told(midnight(date(2026, 5, 2)), midnight(date(2026, 7, 1)), 1)
    paper.grown.append((date(2026, 5, 22), 1))
    paper.run(date(2026, 5, 22), date(2026, 6, 1))

    assert paper.told == [date(2026, 5, 2)]
    assert paper.decided == [Why.RETAINED]
    assert paper.stood.told is None


def test_the_day_told_is_the_one_on_which_the_tier_is_lost_before_the_grace_and_in_it() -> None:
    """And in a grace that is longer than the notice what is needed is kept up to date from its first day on."""
    for grace, lost in ((0, date(2026, 6, 1)), (30, date(2026, 7, 1)), (60, date(2026, 7, 31))):
        paper = Paper(ladder(grace=grace), grown=[(date(2025, 6, 2), 300)])
        paper.stood = stood_at("core", midnight(date(2026, 6, 1)))
        told: list[Told | None] = []

        paper.run(date(2026, 5, 2), lost - timedelta(days=1), each=lambda _, stood, to=told: to.append(stood.told))

        assert {one and (one.at, one.until) for one in told} == {(midnight(date(2026, 5, 2)), midnight(lost))}
        assert [one.needed for one in (told[0], told[-1]) if one] == [500, 800 if grace else 500]
        assert paper.stood.tier == "core"
        assert paper.look(lost).tier == "standard"
        if grace == 60:
            assert told[35] == Told(midnight(date(2026, 5, 2)), midnight(lost), 800)


def test_a_floor_at_ones_own_tier_is_lost_with_the_later_of_both() -> None:
    ends = {"floor": "core", "floor_until": midnight(date(2026, 6, 20))}
    paper = Paper(ladder(), stood=stood_at("core", midnight(date(2026, 6, 1)), **ends))

    paper.run(date(2026, 5, 1), date(2026, 6, 30))

    assert paper.stood is not None
    assert paper.stood.told == Told(midnight(date(2026, 5, 21)), midnight(date(2026, 7, 1)), 800)
    assert (paper.stood.tier, paper.look(date(2026, 7, 1)).tier) == ("core", "standard")


def test_who_has_enough_falls_no_more_and_is_told_anew_where_a_refund_takes_it_back() -> None:
    paper = Paper(ladder(grace=0), grown=[(date(2026, 2, 1), 300)], stood=stood_at("core", midnight(date(2026, 6, 1))))
    assert paper.look(date(2026, 5, 2)).told == Told(midnight(date(2026, 5, 2)), midnight(date(2026, 6, 1)), 500)

    paper.grown.append((date(2026, 5, 10), 500))
    assert paper.look(date(2026, 5, 10)).told is None
    paper.grown.append((date(2026, 5, 10), -40))
    stood = paper.look(date(2026, 5, 20))

    assert stood.told == Told(midnight(date(2026, 5, 20)), midnight(date(2026, 6, 19)), 40)
    stood = paper.look(date(2026, 6, 1))  # told for twelve days: the rest of the notice is given, as was told
    assert (stood.in_grace, stood.until) == (True, midnight(date(2026, 6, 19)))
    assert stood.told == Told(midnight(date(2026, 5, 20)), midnight(date(2026, 6, 19)), 40)
    assert paper.look(date(2026, 6, 18)).tier == "core"
    assert paper.look(date(2026, 6, 19)).tier == "standard"
    assert paper.decided == [Why.GRACE, Why.LAPSED]


def test_what_is_missing_and_is_no_growth_is_not_said_in_growth() -> None:
    rules = ladder(grace=0)
    level = rules.level("core")
    asked = replace(level, retention=Criterion(Figure.ORDERS, Window.ROLLING, 12, 3, None))
    rules = replace(rules, levels=[asked if one is level else one for one in rules.levels])
    paper = Paper(rules, figures={Figure.ORDERS: 2}, stood=stood_at("core", midnight(date(2026, 6, 1))))

    stood = paper.look(date(2026, 5, 2))

    assert stood.told == Told(midnight(date(2026, 5, 2)), midnight(date(2026, 6, 1)), None)
    paper.figures[Figure.ORDERS] = 3
    assert paper.look(date(2026, 5, 3)).told is None


def test_who_stood_at_a_tier_that_is_no_more_stands_where_they_earned() -> None:
    ends = midnight(date(2027, 6, 1))
    for floor in (None, "ruby"):
        floor_until = ends if floor else None
        stood = stood_at("gold", ends, floor=floor, floor_until=floor_until)
        paper = Paper(ladder(), stood=stood)

        after = paper.look(date(2026, 3, 1))

        assert (after.tier, after.own, after.floor, after.until) == ("base", "base", None, None)
        assert paper.decided == [Why.LAPSED]


def test_a_floor_holds_what_falls_beneath_it_until_its_last_day() -> None:
    floored = stood_at("core", midnight(date(2026, 6, 1)), floor="vip", floor_until=midnight(date(2026, 12, 1)))
    paper = Paper(
        ladder(demotion="to_earned"), stood=Stood(**{**_fields(floored), "tier": "vip", "reason": Why.MANUAL})
    )

    paper.run(date(2026, 4, 1), date(2026, 11, 30))
    assert paper.stood is not None
    assert (paper.stood.tier, paper.stood.own, paper.stood.reason) == ("vip", "base", Why.MANUAL)
    assert paper.told == [date(2026, 11, 1)]
    assert paper.stood.told == Told(midnight(date(2026, 11, 1)), midnight(date(2026, 12, 1)), 5000)

    stood = paper.look(date(2026, 12, 1))
    assert (stood.tier, stood.floor, stood.reason) == ("base", None, Why.LAPSED)


def test_what_is_earned_above_a_floor_is_there_at_once() -> None:
    floored = stood_at(
        "standard", midnight(date(2026, 6, 1)), floor="standard", floor_until=midnight(date(2026, 12, 1))
    )
    paper = Paper(ladder(), grown=[(date(2026, 3, 1), 1000)], stood=floored)

    stood = paper.look(date(2026, 3, 1), hour=12)

    assert (stood.tier, stood.reason, stood.floor) == ("core", Why.EARNED, "standard")


def test_a_tier_that_the_rules_no_longer_have_counts_as_the_lowest() -> None:
    paper = Paper(ladder(), grown=[(date(2026, 3, 1), 100)], stood=stood_at("platinum", midnight(date(2027, 1, 1))))

    assert paper.look(date(2026, 3, 2)).tier == "standard"


def _fields(stood: Stood) -> dict[str, object]:
    return {name: getattr(stood, name) for name in Stood.__slots__}


def test_the_days_are_those_of_shanghai() -> None:
    before_midnight = datetime.fromisoformat("2026-03-01T15:59:59+00:00")

    assert business_day(before_midnight) == date(2026, 3, 1)
    assert business_day(before_midnight + timedelta(seconds=1)) == date(2026, 3, 2)
