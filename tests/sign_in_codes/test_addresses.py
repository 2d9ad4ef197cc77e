"""Guesses from one address run into a limit, whatever number they are about; bad tokens count by the same rule."""

import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest

from member_hub.db import transaction
from member_hub.ids import uuid7
from member_hub.sign_in.tables import OneTimeCode, Session, SignInTry
from member_hub.web.remote import counted
from tests.sign_in_codes.conftest import MakeFront
from tests.sign_in_codes.desk import PHONE, Front, codes_of, try_t

BURST, DAY = 20, 600
STRANGERS_BURST = 100


def number(n: int) -> str:
    return f"1391234{n:04}"


async def guess(front: Front, n: int, **headers: str) -> httpx2.Response:
    return await front.say("session", {"phone": number(n), "code": "000000"}, **headers)


async def test_guesses_at_many_numbers_from_one_address_are_refused_with_the_time_to_wait(
    make_front: MakeFront,
) -> None:
    front, elsewhere = await make_front(), await make_front(address="203.0.113.9")
    code = await front.code_for()

    tried = [(await guess(front, n)).status_code for n in range(BURST)]
    refused = await front.say("session", {"phone": PHONE, "code": code, "startNew": True})
    (before,) = await front.rows(OneTimeCode)
    elsewhere.attempt = front.attempt
    from_elsewhere = await elsewhere.say("session", {"phone": PHONE, "code": code, "startNew": True})

    assert tried == [401] * BURST
    assert (refused.status_code, codes_of(refused)) == (429, ["THROTTLED"])
    assert refused.headers["retry-after"] == str(refused.json()["errors"][0]["extensions"]["retryAfter"])
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert before.tries == 0
    assert ("signInSession", "THROTTLED", []) in await front.trail()
    assert from_elsewhere.status_code == 200
    assert await front.count(Session) == 1


async def test_guesses_at_once_keep_the_limit_too(front: Front) -> None:
    answers = await asyncio.gather(*(guess(front, n) for n in range(BURST + 6)))

    assert sorted(answer.status_code for answer in answers) == [401] * BURST + [429] * 6
    assert await front.count(SignInTry) == BURST


@pytest.mark.parametrize(("window", "most"), [({"seconds": 61}, 120), ({"minutes": 61}, DAY)], ids=["hour", "day"])
async def test_patient_guesses_are_limited_by_hour_and_day(front: Front, window: dict[str, int], most: int) -> None:
    await guess(front, 0)
    async with transaction(front.hub.database.app) as tx:
        first = (await tx.execute(try_t.select())).one()
        more = [{**first._mapping, "try_id": uuid7()} for _ in range(most - 2)]
        await tx.execute(try_t.insert(), more)
    await front.later(**window)

    last, refused = await guess(front, 1), await guess(front, 2)

    assert (last.status_code, refused.status_code) == (401, 429)


async def test_tries_of_more_than_a_day_ago_are_forgotten(front: Front) -> None:
    for n in range(3):
        await guess(front, n)
    await front.later(hours=25)

    await guess(front, 9)

    assert await front.count(SignInTry) == 1


