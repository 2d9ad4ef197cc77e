"""Updating a profile: from the version that was read, by whom it is allowed, with effect, or nothing at all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from member_hub.db import transaction
from member_hub.members.tables import Channel
from tests.graphql.world import NOW, WHOLE, People, World, said

UPDATE = """mutation ($id: ID!, $version: Int!, $input: ProfileUpdateInput!) {
  profileUpdate(id: $id, expectedVersion: $version, input: $input) {
    member { id version name { display } address { display } }
    userErrors { field code message }
  }
}"""
READ = """query ($by: MemberKey!) { member(by: $by) { id version name { value } phone { value } email { value }
  address { value } birthday { display } gender { value } identifiers { kind status value { display } }
  provenance(field: ADDRESS) { value { value } source channel chosen } } }"""


async def update(
    world: World, role: str, who: object, stated: dict[str, Any], *, version: int | None = None, **about: Any
) -> tuple[dict[str, Any] | None, list[tuple[str, str]]]:
    version = (await read(world, who))["version"] if version is None else version
    variables = {"id": str(who), "version": version, "input": stated}
    found = (await world.ask(role, UPDATE, variables=variables, **about))["profileUpdate"]
    return found["member"], [(e["field"], e["code"]) for e in found["userErrors"]]


async def read(world: World, who: object) -> dict[str, Any]:
    found: dict[str, Any] = (await world.ask("app_crm", READ, variables={"by": {"id": str(who)}}))["member"]
    return found


@pytest.mark.parametrize("role", ["store_manager", "support_agent", "app_crm", "app_mini_program", "member"])
async def test_who_may_update_changes_what_the_profile_shows(world: World, people: People, role: str) -> None:
    about = {"member": people.whole} if role in ("member", "app_mini_program") else {}
    before = await read(world, people.whole)

    member, errors = await update(world, role, people.whole, {"address": "上海市黄浦区南京东路2号"}, **about)

    after = await read(world, people.whole)
    assert errors == []
    assert member is not None
    assert (member["id"], member["version"]) == (before["id"], before["version"] + 1)
    assert after["address"] == {"value": "上海市黄浦区南京东路2号"}
    assert after["name"] == before["name"]


@pytest.mark.parametrize("role", ["sales_associate", "region_manager", "membership_manager", "dpo", "app_checkout"])
async def test_nobody_else_may_update(world: World, people: People, role: str) -> None:
    before = await read(world, people.whole)

    variables = {"id": str(people.whole), "version": before["version"], "input": {"name": "李雷"}}
    codes = await world.refused(role, UPDATE, variables=variables)

    assert codes == ["FORBIDDEN"]
    assert await read(world, people.whole) == before
    assert [(r.operation, r.outcome) for r in (await world.audited())[1:2]] == [("profileUpdate", "FORBIDDEN")]


async def test_an_update_is_a_statement_of_the_member_s_own_account(world: World, people: People) -> None:
    await update(world, "store_manager", people.whole, {"address": "上海市黄浦区南京东路2号"})

    assert (await read(world, people.whole))["provenance"] == [
        {
            "value": {"value": "上海市黄浦区南京东路2号"},
            "source": "SELF_DECLARED",
            "channel": "WEBSITE",
            "chosen": True,
        },
        {"value": {"value": WHOLE["address"]}, "source": "SELF_DECLARED", "channel": "WEBSITE", "chosen": False},
    ]


async def test_an_update_from_an_older_version_is_a_conflict(world: World, people: People) -> None:
    version = (await read(world, people.whole))["version"]
    await update(world, "app_crm", people.whole, {"address": "上海市黄浦区南京东路2号"})
    after = await read(world, people.whole)

    member, errors = await update(world, "app_crm", people.whole, {"address": "别处的地址一号"}, version=version)

    assert (member, errors) == (None, [("expectedVersion", "CONFLICT")])
    assert await read(world, people.whole) == after
    row = (await world.audited())[-2]
    assert (row.operation, row.outcome, row.member_ids) == ("profileUpdate", "CONFLICT", [people.whole])


@pytest.mark.parametrize("off", [-1, 1, 7])
async def test_a_conflict_says_the_version_there_is(world: World, people: People, off: int) -> None:
    before = await read(world, people.whole)
    variables = {"id": str(people.whole), "version": before["version"] + off, "input": {"name": WHOLE["name"]}}

    found = (await world.ask("app_crm", UPDATE, variables=variables))["profileUpdate"]

    assert [e["code"] for e in found["userErrors"]] == ["CONFLICT"]
    assert f"version {before['version']}." in found["userErrors"][0]["message"]
    assert await read(world, people.whole) == before


async def test_of_two_updates_from_one_version_one_wins(world: World, people: People) -> None:
    version = (await read(world, people.whole))["version"]
    addresses = [f"上海市黄浦区南京东路{number}号" for number in range(1, 6)]

    done = await asyncio.gather(
        *(update(world, "app_crm", people.whole, {"address": a}, version=version) for a in addresses)
    )

    won = [address for address, (member, _) in zip(addresses, done, strict=True) if member is not None]
    assert len(won) == 1
    assert [errors for _, errors in done].count([("expectedVersion", "CONFLICT")]) == 4
    after = await read(world, people.whole)
    assert (after["version"], after["address"]["value"]) == (version + 1, won[0])


MASKS = {
    "name": "欧阳*",
    "phone": "138****5670",
    "email": "n***@brandmail.cn",
    "birthday": "1991-**-**",
    "address": "浙江省杭州市****",
}


@pytest.mark.parametrize(("field", "mask"), MASKS.items())
async def test_a_mask_written_back_is_refused(world: World, people: People, field: str, mask: str) -> None:
    before = await read(world, people.whole)

    member, errors = await update(world, "support_agent", people.whole, {field: mask})

    assert (member, errors) == (None, [(field, "MASKED_VALUE")])
    assert await read(world, people.whole) == before
    row = (await world.audited())[2]
    assert (row.operation, row.outcome, row.member_ids, row.fields) == (
        "profileUpdate",
        "MASKED_VALUE",
        [people.whole],
        [f"member.{field}:WRITE"],
    )


async def test_who_is_out_of_reach_is_not_found(world: World, people: People) -> None:
    version = (await read(world, people.southern))["version"]
    before = await read(world, people.southern)

    theirs = await update(world, "store_manager", people.southern, {"name": "李雷"}, version=version)
    nobody = await update(world, "store_manager", "01a200c5-38d1-7dbd-b2c1-36cadb95f292", {"name": "李雷"}, version=1)
    nonsense = await update(world, "store_manager", "nonsense", {"name": "李雷"}, version=1)

    assert theirs == nobody == nonsense == (None, [("id", "NOT_FOUND")])
    assert await read(world, people.southern) == before
    rows = (await world.audited())[2:5]
    assert [(r.outcome, r.member_ids, r.fields) for r in rows] == [("NOT_FOUND", [], ["member.name:WRITE"])] * 3


async def test_the_mini_program_updates_only_for_whom_it_asks(world: World, people: People) -> None:
    version = (await read(world, people.whole))["version"]

    for about in ({}, {"member": people.southern}):
        done = await update(world, "app_mini_program", people.whole, {"name": "李雷"}, version=version, **about)
        assert done == (None, [("id", "NOT_FOUND")])


async def test_a_merged_id_updates_the_member_it_went_into(world: World, people: People) -> None:
    member, errors = await update(world, "app_crm", people.merged, {"address": "上海市黄浦区南京东路2号"})

    assert errors == []
    assert member is not None
    assert member["id"] == (await read(world, people.whole))["id"]


async def test_a_typed_phone_does_not_take_the_place_of_a_verified_one(world: World, people: People) -> None:
    before = await read(world, people.whole)

    member, errors = await update(
        world, "store_manager", people.whole, {"phone": "13612340000", "email": "x.y@brand.cn"}
    )

    assert (member, errors) == (None, [("phone", "OUTRANKED"), ("email", "OUTRANKED")])
    assert await read(world, people.whole) == before


async def test_a_verified_phone_takes_the_place_of_the_one_before(world: World, people: People) -> None:
    stated = {"phone": "136 1234 0000", "phoneVerified": True}

    _, errors = await update(world, "app_mini_program", people.whole, stated, member=people.whole)

    after = await read(world, people.whole)
    assert errors == []
    assert after["phone"] == {"value": "+8613612340000"}
    statuses = {i["value"]["display"]: i["status"] for i in after["identifiers"] if i["kind"] == "PHONE"}
    assert statuses == {"136****0000": "ACTIVE", "138****5670": "UNVERIFIED"}  # the card still says the old one


async def test_a_typed_phone_is_taken_where_none_is_verified(world: World, people: People) -> None:
    _, errors = await update(world, "app_crm", people.southern, {"phone": "13612340000"})

    assert errors == []
    assert (await read(world, people.southern))["phone"] == {"value": "+8613612340000"}


async def test_the_same_phone_again_is_no_conflict(world: World, people: People) -> None:
    _, errors = await update(world, "store_manager", people.whole, {"phone": WHOLE["phone"]})

    assert errors == []


async def test_staff_and_members_cannot_vouch_for_a_phone(world: World, people: People) -> None:
    stated = {"phone": "13612340000", "phoneVerified": True}

    for role, about in (("store_manager", {}), ("member", {"member": people.whole})):
        _, errors = await update(world, role, people.whole, stated, **about)
        assert errors == [("phoneVerified", "FORBIDDEN")]


async def test_a_verified_value_that_stands_is_not_outranked_in_silence(world: World, people: People) -> None:
    at = NOW - timedelta(days=5)
    stated = said(Channel.WEBSITE, WHOLE["website"], at=at, name=WHOLE["name"])
    verified = stated.values[0].__class__(stated.values[0].field, WHOLE["name"], at)
    await world.resolve(stated.__class__(**{**_fields(stated), "values": (verified,)}))
    before = await read(world, people.whole)

    member, errors = await update(world, "app_crm", people.whole, {"name": "李雷"})

    assert (member, errors) == (None, [("name", "OUTRANKED")])
    assert await read(world, people.whole) == before


def _fields(statement: Any) -> dict[str, Any]:
    return {name: getattr(statement, name) for name in statement.__dataclass_fields__}


@pytest.mark.parametrize("stated", [{}, {"name": None}])
async def test_nothing_to_change_is_said_so(world: World, people: People, stated: dict[str, Any]) -> None:
    assert await update(world, "app_crm", people.whole, stated) == (None, [("input", "BAD_USER_INPUT")])


async def test_a_null_leaves_a_field_as_it_is(world: World, people: People) -> None:
    _, errors = await update(world, "app_crm", people.whole, {"address": None, "gender": "M"})

    after = await read(world, people.whole)
    assert errors == []
    assert (after["address"]["value"], after["gender"]["value"]) == (WHOLE["address"], "M")


async def test_an_update_is_on_record_with_what_it_showed(world: World, people: People) -> None:
    await update(world, "store_manager", people.whole, {"address": "上海市黄浦区南京东路2号"})

    row = (await world.audited())[1]
    assert (row.operation, row.outcome, row.member_ids) == ("profileUpdate", "ok", [people.whole])
    assert row.fields == ["member.address:MASKED", "member.address:WRITE", "member.name:CLEAR"]


async def test_an_update_that_shows_nothing_is_on_record_with_what_it_changed(world: World, people: People) -> None:
    version = (await read(world, people.whole))["version"]
    query = """mutation ($id: ID!, $version: Int!, $input: ProfileUpdateInput!) {
      profileUpdate(id: $id, expectedVersion: $version, input: $input) { userErrors { code } } }"""
    stated = {"address": "上海市黄浦区南京东路2号", "gender": "M", "name": None}

    await world.ask("app_crm", query, variables={"id": str(people.whole), "version": version, "input": stated})

    row = (await world.audited())[-1]
    assert (row.outcome, row.fields) == ("ok", ["member.address:WRITE", "member.gender:WRITE"])


async def test_an_update_is_on_record_with_the_contacts_that_its_answer_shows(world: World, people: People) -> None:
    query = """mutation ($id: ID!, $version: Int!) {
      profileUpdate(id: $id, expectedVersion: $version, input: {gender: M}) {
        member { identifiers { value { display } } } userErrors { code } } }"""
    for who in (people.whole, people.southern):
        version = (await read(world, who))["version"]
        await world.ask("support_agent", query, variables={"id": str(who), "version": version})

    rows = [row for row in await world.audited() if row.operation == "profileUpdate"]
    own = ["member.gender:WRITE", "member.identifiers:MASKED"]
    assert [row.fields for row in rows] == [
        sorted([*own, "member.email:MASKED", "member.phone:MASKED"]),
        sorted([*own, "member.phone:MASKED"]),
    ]


async def test_a_change_that_is_not_committed_is_on_record_as_that(
    world: World, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await read(world, people.whole)

    @asynccontextmanager
    async def cut_off(engine: Any) -> AsyncIterator[Any]:
        async with transaction(engine) as tx:
            yield tx
            raise ConnectionResetError

    monkeypatch.setattr("member_hub.graphql.changing.transaction", cut_off)
    variables = {"id": str(people.whole), "version": before["version"], "input": {"gender": "M"}}

    answer = await world.post("app_crm", UPDATE, variables=variables)

    assert answer.status_code == 503
    assert [row.outcome for row in (await world.audited())[1:]] == ["ok", "UNAVAILABLE"]
    assert await read(world, people.whole) == before
