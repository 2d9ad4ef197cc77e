"""What somebody types brings nobody else's data into their reach: neither by an update nor by an enrolment."""

from typing import Any

import pytest
from sqlalchemy import select

from member_hub.db import transaction
from member_hub.db.bulk import table_of
from member_hub.identity.tables import ReviewCandidate
from member_hub.members.tables import Channel
from tests.graphql.world import WHOLE, People, World, said

SOUTHERN = {"phone": "+8613912345671", "name": "张三"}
UPDATE = """mutation ($id: ID!, $version: Int!, $input: ProfileUpdateInput!) {
  profileUpdate(id: $id, expectedVersion: $version, input: $input) {
    member { id phone { value } accounts { account { value } } } userErrors { code } } }"""
ENROL = """mutation ($input: MemberEnrolInput!) { memberEnrol(input: $input, idempotencyKey: "k") {
    member { id homeStore { code } accounts { channel } } userErrors { field code } } }"""
READ = "query ($by: MemberKey!) { member(by: $by) { id homeStore { code } accounts { channel } } }"


async def candidates(world: World) -> list[tuple[str, str]]:
    table = table_of(ReviewCandidate)
    async with transaction(world.hub.database.app) as tx:
        rows = await tx.execute(select(table.c.reason, table.c.status).order_by(table.c.reason))
        return [(row.reason, row.status) for row in rows]


async def read(world: World, **by: Any) -> Any:
    return (await world.ask("app_crm", READ, variables={"by": by}))["member"]


@pytest.mark.parametrize("stated", [{"phone": SOUTHERN["phone"]}, SOUTHERN])
@pytest.mark.parametrize("role", ["member", "app_mini_program", "support_agent", "app_crm"])
async def test_typing_a_strangers_phone_into_a_profile_unites_nobody(
    world: World, people: People, role: str, stated: dict[str, str]
) -> None:
    [nameless] = await world.resolve(said(Channel.APP, "nameless-1"))
    about = {"member": nameless} if role in ("member", "app_mini_program") else {}
    before = await read(world, id=str(people.southern))

    variables = {"id": str(nameless), "version": 1, "input": stated}
    done = (await world.ask(role, UPDATE, variables=variables, **about))["profileUpdate"]

    assert done["userErrors"] == []
    assert len(done["member"]["accounts"]) == 1
    assert await read(world, id=str(people.southern)) == before
    assert (await read(world, id=str(nameless)))["id"] != before["id"]
    assert await candidates(world) == [("stated_live", "open")]


async def test_taking_on_a_strangers_name_unites_nobody_either(world: World, people: People) -> None:
    [other] = await world.resolve(said(Channel.WEBSITE, "W1", phone=SOUTHERN["phone"], name="赵六"))
    assert other != people.southern

    for number, stated in enumerate([{"name": SOUTHERN["name"]}, {"gender": "M"}], start=1):
        variables = {"id": str(other), "version": number, "input": stated}
        done = (await world.ask("member", UPDATE, variables=variables, member=other))["profileUpdate"]
        assert [len(done["member"]["accounts"]), done["userErrors"]] == [1, []]

    [again] = await world.resolve(said(Channel.WEBSITE, "W1", phone=SOUTHERN["phone"], name="赵六"))
    assert again == other


@pytest.mark.parametrize("role", ["sales_associate", "store_manager"])
async def test_a_card_with_a_strangers_phone_leaves_the_stranger_where_they_are(
    world: World, people: People, role: str
) -> None:
    before = await read(world, id=str(people.southern))
    stated = {"channel": "STORE", "account": "7700000001", **SOUTHERN}

    done = (await world.ask(role, ENROL, variables={"input": stated}))["memberEnrol"]

    assert done["userErrors"] == []
    assert (done["member"]["homeStore"]["code"], len(done["member"]["accounts"])) == ("SH001", 1)
    assert done["member"]["id"] != before["id"]
    assert await read(world, id=str(people.southern)) == before
    assert (await world.ask(role, READ, variables={"by": {"id": str(people.southern)}}))["member"] is None
    assert await candidates(world) == [("stated_live", "open")]


