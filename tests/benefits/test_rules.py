"""Periods, months and the programme's table, without a database."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from member_hub import benefits, programme, tiers
from member_hub.benefits.rules import (
    Benefit,
    Held,
    good_until,
    has_anniversary,
    has_birthday,
    month_of,
    state_of,
    window_of,
)
from member_hub.benefits.words import EntitlementState, Period, Source
from member_hub.organisation import PolicyError
from tests.benefits.desk import LEVELS, SHIPPED

LAST_MINUTE = datetime(2026, 12, 31, 15, 59, tzinfo=UTC)  # 23:59 in Shanghai
NEW_YEAR = datetime(2026, 12, 31, 16, 0, tzinfo=UTC)
SINCE = datetime(2026, 5, 3, 20, tzinfo=UTC)  # 4 May in Shanghai
HELD = Held("core", SINCE, datetime(2027, 5, 4, 16, tzinfo=UTC))
SHIPPED_FILE = Path(__file__).parent.parent.parent / "policies" / "programme.toml"


def benefit(period: Period, *, days: int = 0, first: date | None = None, last: date | None = None) -> Benefit:
    return Benefit("b", "权益", "b", Source.TIER, period, {"core": 1}, days=days, first=first, last=last)


def moment(text: str) -> datetime:
    """As it is written in Shanghai."""
    return datetime.fromisoformat(f"{text}T00:00:00+08:00")


@pytest.mark.parametrize(
    ("period", "now", "key", "starts", "until"),
    [
        (Period.MONTH, LAST_MINUTE, "2026-12-01", "2026-12-01", "2027-01-01"),
        (Period.MONTH, NEW_YEAR, "2027-01-01", "2027-01-01", "2027-02-01"),
        (Period.QUARTER, LAST_MINUTE, "2026-10-01", "2026-10-01", "2027-01-01"),
        (Period.QUARTER, NEW_YEAR, "2027-01-01", "2027-01-01", "2027-04-01"),
        (Period.YEAR, LAST_MINUTE, "2026-01-01", "2026-01-01", "2027-01-01"),
        (Period.YEAR, NEW_YEAR, "2027-01-01", "2027-01-01", "2028-01-01"),
    ],
)
def test_a_period_of_the_calendar_turns_at_midnight_in_shanghai(
    period: Period, now: datetime, key: str, starts: str, until: str
) -> None:
    window = window_of(benefit(period), HELD, now)

    assert (window.key, window.starts_at, window.until) == (date.fromisoformat(key), moment(starts), moment(until))


def test_a_term_of_the_tier_is_that_of_the_standing_and_once_has_no_end() -> None:
    term, once = (window_of(benefit(period), HELD, NEW_YEAR) for period in (Period.TIER_TERM, Period.ONCE))

    assert (term.key, term.starts_at, term.until) == (date(2026, 5, 4), SINCE, HELD.until)
    assert (once.key, once.until) == (date(1970, 1, 1), None)


def test_a_campaign_ends_a_period_and_has_one_of_its_own() -> None:
    spring = {"first": date(2026, 11, 1), "last": date(2026, 12, 15)}
    month = benefit(Period.MONTH, **spring)
    once = window_of(benefit(Period.ONCE, **spring), HELD, moment("2026-12-10"))

    assert window_of(month, HELD, moment("2026-12-10")).until == moment("2026-12-16")
    assert (once.key, once.until) == (date(2026, 11, 1), moment("2026-12-16"))
    open_ = [month.is_open(moment(day)) for day in ("2026-10-31", "2026-11-01", "2026-12-15", "2026-12-16")]
    assert open_ == [False, True, True, False]


def test_what_is_issued_is_good_for_whole_days_and_never_beyond_its_campaign() -> None:
    assert good_until(benefit(Period.YEAR, days=30), LAST_MINUTE) == moment("2027-01-31")
    assert good_until(benefit(Period.YEAR, days=30), NEW_YEAR) == moment("2027-02-01")
    ending = benefit(Period.YEAR, days=30, first=date(2026, 12, 1), last=date(2027, 1, 5))
    assert good_until(ending, NEW_YEAR) == moment("2027-01-06")


@pytest.mark.parametrize(("year", "month", "fits"), [(2026, 2, True), (2028, 2, True), (2026, 3, False)])
def test_of_29_february_the_birthday_is_in_february(year: int, month: int, fits: bool) -> None:
    assert has_birthday(date(2000, 2, 29), date(year, month, 1)) is fits


def test_an_anniversary_is_of_the_month_in_shanghai_and_not_of_joining_itself() -> None:
    joined = datetime(2025, 10, 31, 17, tzinfo=UTC)  # 1 November in Shanghai

    assert [has_anniversary(joined, date(year, 11, 1)) for year in (2025, 2026)] == [False, True]
    assert not has_anniversary(joined, date(2026, 10, 1))


def test_the_month_that_runs_is_that_of_shanghai() -> None:
    assert [month_of(at).key for at in (LAST_MINUTE, NEW_YEAR)] == [date(2026, 12, 1), date(2027, 1, 1)]


@pytest.mark.parametrize(
    ("quantity", "used", "starts", "frozen", "state"),
    [
        (2, 1, 0, False, EntitlementState.USABLE),
        (2, 2, 0, False, EntitlementState.USED_UP),
        (1, 3, 0, True, EntitlementState.FROZEN),
        (2, 1, 0, True, EntitlementState.FROZEN),
        (2, 1, 1, False, EntitlementState.NOT_YET),
    ],
)
def test_what_state_it_is_in(quantity: int, used: int, starts: int, frozen: bool, state: EntitlementState) -> None:
    begins = NEW_YEAR if starts else LAST_MINUTE
    found = state_of(quantity=quantity, used=used, starts_at=begins, is_frozen=frozen, now=LAST_MINUTE)

    assert found is state


def test_the_shipped_programme_says_what_the_four_tiers_have() -> None:
    assert {code: dict(one.quantity) for code, one in SHIPPED.definitions.items()} == {
        "free_shipping": {"standard": 1, "core": 2, "vip": 4},
        "gift_wrapping": {"base": 1, "standard": 2, "core": 4, "vip": 8},
        "priority_fitting": {"core": 2, "vip": 6},
        "birthday_gift": {"base": 1, "standard": 1, "core": 1, "vip": 2},
        "anniversary_gift": {"standard": 1, "core": 1, "vip": 1},
        "promotion_gift": {"core": 1, "vip": 2},
        "goodwill_coupon": {"base": 1, "standard": 1, "core": 1, "vip": 1},
    }
    assert {level.code: level.gift for level in LEVELS.levels if level.gift} == {
        "core": "promotion_gift",
        "vip": "promotion_gift",
    }


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("void_minutes = 1440", "void_minutes = 0", "a whole number from 1 to 43200"),
        ("staff_day_max = 50", "staff_day_max = 50\nmore = 1", "unknown key 'more'"),
        ("{ standard = 1, core = 2, vip = 4 }", "{ gold = 1 }", "'gold' is no tier of the programme"),
        ("{ standard = 1, core = 2, vip = 4 }", "{ standard = 0 }", "a whole number from 1 to 1000"),
        ("{ standard = 1, core = 2, vip = 4 }", "{}", "'quantity' has to say how often"),
        ('source = "tier"\nperiod = "month"', 'source = "tier"\nperiod = "birthday_month"', "is not registered"),
        ('source = "tier"\nperiod = "month"', 'source = "tier"\nperiod = "month"\ndays = 3', "unknown key 'days'"),
        (
            'source = "tier"\nperiod = "month"',
            'source = "tier"\nperiod = "month"\nfrom = "2026-11-01"',
            "the key 'to' is missing",
        ),
        (
            'source = "tier"\nperiod = "month"',
            'source = "tier"\nperiod = "month"\nfrom = "2026-11-02"\nto = "2026-11-01"',
            "'to' is before 'from'",
        ),
        ('source = "promotion"', 'source = "nothing"', "is not registered"),
        ("[benefits.definitions.promotion_gift]", "[benefits.definitions.other_gift]", "names the gift"),
        ("{ core = 1, vip = 2 }", "{ vip = 2 }", "the tier 'core' names the gift"),
        ("issue_max = 3\n", "", "the key 'issue_max' is missing"),
    ],
)
def test_a_slip_in_the_programme_stops_it(tmp_path: Path, old: str, new: str, reason: str) -> None:
    text = SHIPPED_FILE.read_text("utf-8")
    assert old in text
    file = tmp_path / "programme.toml"
    file.write_text(text.replace(old, new, 1), "utf-8")

    with pytest.raises(PolicyError, match=reason):
        _read(file)


def test_a_campaign_is_read(tmp_path: Path) -> None:
    dates = 'source = "tier"\nperiod = "once"\nfrom = "2026-11-01"\nto = "2026-11-11"'
    file = tmp_path / "programme.toml"
    text = SHIPPED_FILE.read_text("utf-8").replace('source = "tier"\nperiod = "month"', dates, 1)
    file.write_text(text, "utf-8")

    found = _read(file).definitions["free_shipping"]

    assert (found.period, found.first, found.last) == (Period.ONCE, date(2026, 11, 1), date(2026, 11, 11))


def _read(file: Path) -> benefits.BenefitRules:
    parts = programme.read(file)
    levels = tiers.rules_of(parts["tiers"])
    return benefits.rules_of(parts["benefits"], levels)
