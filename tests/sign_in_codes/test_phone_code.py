"""The full phone plus a code read back: finds at any till of the handler as a member code does, once, in five tries."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from member_hub import sign_in
from member_hub.db import transaction
from member_hub.ids import MemberId
from member_hub.members.reading import account_t, member_t
from member_hub.members.tables import Channel
from member_hub.sign_in.tables import OneTimeCode
from tests.graphql.test_throttle import limited
from tests.graphql.world import NOW, said
from tests.sign_in_codes.desk import E164, OTHER, PHONE, Front, code_t
from tests.sign_in_codes.test_till import SEND

PROFILE = """id status homeStore { code } name { value display state } phone { value display state }
    birthday { state } accounts { channel } orders(first: 5) { state edges { node { orderNo } } }"""
BY = f"query ($by: MemberKey!) {{ member(by: $by) {{ {PROFILE} }} }}"
MANY = "query ($by: [MemberKey!]!) { members(by: $by) { name { display } } }"
STORE_ROLES = ["sales_associate", "store_manager", "region_manager"]
DENIED = {"value": None, "display": None, "state": "DENIED"}
NAME = {"value": None, "display": "张*", "state": "MASKED"}


def key(code: str, phone: str = PHONE) -> dict[str, Any]:
    return {"phoneCode": {"phone": phone, "code": code}}


async def holder(front: Front, *, home_store: str = "SH014", days_ago: int = 10) -> MemberId:
    at = NOW - timedelta(days=days_ago)
    stated = said(
        Channel.WEBSITE, "W1", at=at, phone=E164, phone_verified=True, name="张三", home_store=home_store
    )  # fmt: skip
    (member,) = await front.resolve(stated)
    return member


async def sent(front: Front, phone: str = PHONE) -> str:
    await front.ask("sales_associate", SEND, variables={"phone": phone})
    return front.service.code()


async def find(front: Front, code: str, role: str = "sales_associate", phone: str = PHONE, **about: Any) -> Any:
    return (await front.ask(role, BY, variables={"by": key(code, phone)}, **about))["member"]


async def looked(front: Front) -> list[tuple[str, str, list[Any]]]:
    """Outcome, first field and members of every look-up on record."""
    rows = [row for row in await front.audited() if row.operation == "member"]
    return [(row.outcome, row.fields[0], row.member_ids) for row in rows]


def other_than(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


@pytest.mark.parametrize("role", STORE_ROLES)
async def test_a_member_out_of_reach_is_seen_with_a_masked_name_and_no_more(front: Front, role: str) -> None:
    member = await holder(front)

    found = await find(front, await sent(front), role)

    assert (found["name"], found["phone"], found["birthday"]["state"]) == (NAME, DENIED, "DENIED")
    assert (found["homeStore"], found["accounts"], found["orders"]) == (None, [], {"state": "DENIED", "edges": []})
    entry = (await front.audited())[-1]
    assert (entry.role, entry.operation, entry.outcome, entry.member_ids) == (role, "member", "ok", [member])
    assert {"key:phoneCode", "view:till", "member.name:MASKED"} <= set(entry.fields)


async def test_a_member_in_reach_is_seen_as_ever(front: Front) -> None:
    member = await holder(front, home_store="SH001")
    by_id = (await front.ask("sales_associate", BY, variables={"by": {"id": str(member)}}))["member"]

    found = await find(front, await sent(front))

    assert found == by_id
    assert (found["homeStore"], found["phone"]["display"]) == ({"code": "SH001"}, "139****5671")
    assert "view:till" not in (await front.audited())[-1].fields


async def test_whom_only_an_old_number_joins_with_who_has_it_now_is_not_found(front: Front) -> None:
    member = await holder(front, days_ago=400)
    lately = said(Channel.APP, "A1", at=NOW - timedelta(days=1), phone=E164, phone_verified=True)
    assert await front.resolve(lately) == [member]

    assert await find(front, await sent(front)) is None


async def test_the_checkout_finds_by_it_as_by_any_key(front: Front) -> None:
    await holder(front)

    assert (await find(front, await sent(front), "app_checkout"))["name"] == NAME


async def test_the_view_holds_for_that_key_only(front: Front) -> None:
    member = await holder(front)
    query = """query ($by: MemberKey!, $id: ID!) {
        found: member(by: $by) { id } byId: member(by: {id: $id}) { id } node(id: $id) { id } }"""

    answer = await front.ask("sales_associate", query, variables={"by": key(await sent(front)), "id": str(member)})

    assert answer["found"] is not None
    assert (answer["byId"], answer["node"]) == (None, None)


async def test_what_finds_nobody_is_answered_alike_whatever_it_was(front: Front) -> None:
    await holder(front)
    used = await sent(front)
    assert await find(front, used) is not None
    await front.later(minutes=2)
    expired = await sent(front)
    await front.later(minutes=6)
    stranger = await sent(front, OTHER)
    await front.later(minutes=2)
    good = await sent(front)
    tried = [
        key(other_than(good)),
        key(used if used != good else other_than(good)),
        key(expired if expired != good else other_than(good)),
        key(stranger, OTHER),
        key("", PHONE),
        key("１２３４５６"),
        key("0" * 5000),
        key(good, "13800138000"),
        key(good, "not a number"),
        key(good, "1" * 5000),
    ]

    answers = [await front.post("sales_associate", BY, variables={"by": by}) for by in tried]

    bodies = [answer.json() for answer in answers]
    assert [(answer.status_code, body["data"]) for answer, body in zip(answers, bodies, strict=True)] == [
        (200, {"member": None})
    ] * len(tried)
    assert await looked(front) == [
        ("ok", "key:phoneCode", [await _only_member(front)]), *[("missed", "key:phoneCode", [])] * len(tried)
    ]  # fmt: skip
    assert await find(front, good) is not None


async def _only_member(front: Front) -> MemberId:
    async with transaction(front.hub.database.app) as tx:
        return MemberId((await tx.execute(select(member_t.c.member_id))).scalar_one())


@pytest.mark.parametrize("days_ago", [90, 91])
async def test_a_number_verified_more_than_90_days_ago_finds_nobody(front: Front, days_ago: int) -> None:
    await holder(front, days_ago=days_ago)

    found = await find(front, await sent(front))

    assert (found is not None) is (days_ago == 90)


async def test_five_tries_hold_over_aliases_keys_and_requests(front: Front) -> None:
    await holder(front)
    code = await sent(front)
    wrong = [other_than(code)] + [f"{(int(code) + n) % 1_000_000:06}" for n in range(2, 10)]

    await find(front, wrong[0])
    guesses = await front.ask("store_manager", MANY, variables={"by": [key(said) for said in wrong]})

    assert guesses["members"] == [None] * 9
    assert await find(front, code) is None
    (row,) = await front.rows(OneTimeCode)
    assert (row.tries, row.used_at) == (5, None)


async def test_one_code_twice_in_one_look_up_is_one_try(front: Front) -> None:
    await holder(front)
    code = await sent(front)

    found = await front.ask("sales_associate", MANY, variables={"by": [key(code), key(code)]})

    assert found["members"] == [{"name": {"display": "张*"}}, None]
    (row,) = await front.rows(OneTimeCode)
    assert (row.tries, row.used_at is not None) == (1, True)


async def test_of_two_tills_with_one_code_one_gets_the_member(front: Front) -> None:
    """The second one is at the row while the first has used it and not committed yet."""
    member = await holder(front)
    code = await sent(front)
    async with transaction(front.hub.database.app) as tx:
        first = await sign_in.redeem_till_code(
            tx, front.hub.vault, PHONE, code, handler="brand", now=front.clock.now()
        )  # fmt: skip
        second = asyncio.create_task(find(front, code, "store_manager"))
        done, _ = await asyncio.wait([second], timeout=0.3)

    assert (first, done) == (member, set())
    assert await second is None


async def test_of_many_tills_with_one_code_one_gets_the_member(front: Front) -> None:
    await holder(front)
    code = await sent(front)

    found = await asyncio.gather(*(find(front, code, role) for role in STORE_ROLES * 3))

    assert [one["name"] for one in found if one is not None] == [NAME]


@pytest.mark.parametrize("role", ["sales_associate", "app_checkout"])
async def test_a_member_of_another_handler_is_nobody(front: Front, role: str) -> None:
    member = await holder(front)
    await hand_over(front, member)

    assert await find(front, await sent(front), role) is None

    assert (await looked(front))[-1] == ("missed", "key:phoneCode", [])


@pytest.mark.parametrize("handler", ["sister", None])
async def test_a_code_tells_another_handler_nothing(front: Front, handler: str | None) -> None:
    await holder(front)
    code = await sent(front)

    async with transaction(front.hub.database.app) as tx:
        found = await sign_in.redeem_till_code(tx, front.hub.vault, PHONE, code, handler=handler, now=front.clock.now())

    assert found is None


async def hand_over(front: Front, member: MemberId) -> None:
    async with transaction(front.hub.database.app) as tx:
        for table in (member_t, account_t):
            await tx.execute(update(table).where(table.c.member_id == member).values(handler="sister"))


@pytest.mark.parametrize("role", ["support_agent", "app_crm", "dpo"])
async def test_who_does_not_stand_at_a_till_is_refused_the_key(front: Front, role: str) -> None:
    await holder(front)
    code = await sent(front)

    assert await front.refused(role, BY, variables={"by": key(code)}) == ["FORBIDDEN"]

    (row,) = await front.rows(OneTimeCode)
    assert (row.tries, row.used_at) == (0, None)
    assert (await front.audited())[-1].outcome == "FORBIDDEN"


async def test_each_code_counts_as_a_look_up_and_what_is_throttled_is_no_try(front: Front) -> None:
    await holder(front)
    code = await sent(front)
    others = [key("000000", f"1391234{n:04}") for n in range(100)]

    async with limited(front, lookups_per_s=1) as slow:
        answered = await slow.post("app_checkout", MANY, variables={"by": others})
        refused = await slow.post("app_checkout", BY, variables={"by": key(code)})

    assert (answered.status_code, refused.status_code) == (200, 429)
    assert refused.json()["errors"][0]["extensions"]["code"] == "THROTTLED"
    (row,) = await front.rows(OneTimeCode)
    assert row.tries == 0


async def test_a_code_too_soon_is_refused_with_the_time_to_wait(front: Front) -> None:
    await sent(front)
    async with transaction(front.hub.database.app) as tx:
        await tx.execute(update(code_t).values(created_at=code_t.c.created_at - timedelta(seconds=20)))

    answer = await front.post("store_manager", SEND, variables={"phone": PHONE})

    done = answer.json()["data"]["phoneCodeSend"]
    (error,) = done["userErrors"]
    wait_s = error["retryAfter"]
    assert (answer.status_code, done["expiresInS"], error["code"]) == (200, None, "THROTTLED")
    assert 35 <= wait_s <= 41
