"""Who may do what, as data: policies/cases.csv says it in the officer's words, both ways; each line is a test.

A line is `role,purpose,object,action,expected,why`. `expected` is an outcome; for the object `rows` it is the scope
that holds today, or with the action `present` the one within which a member code finds; `not_allowed` says that the
role does not have the purpose at all. For the object `consent` it is the consent that whoever is read has given, or
`none`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from member_hub.access.grants import Policies
from member_hub.access.register import CONSENT_KEYS
from member_hub.access.words import (
    ACTIONS,
    CELLS,
    OUTCOMES,
    PURPOSES,
    Action,
    AggregateScope,
    RowScope,
    Verdict,
    aggregates_object,
    key_object,
    operation_object,
)
from member_hub.organisation import PolicyError, strict_text

FILE = "cases.csv"
HEADER: Final = "role,purpose,object,action,expected,why"
CASES_MAX = 5_000
NOT_ALLOWED = "not_allowed"
UNKNOWN = "unknown"  # never expected: a misspelt role would be "not allowed" for ever
ROWS = "rows"
CONSENT = "consent"
NO_CONSENT = "none"
_ROW_QUESTIONS: Final = ((ROWS, Action.READ), (ROWS, Action.PRESENT))
_COUNTED: Final = {aggregates_object(scope): scope for scope in AggregateScope}


@dataclass(frozen=True, slots=True)
class Case:
    line: int
    role: str
    purpose: str
    object: str
    action: str
    expected: str
    why: str

    def answer(self, policies: Policies) -> str:
        """What the compiled policy says to the question of this case; the case holds where it is `expected`."""
        if self.role not in policies.register.roles or self.purpose not in PURPOSES:
            return UNKNOWN
        if not policies.allows(self.role, self.purpose):
            return NOT_ALLOWED
        grant = policies.grant(self.role, self.purpose)
        if self.object == ROWS and self.action == Action.PRESENT:
            till = grant.at_till()
            return till.rows if till else RowScope.NONE
        if self.object == ROWS:
            return grant.rows
        if self.object == CONSENT:
            return (grant.consent_key if grant.rows_with_consent else None) or NO_CONSENT
        if self.action == Action.CALL:
            return Verdict.CLEAR if self.object in map(operation_object, grant.operations) else Verdict.DENIED
        if self.action == Action.LOOKUP:
            return Verdict.MATCHED if self.object in map(key_object, grant.lookup_keys) else Verdict.DENIED
        if self.object in _COUNTED:
            return Verdict.CLEAR if _COUNTED[self.object] is grant.aggregates else Verdict.DENIED
        return grant.verdict(self.object, Action(self.action))


def load(folder: Path) -> tuple[Case, ...]:
    """Every case. Raises PolicyError: a case that asks about nothing would always hold."""
    return read(strict_text(folder / FILE))


def read(text: str) -> tuple[Case, ...]:
    lines = text.split("\n")[:-1]
    if lines[0] != HEADER:
        raise PolicyError(FILE, 1, f"has to be {HEADER!r}")
    if len(lines) > CASES_MAX:
        raise PolicyError(FILE, CASES_MAX + 1, f"has more than {CASES_MAX} lines")
    return tuple(_case(number, line) for number, line in enumerate(lines[1:], start=2))


def _case(number: int, line: str) -> Case:
    words = line.split(",")
    if len(words) != len(HEADER.split(",")) or not all(word == word.strip() and word for word in words):
        raise PolicyError(FILE, number, f"takes six words without margins: {HEADER}")
    case = Case(number, *words)
    for problem in _problems(case):
        raise PolicyError(FILE, number, problem)
    return case


def _problems(case: Case) -> Iterator[str]:
    asked = (case.object, case.action)
    if case.object == ROWS and asked not in _ROW_QUESTIONS:
        yield f"whose rows is asked as '{ROWS},{Action.READ}' or '{ROWS},{Action.PRESENT}'"
    if case.expected == NOT_ALLOWED and asked != (ROWS, Action.READ):
        yield f"{NOT_ALLOWED!r} is asked as '{ROWS},{Action.READ}'"
    if case.object == ROWS:
        if case.expected not in (*RowScope, NOT_ALLOWED):
            yield f"{case.expected!r} is not a row scope"
        return
    if case.object == CONSENT:
        if case.action != Action.READ or case.expected not in CONSENT_KEYS:
            yield f"consent is asked as '{CONSENT},{Action.READ}', and expects one of {', '.join(CONSENT_KEYS)}"
        return
    if case.action not in ACTIONS or (case.object, Action(case.action)) not in CELLS:
        yield f"{case.action!r} on {case.object!r} is nothing that a policy can state"
    if case.expected not in OUTCOMES:
        yield f"{case.expected!r} is not an outcome"
