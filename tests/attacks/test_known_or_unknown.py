"""Who is out of reach and who does not exist: the same answer, byte for byte, but for the request id."""

import re
from typing import Any

import httpx2
import pytest

from member_hub.ids import uuid7
from tests.graphql.conftest import Town
from tests.graphql.world import WHOLE, People, World

BY = """query ($by: MemberKey!) { member(by: $by) { id name { value display state } phone { state } joinedAt
  accounts { account { display } } orders(first: 5) { state edges { node { orderNo } } } } }"""
MANY = "query ($by: [MemberKey!]!) { members(by: $by) { id name { display } } }"
NODE = "query ($id: ID!) { node(id: $id) { id ... on Member { version } } }"
UPDATE = """mutation ($id: ID!) { profileUpdate(id: $id, expectedVersion: 1, input: {name: "王五"}) {
  member { id } userErrors { field message code } } }"""
AWAY = {"stores": ["SH014"]}  # `whole` is at home in SH001 and buys there
# Of each kind: a key of somebody out of reach, and one of nobody, equally long.
KEYS: dict[str, tuple[Any, Any]] = {
    "phone": (WHOLE["phone"], "+8613812345679"),
    "email": (WHOLE["email"], "nobody.here@brandmail.cn"),
    "unionid": (WHOLE["unionid"], "oUnion-abcdefg-0009"),
    "openid": (
        {"appid": "wx_mini_1", "openid": WHOLE["openid"]},
        {"appid": "wx_mini_1", "openid": "oOpen-hijklmn-0009"},
    ),
    "account": ({"channel": "WEBSITE", "id": WHOLE["website"]}, {"channel": "WEBSITE", "id": "W105571080"}),
    "storeCard": (WHOLE["card"], "8868331043"),
}


def same(answers: list[httpx2.Response]) -> bool:
    """Status, headers and body, once the request's own id and what is left of the caller's share are taken out."""
    told = []
    for answer in answers:
        own_id = answer.headers["x-request-id"]
        headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
        text = re.sub(r'"remaining":\d+', "", answer.text)  # of the caller's own share; it fills again with time
        del headers["content-length"]
        told.append((answer.status_code, headers, text.replace(own_id, "")))
    return all(each == told[0] for each in told)


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("role", ["sales_associate", "store_manager"])
async def test_a_key_tells_nothing_of_who_is_out_of_reach(town: Town, role: str, kind: str) -> None:
    known, unknown = KEYS[kind]
    answers = [await town.post(role, BY, variables={"by": {kind: key}}, **AWAY) for key in (known, unknown)]

    assert same(answers)
    assert answers[0].json()["data"] == {"member": None}
    assert (await town.ask(role, BY, variables={"by": {kind: known}}))["member"] is not None  # there she is, at home


async def test_an_id_tells_nothing_of_who_is_out_of_reach(town: Town) -> None:
    ids = [str(town.people.whole), str(town.people.merged), str(uuid7())]

    for query, variables in ((BY, lambda one: {"by": {"id": one}}), (NODE, lambda one: {"id": one})):
        answers = [await town.post("store_manager", query, variables=variables(one), **AWAY) for one in ids]
        assert same(answers)
        assert list(answers[0].json()["data"].values()) == [None]


async def test_a_batch_tells_nothing_of_who_is_out_of_reach(town: Town) -> None:
    known = [{kind: pair[0]} for kind, pair in KEYS.items()]
    unknown = [{kind: pair[1]} for kind, pair in KEYS.items()]

    answers = [await town.post("store_manager", MANY, variables={"by": keys}, **AWAY) for keys in (known, unknown)]

    assert same(answers)
    assert answers[0].json()["data"] == {"members": [None] * len(KEYS)}


async def test_an_update_tells_nothing_and_changes_nothing_of_who_is_out_of_reach(world: World, people: People) -> None:
    ids = [str(people.whole), str(people.merged), str(uuid7())]
    before = await world.ask("dpo", BY, variables={"by": {"id": ids[0]}})

    answers = [await world.post("store_manager", UPDATE, variables={"id": one}, **AWAY) for one in ids]

    assert same(answers)
    (refusal,) = answers[0].json()["data"]["profileUpdate"]["userErrors"]
    assert refusal["code"] == "NOT_FOUND"
    assert await world.ask("dpo", BY, variables={"by": {"id": ids[0]}}) == before
    refusals = [row.outcome for row in await world.audited() if row.operation == "profileUpdate"]
    assert refusals == ["NOT_FOUND"] * 3


async def test_a_purpose_without_consent_tells_nothing_of_anybody(town: Town) -> None:
    answers = [
        await town.post("app_crm", BY, variables={"by": {"phone": key}}, purpose="marketing") for key in KEYS["phone"]
    ]

    assert same(answers)
    assert answers[0].json()["data"] == {"member": None}


async def test_the_mini_program_learns_nothing_of_whom_it_does_not_act_for(town: Town) -> None:
    about = {"member": town.people.southern}
    for kind in ("unionid", "openid"):
        answers = [
            await town.post("app_mini_program", BY, variables={"by": {kind: key}}, **about) for key in KEYS[kind]
        ]
        assert same(answers)


async def test_an_answer_that_differs_by_one_byte_would_be_noticed(town: Town) -> None:
    answers = [await town.post("store_manager", BY, variables={"by": {"phone": key}}) for key in KEYS["phone"]]

    assert not same(answers)
