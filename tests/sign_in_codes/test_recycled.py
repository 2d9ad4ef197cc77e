"""A number that was given out again opens nobody's account: a code alone, a second thing, and a new start."""

from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from member_hub.ids import MemberId
from member_hub.members.tables import Channel, Member, MemberStatus
from member_hub.sign_in.tables import OneTimeCode, Session
from member_hub.telling.tables import NoticeTask
from tests.graphql.world import NOW, line, said
from tests.sign_in_codes.desk import E164, OTHER, PHONE, Front, as_said, codes_of

LONG_AGO = NOW - timedelta(days=200)
CARD, UNIONID, EMAIL = "8868331042", "oUnion-abcdefg-0001", "zhang.san@brandmail.cn"
ORDERS = (
    "{ me { name { value } email { value } accounts { channel } orders(first: 9) { edges { node { orderNo } } } } }"
)


async def former_owner(front: Front, **more: Any) -> MemberId:
    """张三, who verified the number 200 days ago and has a card, a WeChat user and orders."""
    known = {"email": EMAIL} | more
    website = said(Channel.WEBSITE, "W1", at=LONG_AGO, phone=E164, phone_verified=True, name="张三", **known)
    card = said(Channel.STORE, CARD, at=LONG_AGO, phone=E164, name="张三", home_store="SH001")
    app = said(Channel.APP, "A1", at=LONG_AGO, phone=E164, phone_verified=True, unionid=UNIONID, openid="oOpen-1")
    member, *_ = await front.resolve(website, card, app)
    await front.buy(
        line("O-1", (Channel.WEBSITE, "W1"), at=NOW - timedelta(days=20)),
        line("O-0", (Channel.WEBSITE, "W1"), at=NOW - timedelta(days=190)),
    )
    return member


async def untouched(front: Front, member: MemberId, *told: str) -> None:
    """Nothing was opened, given or taken; what the holder was told of."""
    assert await front.finds() == member
    assert {status for status, _ in await front.claims(member)} == {"active", "unverified"}
    assert await front.count(Session) == 0
    assert [(row.member_id, row.kind) for row in await front.rows(NoticeTask)] == [(member, kind) for kind in told]


async def test_a_code_alone_opens_nothing_that_was_verified_more_than_90_days_ago(front: Front) -> None:
    member = await former_owner(front)
    members = await front.count(Member)

    answer = await front.session()

    assert answer["next"] == {"also": ["card", "unionid", "orderNo"], "startNew": True}
    assert "accessToken" not in answer
    await untouched(front, member)
    assert await front.count(Member) == members
    assert (await front.trail())[-1] == ("signInSession", "missed", [member])


async def test_a_recycled_number_and_one_that_nobody_has_are_asked_the_same(front: Front) -> None:
    await former_owner(front)

    answers = [
        as_said(await front.say("session", {"phone": phone, "code": await front.code_for(phone)}))
        for phone in (PHONE, OTHER)
    ]

    assert answers[0] == answers[1]


@pytest.mark.parametrize(("days", "member"), [(90, "known"), (91, None)])
async def test_ninety_days_make_the_difference(front: Front, days: int, member: str | None) -> None:
    await front.resolve(
        said(Channel.WEBSITE, "W1", at=NOW - timedelta(days=days), phone=E164, phone_verified=True, name="张三")
    )

    answer = await front.session()

    assert answer.get("member") == member


async def test_a_website_that_was_visited_lately_does_not_make_an_old_verification_new(front: Front) -> None:
    old = said(Channel.WEBSITE, "W1", at=LONG_AGO, phone=E164, phone_verified=True, name="张三")
    lately = said(Channel.WEBSITE, "W1", at=NOW - timedelta(days=1), phone=E164, name="张三")
    (member, _) = await front.resolve(old, lately)

    new = await front.session(startNew=True)

    assert new["member"] == "new"
    assert (await front.whoami(new["accessToken"]))["id"] != member
    assert [status for status, _ in await front.claims(member)] == ["released"]


