"""At the till: with the code that a member shows, a new card joins them instead of making a second member."""

from typing import Any

import pytest

from member_hub.ids import MemberId
from member_hub.members.tables import Channel
from tests.graphql.till import BY, codes, find, shown_by, told
from tests.graphql.world import WHOLE, People, World, said

ENROL = """mutation ($input: MemberEnrolInput!, $key: String!) { memberEnrol(input: $input, idempotencyKey: $key) {
    member { id homeStore { code } accounts { channel } } userErrors { field code } } }"""
CARD = {"channel": "STORE", "account": "7700000001", "phone": "+8613912345671", "name": "张三"}


async def enrol(world: World, stated: dict[str, Any], role: str = "sales_associate", key: str = "k") -> Any:
    done = (await world.ask(role, ENROL, variables={"input": stated, "key": key}))["memberEnrol"]
    return done["member"], [(e["field"], e["code"]) for e in done["userErrors"]]


async def accounts_of(world: World, member: MemberId) -> int:
    found = await world.ask("app_crm", BY, variables={"by": {"id": str(member)}})
    return len(found["member"]["accounts"])


@pytest.mark.parametrize("role", ["sales_associate", "store_manager"])
async def test_a_card_joins_the_member_of_another_store_who_shows_a_code(
    world: World, people: People, role: str
) -> None:
    code = await shown_by(world, people.southern)
    by_id = await world.ask("app_crm", BY, variables={"by": {"id": str(people.southern)}})

    member, errors = await enrol(world, {**CARD, "memberCode": code}, role)
    again, _ = await enrol(world, {**CARD, "memberCode": code}, role)

    assert errors == []
    assert (member["id"], member["homeStore"]["code"]) == (by_id["member"]["id"], "SH001")
    assert again == member
    assert await accounts_of(world, people.southern) == 2
    assert await find(world, code) is None
    done = next(row for row in await world.audited() if row.operation == "memberEnrol")
    assert ("key:memberCode" in done.fields, done.outcome, done.member_ids) == (True, "ok", [people.southern])


async def test_without_a_code_the_answer_does_not_say_that_the_phone_is_known(world: World, people: People) -> None:
    member, errors = await enrol(world, CARD)
    stranger, none = await enrol(world, {**CARD, "account": "7700000002", "phone": "+8613912340000"}, key="k2")

    assert errors == none == []
    assert [len(one["accounts"]) for one in (member, stranger)] == [1, 1]
    assert await accounts_of(world, people.southern) == 1


@pytest.mark.parametrize(
    "stated", [{"phone": "+8613912345673"}, {"name": "李四"}, {"phone": WHOLE["phone"], "name": WHOLE["name"]}]
)
async def test_a_card_of_somebody_else_does_not_join_who_shows_the_code(
    world: World, people: People, stated: dict[str, str]
) -> None:
    code = await shown_by(world, people.southern)

    refused = await enrol(world, {**CARD, **stated, "memberCode": code})

    assert refused == (None, [("memberCode", "CONFLICT")])
    assert await accounts_of(world, people.southern) == 1
    assert [row.used_at for row in await codes(world)] == [None]
    assert (await told(world))[1][2] == "CONFLICT"
    assert await find(world, code) is not None


@pytest.mark.parametrize("code", ["0000-0000-0000-0000", ""])
async def test_a_code_that_is_not_good_enrols_nobody(world: World, people: People, code: str) -> None:
    assert await enrol(world, {**CARD, "memberCode": code}) == (None, [("memberCode", "NOT_FOUND")])

    assert await accounts_of(world, people.southern) == 1
    assert (await world.ask("app_crm", BY, variables={"by": {"storeCard": CARD["account"]}}))["member"] is None


async def test_a_card_that_the_member_has_already_is_said_to_be_enrolled(world: World, people: People) -> None:
    code = await shown_by(world, people.southern)

    refused = await enrol(world, {**CARD, "account": "1000000001", "memberCode": code})

    assert refused == (None, [("account", "ALREADY_ENROLLED")])


async def test_a_code_does_not_tell_that_somebody_elses_card_is_known(world: World, people: People) -> None:
    code = await shown_by(world, people.southern)

    refused = await enrol(world, {**CARD, "account": "1000000003", "memberCode": code})

    assert refused == (None, [("account", "NOT_FOUND")])


async def test_who_does_not_stand_at_a_till_enrols_with_no_code(world: World, people: People) -> None:
    code = await shown_by(world, people.southern)

    assert await enrol(world, {**CARD, "memberCode": code}, "app_crm") == (None, [("memberCode", "FORBIDDEN")])
    assert [row.used_at for row in await codes(world)] == [None]


