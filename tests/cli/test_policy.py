"""`member-hub policy` and `schema`: what they say about the shipped policy and the schema, and what they refuse."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from member_hub import resources
from member_hub.access import Action, Guard, Key, Policies
from member_hub.cli import cli
from member_hub.doctor import Verdict, examine
from member_hub.errors import BadInput, Misconfigured
from member_hub.organisation import PolicyError
from member_hub.settings import Settings


def said(*words: str) -> Result:
    return CliRunner().invoke(cli, words)


def pair_that_may_look_up(key: Key) -> tuple[str, str]:
    grants = Policies.load(resources.folder("policies")).grants
    return next(pair for pair, grant in grants.items() if grant.may_look_up(key))


def test_a_field_is_explained_by_its_short_name_and_with_its_look_up() -> None:
    pair = pair_that_may_look_up(Key.PHONE)

    long, short = (said("policy", "explain", *pair, field, "--json") for field in ("member.phone", "phone"))

    assert short.output == long.output
    found = json.loads(long.output)
    of_fields = ["read", "filter", "sort", "aggregate", "write", "present", "reveal", "in_case"]
    assert list(found) == ["rows", "no_rows_because", "consent", *of_fields, "lookup"]
    assert found["lookup"] == "matched"


def test_a_key_is_explained_by_its_rows_and_its_look_up() -> None:
    pair = pair_that_may_look_up(Key.UNIONID)

    found = json.loads(said("policy", "explain", *pair, "key:unionid", "--json").output)

    assert (list(found), found["lookup"]) == (["rows", "no_rows_because", "consent", "lookup"], "matched")
    assert said("policy", "explain", *pair, "key:unionid").output.endswith("lookup           matched\n")


def test_a_field_that_is_no_key_has_no_look_up() -> None:
    found = json.loads(said("policy", "explain", *pair_that_may_look_up(Key.PHONE), "name", "--json").output)

    assert "lookup" not in found


@pytest.mark.parametrize("field", ["nonsense", "member.nonsense", "key:name", "member.unionid", ""])
def test_an_unknown_field_is_refused_and_the_known_ones_are_named(field: str) -> None:
    refused = said("policy", "explain", *pair_that_may_look_up(Key.PHONE), field)

    assert (refused.exit_code, refused.output) == (1, "")
    assert isinstance(refused.exception, BadInput)
    named = str(refused.exception)
    assert [known for known in (*Guard, *(f"key:{key}" for key in Key)) if known not in named] == []


def test_the_matrix_as_json_says_what_every_grant_says() -> None:
    policies = Policies.load(resources.folder("policies"), consent_keys={"marketing", "personalisation"})

    shown = json.loads(said("policy", "show", "--json").output)

    assert [(each["role"], each["purpose"]) for each in shown] == list(policies.register.pairs)
    for each in shown:
        grant = policies.grant(each["role"], each["purpose"])
        read = {name: field["read"] for name, field in each["fields"].items() if "read" in field}
        assert read == {g: grant.read(g) for g in Guard}
        assert each["fields"]["member.membership"]["aggregate"] == grant.verdict("member.membership", Action.AGGREGATE)
        assert (set(each["lookup"]), set(each["call"])) == (grant.lookup_keys, grant.operations)
        assert each["rows"] == grant.rows


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The operator's own, which a fact may spoil."""
    copied = Path(shutil.copytree(resources.folder("policies"), tmp_path / "policies"))
    monkeypatch.setenv("MEMBER_HUB_POLICY_DIR", str(copied))
    monkeypatch.setenv("MEMBER_HUB_DATA_DIR", str(tmp_path / "data"))
    return copied


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), "utf-8")


NAME = "p, sales_associate, member_service, member.name, read, {}"


