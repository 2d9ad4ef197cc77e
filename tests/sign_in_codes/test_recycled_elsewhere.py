"""A number that was given out again opens nobody's account by another way either: an app, a file, what staff type."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from member_hub.ids import MemberId
from member_hub.members.tables import Channel
from member_hub.sign_in.tables import Session
from member_hub.telling.tables import NoticeTask
from tests.graphql.world import NOW, line, said
from tests.sign_in_codes.desk import E164, PHONE, Front, codes_of
from tests.sign_in_codes.test_recycled import CARD, EMAIL, LONG_AGO, ORDERS, UNIONID, former_owner


async def recycled(front: Front) -> MemberId:
    """张三, who verified the number 400 days ago on the website and has an order."""
    (member,) = await front.resolve(
        said(
            Channel.WEBSITE,
            "W1",
            at=NOW - timedelta(days=400),
            phone=E164,
            phone_verified=True,
            name="张三",
            email=EMAIL,
        )
    )
    await front.buy(line("O-1", (Channel.WEBSITE, "W1"), at=NOW - timedelta(days=100)))
    return member


async def imported(front: Front, *, days: int = 1, **more: Any) -> MemberId:
    """The app row of whoever has the number by now; nothing in it says that this is another person."""
    at = NOW - timedelta(days=days)
    (member,) = await front.resolve(said(Channel.APP, "A2", at=at, phone=E164, phone_verified=True, **more))
    return member


ENROL = """mutation ($input: MemberEnrolInput!) { memberEnrol(input: $input, idempotencyKey: "k") {
  member { id name { value } accounts { channel } } userErrors { field code } } }"""
UPDATE = """mutation ($id: ID!, $version: Int!, $phone: String!) {
  profileUpdate(id: $id, expectedVersion: $version, input: {phone: $phone, phoneVerified: true}) {
    member { id name { value } accounts { channel } } userErrors { field code } } }"""
NEWCOMER = {
    "channel": "APP",
    "account": "stranger-1",
    "appid": "wx_mini_1",
    "phone": PHONE,
    "phoneVerified": True,
    "unionid": "oUnion-stranger-01",
}
STRANGER = {"name": {"value": None}, "accounts": [{"channel": "APP"}]}


async def test_enrolling_with_a_recycled_number_makes_a_member_of_their_own(front: Front) -> None:
    former = await recycled(front)

    done = (await front.ask("app_mini_program", ENROL, variables={"input": NEWCOMER}))["memberEnrol"]
    signed_in = await front.session()

    assert done["userErrors"] == []
    assert {key: done["member"][key] for key in STRANGER} == STRANGER
    assert signed_in["member"] == "known"
    assert (await front.me(signed_in["accessToken"], ORDERS)).json()["data"]["me"]["orders"]["edges"] == []
    assert await front.finds() not in (former, None)
    assert [status for status, _ in await front.claims(former)] == ["released"]


@pytest.mark.parametrize(("days", "joins"), [(89, True), (91, False)])
async def test_verifying_a_number_in_the_app_joins_whom_it_was_verified_by_within_90_days(
    front: Front, days: int, joins: bool
) -> None:
    at = NOW - timedelta(days=days)
    old, own = await front.resolve(
        said(Channel.WEBSITE, "W1", at=at, phone=E164, phone_verified=True, name="张三"),
        said(Channel.APP, "A2", at=NOW - timedelta(days=1)),
    )
    variables = {"id": str(own), "version": 1, "phone": PHONE}

    done = (await front.ask("app_mini_program", UPDATE, variables=variables, member=own))["profileUpdate"]

    assert done["userErrors"] == []
    assert len(done["member"]["accounts"]) == (2 if joins else 1)
    assert await front.finds() == (old if joins else own)


async def test_verifying_ones_own_number_again_parts_nobody(front: Front) -> None:
    """The website and the app verified it 100 days ago; the app does so again."""
    at = NOW - timedelta(days=100)
    member, _ = await front.resolve(
        said(Channel.WEBSITE, "W1", at=at, phone=E164, phone_verified=True, name="张三"),
        said(Channel.APP, "A2", at=at, phone=E164, phone_verified=True),
    )

    variables = {"id": str(member), "version": 1, "phone": PHONE}
    done = (await front.ask("app_crm", UPDATE, variables=variables))["profileUpdate"]

    assert sorted(account["channel"] for account in done["member"]["accounts"]) == ["APP", "WEBSITE"]
    assert await front.finds() == member


async def test_a_file_that_joins_the_new_owner_in_silence_opens_nothing_by_a_code_alone(front: Front) -> None:
    former = await recycled(front)
    assert await imported(front, unionid=UNIONID) == former  # the files are read so, for recall

    answer = await front.session()

    assert answer["next"] == {"also": ["card", "unionid", "orderNo"], "startNew": True}
    assert await front.count(Session) == 0
    assert {status for status, _ in await front.claims(former)} == {"active"}


@pytest.mark.parametrize("also", [{"unionid": UNIONID}, None])
async def test_what_the_new_owner_has_opens_their_part_and_a_new_start_does_too(
    front: Front, also: dict[str, str] | None
) -> None:
    former = await recycled(front)
    await imported(front, unionid=UNIONID)

    answer = await front.session(**({"also": also} if also else {"startNew": True}))

    found = (await front.me(answer["accessToken"], ORDERS)).json()["data"]["me"]
    assert (found["name"], found["orders"]) == ({"value": None}, {"edges": []})
    assert [status for status, _ in await front.claims(former)] == ["released"]
    assert {row.kind for row in await front.rows(NoticeTask) if row.member_id == former} == {"phone_released"}


async def test_what_the_former_owner_has_opens_all_and_is_asked_for_once(front: Front) -> None:
    former = await recycled(front)
    await imported(front)

    answer = await front.session(also={"orderNo": "O-1"})
    await front.later(minutes=2)
    again = await front.session()

    assert (answer["member"], again["member"]) == ("known", "known")
    assert (await front.me(again["accessToken"], ORDERS)).json()["data"]["me"]["name"] == {"value": "张三"}
    assert await front.claims(former) == [("active", NOW)] * 2


@pytest.mark.parametrize("agreeing", [{"name": "张三"}, {"email": EMAIL}])
async def test_what_agrees_in_something_else_is_opened_by_a_code(front: Front, agreeing: dict[str, str]) -> None:
    former = await recycled(front)
    assert await imported(front, **agreeing) == former

    assert (await front.session())["member"] == "known"


async def test_typing_an_old_number_into_a_nameless_card_does_not_open_it_by_a_code(front: Front) -> None:
    old = said(Channel.STORE, CARD, at=NOW - timedelta(days=300), phone=E164, home_store="SH001")
    (member,) = await front.resolve(old)
    assert await imported(front) == member

    assert "next" in await front.session()


async def test_a_number_that_staff_typed_is_not_opened_by_what_staff_read(front: Front) -> None:
    """An agent types their own number into somebody's profile; the order number is on their screen."""
    member, _ = await front.resolve(
        said(Channel.WEBSITE, "W1", at=LONG_AGO, name="张三", unionid=UNIONID, email=EMAIL),
        said(Channel.APP, "A1", at=LONG_AGO, unionid=UNIONID),
    )
    await front.buy(line("O-1", (Channel.WEBSITE, "W1"), at=NOW - timedelta(days=20)))
    typed = """mutation ($id: ID!, $version: Int!, $phone: String!) { profileUpdate(
      id: $id, expectedVersion: $version, input: {phone: $phone}) { userErrors { code } } }"""
    variables = {"id": str(member), "version": 1, "phone": PHONE}
    assert (await front.ask("support_agent", typed, variables=variables))["profileUpdate"] == {"userErrors": []}
    code = await front.code_for()

    refused = await front.say("session", {"phone": PHONE, "code": code, "also": {"orderNo": "O-1"}})
    await front.later(minutes=2)
    opened = await front.session(also={"unionid": UNIONID})

    assert (refused.status_code, codes_of(refused)) == (401, ["UNAUTHENTICATED"])
    assert opened["member"] == "known"
    assert {row.kind: row.told_by for row in await front.rows(NoticeTask)} == {
        "second_thing_wrong": None,
        "account_opened": "email",
    }


