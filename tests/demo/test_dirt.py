"""Every kind of dirt is there, at least ten times among 2,000 people, whatever the seed."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from member_hub.demo.dirt import COMMON_ONE_IN, DIRT, Dice, Dirt
from tests.demo.census import CENSUS
from tests.demo.conftest import MakeSet

ENOUGH = 10
RARE = [kind for kind, rate in DIRT.items() if rate.one_in > COMMON_ONE_IN]


def test_every_kind_has_a_rate_and_is_counted() -> None:
    assert set(DIRT) == set(Dirt)
    assert set(CENSUS) == set(Dirt)


@pytest.mark.parametrize("seed", [1, 20])
@pytest.mark.parametrize("kind", Dirt)
def test_each_kind_stands_ten_times_among_two_thousand_people(make_set: MakeSet, kind: Dirt, seed: int) -> None:
    assert CENSUS[kind](make_set(seed)) >= ENOUGH


@given(seed=st.integers(0, 10**6), kind=st.sampled_from(RARE), runs=st.integers(1, 4))
def test_a_rare_kind_strikes_once_in_each_run(seed: int, kind: Dirt, runs: int) -> None:
    dice, one_in = Dice(Random(seed)), DIRT[kind].one_in

    struck = [dice.strikes(kind) for _ in range(runs * one_in)]

    assert [sum(struck[n : n + one_in]) for n in range(0, len(struck), one_in)] == [1] * runs
    assert dice.tally[kind] == runs
