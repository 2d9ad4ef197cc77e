"""Casbin answers, once per cell at load: which outcome the policy allows there.

Decision: rows are indexed by (role, purpose, object, action) through Casbin's own FastEnforcer, and only cells that a
row names are asked about; the matcher demands equality in all four, so no other row could match (a test compares with
plain Casbin over the whole space). Measured on the shipped policy of 492 lines: 50 ms for all of it.
Price: FastEnforcer is not thread-safe, so an enforcer lives only inside `decide`, in the thread that loads.
"""

from collections.abc import Iterable, Mapping, Sequence

import casbin
from casbin.model import FastModel

from member_hub.access.loader import MODEL_TEXT, Row
from member_hub.access.words import CELLS, Action, Verdict
from member_hub.privacy import Purpose

Cell = tuple[str, Purpose, str, Action]


def decide(rows: Sequence[Row]) -> Mapping[Cell, Verdict]:
    """The verdict on each cell that a row names; what is not here is denied."""
    enforcer = _enforcer(rows)
    cells = dict.fromkeys((row.role, row.purpose, row.object, row.action) for row in rows)
    return {cell: _verdict(enforcer, cell) for cell in cells}


def _verdict(enforcer: casbin.FastEnforcer, cell: Cell) -> Verdict:
    """The furthest outcome that Casbin allows; a cell is stated once, so at most one is."""
    role, purpose, object_, action = cell
    for outcome in CELLS[object_, action]:
        if outcome is Verdict.DENIED:
            continue
        if enforcer.enforce(role, purpose.value, object_, action.value, outcome.value) is True:
            return outcome
    return Verdict.DENIED


def _enforcer(rows: Iterable[Row]) -> casbin.FastEnforcer:
    index = [0, 1, 2, 3]
    model = FastModel(index)
    model.load_model_from_text(MODEL_TEXT)
    for row in rows:
        model.add_policy("p", "p", list(row.words))
    return casbin.FastEnforcer(model, None, cache_key_order=index)
