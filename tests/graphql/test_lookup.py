"""Finding members by exact keys, one and many."""

from typing import Any

import pytest

from tests.graphql.conftest import Town
from tests.graphql.world import WHOLE

BY = "query ($by: MemberKey!) { member(by: $by) { id } }"
MANY = "query ($by: [MemberKey!]!) { members(by: $by) { id phone { display } } }"
EVERY_KEY: list[dict[str, Any]] = [
    {"phone": "138 1234 5670"},
    {"phone": "+86-138-1234-5670"},
    {"phone": "00861381234 5670"},
    {"email": "Nana.Ouyang@BrandMail.cn"},
    {"unionid": WHOLE["unionid"]},
    {"openid": {"appid": "wx_mini_1", "openid": WHOLE["openid"]}},
    {"account": {"channel": "WEBSITE", "id": WHOLE["website"]}},
    {"account": {"channel": "APP", "id": WHOLE["app"]}},
    {"account": {"channel": "STORE", "id": WHOLE["card"]}},
    {"storeCard": WHOLE["card"]},
]
NOBODY: list[dict[str, Any]] = [
    {"phone": "13912349999"},
    {"phone": "13800138000"},
    {"email": "test@test.com"},
    {"unionid": "oUnion-nobody"},
    {"openid": {"appid": "wx_mini_2", "openid": WHOLE["openid"]}},
    {"account": {"channel": "APP", "id": WHOLE["website"]}},
    {"storeCard": "8868331043"},
    {"id": "01a200c5-38d1-7dbd-b2c1-36cadb95f292"},
    {"id": "not an id"},
    {"id": "TWVtYmVyOm5vdC1hbi1pZA=="},
]


@pytest.mark.parametrize("key", EVERY_KEY, ids=str)
async def test_every_key_finds_the_member(town: Town, key: dict[str, Any]) -> None:
    by_id = await town.ask("app_crm", BY, variables={"by": {"id": str(town.people.whole)}})

    assert await town.ask("app_crm", BY, variables={"by": key}) == by_id
    assert by_id["member"] is not None


@pytest.mark.parametrize("key", NOBODY, ids=str)
async def test_nobody_is_null_without_an_error(town: Town, key: dict[str, Any]) -> None:
    assert await town.ask("app_crm", BY, variables={"by": key}) == {"member": None}


@pytest.mark.parametrize("key", [{"phone": "12"}, {"phone": ""}, {"email": "no at sign"}, {"storeCard": "8868!"}])
async def test_what_is_no_such_identifier_is_bad_input(town: Town, key: dict[str, Any]) -> None:
    answer = (await town.post("app_crm", BY, variables={"by": key})).json()

    assert answer["data"] == {"member": None}
    assert [e["extensions"] for e in answer["errors"]] == [{"code": "BAD_USER_INPUT", "field": f"by.{next(iter(key))}"}]


@pytest.mark.parametrize("key", [{}, {"phone": "1", "email": "a@b.cn"}, {"phone": None}])
async def test_exactly_one_key_has_to_be_given(town: Town, key: dict[str, Any]) -> None:
    answer = (await town.post("app_crm", BY, variables={"by": key})).json()

    assert [e["extensions"]["code"] for e in answer["errors"]] == ["BAD_USER_INPUT"]
    assert "data" not in answer


async def test_many_are_answered_in_the_order_asked(town: Town) -> None:
    keys = [{"phone": "13912345672"}, {"phone": "13912349999"}, *EVERY_KEY[:2], {"phone": "13912345671"}]

    found = await town.ask("app_crm", MANY, variables={"by": keys})

    phones = [m and m["phone"]["display"] for m in found["members"]]
    assert phones == ["+8613912345672", None, WHOLE["phone"], WHOLE["phone"], "+8613912345671"]


@pytest.mark.parametrize("number", [0, 101])
async def test_one_to_a_hundred_keys_are_taken(town: Town, number: int) -> None:
    codes = await town.refused("app_crm", MANY, variables={"by": [{"phone": "13912345672"}] * number})

    assert codes == ["BAD_USER_INPUT"]


async def test_an_unverified_phone_finds_its_only_holder(town: Town) -> None:
    found = await town.ask("app_crm", BY, variables={"by": {"phone": "13912345671"}})
    by_id = await town.ask("app_crm", BY, variables={"by": {"id": str(town.people.southern)}})

    assert found == by_id


async def test_of_many_keys_one_that_cannot_be_read_finds_nobody_and_the_others_stand(town: Town) -> None:
    keys = [{"phone": "12"}, EVERY_KEY[0], {"storeCard": "8868!"}]

    found = await town.ask("app_crm", MANY, variables={"by": keys})

    assert [m and m["phone"]["display"] for m in found["members"]] == [None, WHOLE["phone"], None]
