"""Trusted documents: every one that is shipped is served, approved, and runs."""

from collections.abc import Mapping
from typing import Any

import pytest
from graphql import parse

from member_hub.graphql.shelves import Trusted
from tests.graphql.conftest import Town
from tests.graphql.notices import publish
from tests.graphql.trusting import BY, ROLES, SHIPPED_SHELVES
from tests.graphql.world import WHOLE, People, World

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
