"""A policy file that is not exactly right stops the load and says where and why."""

from collections.abc import Callable
from pathlib import Path

import pytest

from member_hub.access import Policies
from member_hub.access.loader import MODEL_TEXT
from member_hub.access.words import FIGURES
from member_hub.errors import Misconfigured
from member_hub.organisation import PolicyError

Edit = Callable[..., Path]
FIRST = "p, member, member_service, rows:self, read, clear\n"


def _refused(folder: Path) -> PolicyError:
    with pytest.raises(PolicyError) as caught:
        Policies.load(folder)
    assert isinstance(caught.value, Misconfigured)
    assert caught.value.reason
    return caught.value


@pytest.mark.parametrize(
    ("new", "reason"),
    [
        (f"# who\n{FIRST}", "is a comment"),
        (f"\n{FIRST}", "is blank"),
        (f"   \n{FIRST}", "is blank"),
        ('p, "member", member_service, rows:self, read, clear\n', "quotation mark"),
        ("p, member, member_service, rows:self, read\n", "has 5 words"),
        ("p, member, member_service, rows:self, read, clear, allow\n", "has 7 words"),
        ("p,member, member_service, rows:self, read, clear\n", "has 5 words"),
        ("p,  member, member_service, rows:self, read, clear\n", "stray space"),
        ("p, member, member_service, rows:self, read, clear \n", "stray space"),
        ("p, member, member_service, rows:self, read, \n", "empty word"),
        ("p2, member, member_service, rows:self, read, clear\n", "starts with 'p2'"),
        ("g, member, member_service, rows:self, read, clear\n", "starts with 'g'"),
        ("p, manager, member_service, rows:self, read, clear\n", "'manager' is not a role"),
        ("p, system, member_service, rows:self, read, clear\n", "'system' is not a role"),
        ("p, member, service, rows:self, read, clear\n", "'service' is not a purpose of member"),
        ("p, member, marketing, rows:self, read, clear\n", "'marketing' is not a purpose of member"),
        ("p, member, member_service, rows:mine, read, clear\n", "'rows:mine' is not an object"),
        ("p, member, member_service, *, read, clear\n", "'*' is not an object"),
        ("p, member, member_service, rows:self, see, clear\n", "'see' is not an action on rows:self"),
        ("p, member, member_service, rows:self, write, clear\n", "'write' is not an action on rows:self"),
        ("p, member, member_service, rows:self, read, allow\n", "'allow' is not an outcome"),
        ("p, member, member_service, rows:self, read, masked\n", "'masked' is not an outcome"),
    ],
)
def test_a_line_that_is_not_a_policy_line_stops_the_load(edit: Edit, new: str, reason: str) -> None:
    folder = edit("policy.csv", FIRST, new)

    refusal = _refused(folder)

    assert (refusal.file, refusal.line) == ("policy.csv", 1)
    assert reason in refusal.reason
    assert str(refusal).startswith("policy.csv, line 1: ")


@pytest.mark.parametrize("file", ["model.conf", "register.toml", "policy.csv"])
@pytest.mark.parametrize(
    ("spoil", "line", "reason"),
    [
        (lambda raw: b"\xef\xbb\xbf" + raw, 1, "byte order mark"),
        (lambda raw: raw.replace(b"\n", b"\r\n", 1), 1, "carriage return"),
        (lambda raw: raw.replace(b"\n", "\u200b\n".encode(), 1), 1, "invisible character U+200B"),
        (lambda raw: raw.replace(b"\n", b"\x00\n", 1), 1, "invisible character U+0000"),
        (lambda raw: raw.replace(b"\n", b"\t\n", 1), 1, "invisible character U+0009"),
        (lambda raw: raw.replace(b"\n", b"\n\xff", 1), 2, "not UTF-8"),
        (lambda raw: raw[:-1], -1, "cut off"),
        (lambda raw: raw + b" " * (1 << 20), 0, "larger than 1 MiB"),
    ],
)
def test_what_an_editor_brings_in_unseen_stops_the_load(
    folder: Path, file: str, spoil: Callable[[bytes], bytes], line: int, reason: str
) -> None:
    raw = (folder / file).read_bytes()
    (folder / file).write_bytes(spoil(raw))

    refusal = _refused(folder)

    assert (refusal.file, refusal.line) == (file, line if line >= 0 else raw.count(b"\n"))
    assert reason in refusal.reason


@pytest.mark.parametrize("file", ["model.conf", "register.toml", "policy.csv"])
def test_a_missing_file_stops_the_load(folder: Path, file: str) -> None:
    (folder / file).unlink()

    assert (_refused(folder).file, _refused(folder).line) == (file, 0)


def test_an_empty_policy_grants_nothing_and_is_refused(folder: Path) -> None:
    (folder / "policy.csv").write_bytes(b"\n")

    assert "is blank" in _refused(folder).reason


