"""Enrolling a channel account: once per key, by whom it is allowed, on record, or nothing at all."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from member_hub.audit import AuditUnavailable
from member_hub.db import transaction
from member_hub.db.bulk import table_of
from member_hub.idempotency.tables import DoneRequest
from member_hub.members.tables import Channel, ChannelAccount, Member
from tests.graphql.world import WHOLE, People, World, line

ENROL = """mutation ($input: MemberEnrolInput!, $key: String!) {
  memberEnrol(input: $input, idempotencyKey: $key) {
    member { id version homeStore { code } name { display state } phone { value display } accounts { channel } }
    userErrors { field code message }
  }
}"""
CARD = {"channel": "STORE", "account": "7700000001", "name": "周杰", "phone": "136 1234 0678"}


async def enrol(
    world: World, role: str, key: str = "k1", **about: Any
) -> tuple[dict[str, Any] | None, list[tuple[str, str]]]:
    stated = about.pop("input", CARD)
    found = (await world.ask(role, ENROL, variables={"input": stated, "key": key}, **about))["memberEnrol"]
    return found["member"], [(e["field"], e["code"]) for e in found["userErrors"]]


async def counts(world: World) -> tuple[int, ...]:
    async with transaction(world.hub.database.app) as tx:
        tables = [table_of(model) for model in (Member, ChannelAccount, DoneRequest)]
        return tuple([int(await tx.scalar(select(func.count()).select_from(t)) or 0) for t in tables])


@pytest.mark.parametrize(
    ("role", "name"),
    [
        ("sales_associate", {"display": "周*", "state": "MASKED"}),
        ("store_manager", {"display": "周杰", "state": "CLEAR"}),
        ("app_checkout", {"display": "周*", "state": "MASKED"}),
        ("app_crm", {"display": "周杰", "state": "CLEAR"}),
    ],
)
async def test_who_may_enrol_sees_the_new_member_as_the_grant_shows_it(world: World, role: str, name: Any) -> None:
    member, errors = await enrol(world, role)

    assert errors == []
    assert member is not None
    assert (member["version"], member["name"], member["accounts"]) == (1, name, [{"channel": "STORE"}])
    assert await counts(world) == (1, 1, 1)


async def test_the_mini_program_enrols_with_what_the_platform_vouches_for(world: World) -> None:
    stated = {
        "channel": "APP",
        "account": "u-1",
        "openid": {"appid": "wx_mini_2", "openid": "oOpen-1"},
        "unionid": "oUnion-1",
        "phone": "13612340678",
        "phoneVerified": True,
    }

    member, errors = await enrol(world, "app_mini_program", input=stated)

    assert errors == []
    for key in ({"unionid": "oUnion-1"}, {"openid": {"appid": "wx_mini_2", "openid": "oOpen-1"}}):
        query = "query ($by: MemberKey!) { member(by: $by) { id } }"
        found = await world.ask("app_mini_program", query, variables={"by": key})
        assert member is not None
        assert found["member"]["id"] == member["id"]


@pytest.mark.parametrize("role", ["member", "region_manager", "support_agent", "membership_manager", "dpo", "auditor"])
async def test_nobody_else_may_enrol(world: World, people: People, role: str) -> None:
    before = await counts(world)
    about = {"member": people.whole} if role == "member" else {}

    codes = await world.refused(role, ENROL, variables={"input": CARD, "key": "k1"}, **about)

    assert codes == ["FORBIDDEN"]
    assert await counts(world) == before
    (row,) = await world.audited()
    assert (row.role, row.operation, row.outcome) == (role, "memberEnrol", "FORBIDDEN")


async def test_an_account_joins_the_member_it_belongs_to(world: World, people: People) -> None:
    stated = CARD | {"name": WHOLE["name"], "phone": WHOLE["phone"], "phoneVerified": True}

    member, errors = await enrol(world, "app_crm", input=stated)

    assert errors == []
    assert member is not None
    assert [a["channel"] for a in member["accounts"]] == ["WEBSITE", "APP", "STORE", "STORE"]
    (row,) = await world.audited()
    assert (row.operation, row.outcome, row.member_ids) == ("memberEnrol", "ok", [people.whole])
    assert "member.phone:CLEAR" in row.fields


async def test_the_same_request_under_a_key_is_done_once(world: World) -> None:
    first = await enrol(world, "app_crm")
    second = await enrol(world, "app_crm")

    assert first == second
    assert await counts(world) == (1, 1, 1)
    assert [row.outcome for row in await world.audited()] == ["ok", "ok"]


async def test_a_key_belongs_to_the_app_whatever_its_token_says_about_whom(world: World) -> None:
    first = await enrol(world, "app_crm", subject="crm-node-1")
    again = await enrol(world, "app_crm", subject="crm-node-2")
    other = await enrol(world, "app_checkout", subject="crm-node-1")

    assert first == again
    assert other == (None, [("account", "ALREADY_ENROLLED")])
    assert await counts(world) == (1, 1, 1)
    assert [row.caller for row in await world.audited()] == ["crm", "crm", "checkout"]


async def test_a_retry_does_not_find_whom_its_caller_no_longer_reaches(world: World) -> None:
    first, _ = await enrol(world, "store_manager", subject="S-7", stores=["SH002"])
    before = await counts(world)
    assert first is not None

    elsewhere = await enrol(world, "store_manager", subject="S-7", stores=["SH003"])
    back = await enrol(world, "store_manager", subject="S-7", stores=["SH002"])

    assert elsewhere == (None, [("account", "NOT_FOUND")])
    assert back == (first, [])
    assert await counts(world) == before
    done, missed, again = await world.audited()
    assert (missed.outcome, missed.member_ids) == ("NOT_FOUND", [])
    assert done.member_ids == again.member_ids != []


async def test_an_enrolment_is_on_record_with_what_was_sent(world: World) -> None:
    query = """mutation ($input: MemberEnrolInput!, $key: String!) {
      memberEnrol(input: $input, idempotencyKey: $key) { userErrors { code } } }"""
    app = {"channel": "APP", "account": "u-1", "appid": "wx_mini_1", "unionid": "oUnion-1", "gender": "F"}
    wrong = CARD | {"phone": "12"}
    for role, key, stated in (("app_crm", "1", CARD), ("app_crm", "2", wrong), ("app_mini_program", "3", app)):
        await world.ask(role, query, variables={"input": stated, "key": key})

    card = ["member.accounts:WRITE", "member.name:WRITE", "member.phone:WRITE"]
    assert [(row.outcome, row.fields) for row in await world.audited()] == [
        ("ok", card),
        ("BAD_USER_INPUT", card),
        ("ok", ["member.accounts:WRITE", "member.gender:WRITE", "member.identifiers:WRITE"]),
    ]


async def test_another_request_under_a_key_is_a_conflict(world: World) -> None:
    await enrol(world, "app_crm")
    before = await counts(world)

    member, errors = await enrol(world, "app_crm", input=CARD | {"account": "7700000002"})

    assert (member, errors) == (None, [("idempotencyKey", "CONFLICT")])
    assert await counts(world) == before
    assert [row.outcome for row in await world.audited()] == ["ok", "CONFLICT"]


async def test_a_key_is_its_caller_s_own(world: World) -> None:
    await enrol(world, "app_crm")

    _, errors = await enrol(world, "app_checkout", input=CARD | {"account": "7700000002"})

    assert errors == []


async def test_a_key_is_forgotten_after_eight_days(world: World) -> None:
    world.clock.at -= timedelta(days=60)  # the database's clock has to be beyond it, too
    await enrol(world, "app_crm")
    world.clock.at += timedelta(days=8)

    _, errors = await enrol(world, "app_crm", input=CARD | {"account": "7700000002"})

    assert errors == []
    assert (await counts(world))[2] == 1


async def test_what_was_refused_may_be_tried_again_under_its_key(world: World) -> None:
    _, errors = await enrol(world, "app_crm", input=CARD | {"phone": "12"})
    assert errors == [("phone", "BAD_USER_INPUT")]

    member, errors = await enrol(world, "app_crm", input=CARD)

    assert errors == []
    assert member is not None


async def test_the_same_request_at_the_same_moment_is_done_once(world: World) -> None:
    answers = await asyncio.gather(*(enrol(world, "app_crm") for _ in range(5)))

    assert all(answer == answers[0] for answer in answers)
    assert await counts(world) == (1, 1, 1)


async def test_no_key_or_request_is_stored_in_clear(world: World) -> None:
    await enrol(world, "app_crm", key="13612340678")

    async with transaction(world.hub.database.app) as tx:
        (row,) = await tx.execute(select(table_of(DoneRequest)))
    assert row.caller == "APP:crm"
    assert b"13612340678" not in b"".join((row.key_digest, row.request_digest))
    assert (len(row.key_digest), len(row.request_digest)) == (16, 16)


@pytest.mark.parametrize("key", ["", " ", "x" * 101, "a\nb"])
async def test_a_key_has_one_to_a_hundred_visible_characters(world: World, key: str) -> None:
    _, errors = await enrol(world, "app_crm", key=key)

    assert errors == [("idempotencyKey", "BAD_USER_INPUT")]


async def test_an_account_that_is_known_is_not_enrolled_again(world: World, people: People) -> None:
    before = await counts(world)

    member, errors = await enrol(world, "app_crm", input=CARD | {"account": WHOLE["card"]})

    assert (member, errors) == (None, [("account", "ALREADY_ENROLLED")])
    assert await counts(world) == before
    assert [row.outcome for row in await world.audited()] == ["ALREADY_ENROLLED"]


WRONG: list[tuple[str, dict[str, Any], list[tuple[str, str]]]] = [
    ("app_crm", {"phone": "138****5678"}, [("phone", "MASKED_VALUE")]),
    ("app_crm", {"name": "张*"}, [("name", "MASKED_VALUE")]),
    (
        "app_crm",
        {"email": "u***@brand.cn", "birthday": "1961-**-**"},
        [("email", "MASKED_VALUE"), ("birthday", "MASKED_VALUE")],
    ),
    ("app_crm", {"name": "无", "phone": "12"}, [("name", "BAD_USER_INPUT"), ("phone", "BAD_USER_INPUT")]),
    ("app_crm", {"birthday": "1961-02-30"}, [("birthday", "BAD_USER_INPUT")]),
    ("app_crm", {"address": " "}, [("address", "BAD_USER_INPUT")]),
    ("app_crm", {"account": "no such number!"}, [("account", "BAD_USER_INPUT")]),
    (
        "app_crm",
        {"name": "张\n三", "birthday": "1990-01-01\t"},
        [("name", "BAD_USER_INPUT"), ("birthday", "BAD_USER_INPUT")],
    ),
    (
        "app_crm",
        {"phone": "136\t12340678", "email": "a@brandmail.cn\r"},
        [("phone", "BAD_USER_INPUT"), ("email", "BAD_USER_INPUT")],
    ),
    (
        "app_crm",
        {"account": "77\t1", "birthday": "1990-01-01\n"},
        [("account", "BAD_USER_INPUT"), ("birthday", "BAD_USER_INPUT")],
    ),
    ("app_crm", {"homeStore": "SH999"}, [("homeStore", "BAD_USER_INPUT")]),
    ("app_crm", {"channel": "APP", "account": "u-1"}, [("appid", "BAD_USER_INPUT")]),
    ("app_crm", {"channel": "APP", "account": "u-1", "appid": "wx_other"}, [("appid", "BAD_USER_INPUT")]),
    (
        "app_crm",
        {"openid": {"appid": "wx_mini_1", "openid": "o-1"}},
        [("appid", "BAD_USER_INPUT"), ("openid", "BAD_USER_INPUT")],
    ),
    ("sales_associate", {"homeStore": "SH014"}, [("homeStore", "FORBIDDEN")]),
    ("sales_associate", {"phoneVerified": True}, [("phoneVerified", "FORBIDDEN")]),
    ("sales_associate", {"unionid": "oUnion-1"}, [("unionid", "FORBIDDEN")]),
]


@pytest.mark.parametrize(("role", "changed", "expected"), WRONG, ids=[str(changed) for _, changed, _ in WRONG])
async def test_what_is_wrong_is_told_all_at_once_and_changes_nothing(
    world: World, role: str, changed: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    member, errors = await enrol(world, role, input=CARD | changed)

    assert (member, errors) == (None, expected)
    assert await counts(world) == (0, 0, 0)
    assert [row.outcome for row in await world.audited()] == [expected[0][1]]


async def test_staff_of_several_stores_say_in_which(world: World) -> None:
    _, errors = await enrol(world, "sales_associate", stores=["SH001", "SH002"])
    assert errors == [("homeStore", "BAD_USER_INPUT")]

    member, errors = await enrol(
        world, "sales_associate", stores=["SH001", "SH002"], input=CARD | {"homeStore": "SH002"}
    )

    assert errors == []
    assert member is not None
    assert member["homeStore"] == {"code": "SH002"}


async def test_an_app_does_not_enrol_into_somebody_else_than_it_asks_for(world: World, people: People) -> None:
    before = await counts(world)
    stated = {"channel": "APP", "account": "u-1", "appid": "wx_mini_1", "unionid": WHOLE["unionid"]}

    member, errors = await enrol(world, "app_mini_program", input=stated, member=people.southern)

    assert (member, errors) == (None, [("account", "NOT_FOUND")])
    assert await counts(world) == before


async def test_orders_that_waited_for_the_account_come_with_it(world: World) -> None:
    await world.buy(line("W-1", (Channel.STORE, "7700000001"), store="SH001"))
    query = "query ($by: MemberKey!) { member(by: $by) { orders { edges { node { orderNo } } } } }"

    await enrol(world, "app_crm")

    found = await world.ask("app_crm", query, variables={"by": {"storeCard": "7700000001"}})
    assert [edge["node"]["orderNo"] for edge in found["member"]["orders"]["edges"]] == ["W-1"]


async def test_one_mutation_is_taken_per_request(world: World) -> None:
    one = 'memberEnrol(input: {channel: STORE, account: "77"}, idempotencyKey: "k") { userErrors { code } }'

    assert await world.refused("app_crm", f"mutation {{ a: {one} b: {one} }}") == ["QUERY_TOO_COMPLEX"]
    assert await counts(world) == (0, 0, 0)


async def test_without_an_audit_log_nothing_is_changed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(_self: object, _entry: object) -> None:
        raise AuditUnavailable

    monkeypatch.setattr("member_hub.audit.AuditLog.write", fails)

    answer = await world.post("app_crm", ENROL, variables={"input": CARD, "key": "k1"})

    assert answer.status_code == 503
    assert await counts(world) == (0, 0, 0)


async def test_refusals_speak_the_caller_s_language(world: World) -> None:
    sent = {"input": CARD | {"phone": "138****5678"}, "key": "k1"}
    texts = []
    for language in ("zh-CN,zh;q=0.9,en;q=0.5", "en-GB", "fr"):
        answer = await world.post("app_crm", ENROL, variables=sent, headers={"Accept-Language": language})
        texts.append(answer.json()["data"]["memberEnrol"]["userErrors"][0]["message"])

    assert texts[0] == "提交的是脱敏后的值，请填写完整内容。"
    assert texts[1] == texts[2] == "This is a masked value; send the whole value, or leave the field out."
