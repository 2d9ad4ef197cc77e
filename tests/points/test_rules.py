"""The pure rules: calendar, rounding, caps, order of spending; and the programme's file."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from member_hub import points, programme, resources
from member_hub.clock import SHANGHAI
from member_hub.organisation import PolicyError
from member_hub.points.calendar import after_days, after_months
from member_hub.points.lots import Lot
from member_hub.points.rules import FULL_BP, Campaign, allot, capped, expired_since, in_order, points_for, taken_back
from member_hub.points.words import Act, ExpiryUnit, LotKind, LotState
from tests.points.desk import NOW, SHIPPED

SHIPPED_FILE = resources.folder("policies") / "programme.toml"


def shanghai(year: int, month: int, day: int, hour: int = 12) -> datetime:
    return datetime(year, month, day, hour, tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("at", "months", "unit", "last"),
    [
        (shanghai(2026, 1, 31), 1, ExpiryUnit.ROLLING, date(2026, 2, 28)),  # a month without that day: its last
        (shanghai(2028, 1, 31), 1, ExpiryUnit.ROLLING, date(2028, 2, 29)),
        (shanghai(2026, 1, 30), 13, ExpiryUnit.ROLLING, date(2027, 2, 28)),
        (shanghai(2024, 2, 29), 12, ExpiryUnit.ROLLING, date(2025, 2, 28)),
        (shanghai(2026, 3, 15), 12, ExpiryUnit.ROLLING, date(2027, 3, 15)),
        (shanghai(2026, 12, 31), 2, ExpiryUnit.ROLLING, date(2027, 2, 28)),
        (shanghai(2026, 3, 31, 0), 1, ExpiryUnit.END_OF_MONTH, date(2026, 4, 30)),
        (shanghai(2026, 3, 31, 23), 1, ExpiryUnit.END_OF_QUARTER, date(2026, 6, 30)),
        (shanghai(2026, 11, 5), 3, ExpiryUnit.END_OF_QUARTER, date(2027, 3, 31)),
        (shanghai(2026, 1, 1), 12, ExpiryUnit.END_OF_YEAR, date(2027, 12, 31)),
        (datetime(2026, 1, 31, 15, 59, tzinfo=UTC), 1, ExpiryUnit.ROLLING, date(2026, 2, 28)),
        (datetime(2026, 1, 31, 16, 0, tzinfo=UTC), 1, ExpiryUnit.ROLLING, date(2026, 3, 1)),  # 1 February in Shanghai
    ],
)
def test_points_expire_with_the_end_of_the_last_day(at: datetime, months: int, unit: ExpiryUnit, last: date) -> None:
    until = after_months(at, months, unit)

    assert until == datetime(last.year, last.month, last.day, tzinfo=SHANGHAI).replace(hour=0) + DAY


DAY = shanghai(2026, 1, 2) - shanghai(2026, 1, 1)


def test_the_return_window_is_whole_days_after_that_of_the_purchase() -> None:
    assert after_days(shanghai(2026, 3, 2, 0), 7) == after_days(shanghai(2026, 3, 2, 23), 7) == shanghai(2026, 3, 10, 0)
    assert after_days(shanghai(2026, 3, 2), 0) == shanghai(2026, 3, 2)


@given(st.integers(1, 10**9), st.integers(1, 30_000), st.integers(1, 30_000))
def test_points_are_rounded_down_once(fen: int, tier_bp: int, campaign_bp: int) -> None:
    at, day = shanghai(2026, 3, 2), date(2026, 3, 2)
    purchase = replace(SHIPPED.earn[LotKind.PURCHASE], single_max=10**12)
    rules = replace(
        SHIPPED, earn={LotKind.PURCHASE: purchase}, campaigns=[Campaign("c", LotKind.PURCHASE, campaign_bp, day, day)]
    )

    n = points_for(rules, LotKind.PURCHASE, amount=fen, tier_bp=tier_bp, at=at)

    exact = fen * tier_bp * max(campaign_bp, 0)  # of a ten thousand millionth: 100 fen, twice 10000
    assert n * 100 * FULL_BP**2 <= exact < (n + 1) * 100 * FULL_BP**2


@given(st.integers(0, 10**6), st.lists(st.integers(1, 1000), min_size=1, max_size=8))
def test_refunds_in_any_parts_take_everything_in_the_end_and_never_more(earned: int, parts: list[int]) -> None:
    amount, refunded, taken = sum(parts), 0, 0

    for part in parts:
        taken += taken_back(points=earned, amount_fen=amount, refunded_fen=refunded, refund_fen=part)
        refunded += part
        assert taken == earned - earned * (amount - refunded) // amount

    assert taken == earned


def test_caps_leave_what_is_left_and_never_less_than_nothing() -> None:
    assert capped(100) == 100
    assert capped(100, (0, 5000)) == 100  # 0: none
    assert capped(100, (150, 100), (1000, 0)) == 50
    assert capped(100, (150, 200)) == 0


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 50)), max_size=12), st.integers(1, 500))
def test_spending_takes_the_earliest_expiry_first_and_no_more_than_asked(
    lots: list[tuple[int, int]], amount: int
) -> None:
    known = [
        Lot(UUID(int=number), LotKind.TASK, None, n, n, LotState.ACTIVE, *[shanghai(2026, 1, 1 + day)] * 3)
        for number, (day, n) in enumerate(lots)
    ]
    Random(1).shuffle(known)

    parts = allot([(lot, lot.available) for lot in in_order(known)], amount)

    assert sum(n for _, n in parts) == min(amount, sum(n for _, n in lots))
    keys = [(lot.expires_at, lot.lot_id) for lot, _ in parts]
    assert keys == sorted(keys)
    assert all(n == lot.available for lot, n in parts[:-1])
    untouched = {lot.lot_id for lot in known if lot.available} - {lot.lot_id for lot, _ in parts}
    assert all((lot.expires_at, lot.lot_id) > keys[-1] for lot in known if keys and lot.lot_id in untouched)


def rules_from(folder: Path, old: str, new: str) -> points.Rules:
    text = SHIPPED_FILE.read_text("utf-8")
    assert old in text
    file = folder / "programme.toml"
    file.write_text(text.replace(old, new, 1), "utf-8")
    return points.rules_of(programme.read(file)["points"])


def test_the_programme_is_read_with_its_campaigns(tmp_path: Path) -> None:
    campaign = '[[points.campaigns]]\nname = "eleven"\nkind = "purchase"\nmultiplier_bp = 20000\n'
    rules = rules_from(tmp_path, "campaigns = []\n", f'{campaign}from = "2026-11-01"\nto = "2026-11-11"\n')

    (found,) = rules.campaigns
    assert found == Campaign("eleven", LotKind.PURCHASE, 20_000, date(2026, 11, 1), date(2026, 11, 11))


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("hold_minutes = 30", "hold_minuets = 30", "unknown key 'hold_minuets'"),
        ("hold_minutes = 30 ", "hold_minutes = 20000 ", "whole number from 1 to 10080"),
        ("rate_bp = 10000", "rate_bp = 1.5", "whole number"),
        ("day_max = 200", "day_max = -1", "whole number"),
        ('expiry = "rolling"', 'expiry = "never"', "'never' is not registered"),
        ('"within_balance"', '"sometimes"', "'sometimes' is not registered"),
        ("[points.earn.task]", "[points.earn.tasks]", "'tasks' is not registered"),
        ("[points.lasting]", "[points.lasting.x]", "unknown key 'x'"),
        ("[points]", "[scores]", "'scores' is not one of the tables"),
        ("campaigns = []", "campaigns = [{}]", "the key 'name' is missing"),
        (
            "campaigns = []",
            'campaigns = [{name="a",kind="opening",multiplier_bp=10000,from="x",to="y"}]',
            "not registered",
        ),
        ("campaigns = []", 'campaigns = [{name="a",kind="task",multiplier_bp=10000,from="x",to="y"}]', "not a date"),
        (
            "campaigns = []",
            'campaigns = [{name="a",kind="task",multiplier_bp=10000,from="2026-01-02",to="2026-01-01"}]',
            "before 'from'",
        ),
    ],
)
def test_a_programme_that_is_not_exactly_right_is_refused(tmp_path: Path, old: str, new: str, why: str) -> None:
    with pytest.raises(PolicyError, match=why):
        rules_from(tmp_path, old, new)


def test_what_was_reinstated_had_expired_last() -> None:
    days = [NOW + timedelta(days=n) for n in range(5)]
    written = [(Act.EXPIRE, days[0], 60), (Act.EXPIRE, days[1], 40), (Act.REINSTATE, days[2], 50)]

    assert expired_since(written, 50, days[4], days[1]) == 0
    assert expired_since(written, 50, days[4], days[0]) == 50
    assert expired_since([*written, (Act.EXPIRE, days[3], 50)], 100, days[4], days[1]) == 50
    assert expired_since([], 70, days[4], days[1]) == 70  # written elsewhere: it expired when the lot did
    assert expired_since([], 70, days[0], days[1]) == 0