def test_a_good_folder_is_good_with_its_cases(folder: Path) -> None:
    policies, cases = Policies.load(folder), len((folder / "cases.csv").read_text("utf-8").splitlines()) - 1

    text, as_json = said("policy", "check"), said("policy", "check", "--json")

    assert (text.exit_code, text.output) == (
        0,
        f"The policy is good. 策略无误。 version {policies.version}, {len(policies.grants)} grants, {cases} cases.\n",
    )
    assert json.loads(as_json.output) == {
        "version": policies.version,
        "grants": len(policies.grants),
        "cases": cases,
        "findings": [],
    }


def test_a_wider_policy_is_told_by_its_case_and_its_matrix(folder: Path) -> None:
    edit(folder / "policy.csv", NAME.format("masked"), NAME.format("clear"))

    text, as_json = said("policy", "check"), said("policy", "check", "--json")

    lines = (folder / "cases.csv").read_text("utf-8").splitlines()
    line = lines.index("sales_associate,member_service,member.name,read,masked,enough to greet by surname") + 1
    asked = "sales_associate, member_service, member.name, read"
    reason = f"{asked}: expected masked, is clear (enough to greet by surname)"
    assert (text.exit_code, as_json.exit_code) == (1, 1)
    assert isinstance(text.exception, Misconfigured)
    assert text.output.splitlines()[0] == f"cases.csv, line {line}: {reason}"
    assert json.loads(as_json.output)["findings"] == [
        {"file": "cases.csv", "line": line, "reason": reason},
        {
            "file": "matrix.txt",
            "line": 0,
            "reason": "is not the matrix of this policy; write it anew with `member-hub policy show`",
        },
    ]


def test_an_app_without_its_role_is_told(folder: Path) -> None:
    edit(folder / "organisation.toml", 'role = "app_checkout"', 'role = "dpo"')

    found = json.loads(said("policy", "check", "--json").output)["findings"]

    assert [one["reason"] for one in found] == ["the app 'checkout' acts as 'dpo', which is no role of an app"]


def test_a_folder_that_does_not_load_is_refused_with_its_place(folder: Path) -> None:
    edit(folder / "policy.csv", NAME.format("masked"), NAME.format("cleer"))
    line = (folder / "policy.csv").read_text("utf-8").splitlines().index(NAME.format("cleer")) + 1

    refused = said("policy", "check", "--json")

    reason = "'cleer' is not an outcome of read on member.name"
    assert (refused.exit_code, json.loads(refused.output)) == (
        1,
        {"refused": {"file": "policy.csv", "line": line, "reason": reason}},
    )
    assert str(refused.exception).startswith(f"policy.csv, line {line}: {reason}. ")


def test_a_field_is_explained_with_role_purpose_and_legal_basis_in_chinese() -> None:
    lines = said("policy", "explain", "store_manager", "customer_support", "phone").output.splitlines()

    assert lines[0] == "role             store_manager  店长 / store manager"
    assert lines[1].startswith("purpose          customer_support  客户支持")
    assert " / Customer support" in lines[1]
    assert lines[1].endswith("PIPL 13(1)(2)")
    assert lines[4:7] == ["consent          -", "read             masked", "filter           denied"]


def test_an_operation_and_the_facts_of_a_membership_are_explained() -> None:
    who = ("policy", "explain", "marketing_analyst", "analytics")

    assert json.loads(said(*who, "operation:memberStatistics", "--json").output)["call"] == "clear"
    assert json.loads(said(*who, "operation:memberList", "--json").output)["call"] == "denied"
    facts = json.loads(said(*who, "membership", "--json").output)
    assert facts == {
        "rows": "none",
        "no_rows_because": "policy",
        "consent": None,
        "filter": "denied",
        "aggregate": "clear",
    }


def test_the_schema_check_answers_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    current = said("schema", "check", "--json")
    (tmp_path / "member_hub.graphql").write_text("type Query", "utf-8")
    monkeypatch.setattr(resources, "folder", lambda _name: tmp_path)

    stale = said("schema", "check", "--json")

    assert (current.exit_code, json.loads(current.output)) == (0, {"current": True})
    assert (stale.exit_code, json.loads(stale.output)) == (1, {"current": False})
    assert isinstance(stale.exception, Misconfigured)


