"""`member-hub policy` and `schema`: what they say about the shipped policy and the schema, and what they refuse."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from member_hub import resources
from member_hub.access import Guard, Key, Policies
from member_hub.cli import cli
from member_hub.errors import BadInput, Misconfigured


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
    assert list(found) == ["rows", "no_rows_because", *of_fields, "lookup"]
    assert found["lookup"] == "matched"


def test_a_key_is_explained_by_its_rows_and_its_look_up() -> None:
    pair = pair_that_may_look_up(Key.UNIONID)

    found = json.loads(said("policy", "explain", *pair, "key:unionid", "--json").output)

    assert (list(found), found["lookup"]) == (["rows", "no_rows_because", "lookup"], "matched")
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
    policies = Policies.load(resources.folder("policies"))

    shown = json.loads(said("policy", "show", "--json").output)

    assert [(each["role"], each["purpose"]) for each in shown] == list(policies.register.pairs)
    for each in shown:
        grant = policies.grant(each["role"], each["purpose"])
        assert {name: field["read"] for name, field in each["fields"].items()} == {g: grant.read(g) for g in Guard}
        assert (set(each["lookup"]), set(each["call"])) == (grant.lookup_keys, grant.operations)
        assert each["rows"] == grant.rows


def test_the_schema_check_answers_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    current = said("schema", "check", "--json")
    (tmp_path / "member_hub.graphql").write_text("type Query", "utf-8")
    monkeypatch.setattr(resources, "folder", lambda _name: tmp_path)

    stale = said("schema", "check", "--json")

    assert (current.exit_code, json.loads(current.output)) == (0, {"current": True})
    assert (stale.exit_code, json.loads(stale.output)) == (1, {"current": False})
    assert isinstance(stale.exception, Misconfigured)
