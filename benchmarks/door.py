"""The door: how long it takes to refuse what is too much, and to price what is not."""

import time
from collections.abc import Callable
from functools import partial
from statistics import median

from graphql import parse
from graphql.execution.values import VariableValues, get_variable_values

from benchmarks.tables import print_table
from member_hub.graphql.cost import Meter
from member_hub.graphql.documents import BadDocument, Documents
from member_hub.graphql.limits import Scale
from member_hub.graphql.problems import Language
from member_hub.graphql.schema import core_schema

ROUNDS = 50
NESTED = 60
BYTES = 50_000
BAR_MS = 50
FIELDS = "name { value } phone { value } email { value } birthday { value } address { value } orders { state }"


def main() -> None:
    """Print milliseconds; the bar is for the median, for the worst may be the machine's."""
    documents = Documents(core_schema(), introspects=False)
    rows = []
    for what, padding in (("60 nested fragments", "#"), ("60 nested fragments, wide", "id")):
        text = _nested(padding=padding)
        cells = _cells(partial(_refuse, documents, text))
        rows.append([f"refuse {what}, {len(text) // 1000} KB", *cells, str(_visits(text))])
    page = f"{{ memberList(first: 100) {{ edges {{ node {{ {FIELDS} }} }} }} }}"
    rows.append(["price a page of 100", *_cells(_pricing(documents, page)), "-"])
    print_table(f"The door (bar: {BAR_MS} ms)", ("", "median ms", "worst ms", "within", "visits"), rows)


def _nested(*, padding: str) -> str:
    """Each fragment spreads the next twice: 2 ** 60 fields; filled up to 50 KB, by a comment or by fields."""
    parts = [f"fragment f{i} on Member {{ ...f{i + 1} ...f{i + 1} }}" for i in range(NESTED - 1)]
    text = " ".join(["{ me { ...f0 } }", *parts])
    last = f" fragment f{NESTED - 1} on Member {{ id "
    if padding == "#":
        return f"{text}{last}}} #".ljust(BYTES, "x")
    names = " ".join(f"{'x' * 20}{i:04}" for i in range((BYTES - len(text) - len(last)) // 25))
    return f"{text}{last}{names} }}"


def _visits(text: str) -> int:
    document = parse(text)
    scale = Scale(document)
    scale.weigh(document.definitions[0].selection_set)  # type: ignore[union-attr]
    return scale.visits


def _refuse(documents: Documents, text: str) -> None:
    try:
        documents.read(text, Language.EN)
    except BadDocument as bad:
        codes = [error["extensions"]["code"] for error in bad.errors]
    else:
        codes = []
    if codes != ["QUERY_TOO_COMPLEX"]:
        raise AssertionError("It was not refused as too complex.")


def _pricing(documents: Documents, text: str) -> Callable[[], None]:
    document = documents.read(text, Language.EN)
    (operation,) = document.operations.values()
    variables = get_variable_values(core_schema(), operation.variable_definitions or (), {})
    assert isinstance(variables, VariableValues)

    def price() -> None:
        Meter(core_schema(), document, variables).price(operation)

    return price


def _cells(work: Callable[[], None]) -> list[str]:
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        times.append((time.perf_counter() - began) * 1e3)
    return [f"{median(times):.2f}", f"{max(times):.2f}", "yes" if median(times) < BAR_MS else "NO"]