@pytest.mark.parametrize(
    ("role", "purpose", "named"),
    [
        ("manager", "customer_support", ("sales_associate", "store_manager", "app_crm", "dpo")),
        ("store_manager", "selling", ("member_service", "customer_support")),
        ("store_manager", "analytics", ("member_service", "customer_support")),
    ],
)
def test_an_unknown_role_or_purpose_is_refused_and_the_known_ones_are_named(
    role: str, purpose: str, named: tuple[str, ...]
) -> None:
    refused = said("policy", "explain", role, purpose, "phone")

    assert (refused.exit_code, refused.output) == (1, "")
    assert isinstance(refused.exception, BadInput)
    assert [each for each in named if each not in str(refused.exception)] == []


def test_an_operation_is_explained_by_its_short_name() -> None:
    short, long = (
        said("policy", "explain", "sales_associate", "member_service", name, "--json").output
        for name in ("memberEnrol", "operation:memberEnrol")
    )

    assert short == long
    assert json.loads(short)["call"] == "clear"


def test_a_policy_folder_that_is_missing_is_named_and_nothing_is_said_to_be_in_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEMBER_HUB_POLICY_DIR", str(tmp_path / "gone"))

    refused = said("policy", "check")

    assert str(refused.exception) == (
        "the policy folder gone: is missing, or is no folder. "
        "Correct it, and check it again with `member-hub policy check`."
    )


@pytest.mark.parametrize(
    ("lost", "named"),
    [
        (["tags"], "[tags]"),
        (["benefits"], "[benefits]"),
        (["tiers", "tags", "benefits"], "[tiers], [tags], [benefits]"),
    ],
)
def test_a_programme_of_before_a_part_was_there_is_told_what_to_copy_and_from_where(
    folder: Path, lost: list[str], named: str
) -> None:
    without(folder / "programme.toml", lost)

    refused = said("policy", "check")
    found = json.loads(said("policy", "check", "--json").output)

    assert refused.exit_code == 1
    assert isinstance(refused.exception, PolicyError)
    assert refused.exception.what.startswith(f"programme.toml: it lacks {named}, which this version needs")
    assert str(resources.folder("policies") / "programme.toml") in refused.exception.remedy
    assert (found["refused"]["file"], found["refused"]["line"]) == ("programme.toml", 0)


async def test_the_doctor_says_the_same_of_the_programme_and_is_not_well(folder: Path) -> None:
    settings = Settings.from_environ()
    (well,) = [one for one in await examine(settings) if one.name == "loyalty programme"]
    assert (well.verdict, well.says) == (Verdict.OK, str(folder / "programme.toml"))

    without(folder / "programme.toml", ["tags"])

    (ill,) = [one for one in await examine(settings) if one.name == "loyalty programme"]
    assert (ill.verdict, ill.says[:31]) == (Verdict.FAIL, "programme.toml: it lacks [tags]")
    assert "Copy what is missing" in ill.remedy


def test_a_slip_in_any_part_of_the_programme_is_found_by_the_check(folder: Path) -> None:
    edit(folder / "programme.toml", "void_minutes = 1440", "void_minutes = 'a day'")

    refused = said("policy", "check")

    assert isinstance(refused.exception, PolicyError)
    assert "programme.toml" in refused.exception.what
    assert "void_minutes" in refused.exception.what


def without(file: Path, parts: list[str]) -> None:
    """The programme as it was before these tables were there."""
    kept, is_lost = [], False
    for line in file.read_text("utf-8").splitlines():
        if line.startswith("["):
            is_lost = line.strip("[]").partition(".")[0] in parts
        if not is_lost:
            kept.append(line)
    file.write_text("\n".join(kept) + "\n", "utf-8")
