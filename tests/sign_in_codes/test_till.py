"""A code that is read back at the till: who may send one, what it finds, and that it signs nobody in."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from member_hub import sign_in
from member_hub.db import transaction
from member_hub.ids import MemberId
from member_hub.members.tables import Channel
from member_hub.sign_in.tables import OneTimeCode, Session
from tests.graphql.world import NOW, said
from tests.sign_in_codes.desk import E164, OTHER, PHONE, Front, codes_of

SEND = """mutation ($phone: String!) { phoneCodeSend(phone: $phone) {
    expiresInS userErrors { field code retryAfter } } }"""


async def holder(front: Front, days_ago: int = 10) -> MemberId:
    at = NOW - timedelta(days=days_ago)
    (member,) = await front.resolve(said(Channel.WEBSITE, "W1", at=at, phone=E164, phone_verified=True, name="张三"))
    return member


async def send(front: Front, phone: str = PHONE, role: str = "sales_associate") -> dict[str, Any]:
    return await front.ask(role, SEND, variables={"phone": phone})


async def redeem(front: Front, code: str, phone: str = PHONE) -> MemberId | None:
    async with transaction(front.hub.database.app) as tx:
        return await sign_in.redeem_till_code(tx, front.hub.vault, phone, code, handler="brand", now=front.clock.now())


@pytest.mark.parametrize("role", ["sales_associate", "store_manager", "app_checkout"])
async def test_a_code_read_back_finds_who_holds_the_number(front: Front, role: str) -> None:
    member = await holder(front)

    answer = await send(front, role=role)

    (message,) = front.service.taken
    assert answer == {"phoneCodeSend": {"expiresInS": 300, "userErrors": []}}
    assert (message.template, message.to) == ("till_code.en", E164)
    assert await redeem(front, front.service.code()) == member
    assert await redeem(front, front.service.code()) is None
    (entry,) = await front.audited()
    assert (entry.role, entry.operation, entry.outcome) == (role, "phoneCodeSend", "ok")
    assert (entry.fields, entry.member_ids) == (["key:phone"], [member])


@pytest.mark.parametrize("role", ["region_manager", "support_agent", "dpo", "app_crm", "member", "marketing_analyst"])
async def test_nobody_else_sends_codes(front: Front, role: str) -> None:
    member = await holder(front)
    about = {"member": member} if role == "member" else {}

    codes = await front.refused(role, SEND, variables={"phone": PHONE}, **about)

    assert codes == ["FORBIDDEN"]
    assert front.service.taken == []
    assert await front.count(OneTimeCode) == 0
    assert (await front.trail())[-1][:2] == ("phoneCodeSend", "FORBIDDEN")


async def test_known_and_unknown_numbers_are_answered_alike(front: Front) -> None:
    await holder(front)

    answers = [await send(front, phone) for phone in (PHONE, OTHER, "13800138000")]

    assert answers == [answers[0]] * 3
    assert [message.to for message in front.service.taken] == [E164, f"+86{OTHER}"]
    assert [outcome for _, outcome, _ in await front.trail()] == ["ok", "missed", "missed"]
    assert await redeem(front, front.service.code(), OTHER) is None


async def test_a_till_code_signs_nobody_in_and_a_sign_in_code_finds_nobody(front: Front) -> None:
    await holder(front)
    await send(front)
    till = front.service.code()

    answer = await front.say("session", {"phone": PHONE, "code": till})
    await front.later(minutes=1)
    sign_in_code = await front.code_for()
    found = await redeem(front, sign_in_code)

    assert answer.status_code == 401
    assert await front.count(Session) == 0
    assert found is None or sign_in_code == till


async def test_guesses_at_the_till_take_no_try_from_a_sign_in_code(front: Front) -> None:
    member = await holder(front)
    code = await front.code_for()
    wrong = f"{(int(code) + 1) % 1_000_000:06}"

    assert [await redeem(front, wrong) for _ in range(5)] == [None] * 5

    (row,) = await front.rows(OneTimeCode)
    assert (row.tries, row.used_at, row.void_at) == (0, None, None)
    assert await front.whoami((await front.say("session", {"phone": PHONE, "code": code})).json()["accessToken"])
    assert await front.finds() == member


async def test_each_kind_of_code_counts_for_itself_for_a_number(front: Front) -> None:
    """So that nobody at a till keeps a member from signing in."""
    await front.code_for()

    first = await front.post("sales_associate", SEND, variables={"phone": PHONE})
    second = await front.post("sales_associate", SEND, variables={"phone": PHONE})

    assert (first.status_code, "errors" in first.json()) == (200, False)
    sent = second.json()["data"]["phoneCodeSend"]
    (refused,) = sent["userErrors"]
    assert (second.status_code, sent["expiresInS"], refused["code"]) == (200, None, "THROTTLED")
    assert 1 <= refused["retryAfter"] <= 60
    assert (await front.trail())[-1][:2] == ("phoneCodeSend", "THROTTLED")
    assert await front.count(OneTimeCode) == 2


async def test_a_number_verified_long_ago_finds_nobody_at_the_till(front: Front) -> None:
    await holder(front, days_ago=91)
    await send(front)

    assert await redeem(front, front.service.code()) is None


async def test_a_typed_number_finds_nobody_at_the_till(front: Front) -> None:
    await front.resolve(said(Channel.STORE, "8868331042", phone=E164, name="张三"))
    await send(front)

    assert await redeem(front, front.service.code()) is None


async def test_a_till_code_is_tried_five_times_however_many_ask_at_once(front: Front) -> None:
    await holder(front)
    await send(front)
    wrong = f"{(int(front.service.code()) + 1) % 1_000_000:06}"

    await asyncio.gather(*(redeem(front, wrong) for _ in range(8)))

    assert await redeem(front, front.service.code()) is None
    (row,) = await front.rows(OneTimeCode)
    assert row.tries == 5


async def test_one_associate_gets_ten_codes_a_minute_and_the_next_one_too(front: Front) -> None:
    numbers = [f"1391234{n:04}" for n in range(5000, 5012)]
    for number in numbers[:10]:
        await front.ask("sales_associate", SEND, variables={"phone": number}, subject="S-1042")

    same = await front.ask("sales_associate", SEND, variables={"phone": numbers[10]}, subject="S-1042")
    other = await front.ask("sales_associate", SEND, variables={"phone": numbers[10]}, subject="S-1043")

    (refused,) = same["phoneCodeSend"]["userErrors"]
    assert (refused["code"], refused["field"], other["phoneCodeSend"]["userErrors"]) == ("THROTTLED", None, [])
    assert 1 <= refused["retryAfter"] <= 60


async def test_what_the_message_service_refuses_is_on_record_and_void(front: Front) -> None:
    front.service.is_open = False

    answer = await front.post("sales_associate", SEND, variables={"phone": PHONE})

    assert (answer.status_code, codes_of(answer)) == (503, ["UNAVAILABLE"])
    assert [outcome for _, outcome, _ in await front.trail()] == ["missed", "UNAVAILABLE"]
    (row,) = await front.rows(OneTimeCode)
    assert row.void_at is not None