@pytest.mark.parametrize("role", ["sales_associate", "app_crm"])
async def test_a_card_joins_the_member_whom_the_caller_reaches_already(world: World, people: People, role: str) -> None:
    stated = {"channel": "STORE", "account": "7700000001", "phone": WHOLE["phone"], "name": WHOLE["name"]}

    done = (await world.ask(role, ENROL, variables={"input": stated}))["memberEnrol"]

    assert done["userErrors"] == []
    assert done["member"]["id"] == (await read(world, id=str(people.whole)))["id"]
    assert len(done["member"]["accounts"]) == 4


async def test_a_verified_phone_still_unites_where_something_else_agrees(world: World, people: People) -> None:
    [nameless] = await world.resolve(said(Channel.WEBSITE, "nameless-1", name=SOUTHERN["name"]))
    variables = {"id": str(nameless), "version": 1, "input": {"phone": SOUTHERN["phone"], "phoneVerified": True}}

    done = (await world.ask("app_crm", UPDATE, variables=variables))["profileUpdate"]

    assert done["userErrors"] == []
    assert done["member"]["id"] == (await read(world, id=str(people.southern)))["id"]
    changed = [row for row in await world.audited() if row.operation == "profileUpdate"]
    assert [row.member_ids for row in changed] == [sorted([nameless, people.southern])]


async def test_a_verified_phone_does_not_unite_with_who_only_typed_it(world: World, people: People) -> None:
    [nameless] = await world.resolve(said(Channel.APP, "nameless-1"))
    variables = {"id": str(nameless), "version": 1, "input": {"phone": SOUTHERN["phone"], "phoneVerified": True}}

    done = (await world.ask("app_crm", UPDATE, variables=variables))["profileUpdate"]

    assert [done["userErrors"], len(done["member"]["accounts"])] == [[], 1]
    assert (await read(world, id=str(nameless)))["id"] != (await read(world, id=str(people.southern)))["id"]
    assert await candidates(world) == [("typed_phone", "open")]


async def test_what_was_typed_live_unites_once_the_channel_says_it_too(world: World, people: People) -> None:
    [nameless] = await world.resolve(said(Channel.APP, "nameless-1"))
    variables = {"id": str(nameless), "version": 1, "input": {"phone": SOUTHERN["phone"]}}
    await world.ask("member", UPDATE, variables=variables, member=nameless)

    [united] = await world.resolve(said(Channel.APP, "nameless-1", phone=SOUTHERN["phone"], phone_verified=True))

    assert united in (people.southern, nameless)
    assert await read(world, id=str(people.southern)) == await read(world, id=str(nameless))


@pytest.mark.parametrize("role", ["sales_associate", "app_mini_program"])
async def test_an_account_out_of_reach_is_not_told_from_none(world: World, people: People, role: str) -> None:
    [own] = await world.resolve(said(Channel.APP, "own-1"))
    about = {"member": own} if role == "app_mini_program" else {}
    known = {"channel": "STORE", "account": "1000000001"}

    done = (await world.ask(role, ENROL, variables={"input": known}, **about))["memberEnrol"]

    assert done == {"member": None, "userErrors": [{"field": "account", "code": "NOT_FOUND"}]}


async def test_a_phone_in_reach_does_not_tell_that_a_card_out_of_reach_is_known(world: World, people: People) -> None:
    known = {"channel": "STORE", "account": "1000000001", "phone": WHOLE["phone"], "name": WHOLE["name"]}

    done = (await world.ask("sales_associate", ENROL, variables={"input": known}))["memberEnrol"]

    assert done == {"member": None, "userErrors": [{"field": "account", "code": "NOT_FOUND"}]}


@pytest.mark.parametrize(
    ("stated", "field"),
    [
        ({"channel": "WEBSITE", "account": "W900077701"}, "channel"),
        ({"channel": "APP", "account": "u-9", "appid": "wx_mini_1"}, "channel"),
    ],
)
async def test_staff_enrol_cards_only(world: World, stated: dict[str, str], field: str) -> None:
    done = (await world.ask("store_manager", ENROL, variables={"input": stated}))["memberEnrol"]

    assert done == {"member": None, "userErrors": [{"field": field, "code": "BAD_USER_INPUT"}]}
