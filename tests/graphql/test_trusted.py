"""Trusted documents: what is registered, what may be read by it, and that apps send nothing else in production."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from graphql import parse

from member_hub import resources
from member_hub.access import caller_from
from member_hub.cli import cli
from member_hub.errors import HubError, Misconfigured
from member_hub.graphql import Answer, Api, Asked
from member_hub.graphql.documents import Documents
from member_hub.graphql.problems import Language
from member_hub.graphql.readings import reads
from member_hub.graphql.schema import core_schema
from member_hub.graphql.shelves import Shelf, Trusted, fields_text, read_shelves
from member_hub.ids import uuid7
from member_hub.settings import Mode
from tests.graphql.conftest import Town
from tests.graphql.notices import publish
from tests.graphql.world import NOW, WHOLE, People, World

SHIPPED = resources.folder("schema") / "operations"
ROLES = {
    "checkout": "app_checkout",
    "crm": "app_crm",
    "mini_program": "app_mini_program",
    "staff": "store_manager",
    "member": "member",
}
AT_TILL = "query AtTill($by: MemberKey!) { member(by: $by) { id name { display } } }\n"
BY = {"by": {"phone": WHOLE["phone"]}}


def shelves(folder: Path) -> dict[str, Shelf]:
    return read_shelves(folder, core_schema(), Documents(core_schema(), introspects=False))


SHIPPED_SHELVES = shelves(SHIPPED)
EACH = [(owner, one) for owner, shelf in SHIPPED_SHELVES.items() for one in shelf.documents]
MUTATIONS = [(owner, one) for owner, one in EACH if "\nmutation " in one.text]
AT_THE_TILL = ("SendPhoneCode", "ShowMemberCode")
OF_NOTICES = ("ReadNotice", "NoticeShown")
OF_POINTS = (
    "EarnPoints",
    "RedeemPoints",
    "HoldPoints",
    "CapturePoints",
    "ReleasePoints",
    "ReversePoints",
    "GivePoints",
)
OF_RECORDS = ("RecordOrder", "RecordActivity")
OF_BENEFITS = ("IssueBenefit", "UseBenefit", "VoidBenefit")
QUERIES = [each for each in EACH if each not in MUTATIONS and each[1].name not in OF_NOTICES]
NOT_CHANGES = (*AT_THE_TILL, *OF_NOTICES, *OF_POINTS, *OF_RECORDS, *OF_BENEFITS, "AuthoriseSend")
CHANGES = [(owner, one) for owner, one in MUTATIONS if one.name not in NOT_CHANGES]


def write(folder: Path, owner: str, files: Mapping[str, str], fields: frozenset[str] = frozenset()) -> None:
    (folder / owner).mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / owner / name).write_text(text, "utf-8")
    (folder / owner / "fields.txt").write_text(fields_text(fields), "utf-8")


def id_of(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


async def answered(world: World, api: Api, role: str, asked: Asked, **claims: Any) -> Answer:
    verified = world.tokens.verify(world.token(role, **claims), NOW)
    caller = caller_from(verified, None, world.hub.policies, world.hub.organisation, request_id=uuid7())
    return await api.answer(asked, caller, Language.EN)


def api_of(world: World, folder: Path | None = None, mode: Mode = Mode.PRODUCTION) -> Api:
    return Api(replace(world.hub, settings=replace(world.hub.settings, mode=mode, operations_dir=folder)))


def test_every_shipped_document_is_served_and_its_fields_are_those_approved() -> None:
    assert set(SHIPPED_SHELVES) == set(ROLES)
    for shelf in SHIPPED_SHELVES.values():
        assert (shelf.problems, shelf.newly_read, len(shelf.served)) == ({}, {}, len(shelf.documents))
        assert shelf.approved == shelf.fields


@pytest.mark.parametrize(("owner", "one"), QUERIES, ids=[f"{owner}-{one.name}" for owner, one in QUERIES])
async def test_every_shipped_query_runs(town: Town, owner: str, one: Trusted) -> None:
    key = {"unionid": WHOLE["unionid"]} if owner == "mini_program" else BY["by"]
    stated = {"by": [key] if one.name == "MembersByKeys" else key, "first": 2}
    about = {"member": town.people.whole} if owner == "member" else {}

    assert await run_by_id(town, owner, one, stated, **about)


async def test_the_shipped_documents_of_the_till_run(world: World, people: People) -> None:
    shelves = {(owner, one.name): one for owner, shelf in SHIPPED_SHELVES.items() for one in shelf.documents}
    sent, shown = shelves["checkout", "SendPhoneCode"], shelves["mini_program", "ShowMemberCode"]

    code_sent = await run_by_id(world, "checkout", sent, {"phone": WHOLE["phone"]})
    code_shown = await run_by_id(world, "mini_program", shown, {}, member=people.whole)

    assert (code_sent, code_shown["userErrors"]) == ({"expiresInS": 300, "userErrors": []}, [])


@pytest.mark.parametrize("owner", [owner for owner, one in EACH if one.name == "ReadNotice"])
async def test_the_shipped_documents_of_notices_run(world: World, people: People, owner: str) -> None:
    shelves = {(owner, one.name): one for owner, one in EACH}
    notice = await publish(world)
    about = {"member": people.whole} if owner in {"member", "mini_program"} else {}

    read = await run_by_id(world, owner, shelves[owner, "ReadNotice"], {}, **about)
    said = {"member": str(people.whole), "notice": read["id"], "locale": "ZH", "byWayOf": "APP"}
    shown = await run_by_id(world, owner, shelves[owner, "NoticeShown"], {"input": said}, **about)

    assert (read["id"], shown["userErrors"]) == (notice, [])


async def test_the_shipped_document_of_sending_runs(world: World, people: People) -> None:
    (one,) = [one for one in SHIPPED_SHELVES["crm"].documents if one.name == "AuthoriseSend"]
    stated = {"purpose": "MEMBER_SERVICE", "channel": "SMS", "items": [{"member": str(people.whole)}]}

    found = await run_by_id(world, "crm", one, {"input": stated})

    assert ([answer["reason"] for answer in found["answers"]], found["userErrors"]) == (["ALLOWED"], [])


async def test_the_shipped_documents_of_benefits_run(world: World, people: People) -> None:
    documents = {(owner, one.name): one for owner, one in EACH if one.name in OF_BENEFITS}

    async def run(owner: str, name: str, key: str, said: Mapping[str, Any], **about: Any) -> Any:
        return await run_by_id(world, owner, documents[owner, name], {"input": said, "idempotencyKey": key}, **about)

    coupon = {"member": str(people.whole), "benefit": "goodwill_coupon"}
    issued = await run("crm", "IssueBenefit", "k1", coupon | {"reason": "CAMPAIGN"})
    used = await run("checkout", "UseBenefit", "k2", coupon | {"store": "SH001"})
    voided = await run("checkout", "VoidBenefit", "k3", {"use": used["use"]["id"]})
    again = await run("mini_program", "UseBenefit", "k4", {"benefit": "goodwill_coupon"}, member=people.whole)

    assert [one["userErrors"] for one in (issued, used, voided, again)] == [[]] * 4
    left = [one["entitlement"]["remaining"] for one in (used, voided, again)]
    assert (issued["entitlement"]["quantity"], left) == (1, [0, 1, 0])


@pytest.mark.parametrize(("owner", "one"), CHANGES, ids=[f"{owner}-{one.name}" for owner, one in CHANGES])
async def test_every_shipped_change_of_a_member_runs(world: World, people: People, owner: str, one: Trusted) -> None:
    who = await world.ask("app_crm", f'{{ member(by: {{id: "{people.whole}"}}) {{ version }} }}')
    stated: dict[str, Any] = {
        "id": str(people.whole),
        "expectedVersion": who["member"]["version"],
        "idempotencyKey": "k",
    }
    is_update = one.name == "UpdateProfile"
    if is_update:
        stated["input"] = {"name": "欧阳娜"}
    elif owner == "mini_program":
        stated["input"] = {"channel": "APP", "account": "app-user-9", "appid": "wx_mini_1"}
    else:
        stated["input"] = {"channel": "STORE", "account": "8868999999", "homeStore": "SH001"}
    about = {"member": people.whole} if is_update and owner in {"member", "mini_program"} else {}

    found = await run_by_id(world, owner, one, stated, **about)

    assert found["userErrors"] == []
    assert found["member"]["id"]


@pytest.mark.parametrize("owner", ["checkout", "crm", "mini_program"])
async def test_the_shipped_documents_of_points_run(world: World, people: People, owner: str) -> None:
    """In an order in which each has what it needs; what is held is captured once and released once."""
    shelves = {one.name: one for each, one in EACH if each == owner and one.name in OF_POINTS}
    about = {"member": people.whole} if owner == "mini_program" else {}
    whose, hold = {"member": str(people.whole)}, ""
    order = ["Earn", "Redeem", "Reverse", "Hold", "Capture", "Hold", "Release", "Give"]
    for number, name in enumerate(f"{one}Points" for one in order):
        if name not in shelves:
            continue
        stated: dict[str, Any] = {
            "EarnPoints": {"kind": "TASK", "amount": 500},
            "ReversePoints": {"operation": hold},
            "CapturePoints": {"hold": hold},
            "ReleasePoints": {"hold": hold},
            "GivePoints": {"to": str(people.southern), "amount": 10},
        }.get(name, {"amount": 20})

        variables = {"input": whose | stated, "idempotencyKey": f"k-{number}"}
        found = await run_by_id(world, owner, shelves[name], variables, **about)

        assert found["userErrors"] == [], name
        hold = found["receipt"]["operationId"]


@pytest.mark.parametrize("owner", ["checkout", "crm", "mini_program"])
async def test_the_shipped_documents_of_recording_run(world: World, people: People, owner: str) -> None:
    shelves = {one.name: one for each, one in EACH if each == owner and one.name in OF_RECORDS}
    about = {"member": people.whole} if owner == "mini_program" else {}
    whose = {} if about else {"member": str(people.whole)}
    order = whose | {"channel": "APP", "orderNo": "T-1", "lines": [{"lineNo": 1, "amountFen": 5_000}]}
    visit = whose | {"channel": "APP", "kind": "VISIT", "count": 1}

    variables = {"input": order, "idempotencyKey": "k-1"}
    bought = await run_by_id(world, owner, shelves["RecordOrder"], variables, **about)
    variables = {"input": visit, "idempotencyKey": "k-2"}
    active = await run_by_id(world, owner, shelves["RecordActivity"], variables, **about)

    assert bought == {
        "member": {"id": bought["member"]["id"]},
        "receipt": {"points": 50, "takenBack": 0, "growth": 50, "duplicates": 0, "tier": "core"},
        "userErrors": [],
    }
    assert active == {"growth": 1, "userErrors": []}


async def run_by_id(world: World, owner: str, one: Trusted, stated: Mapping[str, Any], **about: Any) -> Any:
    """What the only root field gives, asked for by the document's id."""
    declared = {v.variable.name.value for v in parse(one.text).definitions[0].variable_definitions or ()}  # type: ignore[union-attr]
    sent = {"documentId": one.id, "variables": {name: value for name, value in stated.items() if name in declared}}
    headers = {"Authorization": f"Bearer {world.token(ROLES[owner], **about)}"}
    answer = (await world.client.post("/graphql", json=sent, headers=headers)).json()
    assert "errors" not in answer, answer
    (found,) = answer["data"].values()
    return found


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


def said(*words: str) -> Result:
    return CliRunner().invoke(cli, words)


def test_the_served_documents_are_listed_with_their_ids() -> None:
    listed = json.loads(said("schema", "documents", "list", "--json").output)

    text = (SHIPPED / "checkout" / "MemberAtTill.graphql").read_text("utf-8")
    assert listed["checkout"]["MemberAtTill"] == id_of(text)
    assert {owner: len(ids) for owner, ids in listed.items()} == {
        o: len(s.documents) for o, s in SHIPPED_SHELVES.items()
    }


def test_nothing_is_approved_beside_a_broken_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMBER_HUB_OPERATIONS_DIR", str(tmp_path))
    write(tmp_path, "crm", {"AtTill.graphql": AT_TILL, "Broken.graphql": "{"})
    before = (tmp_path / "crm" / "fields.txt").read_bytes()

    assert said("schema", "documents", "approve", "crm").exit_code == 1
    assert said("schema", "documents", "approve", "nobody").exit_code == 1
    assert (tmp_path / "crm" / "fields.txt").read_bytes() == before


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