@pytest.mark.parametrize("also", [{"card": CARD}, {"card": " 8868 331 042 "}, {"unionid": UNIONID}, {"orderNo": "O-1"}])
async def test_a_second_thing_of_the_holder_opens_what_they_have(front: Front, also: dict[str, str]) -> None:
    member = await former_owner(front)

    answer = await front.session(also=also)

    assert answer["member"] == "known"
    found = (await front.me(answer["accessToken"], ORDERS)).json()["data"]["me"]
    assert found["name"] == {"value": "张三"}
    assert sorted(edge["node"]["orderNo"] for edge in found["orders"]["edges"]) == ["O-0", "O-1"]
    assert ("active", NOW) in await front.claims(member)
    assert await front.finds() == member
    told = front.service.taken[-1]
    assert (told.template, told.by, told.to, told.values) == ("account_opened.zh", "email", EMAIL, {})
    (task,) = await front.rows(NoticeTask)
    assert (task.member_id, task.kind, task.told_by) == (member, "account_opened", "email")


@pytest.mark.parametrize(
    "also",
    [
        {"card": "8868331043"},
        {"card": "7770000001"},
        {"unionid": "oUnion-other"},
        {"orderNo": "O-0"},
        {"orderNo": "O-9"},
    ],
)
async def test_a_second_thing_that_is_not_the_holders_opens_nothing_and_uses_the_code_up(
    front: Front, also: dict[str, str]
) -> None:
    """Another member's card and an order from too long ago are none either."""
    member = await former_owner(front)
    await front.resolve(said(Channel.STORE, "7770000001", name="李四", phone="+8613700000001"))
    code = await front.code_for()
    sent = {"phone": PHONE, "code": code, "also": also}

    refused = [await front.say("session", sent) for _ in range(5)]
    late = await front.say("session", {**sent, "also": {"card": CARD}})

    assert [(answer.status_code, codes_of(answer)) for answer in (*refused, late)] == [(401, ["UNAUTHENTICATED"])] * 6
    await untouched(front, member, "second_thing_wrong")
    (row,) = await front.rows(OneTimeCode)
    assert (row.tries, row.used_at is None) == (1, False)
    assert (await front.trail())[1] == ("signInSession", "UNAUTHENTICATED", [member])


async def test_a_new_start_is_an_empty_member_and_releases_the_number(front: Front) -> None:
    former = await former_owner(front)

    answer = await front.session(startNew=True)

    assert answer["member"] == "new"
    found = (await front.me(answer["accessToken"], ORDERS)).json()["data"]["me"]
    assert found == {
        "name": {"value": None},
        "email": {"value": None},
        "accounts": [{"channel": "WEBSITE"}],
        "orders": {"edges": []},
    }
    (session,) = await front.rows(Session)
    assert await front.finds() == session.member_id != former
    assert [status for status, _ in await front.claims(former)] == ["released"] * 3
    assert await front.claims(session.member_id) == [("active", NOW)]
    shown = await front.ask(
        "app_crm",
        "query ($id: ID!) { node(id: $id) { ... on Member { phone { state } } } }",
        variables={
            "id": (
                await front.ask(
                    "dpo", "query ($by: MemberKey!) { member(by: $by) { id } }", variables={"by": {"storeCard": CARD}}
                )
            )["member"]["id"]
        },
    )
    assert shown == {"node": {"phone": {"state": "ABSENT"}}}
    assert ("phoneRelease", "ok", [former]) in await front.trail()
    assert ("signInSession", "ok", [session.member_id]) in await front.trail()


async def test_the_former_owner_is_told_by_e_mail(front: Front) -> None:
    former = await former_owner(front)

    await front.session(startNew=True)

    _, told = front.service.taken
    assert (told.template, told.by, told.to, told.values) == ("phone_released.zh", "email", EMAIL, {})
    (task,) = await front.rows(NoticeTask)
    assert (task.member_id, task.kind, task.told_at, task.told_by) == (former, "phone_released", NOW, "email")