async def test_after_five_wrong_second_things_in_30_days_the_right_one_opens_nothing_either(front: Front) -> None:
    member = await former_owner(front)
    for n in range(5):
        wrong = {"phone": PHONE, "code": await front.code_for(), "also": {"card": f"886833100{n}"}}
        assert (await front.say("session", wrong)).status_code == 401
        await front.later(days=1)

    right = await front.say("session", {"phone": PHONE, "code": await front.code_for(), "also": {"card": CARD}})
    told = await front.hub_notices()
    await front.later(days=1)
    new = await front.session(startNew=True)
    await front.later(days=31)

    assert (right.status_code, codes_of(right), told) == (401, ["UNAUTHENTICATED"], 6)
    assert new["member"] == "new"
    assert {message.template for message in front.service.taken if message.to == EMAIL} == {
        "second_thing_wrong.zh",
        "phone_released.zh",
    }
    assert await front.finds() != member


async def test_30_days_later_a_second_thing_may_be_said_again(front: Front) -> None:
    await former_owner(front)
    for n in range(5):
        wrong = {"phone": PHONE, "code": await front.code_for(), "also": {"card": f"886833100{n}"}}
        assert (await front.say("session", wrong)).status_code == 401
        await front.later(days=1)
    await front.later(days=29)

    assert (await front.session(also={"card": CARD}))["member"] == "known"


@pytest.mark.parametrize("order", [1, -1])
async def test_a_yes_that_every_file_repeats_verifies_a_number_once(front: Front, order: int) -> None:
    """A shop's export has no time of verification, only that there was one."""
    for days in (200, 100, 1)[::order]:
        row = said(Channel.WEBSITE, "W1", at=NOW - timedelta(days=days), phone=E164, phone_verified=True, name="张三")
        undated = tuple(replace(each, is_dated=each.kind != "phone") for each in row.identifiers)
        (member,) = await front.resolve(replace(row, identifiers=undated))

    assert await front.claims(member) == [("active", LONG_AGO)]
    assert "next" in await front.session()


async def test_a_moment_of_verification_outweighs_a_yes_in_whatever_order(front: Front) -> None:
    for number, order in enumerate((1, -1)):
        row = said(Channel.WEBSITE, f"W{number}", at=LONG_AGO, phone=f"+861391234000{number}", phone_verified=True)
        undated = tuple(replace(each, is_dated=each.kind != "phone") for each in row.identifiers)
        dated = said(
            Channel.WEBSITE, f"W{number}", at=NOW, phone=f"+861391234000{number}", phone_verified=True, name="张三"
        )
        rows = (replace(row, identifiers=undated), dated)[::order]

        member, _ = await front.resolve(*rows)

        assert await front.claims(member, f"+861391234000{number}") == [("active", NOW)]
