"""Trusted documents: which personal fields one reads, and what waits until they are approved."""

from dataclasses import replace
from pathlib import Path

import pytest
from graphql import parse

from member_hub.errors import HubError
from member_hub.graphql import Asked
from member_hub.graphql.readings import reads
from member_hub.graphql.schema import core_schema
from tests.graphql.conftest import Town
from tests.graphql.trusting import AT_TILL, BY, answered, api_of, id_of, said, shelves, write


async def test_what_newly_reads_a_personal_field_waits_for_approval(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("member_hub.graphql.trusted.RELOAD_S", 0)
    monkeypatch.setenv("MEMBER_HUB_OPERATIONS_DIR", str(tmp_path))
    more = "query More($by: MemberKey!) { member(by: $by) { name { display } phone { state } } }"
    write(tmp_path, "checkout", {"AtTill.graphql": AT_TILL, "More.graphql": more}, frozenset({"member.name"}))
    api, asked = api_of(town, tmp_path), Asked(None, None, BY, id_of(more))
    assert (await answered(town, api, "app_checkout", replace(asked, document_id=id_of(AT_TILL)))).codes == []
    assert (await answered(town, api, "app_checkout", asked)).codes == ["DOCUMENT_NOT_FOUND"]

    checked = said("schema", "documents", "check")
    assert (checked.exit_code, isinstance(checked.exception, HubError)) == (1, True)
    assert checked.output == "checkout: 1 of 2 served\n  + member.phone  (More)\n"
    assert said("schema", "documents", "approve", "checkout").output == "+ member.phone  (More)\n"

    assert said("schema", "documents", "check").output == "checkout: 2 of 2 served\n"
    assert (tmp_path / "checkout" / "fields.txt").read_text("utf-8").splitlines()[2:] == ["member.name", "member.phone"]
    assert (await answered(town, api, "app_checkout", asked)).codes == []


@pytest.mark.parametrize("line", ["member.nam", "Member.name", " member.name", "*", "member.name member.phone"])
def test_a_list_that_names_no_field_approves_nothing(tmp_path: Path, line: str) -> None:
    write(tmp_path, "crm", {"AtTill.graphql": AT_TILL})
    (tmp_path / "crm" / "fields.txt").write_text(f"member.name\n{line}\n", "utf-8")

    shelf = shelves(tmp_path)["crm"]

    assert (shelf.served, set(shelf.problems), shelf.newly_read) == ({}, {"fields.txt"}, {"member.name": ["AtTill"]})


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ("id status version", set()),
        ("x: phone { state }", {"phone"}),
        ("...F", {"email"}),
        ("... on Member { ... { birthday { value } } }", {"birthday"}),
        ("phone @skip(if: true) { value }", {"phone"}),
        ("accounts { channel account { state } }", {"accounts"}),
        ("accounts { channel }", set()),
        ("identifiers { kind }", set()),
        ("identifiers { v: value { state } }", {"identifiers", "phone", "email"}),
        ("provenance(field: ADDRESS) { source }", {"address"}),
        ("provenance(field: $f) { source }", {"name", "phone", "email", "birthday", "gender", "address"}),
        ("orders { state }", {"orders"}),
    ],
)
def test_what_a_document_reads(selection: str, expected: set[str]) -> None:
    fragment = "fragment F on Member { email { display } }" if "...F" in selection else ""
    document = parse(f"query ($f: ProfileField!) {{ me {{ {selection} }} }} {fragment}")

    assert reads(core_schema(), document) == {f"member.{field}" for field in expected}


ANY = {"name", "phone", "email", "birthday", "gender", "address"}


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("query { memberList(first: 9, filter: {gender: F}) { edges { node { id } } } }", {"gender"}),
        ("query ($g: Gender) { memberList(first: 9, filter: {gender: $g}) { edges { cursor } } }", {"gender"}),
        ("query ($f: MemberFilter) { memberList(first: 9, filter: $f) { edges { cursor } } }", {"gender"}),
        ("query ($s: String) { memberList(first: 9, filter: {homeStore: $s}) { edges { cursor } } }", set()),
        ("query { ...F } fragment F on Query { memberList(filter: {gender: M}) { edges { cursor } } }", {"gender"}),
        ("query { memberStatistics(groupBy: [STORE, GENDER]) { groups { count } } }", {"gender"}),
        ("query { memberStatistics(groupBy: GENDER) { groups { count } } }", {"gender"}),
        ("query { memberStatistics(groupBy: [STORE]) { groups { count } } }", set()),
        ("query { memberStatistics(groupBy: [STORE], filter: {gender: F}) { groups { count } } }", {"gender"}),
        ("query ($d: MemberDimension!) { memberStatistics(groupBy: [STORE, $d]) { roundedTo } }", {"gender"}),
        ("query ($d: [MemberDimension!]!) { memberStatistics(groupBy: $d) { roundedTo } }", {"gender"}),
        ('mutation { memberReveal(id: "x", field: PHONE, reason: DELIVERY) { value { value } } }', {"phone"}),
        (
            'mutation ($f: ProfileField!) { memberReveal(id: "x", field: $f, reason: DELIVERY) { value { state } } }',
            ANY,
        ),
        ('mutation { revealApprove(id: "x", field: EMAIL, grantedTo: "S-1") { expiresAt } }', {"email"}),
    ],
)
def test_naming_a_field_in_an_argument_is_reading_it(operation: str, expected: set[str]) -> None:
    assert reads(core_schema(), parse(operation)) == {f"member.{field}" for field in expected}


@pytest.mark.parametrize(
    ("text", "new"),
    [
        ("query Women { memberList(first: 9, filter: {gender: F}) { edges { node { id } } } }", "member.gender"),
        ("query Women { memberStatistics(groupBy: [GENDER]) { groups { count } } }", "member.gender"),
        (
            'mutation Women { memberReveal(id: "x", field: PHONE, reason: DELIVERY) { value { value } } }',
            "member.phone",
        ),
    ],
)
async def test_what_learns_of_a_field_by_an_argument_waits_for_approval(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, new: str
) -> None:
    monkeypatch.setattr("member_hub.graphql.trusted.RELOAD_S", 0)
    write(tmp_path, "crm", {"Women.graphql": text})
    api, asked = api_of(town, tmp_path), Asked(None, None, {}, id_of(text))
    assert (await answered(town, api, "app_crm", asked)).codes == ["DOCUMENT_NOT_FOUND"]
    assert shelves(tmp_path)["crm"].newly_read == {new: ["Women"]}

    write(tmp_path, "crm", {}, frozenset({new}))

    assert "DOCUMENT_NOT_FOUND" not in (await answered(town, api, "app_crm", asked)).codes


def test_nothing_is_approved_beside_a_broken_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMBER_HUB_OPERATIONS_DIR", str(tmp_path))
    write(tmp_path, "crm", {"AtTill.graphql": AT_TILL, "Broken.graphql": "{"})
    before = (tmp_path / "crm" / "fields.txt").read_bytes()

    assert said("schema", "documents", "approve", "crm").exit_code == 1
    assert said("schema", "documents", "approve", "nobody").exit_code == 1
    assert (tmp_path / "crm" / "fields.txt").read_bytes() == before
