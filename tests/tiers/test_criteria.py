"""What decides besides plain growth: several criteria, activity, quantiles."""

from datetime import date

import pytest

from member_hub.tiers.rules.windows import midnight
from member_hub.tiers.words import Figure, Why
from tests.tiers.desk import rules_of
from tests.tiers.paper import Paper, spelled, stood_at

LAST = date(2026, 5, 31)
ACTIVE = """
{ all = [
  { figure = "growth", window = "rolling", months = 12, at_least = 100 },
  { any = [
    { figure = "review", window = "rolling", months = 6, at_least = 2 },
    { figure = "streak", window = "calendar_year", at_least = 7 },
  ] },
] }"""
WHOLE = '{ figure = "growth", window = "rolling", months = 12, at_least = 100 }'
KEPT = '{ figure = "growth", window = "rolling", months = 12, at_least = 80 }'


@pytest.mark.parametrize(
    ("figures", "tier"),
    [({}, "base"), ({Figure.REVIEW: 1}, "base"), ({Figure.REVIEW: 2}, "standard"), ({Figure.STREAK: 7}, "standard")],
)
def test_all_and_any_of_criteria(figures: dict[Figure, int], tier: str) -> None:
    rules = rules_of(spelled().replace(WHOLE, ACTIVE.strip()))
    paper = Paper(rules, grown=[(date(2026, 3, 1), 100)], figures=figures)

    assert paper.look(date(2026, 3, 2)).tier == tier


def test_who_objected_to_the_evaluation_of_activity_keeps_what_was_earned_and_gets_nothing_by_it() -> None:
    rules = rules_of(spelled().replace(WHOLE, ACTIVE.strip()).replace(KEPT, ACTIVE.strip()))
    grown = [(date(2026, 3, 1), 100)]
    ends = midnight(date(2026, 6, 1))
    fresh = Paper(rules, grown=grown, figures={Figure.REVIEW: 9}, evaluates_activity=False)
    keeping = Paper(rules, grown=grown, evaluates_activity=False, stood=stood_at("standard", ends))
    falling = Paper(rules, grown=grown, stood=stood_at("standard", ends))

    assert fresh.look(date(2026, 3, 2)).tier == "base"
    assert (keeping.look(date(2026, 6, 1)).tier, keeping.decided) == ("standard", [Why.RETAINED])
    assert (falling.look(date(2026, 6, 1)).in_grace, falling.decided) == (True, [Why.GRACE])


def test_a_quantile_that_nobody_knows_yet_raises_and_drops_nobody() -> None:
    by_rank = '{ figure = "growth", window = "rolling", months = 12, at_quantile = 50 }'
    rules = rules_of(spelled().replace(WHOLE, by_rank).replace(KEPT, by_rank))
    name = "growth_rolling_12m_p50"
    ends = midnight(date(2026, 6, 1))
    grown = [(date(2026, 3, 1), 70)]

    assert Paper(rules, grown=grown).look(date(2026, 3, 1)).tier == "base"
    assert Paper(rules, grown=grown, thresholds={(name, None): 70}).look(date(2026, 3, 1)).tier == "standard"
    assert Paper(rules, grown=grown, thresholds={(name, None): 71}).look(date(2026, 3, 1)).tier == "base"
    assert Paper(rules, thresholds={(name, None): 0}).look(date(2026, 3, 1)).tier == "base"
    assert Paper(rules, thresholds={(name, None): None}).look(date(2026, 3, 1)).tier == "base"

    waiting = Paper(rules, stood=stood_at("standard", ends), thresholds={(name, None): 70, (name, LAST): None})
    stood = waiting.look(date(2026, 6, 1), hour=9)
    assert (stood.tier, stood.until, waiting.decided) == ("standard", ends, [])
    assert waiting.last is not None
    assert (waiting.last.is_open, waiting.last.due_at) == (True, midnight(date(2026, 6, 2)))


def test_promotion_by_a_quantile_of_too_few_holds_up_no_fall_and_one_that_is_not_computed_does() -> None:
    by_rank = '{ figure = "growth", window = "rolling", months = 12, at_quantile = 50 }'
    rules = rules_of(spelled().replace(WHOLE, by_rank))
    name, ends = "growth_rolling_12m_p50", midnight(date(2026, 6, 1))
    few = Paper(rules, stood=stood_at("standard", ends), thresholds={(name, None): None})
    unknown = Paper(rules, stood=stood_at("standard", ends))

    assert (few.look(date(2026, 6, 1)).in_grace, few.decided) == (True, [Why.GRACE])
    assert (unknown.look(date(2026, 6, 1)).in_grace, unknown.decided) == (False, [])


def test_the_end_of_a_term_goes_by_the_quantile_of_its_last_day_in_the_grace_too() -> None:
    """And not by that of the day on which it is looked at, which in a new calendar year is next to nothing."""
    by_rank = '{ figure = "growth", window = "calendar_year", at_quantile = 50 }'
    rules = rules_of(spelled().replace(KEPT, by_rank))
    name = "growth_calendar_year_p50"
    thresholds = {(name, None): 1, (name, date(2026, 12, 31)): 70}
    ends = midnight(date(2027, 1, 1))
    kept, falling = (
        Paper(rules, grown=[(date(2026, 3, 1), growth)], stood=stood_at("standard", ends), thresholds=thresholds)
        for growth in (70, 69)
    )

    assert (kept.look(date(2027, 1, 1)).until, kept.decided) == (midnight(date(2028, 1, 1)), [Why.RETAINED])
    assert (falling.look(date(2027, 1, 1)).in_grace, falling.decided) == (True, [Why.GRACE])
    falling.grown.append((date(2027, 1, 10), 30))
    assert falling.look(date(2027, 1, 10)).in_grace is True
