"""What the answers tell of a small group, to somebody who knows the rules and asks everything."""

import itertools
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from member_hub.reports.disclosure import MINIMUM_GROUP, ROUNDED_TO, told
from tests.reports.subtracting import possible

SIZES = st.integers(0, 70)
LOTS = st.integers(0, ROUNDED_TO - 1)


@pytest.mark.parametrize("lot", range(ROUNDED_TO))
def test_a_group_under_twenty_is_never_told_and_one_of_twenty_always(lot: int) -> None:
    assert [told(size, lot) for size in range(MINIMUM_GROUP)] == [None] * MINIMUM_GROUP
    assert told(MINIMUM_GROUP, lot) == MINIMUM_GROUP


def test_the_mean_over_all_lots_is_the_size() -> None:
    for size in range(MINIMUM_GROUP, 200):
        numbers = [told(size, lot) or 0 for lot in range(ROUNDED_TO)]
        assert sum(numbers) == size * ROUNDED_TO


@given(SIZES, LOTS)
def test_the_true_size_is_among_at_least_five_possible_ones(size: int, lot: int) -> None:
    least, greatest = possible(told(size, lot))

    assert least <= size <= greatest
    assert greatest - least >= ROUNDED_TO - 1


def test_no_pair_of_answers_determines_a_small_group() -> None:
    """A whole less one part, over every size, every lot: what is left is 0, or at least two things."""
    for part, rest in itertools.product(range(60), range(1, MINIMUM_GROUP)):
        for whole_lot, part_lot in itertools.product(range(ROUNDED_TO), repeat=2):
            least, greatest = _rest(told(part + rest, whole_lot), [told(part, part_lot)])
            assert least <= rest <= greatest
            assert least < greatest


def test_no_three_answers_determine_a_small_group() -> None:
    """The same with two parts, at the sizes where rounding is at its extremes and around the minimum."""
    sizes = (0, 19, 20, 21, 24, 25, 26, 29, 31, 36)
    lots = list(itertools.product(range(ROUNDED_TO), repeat=3))
    for one, two, rest in itertools.product(sizes, sizes, range(1, MINIMUM_GROUP)):
        for lot, lot_one, lot_two in lots:
            least, greatest = _rest(told(one + two + rest, lot), [told(one, lot_one), told(two, lot_two)])
            assert least <= rest <= greatest
            assert least < greatest


@given(st.lists(st.tuples(SIZES, LOTS), max_size=12), st.integers(1, MINIMUM_GROUP - 2), LOTS)
def test_a_whole_less_all_its_parts_never_determines_a_group_of_up_to_eighteen(
    parts: list[tuple[int, int]], rest: int, lot: int
) -> None:
    whole = told(sum(size for size, _ in parts) + rest, lot)

    least, greatest = _rest(whole, [told(*part) for part in parts])

    assert least <= rest <= greatest
    assert least < greatest


def test_the_one_exception_that_the_module_names_is_real() -> None:
    """Nineteen beside three groups: the whole rounded up by 4, each part down by 4."""
    parts = [told(24, 0)] * 3

    assert _rest(told(24 * 3 + 19, 4), parts) == (19, 19)


def _rest(whole: int | None, parts: list[int | None]) -> tuple[int, int]:
    """What can be left of a whole when its parts are taken away, the rest being withheld itself."""
    least, greatest = possible(whole)
    lows, highs = zip(*map(possible, parts), strict=True) if parts else ((), ())
    return max(0, least - sum(highs)), min(MINIMUM_GROUP - 1, greatest - sum(lows))


Cell = tuple[int | None, ...]
FACTS = (None, 0, 1)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.integers(0, 45), min_size=12, max_size=12),
    st.lists(LOTS, min_size=100, max_size=100),
)
def test_all_tables_of_a_grid_together_determine_no_small_group(sizes: list[int], lots: list[int]) -> None:
    """Two stores, two genders, three months: every cell of one to three facts, held against all others again and again
    until nothing gets narrower (bounds, not a proof: see the module)."""
    atoms = dict(zip(itertools.product(range(2), range(2), range(3)), sizes, strict=True))
    true = {cell: sum(n for atom, n in atoms.items() if _is_in(atom, cell)) for cell in _cells()}
    answers = {cell: told(size, lot) for (cell, size), lot in zip(true.items(), lots, strict=False)}

    bounds = _narrowed({cell: possible(answer) for cell, answer in answers.items()})

    for cell, (least, greatest) in bounds.items():
        assert least <= true[cell] <= greatest
        assert not (least == greatest and 1 <= true[cell] < MINIMUM_GROUP - 1)


def _cells() -> list[Cell]:
    """Every cell of one to three facts; None: not cut by this one."""
    return [
        cell
        for cell in itertools.product((None, 0, 1), (None, 0, 1), (None, 0, 1, 2))
        if any(c is not None for c in cell)
    ]


def _is_in(atom: tuple[int, ...], cell: Cell) -> bool:
    return all(fact is None or fact == at for at, fact in zip(atom, cell, strict=True))


def _narrowed(bounds: Mapping[Cell, tuple[int, int]]) -> dict[Cell, tuple[int, int]]:
    """Each whole is the sum of its parts along each fact that it leaves open; so is its bound."""
    found = dict(bounds)
    for _ in range(20):
        before = dict(found)
        for whole in found:
            for axis, number in enumerate((2, 2, 3)):
                if whole[axis] is None:
                    _hold_together(found, whole, [(*whole[:axis], at, *whole[axis + 1 :]) for at in range(number)])
        if found == before:
            break
    return found


def _hold_together(found: dict[Cell, tuple[int, int]], whole: Cell, parts: list[Cell]) -> None:
    lows, highs = sum(found[p][0] for p in parts), sum(found[p][1] for p in parts)
    least, greatest = found[whole]
    found[whole] = max(least, lows), min(greatest, highs)
    for part in parts:
        low, high = found[part]
        others_low, others_high = lows - low, highs - high
        found[part] = max(low, least - others_high), min(high, greatest - others_low)
