"""Leaky buckets: what fits, what is owed, who is forgotten and who is not."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from member_hub.throttling import Buckets, Occasions, Rate, Throttled


@dataclass
class Time:
    at: float = 1_000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def time() -> Time:
    return Time()


def test_what_fits_is_taken_and_leaks_away(time: Time) -> None:
    buckets = Buckets(Rate(per_s=2, burst=10), now=time)

    buckets.pour("a", 8)
    assert (buckets.wait_s("a", 2), buckets.wait_s("a", 3), buckets.wait_s("a", 6)) == (0, 0.5, 2.0)
    assert (buckets.room("a"), buckets.room("b")) == (2, 10)
    time.at += 3
    assert (buckets.wait_s("a", 8), buckets.room("a")) == (0, 8)


def test_what_is_larger_than_the_bucket_waits_for_an_empty_one_and_is_owed(time: Time) -> None:
    buckets = Buckets(Rate(per_s=1, burst=10), now=time)

    assert buckets.wait_s("a", 25) == 0
    buckets.pour("a", 25)
    assert (buckets.wait_s("a", 1), buckets.room("a")) == (16, 0)
    time.at += 16
    assert buckets.wait_s("a", 1) == 0


def test_asking_takes_nothing(time: Time) -> None:
    buckets = Buckets(Rate(per_s=1, burst=10), now=time)

    for _ in range(100):
        assert buckets.wait_s("a", 10) == 0


def test_several_processes_keep_their_shares() -> None:
    assert Rate(per_s=10, burst=100).share(4) == Rate(per_s=2.5, burst=25)


def test_a_flood_of_new_names_makes_no_debt_forgotten(time: Time) -> None:
    buckets = Buckets(Rate(per_s=1, burst=10), most=5, now=time)
    buckets.pour("owes", 10)

    for number in range(1_000):
        if not buckets.wait_s(number, 5):
            buckets.pour(number, 5)

    assert buckets.wait_s("owes", 10) == 10
    assert len(buckets._buckets) == 6
    taken = sum(bucket.level for bucket in buckets._buckets.values())
    assert taken == 10 + 4 * 5 + 10  # four newcomers have buckets of their own, all the others share one


def test_emptied_buckets_make_room(time: Time) -> None:
    buckets = Buckets(Rate(per_s=1, burst=10), most=5, now=time)
    for number in range(5):
        buckets.pour(number, 10)

    time.at += 11
    buckets.pour("new", 10)

    assert list(buckets._buckets) == [1, 2, 3, 4, "new"]
    assert buckets.wait_s("newer", 10) == 0


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(1, 30)), max_size=60))
def test_in_the_long_run_nobody_takes_more_than_rate_and_burst(steps: list[tuple[float, int]]) -> None:
    time, rate = Time(), Rate(per_s=3, burst=20)
    buckets, taken, largest = Buckets(rate, now=time), 0, 0
    for pause, amount in steps:
        time.at += pause
        if not buckets.wait_s("a", amount):
            buckets.pour("a", amount)
            taken, largest = taken + amount, max(largest, amount)

    assert taken <= rate.burst + max(0, largest - rate.burst) + rate.per_s * (time.at - 1_000) + 1e-6


@given(st.integers(0, 50), st.integers(1, 50))
def test_after_the_stated_wait_it_fits(poured: int, amount: int) -> None:
    time = Time()
    buckets = Buckets(Rate(per_s=3, burst=20), now=time)
    buckets.pour("a", poured)

    time.at += Throttled(buckets.wait_s("a", amount)).retry_after_s

    assert buckets.wait_s("a", amount) == 0


def test_an_occasion_is_told_once_a_minute(time: Time) -> None:
    occasions = Occasions(most=2, now=time)
    time.at = 1_020.0

    assert [occasions.is_first(what) for what in ("a", "a", "b", "c", "b")] == [True, False, True, False, False]
    time.at += 60
    assert [occasions.is_first(what) for what in ("a", "a")] == [True, False]
