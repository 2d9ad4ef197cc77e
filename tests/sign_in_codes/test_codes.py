"""Codes: what they open, how often they may be tried and asked for, and that nothing tells known from unknown."""

import asyncio
from collections.abc import Sequence

import pytest

from member_hub.db import transaction
from member_hub.identity import actions as claims
from member_hub.identity.kinds import ClaimKind
from member_hub.ids import uuid7
from member_hub.members.tables import Channel, Member
from member_hub.sign_in import codes
from member_hub.sign_in.tables import OneTimeCode, Session
from tests.graphql.world import NOW, said
from tests.sign_in_codes.conftest import MakeFront
from tests.sign_in_codes.desk import E164, OTHER, PHONE, Front, as_said, codes_of
from tests.sign_in_codes.test_till import SEND


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


async def test_a_code_goes_to_the_number_and_opens_a_session_of_the_member_who_holds_it(front: Front) -> None:
    (member,) = await front.resolve(said(Channel.WEBSITE, "W1", phone=E164, phone_verified=True, name="张三"))

    answer = await front.session()

    (message,) = front.service.taken
    assert (message.template, message.by, message.to, message.values["minutes"]) == (
        "sign_in_code.en",
        "sms",
        E164,
        "5",
    )
    assert answer["member"] == "known"
    assert answer["expiresAt"] == "2026-11-22T08:30:00+00:00"
    assert (await front.whoami(answer["accessToken"]))["phone"] == {"value": E164}
    (session,) = await front.rows(Session)
    assert session.member_id == member
    assert await front.trail() == [
        ("signInCode", "ok", [member]),
        ("signInSession", "ok", [member]),
        ("me", "ok", [member]),
    ]


async def test_who_only_typed_a_number_is_named_in_no_entry_about_its_owners_codes(front: Front) -> None:
    (owner, typed) = await front.resolve(
        said(Channel.WEBSITE, "W1", phone=E164, phone_verified=True, name="张三"),
        said(Channel.STORE, "8868331042", phone=E164, name="李四"),
    )
    assert owner != typed

    code = await front.code_for()
    await front.say("session", {"phone": PHONE, "code": wrong(code)})

    assert await front.trail() == [
        ("signInCode", "ok", [owner]),
        ("signInSession", "UNAUTHENTICATED", [owner]),
    ]


async def test_known_unknown_and_junk_numbers_get_the_same_answer(front: Front) -> None:
    await front.resolve(said(Channel.WEBSITE, "W1", phone=E164, phone_verified=True))
    numbers = [PHONE, OTHER, "13800138000", "not a number", "+14155552671"]

    sent = [as_said(await front.say("code", {"phone": number})) for number in numbers]
    refused = [as_said(await front.say("session", {"phone": n, "code": "000000"})) for n in numbers]

    assert [message.to for message in front.service.taken] == [E164, f"+86{OTHER}"]
    assert sent == [sent[0]] * 5
    assert sent[0][:2] == (200, {"expiresInS": 300, "extensions": {}})
    assert refused == [refused[0]] * 5
    assert refused[0][0] == 401
    assert await front.count(OneTimeCode) == 5
    assert len(await front.trail()) == 10


