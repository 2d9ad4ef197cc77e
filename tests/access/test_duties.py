"""Separation of duties holds on what Casbin allowed, over all purposes of a role."""

from collections.abc import Callable
from pathlib import Path

import pytest

from member_hub.access import Policies
from member_hub.organisation import PolicyError

Edit = Callable[..., Path]
FIRST = "p, member, member_service, rows:self, read, clear\n"


def _refused(folder: Path) -> str:
    with pytest.raises(PolicyError) as caught:
        Policies.load(folder)
    assert caught.value.file == "register.toml"
    return caught.value.reason


@pytest.mark.parametrize(
    ("old", "new", "duty"),
    [
        ("system_operation, member.loyalty, read, denied", "system_operation, member.loyalty, read, clear", "who_runs"),
        ("security_audit, member.name, read, denied", "security_audit, member.name, read, masked", "who_runs"),
        ("rights_handling, member.phone, read, masked", "rights_handling, member.phone, read, clear", "staff_never"),
        ("analytics, member.phone, read, denied", "analytics, member.phone, read, masked", "who_plans_marketing"),
        ("marketing, member.name, read, denied", "marketing, member.name, read, masked", "who_plans_marketing"),
    ],
)
def test_a_role_that_would_see_what_it_never_may_stops_the_load(edit: Edit, old: str, new: str, duty: str) -> None:
    reason = _refused(edit("policy.csv", old, new))

    assert f"the duty '{duty}" in reason


@pytest.mark.parametrize(
    ("operation", "duty"),
    [("profileUpdate", "who_erases_does_not_write"), ("memberEnrol", "who_erases_does_not_enrol")],
)
def test_two_duties_that_never_go_together_are_refused_together(edit: Edit, operation: str, duty: str) -> None:
    line = f"p, dpo, rights_handling, operation:{operation}, call, clear\n"

    reason = _refused(edit("policy.csv", FIRST, FIRST + line))

    assert reason == (
        f"the duty '{duty}' is broken: dpo holds operation:rightsErase call clear; operation:{operation} call clear"
    )


@pytest.mark.parametrize(
    ("line", "duty"),
    [
        ("support_agent, customer_support, member.phone, in_case, clear", "only_the_officer_opens_cases"),
        ("member, member_service, key:memberCode, lookup, matched", "who_issues_a_member_code_does_not_redeem_it"),
        ("membership_manager, analytics, operation:memberReveal, call, clear", "who_plans_marketing"),
    ],
)
def test_revealing_and_member_codes_have_duties_of_their_own(edit: Edit, line: str, duty: str) -> None:
    reason = _refused(edit("policy.csv", FIRST, f"{FIRST}p, {line}\n"))

    assert f"the duty '{duty}" in reason


def test_duties_are_counted_over_all_purposes_of_a_role(edit: Edit) -> None:
    """One purpose erases, another enrols: the same person would act in both, one after the other."""
    folder = edit(
        "policy.csv", FIRST, FIRST + "p, store_manager, customer_support, operation:rightsErase, call, clear\n"
    )
    text = (folder / "policy.csv").read_text("utf-8")
    for operation in ("memberEnrol", "profileUpdate"):
        text = text.replace(f"p, store_manager, customer_support, operation:{operation}, call, clear\n", "")
    (folder / "policy.csv").write_text(text, "utf-8")

    assert "who_erases_does_not_write" in _refused(folder)


def test_without_the_duty_the_same_policy_loads(edit: Edit, folder: Path) -> None:
    edit("policy.csv", "rights_handling, member.phone, read, masked", "rights_handling, member.phone, read, clear")
    edit("register.toml", '"member.phone read clear", ', "")

    assert Policies.load(folder).grant("dpo", "rights_handling").read("member.phone") == "clear"