def test_saying_a_thing_twice_is_refused_even_in_the_same_words(edit: Edit) -> None:
    again = "p, member, member_service, member.name, read, clear\n"

    refusal = _refused(edit("policy.csv", again, again + again))

    assert (refusal.line, refusal.reason) == (3, "says again what line 2 says")


def test_saying_two_things_of_one_field_is_refused(edit: Edit) -> None:
    line = "p, dpo, rights_handling, member.name, read, masked\n"

    refusal = _refused(edit("policy.csv", line, line + line.replace("masked", "clear")))

    assert "says again" in refusal.reason


def test_a_field_whose_reading_is_not_stated_is_refused(edit: Edit) -> None:
    folder = edit("policy.csv", "p, auditor, security_audit, member.tags, read, denied\n", "")

    assert _refused(folder).reason == "auditor, security_audit: the reading of member.tags is not stated"


def test_a_role_without_a_row_scope_is_refused(edit: Edit) -> None:
    assert _refused(edit("policy.csv", FIRST, "")).reason == (
        "member, member_service: states 0 row scopes instead of one"
    )


def test_a_role_with_two_row_scopes_is_refused(edit: Edit) -> None:
    folder = edit("policy.csv", FIRST, FIRST + FIRST.replace("self", "none"))

    assert "states 2 row scopes" in _refused(folder).reason


@pytest.mark.parametrize("operation", ["member", "members"])
def test_member_and_members_are_granted_together_or_not_at_all(edit: Edit, operation: str) -> None:
    folder = edit("policy.csv", f"p, dpo, rights_handling, operation:{operation}, call, clear\n", "")

    assert _refused(folder).reason == "the operations member and members are stated together or not at all"


@pytest.mark.parametrize(
    ("lost", "reason"),
    [
        ("aggregates:handler, aggregate", "memberStatistics may be asked for, and whom it counts is not stated"),
        ("aggregates:handler, aggregate", "member.gender may be counted by, and who is counted is not stated"),
    ],
)
def test_figures_without_whom_they_count_are_refused(edit: Edit, lost: str, reason: str) -> None:
    folder = edit("policy.csv", f"p, marketing_analyst, analytics, {lost}, clear\n", "")
    if "counted by" in reason:
        for operation in FIGURES:
            edit("policy.csv", f"p, marketing_analyst, analytics, operation:{operation}, call, clear\n", "")

    assert reason in _refused(folder).reason


def test_a_refusal_is_whole_sentences(edit: Edit) -> None:
    refusal = _refused(edit("policy.csv", FIRST, ""))

    assert str(refusal) == (
        "policy.csv: member, member_service: states 0 row scopes instead of one. "
        "Correct it, and check it again with `member-hub policy check`."
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("rows:self", "rows:all"),
        ("rows:own_stores", "rows:self"),
        ("rows:behalf", "rows:region"),
        ("rows:behalf", "rows:all"),
        ("rows:none", "rows:behalf"),
    ],
)
def test_a_row_scope_has_to_fit_the_kind_of_role(edit: Edit, old: str, new: str) -> None:
    refusal = _refused(edit("policy.csv", old, new))

    assert "does not fit" in refusal.reason
    assert refusal.line > 0


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("p, app_checkout, member_service, member.phone, sort, clear\n", "sort by member.phone would show what"),
        ("p, app_checkout, member_service, member.phone, filter, clear\n", "filter by member.phone would show what"),
        ("p, sales_associate, member_service, member.phone, filter, clear\n", "is read masked"),
        ("p, app_checkout, member_service, member.phone, write, clear\n", "may not be written by whom it is denied"),
    ],
)
def test_a_right_that_shows_what_may_not_be_read_is_refused(edit: Edit, line: str, reason: str) -> None:
    refusal = _refused(edit("policy.csv", FIRST, FIRST + line))

    assert reason in refusal.reason
    assert refusal.line == 2


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("store_manager, member_service, member.phone, present, masked", None),
        ("store_manager, member_service, member.address, present, clear", "more of a member who is presented"),
        ("sales_associate, member_service, member.orders, present, clear", "more of a member who is presented"),
        ("support_agent, customer_support, member.name, present, masked", "rows:handler present is not"),
        ("member, member_service, rows:handler, present, clear", "nobody presents himself to a member"),
        ("sales_associate, member_service, rows:region, present, clear", "'present' is not an action on rows:region"),
        ("sales_associate, member_service, member.phone, reveal, clear", None),
        ("sales_associate, member_service, member.address, reveal, clear", "is read denied; only what is masked"),
        ("store_manager, member_service, member.name, reveal, clear", "is read clear; only what is masked is revealed"),
        ("marketing_analyst, analytics, member.name, in_case, clear", "a case would show member.name to whom it is"),
        ("sales_associate, member_service, member.phone, reveal, masked", "'masked' is not an outcome of reveal"),
        ("sales_associate, member_service, member.gender, reveal, clear", "'reveal' is not an action on member.gender"),
        ("store_manager, member_service, member.accounts, reveal, clear", "'reveal' is not an action on"),
        ("app_crm, member_service, member.birthday, reveal, clear", "reveal is for staff, not for a role of kind app"),
        ("app_crm, member_service, member.birthday, in_case, clear", "in_case is for staff, not for a role of kind"),
    ],
)
def test_the_other_readings_of_a_field_lean_on_the_ordinary_one(edit: Edit, line: str, reason: str | None) -> None:
    folder = edit("policy.csv", FIRST, f"{FIRST}p, {line}\n")

    if reason is None:
        assert Policies.load(folder)
    else:
        refusal = _refused(folder)
        assert reason in refusal.reason
        assert refusal.line == 2


