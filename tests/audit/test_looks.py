"""Whatever the hub puts on record has a kind that a member understands."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import member_hub
from member_hub.access import Operation
from member_hub.audit.looks import LookKind, kind_of
from member_hub.graphql.asking import REQUEST

PACKAGE = Path(member_hub.__file__).parent
# Functions that put a word on record; it stands among their first two arguments.
WRITES = {"audit", "put_on_record", "of_command", "_on_record", "_write"}
WORDS = {
    "audit expire": LookKind.RECORD,
    "consent clock": LookKind.CHANGE,
    "consent forget": LookKind.CHANGE,
    "consent publish": LookKind.CHANGE,
    "consent replay": LookKind.CHANGE,
    "identity export": LookKind.COPY,
    "identity keep-apart": LookKind.CHANGE,
    "ingest ": LookKind.CHANGE,
    "jobs ages": LookKind.CHANGE,
    "jobs benefits": LookKind.CHANGE,
    "jobs counting": LookKind.CHANGE,
    "jobs guardians": LookKind.CHANGE,
    "jobs points": LookKind.CHANGE,
    "jobs tiers": LookKind.CHANGE,
    "keys rekey": LookKind.CHANGE,
    "keys rotate ": LookKind.CHANGE,
    "minors approve": LookKind.CHANGE,
    "phoneRelease": LookKind.CHANGE,
    "points check": LookKind.LOOK_UP,
    "quarantine retry": LookKind.CHANGE,
    "quarantine show": LookKind.LOOK_UP,
    "rights erase": LookKind.ERASURE,
    "rights export": LookKind.COPY,
    "signInCode": LookKind.SIGN_IN,
    "signInEnd": LookKind.SIGN_IN,
    "signInSession": LookKind.SIGN_IN,
    "tags evaluate": LookKind.CHANGE,
    "tags import": LookKind.CHANGE,
    "tags list": LookKind.LOOK_UP,
    "tiers backtest": LookKind.LOOK_UP,
}


def _written() -> Iterator[str]:
    """The words, and how those begin that go on with a variable, in every call that puts one on record; and what a
    module that goes by the clock calls its OPERATION."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None and _is_operation(node):
                yield from (text for text in [_text(node.value)] if text is not None)
            if isinstance(node, ast.Call) and _name(node.func) in WRITES:
                stated = [*node.args[:2], *(k.value for k in node.keywords if k.arg == "operation")]
                yield from (text for argument in stated if (text := _text(argument)) is not None)


def _is_operation(node: ast.Assign | ast.AnnAssign) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return any(isinstance(target, ast.Name) and target.id == "OPERATION" for target in targets)


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _text(argument: ast.expr) -> str | None:
    first = argument.values[0] if isinstance(argument, ast.JoinedStr) else argument
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None


def test_every_word_that_commands_jobs_and_signing_in_write_is_known_here() -> None:
    assert set(_written()) == set(WORDS)


@pytest.mark.parametrize(("word", "kind"), WORDS.items(), ids=WORDS)
def test_a_word_on_record_has_its_kind(word: str, kind: LookKind) -> None:
    assert kind_of(word) is kind


@pytest.mark.parametrize("operation", [*Operation, REQUEST])
def test_no_operation_of_the_api_is_something_other(operation: str) -> None:
    assert kind_of(operation) is not LookKind.OTHER


def test_what_nobody_knows_is_other() -> None:
    assert kind_of("somethingLater") is LookKind.OTHER
