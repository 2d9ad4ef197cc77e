"""Trusted documents: what is registered is served, and apps send nothing else in production."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from member_hub.errors import Misconfigured
from member_hub.graphql import Asked
from tests.graphql.conftest import Town
from tests.graphql.trusting import AT_TILL, BY, SHIPPED, SHIPPED_SHELVES, answered, api_of, id_of, said, shelves, write


async def test_production_executes_a_text_of_people(town: Town) -> None:
    """A person's grant bounds what may be asked; of a program it is known beforehand what it needs."""
    answer = await answered(town, api_of(town), "member", Asked("{ me { id } }", None, {}), member=town.people.whole)

    assert (answer.codes, answer.is_executed) == ([], True)
    assert answer.data is not None
    assert answer.data["me"] is not None


@pytest.mark.parametrize("role", ["app_crm", "app_checkout", "app_mini_program"])
async def test_production_executes_no_text_of_an_app(town: Town, role: str) -> None:
    before = len(await town.audited())

    answer = await answered(town, api_of(town), role, Asked("{ me { id } }", None, {}))

    assert (answer.codes, answer.data, answer.is_executed) == (["DOCUMENT_NOT_FOUND"], None, False)
    assert answer.errors[0]["extensions"]["field"] == "query"
    assert len(await town.audited()) == before


async def test_production_executes_what_is_registered_for_the_caller_and_nothing_of_others(town: Town) -> None:
    api = api_of(town)
    ids = {one.name: one.id for one in SHIPPED_SHELVES["checkout"].documents}
    by_id = Asked(None, None, BY, ids["MemberAtTill"])

    shown = await answered(town, api, "app_checkout", by_id)

    assert shown.errors == []
    assert shown.data is not None
    assert shown.data["member"]["name"] == {"display": "欧阳*", "state": "MASKED"}
    for role, asked in (
        ("app_crm", by_id),
        ("store_manager", by_id),
        ("app_checkout", replace(by_id, document_id=ids["MemberAtTill"].upper())),
        ("app_checkout", replace(by_id, document_id=ids["MemberAtTill"].removeprefix("sha256:"))),
        ("app_checkout", replace(by_id, document_id="../checkout/MemberAtTill.graphql")),
    ):
        assert (await answered(town, api, role, asked)).codes == ["DOCUMENT_NOT_FOUND"]


async def test_a_document_has_one_operation_and_another_name_is_none_of_it(town: Town) -> None:
    (one,) = [one for one in SHIPPED_SHELVES["checkout"].documents if one.name == "MemberAtTill"]

    named = await answered(town, api_of(town), "app_checkout", Asked(None, "MemberAtTill", BY, one.id))
    other = await answered(town, api_of(town), "app_checkout", Asked(None, "IntrospectionQuery", BY, one.id))

    assert named.codes == []
    assert (other.codes, other.is_executed) == (["BAD_USER_INPUT"], False)


async def test_an_app_registers_a_document_without_a_restart(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = [100.0]
    monkeypatch.setattr("member_hub.graphql.trusted.monotonic", lambda: seconds[0])
    write(tmp_path, "checkout", {}, frozenset({"member.name"}))
    api, asked = api_of(town, tmp_path), Asked(None, None, BY, id_of(AT_TILL))
    assert (await answered(town, api, "app_checkout", asked)).codes == ["DOCUMENT_NOT_FOUND"]

    (tmp_path / "checkout" / "AtTill.graphql").write_text(AT_TILL, "utf-8")
    assert (await answered(town, api, "app_checkout", asked)).codes == ["DOCUMENT_NOT_FOUND"]
    seconds[0] += 2
    assert (await answered(town, api, "app_checkout", asked)).codes == []

    (tmp_path / "checkout" / "AtTill.graphql").unlink()
    seconds[0] += 2
    assert (await answered(town, api, "app_checkout", asked)).codes == ["DOCUMENT_NOT_FOUND"]


async def test_where_the_folder_is_gone_the_last_good_one_holds(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("member_hub.graphql.trusted.RELOAD_S", 0)
    folder = tmp_path / "operations"
    folder.mkdir()
    write(folder, "checkout", {"AtTill.graphql": AT_TILL}, frozenset({"member.name"}))
    api, asked = api_of(town, folder), Asked(None, None, BY, id_of(AT_TILL))
    assert (await answered(town, api, "app_checkout", asked)).codes == []

    folder.rename(tmp_path / "away")

    assert (await answered(town, api, "app_checkout", asked)).codes == []
    assert "The trusted documents cannot be read (FileNotFoundError)" in caplog.text


async def test_a_hub_without_the_folder_does_not_start(town: Town, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="MEMBER_HUB_OPERATIONS_DIR"):
        api_of(town, tmp_path / "nothing")


BAD_FILES = {
    "Two.graphql": "query Two { __typename } query Three { __typename }",
    "Other.graphql": "query Another { __typename }",
    "Nameless.graphql": "{ __typename }",
    "Wrong.graphql": "query Wrong { nothing }",
    "Broken.graphql": "query Broken {",
    "Inspecting.graphql": "query Inspecting { __schema { queryType { name } } }",
    "Long.graphql": "query Long { __typename } #" + "x" * 20_000,
    "Empty.graphql": "",
}


def test_a_file_that_is_not_exactly_right_is_named_and_its_neighbours_are_served(tmp_path: Path) -> None:
    write(tmp_path, "crm", BAD_FILES | {"AtTill.graphql": AT_TILL, "notes.txt": "x"}, frozenset({"member.name"}))
    (tmp_path / "crm" / "Bytes.graphql").write_bytes(b"query Bytes { __typename } # \xff")

    shelf = shelves(tmp_path)["crm"]

    assert set(shelf.problems) == {*BAD_FILES, "Bytes.graphql"}
    assert [one.name for one in shelf.served.values()] == ["AtTill"]


def test_the_served_documents_are_listed_with_their_ids() -> None:
    listed = json.loads(said("schema", "documents", "list", "--json").output)

    text = (SHIPPED / "checkout" / "MemberAtTill.graphql").read_text("utf-8")
    assert listed["checkout"]["MemberAtTill"] == id_of(text)
    assert {owner: len(ids) for owner, ids in listed.items()} == {
        o: len(s.documents) for o, s in SHIPPED_SHELVES.items()
    }


@pytest.mark.parametrize(
    "body",
    [
        {"documentId": 1},
        {"documentId": ""},
        {"documentId": ["sha256:x"]},
        {"documentId": "x" * 201},
        {"documentId": "sha256:x", "query": "{ __typename }"},
        {"documentId": None},
        {},
    ],
)
async def test_a_request_is_a_text_or_an_id(town: Town, body: dict[str, Any]) -> None:
    headers = {"Authorization": f"Bearer {town.token('app_crm')}"}

    answer = await town.client.post("/graphql", json=body, headers=headers)

    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (400, "BAD_USER_INPUT")