def test_asking_whether_a_masked_field_equals_a_value_may_be_granted(edit: Edit) -> None:
    line = "p, support_agent, customer_support, member.phone, filter, matched\n"

    grant = Policies.load(edit("policy.csv", FIRST, FIRST + line)).grant("support_agent", "customer_support")

    assert grant.may_filter("member.phone", exactly=True)
    assert not grant.may_filter("member.phone", exactly=False)


def test_the_model_is_fixed_text(edit: Edit, shipped: Path) -> None:
    assert (shipped / "model.conf").read_text("utf-8") == MODEL_TEXT

    refusal = _refused(edit("model.conf", "r.role == p.role", "r.role >= p.role"))

    assert (refusal.file, refusal.line) == ("model.conf", 11)


def test_a_longer_model_is_refused(folder: Path) -> None:
    (folder / "model.conf").write_text(f"{MODEL_TEXT}g = _, _\n", "utf-8")

    assert _refused(folder).file == "model.conf"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('kind = "staff"', 'kind = "clerk"', "'clerk' is not one of"),
        ('kind = "staff"', 'kind = "staff"\nnote = "x"', "unknown key 'note'"),
        ("item = 2\n", "", "the key 'item' is missing"),
        ("item = 2", "item = 8", "whole number from 1 to 7"),
        ("item = 2", "item = true", "whole number from 1 to 7"),
        ("item = 2", "item = 1", "consent is the basis (item 1) exactly where"),
        ("item = 1", "item = 2", "consent is the basis (item 1) exactly where"),
        ('consent_key = "marketing"', 'consent_key = "none"', "consent is the basis (item 1) exactly where"),
        ('consent_key = "marketing"', 'consent_key = "arketing"', "'arketing' is not registered"),
        ('article = "PIPL 13(1)(2)"', 'article = "PIPL 13(1)(3)"', "the article of item 2 is"),
        ("[purposes.marketing]", "[purposes.adverts]", "the purpose 'marketing' is missing"),
        ("[roles.dpo]", "[roles.system]", "'system' is not a role name"),
        ("[roles.dpo]", "[roles.DPO]", "'DPO' is not a role name"),
        ('purposes = ["rights_handling"]', 'purposes = ["rights"]', "'rights' is not a purpose"),
        ('purposes = ["rights_handling"]', "purposes = []", "at least one purpose"),
        ('zh = "店长"', 'zh = ""', "'zh' has to be a text"),
        ('zh = "店长"', 'zh = " 店长"', "'zh' has to be a text"),
        ('whom = ["staff"]', 'whom = ["stuff"]', "'stuff' is neither a role nor a kind"),
        ('whom = ["staff"]', "whom = []", "names whom it binds"),
        ('how = "any"', 'how = "some"', "'some' is not one of"),
        ("member.* read masked", "member.* read", "is not 'object action outcome'"),
        ("member.* read masked", "member.* read denied", "is not 'object action outcome'"),
        ("member.* read masked", "member.shoe read masked", "is nothing that a policy can grant"),
        ("[roles.auditor]", "[roles.dpo]", "is not TOML"),
        ("[roles.auditor]", "[roles.auditor", "is not TOML"),
        ("purposes = [", "purposes = 7 #[", "has to be a list of at most"),
    ],
)
def test_a_register_that_is_not_exactly_right_stops_the_load(edit: Edit, old: str, new: str, reason: str) -> None:
    refusal = _refused(edit("register.toml", old, new))

    assert refusal.file == "register.toml"
    assert reason in refusal.reason
    assert refusal.line > 0 or "missing" in reason


def test_a_refusal_names_the_line_of_the_table_that_is_wrong(edit: Edit, folder: Path) -> None:
    edit("register.toml", 'zh = "店长"', "zh = 7")
    lines = (folder / "register.toml").read_text("utf-8").split("\n")

    assert _refused(folder).line == lines.index("zh = 7") + 1


def test_a_role_of_the_register_that_no_line_speaks_of_is_refused(edit: Edit) -> None:
    more = '[roles.guest]\nkind = "staff"\nzh = "访客"\nen = "guest"\npurposes = ["analytics"]\n\n[roles.dpo]'

    assert "guest, analytics" in _refused(edit("register.toml", "[roles.dpo]", more)).reason
