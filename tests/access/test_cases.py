"""Who may do what, both ways: every line of policies/cases.csv."""

from collections.abc import Callable
from pathlib import Path

import pytest

from member_hub import resources
from member_hub.access import Policies
from member_hub.access.cases import NOT_ALLOWED, UNKNOWN, Case, load
from member_hub.organisation import PolicyError

CASES = load(resources.folder("policies"))


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.role}-{c.purpose}-{c.object}-{c.action}-{c.expected}")
def test_the_policy_answers_as_the_case_expects(policies: Policies, case: Case) -> None:
    assert case.answer(policies) == case.expected, case.why


def test_every_role_and_purpose_has_a_case_of_each_kind(policies: Policies) -> None:
    """What is granted, and what is refused."""
    for role, purpose in policies.register.pairs:
        expected = {case.expected for case in CASES if (case.role, case.purpose) == (role, purpose)}
        assert expected, f"{role}, {purpose} has no case"
    for role in policies.register.roles:
        expected = {case.expected for case in CASES if case.role == role}
        assert expected & {"denied", "none"}, f"nothing is refused to {role}"
        assert NOT_ALLOWED in expected, f"no purpose is refused to {role}"


def test_a_case_that_expects_too_much_fails(policies: Policies) -> None:
    case = Case(2, "sales_associate", "member_service", "member.phone", "read", "clear", "wrong")

    assert case.answer(policies) == "masked"


@pytest.mark.parametrize(("role", "purpose"), [("sales_asociate", "marketing"), ("dpo", "marketting")])
def test_a_misspelt_case_does_not_hold(policies: Policies, role: str, purpose: str) -> None:
    case = Case(2, role, purpose, "rows", "read", NOT_ALLOWED, "misspelt")

    assert case.answer(policies) == UNKNOWN


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("dpo,rights_handling,member.name,read,masked", "six words"),
        ("dpo,rights_handling,member.name,read,masked,why,more", "six words"),
        ("dpo,rights_handling,member.name,read,masked, why", "six words"),
        ("dpo,rights_handling,member.name,read,masked,", "six words"),
        ("dpo,rights_handling,member.shoe,read,masked,why", "nothing that a policy can state"),
        ("dpo,rights_handling,member.name,see,masked,why", "nothing that a policy can state"),
        ("dpo,rights_handling,member.name,read,shown,why", "'shown' is not an outcome"),
        ("dpo,rights_handling,rows,read,everybody,why", "'everybody' is not a row scope"),
        ("dpo,rights_handling,rows,reed,all,why", "is asked as 'rows,read'"),
        ("dpo,marketing,member.name,read,not_allowed,why", "is asked as 'rows,read'"),
    ],
)
def test_a_case_that_asks_about_nothing_is_refused(edit: Callable[..., Path], line: str, reason: str) -> None:
    folder = edit(
        "cases.csv", "role,purpose,object,action,expected,why\n", f"role,purpose,object,action,expected,why\n{line}\n"
    )

    with pytest.raises(PolicyError) as caught:
        load(folder)

    assert (caught.value.file, caught.value.line) == ("cases.csv", 2)
    assert reason in caught.value.reason


def test_cases_without_their_header_are_refused(edit: Callable[..., Path]) -> None:
    folder = edit("cases.csv", "role,purpose,object,action,expected,why\n", "")

    with pytest.raises(PolicyError) as caught:
        load(folder)

    assert caught.value.line == 1
