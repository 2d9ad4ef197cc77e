"""The compiled grants: what every role of the contract sees, and that Casbin itself says the same."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import casbin
import pytest

from member_hub.access import (
    Action,
    Grant,
    Guard,
    Key,
    NoRows,
    Operation,
    Policies,
    PurposeNotAllowed,
    RowScope,
    Verdict,
    folder_of,
    matrix,
    stricter,
)
from member_hub.access.words import CELLS, key_object, operation_object, rows_object
from member_hub.privacy import Purpose
from member_hub.settings import Settings

COLUMNS = [
    guard for guard in Guard if guard not in (Guard.ACTIVITY, Guard.CONSENTS)
]  # the contract has no such columns
CONSENTS = {"marketing", "personalisation"}  # that the shipped pack can check
LETTER = {"c": Verdict.CLEAR, "m": Verdict.MASKED, "-": Verdict.DENIED}
ALL_KEYS = {Key.ID, Key.PHONE, Key.EMAIL, Key.UNIONID, Key.OPENID, Key.ACCOUNT, Key.STORE_CARD}
TILL_KEYS = ALL_KEYS | {Key.MEMBER_CODE, Key.PHONE_CODE}

# The table of CONTRACT.md: name, phone, e-mail, birthday, gender, address, identifiers, accounts, orders, loyalty,
# tags, service tags.
CONTRACT: list[tuple[str, str, str, str, set[Key]]] = [
    ("member", "member_service", "self", "cccccccccccc", set()),
    ("guardian", "member_service", "children", "cccccccccccc", {Key.ID}),
    ("sales_associate", "member_service", "own_stores", "mmm-c-mm-c-c", TILL_KEYS),
    ("store_manager", "member_service", "own_stores", "cmmmcmmmcccc", TILL_KEYS),
    ("store_manager", "customer_support", "own_stores", "cmmmcmmmcccc", ALL_KEYS),
    ("region_manager", "member_service", "region", "cmmmcmmmcccc", TILL_KEYS),
    ("region_manager", "customer_support", "region", "cmmmcmmmcccc", ALL_KEYS),
    ("support_agent", "customer_support", "handler", "mmmmcmmmcccc", ALL_KEYS),
    ("membership_manager", "analytics", "handler", "----c----ccc", set()),
    ("membership_manager", "marketing", "handler", "----c----ccc", set()),
    ("membership_manager", "personalisation", "handler", "----c----ccc", set()),
    ("marketing_analyst", "analytics", "none", "------------", set()),
    ("dpo", "rights_handling", "all", "mmmmcmmmcccc", ALL_KEYS),
    ("auditor", "security_audit", "none", "------------", set()),
    ("system_admin", "system_operation", "none", "------------", set()),
    ("app_checkout", "member_service", "handler", "m--------c-c", TILL_KEYS),
    ("app_crm", "member_service", "handler", "cccmccmmcccc", ALL_KEYS),
    ("app_crm", "customer_support", "handler", "cccmccmmcccc", ALL_KEYS),
    ("app_crm", "marketing", "handler", "cccmccmmcccc", ALL_KEYS),
    ("app_mini_program", "member_service", "behalf", "cccccccccccc", {Key.UNIONID, Key.OPENID}),
]
ENROLS = {"sales_associate", "store_manager", "app_checkout", "app_crm", "app_mini_program"}
UPDATES = {"member", "store_manager", "support_agent", "app_crm", "app_mini_program"}


@pytest.mark.parametrize("row", CONTRACT, ids=lambda row: f"{row[0]}-{row[1]}")
def test_a_role_sees_what_its_row_of_the_contract_says(
    policies: Policies, row: tuple[str, str, str, str, set[Key]]
) -> None:
    role, purpose, rows, fields, keys = row

    grant = policies.grant(role, purpose)

    assert grant.rows is RowScope(rows)
    assert {guard: grant.read(guard) for guard in COLUMNS} == {
        guard: LETTER[letter] for guard, letter in zip(COLUMNS, fields, strict=True)
    }
    assert grant.lookup_keys == keys
    assert (grant.role, grant.purpose, grant.version) == (role, Purpose(purpose), policies.version)


def test_the_policy_knows_the_roles_and_purposes_of_the_contract_and_no_other(policies: Policies) -> None:
    assert list(policies.grants) == [(role, purpose) for role, purpose, *_ in CONTRACT]


def test_who_enrols_and_who_updates_is_as_the_contract_says(policies: Policies) -> None:
    enrols = {role for (role, _), grant in policies.grants.items() if grant.may(Operation.MEMBER_ENROL)}
    updates = {role for (role, _), grant in policies.grants.items() if grant.may(Operation.PROFILE_UPDATE)}

    assert (enrols, updates) == (ENROLS, UPDATES)


def test_only_a_member_may_ask_for_me(policies: Policies) -> None:
    assert {role for (role, _), grant in policies.grants.items() if grant.may(Operation.ME)} == {"member"}


def test_no_grant_writes_a_field_that_it_denies(policies: Policies) -> None:
    for grant in policies.grants.values():
        for guard in Guard:
            assert not (grant.may_write(guard) and grant.read(guard) is Verdict.DENIED)
            assert not grant.may_write(guard) or grant.may(Operation.PROFILE_UPDATE)


def test_where_no_consent_can_be_checked_nobody_is_reached(shipped: Path) -> None:
    grants = Policies.load(shipped).grants

    because = {pair: grant.no_rows_because for pair, grant in grants.items() if grant.rows is RowScope.NONE}

    assert because == {
        ("membership_manager", "marketing"): NoRows.CONSENT_NOT_AVAILABLE,
        ("membership_manager", "personalisation"): NoRows.CONSENT_NOT_AVAILABLE,
        ("app_crm", "marketing"): NoRows.CONSENT_NOT_AVAILABLE,
        ("marketing_analyst", "analytics"): NoRows.POLICY,
        ("auditor", "security_audit"): NoRows.POLICY,
        ("system_admin", "system_operation"): NoRows.POLICY,
    }


def test_once_a_consent_can_be_checked_its_purpose_reaches_what_the_policy_says(shipped: Path) -> None:
    consenting = Policies.load(shipped, consent_keys={"marketing"})

    assert consenting.grant("app_crm", "marketing").rows is RowScope.HANDLER
    assert consenting.grant("app_crm", "marketing").no_rows_because is None
    assert consenting.grant("membership_manager", "personalisation").rows is RowScope.NONE


def test_a_grant_asks_for_consent_exactly_where_its_purpose_rests_on_it(policies: Policies) -> None:
    asking = {pair: grant.consent_key for pair, grant in policies.grants.items() if grant.rows_with_consent}

    assert asking == {
        ("membership_manager", "marketing"): "marketing",
        ("membership_manager", "personalisation"): "personalisation",
        ("app_crm", "marketing"): "marketing",
    }


@pytest.mark.parametrize(
    ("role", "purpose"),
    [
        ("dpo", "marketing"),
        ("nobody", "member_service"),
        ("member", "service"),
        ("", ""),
        ("system", "system_operation"),
    ],
)
def test_a_pair_that_the_policy_does_not_know_has_no_grant(policies: Policies, role: str, purpose: str) -> None:
    assert not policies.allows(role, purpose)
    with pytest.raises(PurposeNotAllowed):
        policies.grant(role, purpose)


def test_what_nobody_has_heard_of_is_denied(policies: Policies) -> None:
    grant = policies.grant("member", "member_service")

    assert grant.read("member.shoe_size") is Verdict.DENIED
    assert not grant.may("memberDelete")
    assert not grant.may_write("member.shoe_size")
    assert not grant.may_look_up("shoeSize")
    assert not grant.may_aggregate("member.name")
    assert not grant.may_filter("member.name", exactly=True)


def test_an_analyst_counts_by_gender_and_reads_none(policies: Policies) -> None:
    grant = policies.grant("marketing_analyst", "analytics")

    assert grant.may_aggregate(Guard.GENDER)
    assert not grant.may_aggregate(Guard.BIRTHDAY)
    assert not grant.may_filter(Guard.GENDER, exactly=True)


TILL_ROLES = ["sales_associate", "store_manager", "region_manager"]


def test_at_the_till_the_store_roles_see_a_masked_name_and_what_is_loyalty(policies: Policies) -> None:
    views = {pair: view for pair, grant in policies.grants.items() if (view := grant.at_till()) is not None}

    assert list(views) == [(role, "member_service") for role in TILL_ROLES]
    for view in views.values():
        seen = {guard: view.read(guard) for guard in Guard if view.read(guard) is not Verdict.DENIED}
        assert seen == {Guard.NAME: Verdict.MASKED, Guard.LOYALTY: Verdict.CLEAR}
        assert (view.rows, view.is_till_view) == (RowScope.HANDLER, True)
        assert (view.operations, view.lookup_keys) == (frozenset(), frozenset())
        assert not any(view.may_write(guard) or view.may_reveal(guard) for guard in Guard)


def test_a_purpose_for_which_consent_is_missing_serves_nobody_at_the_till(shipped: Path) -> None:
    served = dataclasses.replace(Policies.load(shipped).grant("app_crm", "marketing"), serves_presented=True)

    assert served.at_till() is None


def test_only_the_masked_fields_that_the_policy_names_are_revealed(policies: Policies) -> None:
    revealed = {
        role: {guard for guard in Guard if grant.may_reveal(guard)}
        for (role, _), grant in policies.grants.items()
        if grant.may(Operation.MEMBER_REVEAL)
    }

    assert revealed == {
        "store_manager": {Guard.PHONE},
        "region_manager": {Guard.PHONE},
        "support_agent": {Guard.PHONE, Guard.EMAIL, Guard.ADDRESS},
    }
    approve = {role for (role, _), grant in policies.grants.items() if grant.may(Operation.REVEAL_APPROVE)}
    assert approve == {"store_manager", "region_manager", "membership_manager"}


def test_revealing_one_field_leaves_the_others_as_they_are(policies: Policies) -> None:
    grant = policies.grant("support_agent", "customer_support")

    once = grant.revealing(Guard.PHONE)

    changed = {guard for guard in Guard if once.read(guard) is not grant.read(guard)}
    assert (changed, once.read(Guard.PHONE)) == ({Guard.PHONE}, Verdict.CLEAR)


def test_a_grant_cannot_be_changed(policies: Policies) -> None:
    grant = policies.grant("auditor", "security_audit")

    with pytest.raises(dataclasses.FrozenInstanceError):
        grant.rows = RowScope.ALL  # type: ignore[misc]
    with pytest.raises(TypeError):
        grant.fields[Guard.NAME, Action.READ] = Verdict.CLEAR  # type: ignore[index]
    with pytest.raises(TypeError):
        policies.grants["auditor", "marketing"] = grant  # type: ignore[index]


def test_equal_grants_can_be_kept_in_a_cache(shipped: Path, policies: Policies) -> None:
    again = Policies.load(shipped, consent_keys=CONSENTS)

    assert {grant: pair for pair, grant in policies.grants.items()} == {g: pair for pair, g in again.grants.items()}


def test_the_version_changes_with_any_of_the_three_files(edit: Callable[..., Path], policies: Policies) -> None:
    versions = [
        policies.version,
        Policies.load(edit("register.toml", 'zh = "店长"', 'zh = "门店经理"')).version,
        Policies.load(
            edit(
                "policy.csv",
                "dpo, rights_handling, member.tags, read, clear",
                "dpo, rights_handling, member.tags, read, denied",
            )
        ).version,
    ]

    assert len(set(versions)) == 3


def test_the_stricter_of_two_verdicts_holds() -> None:
    assert stricter(Verdict.CLEAR, Verdict.MASKED) is Verdict.MASKED
    assert stricter(Verdict.DENIED, Verdict.CLEAR) is Verdict.DENIED
    assert stricter(Verdict.MATCHED, Verdict.MASKED) is Verdict.MATCHED


def test_the_operators_folder_replaces_the_shipped_one(
    make_settings: Callable[..., Settings], folder: Path, shipped: Path
) -> None:
    assert folder_of(make_settings()) == shipped
    assert folder_of(make_settings(policy_dir=folder)) == folder


def test_the_committed_matrix_is_current(shipped: Path, policies: Policies) -> None:
    committed = (shipped / "matrix.txt").read_text("utf-8")

    assert matrix(policies) == committed, "run: python -m member_hub.access > policies/matrix.txt"


def test_the_matrix_shows_a_change_of_policy_as_one_line(edit: Callable[..., Path], policies: Policies) -> None:
    line = "p, auditor, security_audit, member.tags, read, denied"
    more = f"p, auditor, security_audit, member.gender, filter, matched\n{line}"

    changed = matrix(Policies.load(edit("policy.csv", line, more), consent_keys=CONSENTS))

    before = matrix(policies).split("\n")
    at = before.index("auditor, security_audit", before.index("DOING (what is not named is denied)")) + 2
    assert changed.split("\n") == [*before[:at], "    filter      member.gender (matched)", *before[at:]]


def _stated(grant: Grant, object_: str, action: Action) -> Verdict:
    """What a grant says of a cell, in the words of the policy."""
    if action is Action.CALL:
        return Verdict.CLEAR if object_ in map(operation_object, grant.operations) else Verdict.DENIED
    if action is Action.LOOKUP:
        return Verdict.MATCHED if object_ in map(key_object, grant.lookup_keys) else Verdict.DENIED
    if object_.startswith("rows:") and action is Action.PRESENT:
        return Verdict.CLEAR if grant.serves_presented else Verdict.DENIED
    if object_.startswith("aggregates:"):
        return Verdict.CLEAR if object_ == f"aggregates:{grant.aggregates}" else Verdict.DENIED
    if object_.startswith("rows:"):
        return Verdict.CLEAR if object_ == rows_object(grant.rows_stated) else Verdict.DENIED
    return grant.verdict(object_, action)


@pytest.fixture(scope="module")
def plain(shipped: Path) -> casbin.Enforcer:
    """Casbin as everybody uses it: its own reading of the two files, its own adapter, no index."""
    return casbin.Enforcer(str(shipped / "model.conf"), str(shipped / "policy.csv"))


def test_compiled_grants_equal_plain_casbin_over_the_whole_space(plain: casbin.Enforcer, policies: Policies) -> None:
    """Every (role, purpose) of the policy, every cell, every outcome that may be stated there."""
    differing = []
    for (role, purpose), grant in policies.grants.items():
        for (object_, action), outcomes in CELLS.items():
            allowed = [o for o in outcomes if plain.enforce(role, purpose, object_, action.value, o.value)]
            compiled = _stated(grant, object_, action)
            if action is Action.READ and object_ in set(Guard):
                agrees = allowed == [compiled]  # reading is stated, denied too
            else:
                agrees = allowed == ([compiled] if compiled is not Verdict.DENIED else [])
            differing += [] if agrees else [(role, purpose, object_, action)]

    assert differing == []


def test_plain_casbin_allows_nothing_to_a_pair_that_has_no_grant(plain: casbin.Enforcer, policies: Policies) -> None:
    others = [(r, p) for r in policies.register.roles for p in Purpose if not policies.allows(r, p)]

    assert len(others) == 14 * 11 - 20
    for number, (role, purpose) in enumerate(others):
        assert plain.get_filtered_policy(0, role, purpose.value) == []
        object_, action = list(CELLS)[number % len(CELLS)]
        assert not plain.enforce(role, purpose.value, object_, action.value, "clear")