@pytest.mark.parametrize("path", ["code", "session", "end"])
async def test_a_flood_from_one_address_is_refused_unread_and_leaves_one_entry(
    front: Front, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr("member_hub.throttling.monotonic", lambda: 0.0)
    for _ in range(60):
        await front.say(path, {"nonsense": 1})

    flood = [await front.client.post(f"/sign-in/{path}", content=never_read()) for _ in range(9)]

    assert [(answer.status_code, codes_of(answer)) for answer in flood] == [(429, ["THROTTLED"])] * 9
    assert {answer.headers["retry-after"] for answer in flood} == {"1"}
    assert [entry[1:] for entry in await front.trail()].count(("THROTTLED", [])) == 1


async def never_read() -> AsyncIterator[bytes]:
    raise AssertionError
    yield b""


async def test_codes_refused_over_and_over_leave_one_entry_a_minute(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("member_hub.throttling.monotonic", lambda: 0.0)

    answers = [await front.say("code", {"phone": PHONE}) for _ in range(9)]

    assert [answer.status_code for answer in answers] == [200] + [429] * 8
    assert await front.trail() == [("signInCode", "ok", []), ("signInCode", "THROTTLED", [])]


async def test_the_client_names_no_address_of_its_own(make_front: MakeFront) -> None:
    behind = await make_front(proxy_hops=1, address="127.0.0.1")
    for n in range(BURST):
        await guess(behind, n, **{"X-Forwarded-For": f"192.0.2.{n}, 198.51.100.7"})

    same = await guess(behind, 99, **{"X-Forwarded-For": "192.0.2.99, 198.51.100.7"})
    other = await guess(behind, 99, **{"X-Forwarded-For": "198.51.100.8"})

    assert (same.status_code, other.status_code) == (429, 401)


async def strange(front: Front, forwarded: str) -> int:
    sent = {"Authorization": "Bearer nonsense", "X-Forwarded-For": forwarded}
    return (await front.client.post("/graphql", json={"query": "{ me { id } }"}, headers=sent)).status_code


async def test_bad_tokens_count_by_what_the_proxy_saw(make_front: MakeFront, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("member_hub.throttling.monotonic", lambda: 0.0)
    behind = await make_front(proxy_hops=1, address="127.0.0.1")

    first = [await strange(behind, f"192.0.2.{n}, 2001:db8:1:2::{n:x}") for n in range(STRANGERS_BURST)]

    assert first == [401] * STRANGERS_BURST
    assert await strange(behind, "2001:db8:1:2:ffff::9") == 429
    assert await strange(behind, "2001:db8:1:3::9") == 401


async def test_without_proxies_of_its_own_the_hub_believes_no_forwarded_address(
    make_front: MakeFront, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("member_hub.throttling.monotonic", lambda: 0.0)
    front = await make_front()

    said = [await strange(front, f"192.0.2.{n}") for n in range(STRANGERS_BURST + 1)]

    assert said == [401] * STRANGERS_BURST + [429]


@pytest.mark.parametrize(
    ("host", "counts_as"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("unknown", ""),
        ("", ""),
    ],
)
def test_what_an_address_counts_as(host: str, counts_as: str) -> None:
    assert counted(host) == counts_as


async def test_the_networks_of_one_household_share_a_limit(make_front: MakeFront) -> None:
    behind = await make_front(proxy_hops=1, address="127.0.0.1")

    async def ask(n: int, address: str) -> int:
        sent = {"phone": number(n)}
        return (await behind.say("code", sent, **{"X-Forwarded-For": address})).status_code

    household = [await ask(n, f"2001:db8:1:{n:x}::7") for n in range(21)]

    assert household == [200] * 20 + [429]
    assert await ask(98, "2001:db8:2:1::7") == 200
    assert len(behind.service.taken) == 21


async def test_the_hub_sends_so_many_codes_an_hour_and_says_when_they_are_spent(
    make_front: MakeFront, caplog: pytest.LogCaptureFixture
) -> None:
    front = await make_front(codes_per_hour=3)
    await front.say("code", {"phone": "13800138000"})  # junk, to which nothing is sent
    sent = [(await front.say("code", {"phone": number(n)})).status_code for n in range(3)]

    refused = await front.say("code", {"phone": number(9)})
    figures = (await front.client.get("/metrics")).text
    await front.later(hours=1)
    again = await front.say("code", {"phone": number(9)})

    assert (sent, refused.status_code, codes_of(refused)) == ([200] * 3, 429, ["THROTTLED"])
    assert "The hub has sent its 3 codes of this hour; nobody gets one." in caplog.messages
    assert 'kind="sign_in",outcome="CODES_SPENT"} 1' in figures
    assert again.status_code == 200
    assert len(front.service.taken) == 4