async def test_a_number_to_which_nothing_is_sent_opens_nothing_even_with_the_right_code(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The code of junk is in no message; whoever guesses it all the same gets no session."""
    monkeypatch.setattr(codes, "new_code", lambda: "123456")
    await front.say("code", {"phone": "13800138000"})

    answer = await front.say("session", {"phone": "13800138000", "code": "123456", "startNew": True})

    assert (answer.status_code, codes_of(answer)) == (401, ["UNAUTHENTICATED"])
    assert await front.count(Session) == 0
    assert await front.count(Member) == 0


async def test_a_code_may_be_tried_five_times(front: Front) -> None:
    code = await front.code_for()
    tries = [codes_of(await front.say("session", {"phone": PHONE, "code": wrong(code)})) for _ in range(5)]

    late = await front.say("session", {"phone": PHONE, "code": code, "startNew": True})

    assert tries == [["UNAUTHENTICATED"]] * 5
    assert (late.status_code, codes_of(late)) == (401, ["UNAUTHENTICATED"])
    assert await front.count(Member) == 0
    assert await front.count(Session) == 0
    assert await front.trail() == [("signInCode", "ok", [])] + [("signInSession", "UNAUTHENTICATED", [])] * 6


async def test_the_fifth_try_may_be_the_right_one(front: Front) -> None:
    code = await front.code_for()
    for _ in range(4):
        await front.say("session", {"phone": PHONE, "code": wrong(code)})

    answer = await front.say("session", {"phone": PHONE, "code": code, "startNew": True})

    assert answer.json()["member"] == "new"


async def test_guesses_at_once_from_many_connections_are_five_in_all(front: Front) -> None:
    code = await front.code_for()
    guesses = [wrong(code)] * 11 + [code]

    async def guess(said_: str) -> int:
        answer = await front.say("session", {"phone": PHONE, "code": said_})
        return answer.status_code

    await asyncio.gather(*(guess(said_) for said_ in guesses[:-1]))
    last = await guess(guesses[-1])

    (row,) = await front.rows(OneTimeCode)
    assert row.tries == 5
    assert last == 401


async def test_a_right_code_sent_twice_at_once_opens_one_session(front: Front) -> None:
    """All have been found right before the first opens anything: the number is held until then."""
    code = await front.code_for()
    sent = {"phone": PHONE, "code": code, "startNew": True}

    async with transaction(front.hub.database.app) as tx:
        await claims.lock(tx, [front.hub.vault.token(ClaimKind.PHONE, "", E164)])
        asking = [asyncio.create_task(front.say("session", sent)) for _ in range(4)]
        async with asyncio.timeout(10):
            while [row.tries for row in await front.rows(OneTimeCode)] != [4]:
                pass
    answers = await asyncio.gather(*asking)

    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]
    assert await front.count(Member) == 1
    assert await front.count(Session) == 1


async def test_a_code_opens_one_session(front: Front) -> None:
    code = await front.code_for()
    sent = {"phone": PHONE, "code": code, "startNew": True}
    await front.say("session", sent)

    again = await front.say("session", sent)

    assert (again.status_code, codes_of(again)) == (401, ["UNAUTHENTICATED"])


async def test_a_code_ends_after_five_minutes_of_the_databases_clock(front: Front) -> None:
    code = await front.code_for()
    front.clock.at = NOW.replace(year=2030)  # the hub's own clock says nothing about it
    sent = {"phone": PHONE, "code": code}
    in_time = await front.say("session", sent)
    await front.later(minutes=5)

    late = await front.say("session", {**sent, "startNew": True})

    assert in_time.status_code == 200
    assert codes_of(late) == ["UNAUTHENTICATED"]


async def test_the_newest_code_takes_the_place_of_the_one_before(front: Front) -> None:
    first = await front.code_for()
    await front.later(minutes=1)
    second = await front.code_for()
    assert first != second or pytest.skip("the same six digits twice")

    with_first = await front.say("session", {"phone": PHONE, "code": first, "startNew": True})
    with_second = await front.say("session", {"phone": PHONE, "code": second, "startNew": True})

    assert (with_first.status_code, with_second.status_code) == (401, 200)


async def test_a_code_of_one_number_is_none_of_another(front: Front) -> None:
    code = await front.code_for(PHONE)
    await front.code_for(OTHER)

    answer = await front.say("session", {"phone": OTHER, "code": code, "startNew": True})

    assert answer.status_code == 401 or front.service.code() == code


@pytest.mark.parametrize(
    ("minutes_apart", "allowed", "retry_after_s"), [([0], 1, 60), ([2] * 5, 5, 3000), ([70] * 10, 10, 44400)]
)
async def test_a_number_gets_so_many_codes_a_minute_an_hour_and_a_day(
    front: Front, minutes_apart: Sequence[int], allowed: int, retry_after_s: int
) -> None:
    for minutes in minutes_apart:
        assert (await front.say("code", {"phone": PHONE})).status_code == 200
        await front.later(minutes=minutes)

    refused = await front.say("code", {"phone": PHONE})

    assert (refused.status_code, codes_of(refused)) == (429, ["THROTTLED"])
    assert abs(int(refused.headers["retry-after"]) - retry_after_s) <= 30
    assert refused.json()["errors"][0]["extensions"]["retryAfter"] == int(refused.headers["retry-after"])
    assert await front.count(OneTimeCode) == allowed
    assert (await front.trail())[-1] == ("signInCode", "THROTTLED", [])
    assert (await front.say("code", {"phone": OTHER})).status_code == 200


async def test_asking_at_once_keeps_the_limit_too(front: Front) -> None:
    answers = await asyncio.gather(*(front.say("code", {"phone": PHONE}) for _ in range(6)))

    assert sorted(answer.status_code for answer in answers) == [200] + [429] * 5
    assert len(front.service.taken) == 1


async def test_an_address_gets_so_many_codes_for_all_numbers_together(make_front: MakeFront) -> None:
    front, elsewhere = await make_front(), await make_front(address="203.0.113.9")
    numbers = [f"1391234{n:04}" for n in range(5000, 5011)]
    for number in numbers[:10]:
        assert (await front.say("code", {"phone": number})).status_code == 200

    refused = await front.say("code", {"phone": numbers[10]})
    from_elsewhere = await elsewhere.say("code", {"phone": numbers[10]})

    assert (refused.status_code, codes_of(refused)) == (429, ["THROTTLED"])
    assert from_elsewhere.status_code == 200


async def test_behind_a_proxy_the_address_is_what_the_proxy_saw_and_nothing_that_the_client_says(
    make_front: MakeFront,
) -> None:
    front = await make_front(proxy_hops=1, address="127.0.0.1")
    numbers = [f"1391234{n:04}" for n in range(5000, 5012)]
    for place, number in enumerate(numbers[:10]):
        forged = f"192.0.2.{place}, 198.51.100.7"
        assert (await front.say("code", {"phone": number}, **{"X-Forwarded-For": forged})).status_code == 200

    same = await front.say("code", {"phone": numbers[10]}, **{"X-Forwarded-For": "192.0.2.99, 198.51.100.7"})
    other = await front.say("code", {"phone": numbers[10]}, **{"X-Forwarded-For": "198.51.100.8"})

    assert (same.status_code, other.status_code) == (429, 200)


async def test_where_the_service_takes_no_message_the_code_is_void_and_it_is_on_record(front: Front) -> None:
    front.service.is_open = False

    answer = await front.say("code", {"phone": PHONE})

    assert (answer.status_code, codes_of(answer)) == (503, ["UNAVAILABLE"])
    (row,) = await front.rows(OneTimeCode)
    assert row.void_at is not None
    assert await front.trail() == [("signInCode", "ok", []), ("signInCode", "UNAVAILABLE", [])]


@pytest.mark.parametrize(
    ("path", "sent", "status"),
    [
        ("code", {}, 400),
        ("code", {"phone": 13912345671}, 400),
        ("code", {"phone": "1" * 41}, 400),
        ("code", {"phone": PHONE, "more": 1}, 400),
        ("code", [PHONE], 400),
        ("code", {"phone": "1" * 3000}, 413),
        ("session", {"phone": PHONE}, 400),
        ("code", {"phone": "1391234\x00567"}, 400),
        ("session", {"phone": PHONE, "code": "123456", "also": {"orderNo": "a\0b"}}, 400),
        ("session", {"phone": PHONE, "code": "123456", "also": {"card": "\x1b"}}, 400),
        ("session", {"phone": PHONE, "code": "12345"}, 400),
        ("session", {"phone": PHONE, "code": "123456", "attempt": "1"}, 400),
        ("session", {"phone": PHONE, "code": "123456", "attempt": None}, 400),
        ("session", {"phone": PHONE, "code": "１２３４５６"}, 400),
        ("session", {"phone": PHONE, "code": "123456", "also": {"card": "1", "unionid": "2"}}, 400),
        ("session", {"phone": PHONE, "code": "123456", "also": {"name": "张三"}}, 400),
        ("session", {"phone": PHONE, "code": "123456", "also": {"card": "1"}, "startNew": True}, 400),
        ("session", {"phone": PHONE, "code": "123456", "startNew": "yes"}, 400),
    ],
)
async def test_what_is_no_request_is_refused_before_anything_is_looked_up(
    front: Front, path: str, sent: object, status: int
) -> None:
    answer = await front.say(path, sent)

    assert (answer.status_code, codes_of(answer)) == (status, ["BAD_USER_INPUT"])
    assert PHONE not in answer.text
    assert await front.count(OneTimeCode) == 0


async def test_who_did_not_ask_for_the_code_uses_up_none_of_its_tries(front: Front) -> None:
    code = await front.code_for()
    asked_for = front.attempt

    guesses = [
        await front.say("session", {"phone": PHONE, "code": wrong(code), "attempt": str(uuid7())}) for _ in range(6)
    ]
    guesses.append(await front.say("session", {"phone": PHONE, "code": code, "attempt": str(uuid7())}))
    (row,) = await front.rows(OneTimeCode)
    answer = await front.say("session", {"phone": PHONE, "code": code, "attempt": asked_for, "startNew": True})

    assert [(one.status_code, codes_of(one)) for one in guesses] == [(401, ["UNAUTHENTICATED"])] * 7
    assert row.tries == 0
    assert answer.json()["member"] == "new"


async def test_codes_asked_for_at_tills_take_nothing_from_who_signs_in(front: Front) -> None:
    for _ in range(5):
        await front.ask("sales_associate", SEND, variables={"phone": PHONE})
        await front.later(minutes=2)

    assert (await front.say("code", {"phone": PHONE})).status_code == 200


async def test_a_page_of_somebody_else_cannot_ask(front: Front) -> None:
    form = {"Content-Type": "text/plain", "Origin": "https://elsewhere.example"}

    answer = await front.client.post("/sign-in/code", content=f'{{"phone":"{PHONE}"}}', headers=form)
    asked_first = await front.client.options("/sign-in/code", headers={"Origin": "https://elsewhere.example"})

    assert (answer.status_code, asked_first.status_code) == (415, 405)
    assert not any(name.startswith("access-control") for name in (*answer.headers, *asked_first.headers))
    assert front.service.taken == []
