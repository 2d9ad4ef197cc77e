"""The mix: what equal identifiers achieve on the demo set is what they achieve on a brand's files."""

import pytest

from benchmarks import baselines, quality
from benchmarks.baselines import Stated
from benchmarks.scoring import Score, score
from tests.demo.conftest import MakeSet

SEEDS = (1, 20)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_naive_union_is_imprecise_and_misses_much(make_set: MakeSet, seed: int) -> None:
    census = make_set(seed)

    naive, junk_free, guarded = quality.baseline_scores(census.folder, census.truth)

    assert naive.precision == pytest.approx(0.68, abs=0.08)
    assert naive.recall == pytest.approx(0.71, abs=0.025)
    assert junk_free.precision == pytest.approx(0.96, abs=0.012)
    assert junk_free.recall == pytest.approx(naive.recall, abs=0.002)
    assert guarded.precision == pytest.approx(0.99, abs=0.007)
    assert guarded.recall == pytest.approx(0.69, abs=0.025)


def test_a_score_counts_pairs() -> None:
    truth = {("website", "a"): "p1", ("app", "b"): "p1", ("store", "c"): "p1", ("store", "d"): "p2"}
    found = {("website", "a"): "m", ("app", "b"): "m", ("store", "d"): "m", ("store", "unknown"): "m"}

    assert score(found, truth) == Score(right=1, found=3, true=3)
    assert score(found, truth).precision == pytest.approx(1 / 3)
    assert score(found, truth).recall == pytest.approx(1 / 3)


def test_nothing_found_is_precise_and_recalls_nothing() -> None:
    nothing = score({}, {("website", "a"): "p1", ("app", "b"): "p1"})

    assert (nothing.precision, nothing.recall) == (1.0, 0.0)


def test_a_chain_of_equal_values_is_one_for_the_naive_union() -> None:
    a, b, c = ("website", "a"), ("app", "b"), ("store", "c")
    accounts = {
        a: Stated(1, "张三丰", {("phone", "1"), ("email", "x@y.cn")}),
        b: Stated(2, None, {("phone", "1"), ("openid", "o")}),
        c: Stated(3, "李四光", {("phone", "1")}),
        ("website", "d"): Stated(4, "张三丰", {("email", "z@y.cn")}),
    }

    assert len(set(baselines.naive(accounts).values())) == 2
    assert baselines.guarded(accounts)[a] == baselines.guarded(accounts)[b] != baselines.guarded(accounts)[c]


@pytest.mark.parametrize(("one", "other"), [("张三丰", "張 三丰"), ("张三丰", "张*"), ("张先生", "张**")])
def test_the_guard_lets_forms_of_one_name_pass(one: str, other: str) -> None:
    a, b = ("website", "a"), ("store", "b")
    accounts = {a: Stated(1, one, {("phone", "1")}), b: Stated(2, other, {("phone", "1")})}

    partition = baselines.guarded(accounts)

    assert partition[a] == partition[b]


def test_junk_links_nobody() -> None:
    a, b = ("website", "a"), ("store", "b")
    accounts = {a: Stated(1, None, {("phone", "11111111111")}), b: Stated(2, None, {("phone", "11111111111")})}

    assert baselines.naive(accounts)[a] == baselines.naive(accounts)[b]
    assert baselines.junk_free(accounts)[a] != baselines.junk_free(accounts)[b]


def test_the_bar_is_precision_and_hardly_any_loss() -> None:
    naive = Score(right=700, found=1000, true=1000)

    assert quality.is_met(Score(right=690, found=695, true=1000), naive=naive)
    assert not quality.is_met(Score(right=679, found=680, true=1000), naive=naive)
    assert not quality.is_met(Score(right=700, found=710, true=1000), naive=naive)