async def test_without_an_address_the_former_owner_is_told_through_the_app(front: Front) -> None:
    await former_owner(front, email=None)

    await front.session(startNew=True)

    told = front.service.taken[-1]
    assert (told.by, told.to, told.appid) == ("openid", "oOpen-1", "wx_mini_1")


async def test_whoever_cannot_be_told_stays_on_the_list(front: Front) -> None:
    (former,) = await front.resolve(
        said(Channel.WEBSITE, "W1", at=LONG_AGO, phone=E164, phone_verified=True, name="张三")
    )

    await front.session(startNew=True)

    (task,) = await front.rows(NoticeTask)
    assert (task.member_id, task.told_at) == (former, None)
    assert len(front.service.taken) == 1


async def test_a_typed_number_is_opened_by_no_code_alone(front: Front) -> None:
    (member,) = await front.resolve(said(Channel.STORE, CARD, at=LONG_AGO, phone=E164, home_store="SH001"))

    asked = await front.session()
    await front.later(minutes=1)
    known = await front.session(also={"card": CARD})

    assert asked["next"]["startNew"] is True
    assert known["member"] == "known"
    assert await front.claims(member) == [("active", NOW)]


async def test_a_new_start_takes_a_typed_number_from_who_typed_it_and_nothing_else(front: Front) -> None:
    """Without a name the engine would join the two: nothing speaks against it but the new start."""
    (member,) = await front.resolve(said(Channel.STORE, CARD, at=LONG_AGO, phone=E164, home_store="SH001"))

    answer = await front.session(startNew=True)

    (session,) = await front.rows(Session)
    assert answer["member"] == "new"
    assert session.member_id != member
    assert await front.claims(member) == [("released", None)]
    assert len(await front.rows(NoticeTask)) == 1


async def test_a_second_thing_opens_only_its_owners_and_not_what_others_held_with_the_number(front: Front) -> None:
    """Somebody types a stranger's old number into their own card, gets the number, and shows the card."""
    (stranger,) = await front.resolve(
        said(Channel.WEBSITE, "W1", at=LONG_AGO, phone=E164, phone_verified=True, name="张三")
    )
    typed = said(Channel.STORE, CARD, at=NOW - timedelta(days=5), phone=E164, name="王小明")
    (own,) = await front.resolve(typed)
    assert own != stranger

    answer = await front.session(also={"card": CARD})

    assert answer["member"] == "known"
    (session,) = await front.rows(Session)
    assert session.member_id == own
    assert (await front.me(answer["accessToken"], ORDERS)).json()["data"]["me"]["name"] == {"value": "王小明"}
    assert [status for status, _ in await front.claims(stranger)] == ["released"]


async def test_nor_where_nothing_tells_the_two_apart(front: Front) -> None:
    """The same without a name on the card, the number typed live: silence does not unite them either."""
    (stranger,) = await front.resolve(
        said(Channel.WEBSITE, "W1", at=LONG_AGO, phone=E164, phone_verified=True, name="张三")
    )
    typed = said(Channel.STORE, CARD, at=NOW - timedelta(days=5), phone=E164)
    (own,) = await front.resolve(replace(typed, is_vouched=False))

    answer = await front.session(also={"card": CARD})

    (session,) = await front.rows(Session)
    assert session.member_id == own != stranger
    assert (await front.me(answer["accessToken"], ORDERS)).json()["data"]["me"]["name"] == {"value": None}
    assert {row.status for row in await front.rows(Member)} == {MemberStatus.ACTIVE}
    assert await front.finds() == own