BARE = {"channel": "STORE", "account": "7700000001", "homeStore": "SH001"}


@pytest.mark.parametrize(
    "stated",
    [{}, {"name": WHOLE["name"]}, {"phone": WHOLE["phone"]}, {"name": WHOLE["name"], "phone": WHOLE["phone"]}],
    ids=["code", "name", "phone", "both"],
)
async def test_the_code_alone_says_whose_the_new_card_is(world: World, people: People, stated: dict[str, str]) -> None:
    code = await shown_by(world, people.whole)
    before = await accounts_of(world, people.whole)
    by_id = await world.ask("app_crm", BY, variables={"by": {"id": str(people.whole)}})

    member, errors = await enrol(world, {**BARE, **stated, "memberCode": code})

    assert errors == []
    assert member["id"] == by_id["member"]["id"]
    assert await accounts_of(world, people.whole) == before + 1
    assert await find(world, code) is None
    shown = await world.ask("app_crm", BY, variables={"by": {"storeCard": BARE["account"]}})
    assert shown["member"]["id"] == by_id["member"]["id"]
    assert shown["member"]["identifiers"] != []


async def test_a_code_is_good_at_a_till_that_is_not_the_member_s_and_for_a_second_card(
    world: World, people: People
) -> None:
    code = await shown_by(world, people.southern)

    _, errors = await enrol(world, {**BARE, "memberCode": code})

    assert errors == []
    assert await accounts_of(world, people.southern) == 2


async def test_a_member_with_three_cards_gets_no_fourth(world: World, people: People) -> None:
    for number in (2, 3):
        card = {**BARE, "account": f"770000000{number}", "memberCode": await shown_by(world, people.southern)}
        assert (await enrol(world, card, key=str(number)))[1] == []
    code = await shown_by(world, people.southern)

    refused = await enrol(world, {**BARE, "memberCode": code}, key="4")

    assert refused == (None, [("account", "CONFLICT")])
    assert await accounts_of(world, people.southern) == 3
    assert await find(world, code) is not None


@pytest.mark.parametrize("stated", [{"phone": "+8613912345673"}, {"name": "李四"}, {"gender": "M"}])
async def test_what_is_typed_beside_a_code_only_speaks_against(
    world: World, people: People, stated: dict[str, str]
) -> None:
    code = await shown_by(world, people.whole)
    before = await accounts_of(world, people.whole)

    refused = await enrol(world, {**BARE, **stated, "memberCode": code})

    assert refused == (None, [("memberCode", "CONFLICT")])
    assert await accounts_of(world, people.whole) == before
    assert [row.outcome for row in await world.audited() if row.operation == "memberEnrol"] == ["CONFLICT"]


async def test_a_phone_typed_beside_a_code_brings_in_nobody_else(world: World, people: People) -> None:
    (silent,) = await world.resolve(said(Channel.WEBSITE, "silent-1"))
    code = await shown_by(world, silent)

    member, errors = await enrol(world, {**BARE, "phone": WHOLE["phone"], "memberCode": code})

    assert errors == []
    assert [account["channel"] for account in member["accounts"]] == ["WEBSITE", "STORE"]
    assert await accounts_of(world, silent) == 2
    assert await accounts_of(world, people.whole) == 3


async def test_a_used_code_enrols_nothing(world: World, people: People) -> None:
    code = await shown_by(world, people.southern)
    assert await find(world, code) is not None

    assert await enrol(world, {**BARE, "memberCode": code}) == (None, [("memberCode", "NOT_FOUND")])
    assert await accounts_of(world, people.southern) == 1


@pytest.mark.parametrize("is_reversed", [False, True])
async def test_what_a_code_joined_stays_together_whatever_is_imported_again(
    world: World, people: People, *, is_reversed: bool
) -> None:
    code = await shown_by(world, people.southern)
    member, _ = await enrol(world, {**BARE, "memberCode": code})
    old = [
        said(Channel.STORE, "1000000001", phone="+8613912345671", home_store="SH014", name="张三"),
        said(Channel.STORE, BARE["account"], phone="+8613912345679", home_store="SH001", name="赵六"),
        said(Channel.WEBSITE, "later-1", phone="+8613912345679", phone_verified=True, name="赵六"),
    ]

    for statement in reversed(old) if is_reversed else old:
        await world.resolve(statement)

    for card in ("1000000001", BARE["account"]):
        found = await world.ask("app_crm", BY, variables={"by": {"storeCard": card}})
        assert found["member"]["id"] == member["id"]
        assert "STORE" in [account["channel"] for account in found["member"]["accounts"]]