async def test_signing_in_verifies_the_number_again(front: Front) -> None:
    (member,) = await front.resolve(
        said(Channel.WEBSITE, "W1", at=NOW - timedelta(days=80), phone=E164, phone_verified=True, name="张三")
    )
    await front.session()
    front.clock.at = NOW + timedelta(days=80)
    await front.later(days=80)

    answer = await front.session()

    assert answer["member"] == "known"
    assert await front.claims(member) == [("active", NOW + timedelta(days=80))]


async def test_who_began_here_comes_back_to_the_same_membership(front: Front) -> None:
    await former_owner(front)
    await front.session(startNew=True)
    (first,) = await front.rows(Session)
    await front.later(minutes=2)
    front.clock.at = NOW + timedelta(days=60)

    again = await front.session()

    assert again["member"] == "known"
    assert await front.whoami(again["accessToken"]) is not None
    (session,) = await front.rows(Session)  # the first one is long over and gone
    assert session.session_id != first.session_id
    assert session.member_id == first.member_id


async def test_who_began_here_with_a_number_that_everybody_states_comes_back_to_the_same_membership(
    front: Front,
) -> None:
    """A shop's number on 25 cards: it holds nobody, and yet it is theirs whom it signed in before."""
    await front.resolve(*(said(Channel.STORE, f"99000000{n:02}", phone=E164) for n in range(25)))
    await front.session(startNew=True)
    (first,) = await front.rows(Session)
    await front.later(minutes=2)

    again = await front.session()

    assert again["member"] == "known"
    assert {row.member_id for row in await front.rows(Session)} == {first.member_id}
    assert await front.finds() is None


async def test_a_website_account_of_the_new_owner_joins_them(front: Front) -> None:
    """Who begins here and then registers on the website is one member."""
    former = await former_owner(front)
    await front.session(startNew=True)
    later = NOW + timedelta(days=3)

    (joined,) = await front.resolve(said(Channel.WEBSITE, "W2", at=later, phone=E164, phone_verified=True, name="李四"))

    (session,) = await front.rows(Session)
    assert joined == session.member_id != former


async def test_a_released_number_stays_released_whatever_is_imported_in_whatever_order(front: Front) -> None:
    """Each order of the old files with the new start at each place among them ends in the same members."""
    for number, (order, place) in enumerate((o, p) for o in permutations(range(3)) for p in range(4)):
        phone = f"1391235{number:04}"
        old = [
            said(Channel.WEBSITE, f"W{number}", at=LONG_AGO, phone=f"+86{phone}", phone_verified=True, name="张三"),
            said(Channel.STORE, f"88683{number:05}", at=LONG_AGO - timedelta(days=9), phone=f"+86{phone}"),
            said(Channel.APP, f"A{number}", at=LONG_AGO - timedelta(days=99), phone=f"+86{phone}", phone_verified=True),
        ]
        files = [old[index] for index in order]
        await front.resolve(*files[:place]) if place else None
        assert (await front.session(phone, startNew=True))["member"] == "new"
        await front.resolve(*files[place:], *files) if files[place:] else None

        former = set(await front.resolve(*files))

        new = (await front.rows(Session))[-1].member_id
        assert (order, place, len(former)) == (order, place, 1)
        assert new not in former
        assert await front.finds(f"+86{phone}") == new
        assert {status for status, _ in await front.claims(*former, f"+86{phone}")} == {"released"}
        await front.later(days=2)


async def test_what_a_new_start_did_not_know_of_and_was_verified_lately_is_theirs_after_all(front: Front) -> None:
    """The file that comes late tells what would have opened it: verified 30 days before, by the 90 days' own rule."""
    await front.session(startNew=True)

    (joined,) = await front.resolve(
        said(Channel.WEBSITE, "W1", at=NOW - timedelta(days=30), phone=E164, phone_verified=True, name="张三")
    )

    (session,) = await front.rows(Session)
    root = next(row for row in await front.rows(Member) if row.member_id == session.member_id)
    assert joined == (root.merged_into if root.status == MemberStatus.MERGED else root.member_id)
