"""Keys come and go, and their issuer with them: rotation, floods, outages, and what readiness says of it."""

import asyncio
import json
from datetime import timedelta

import pytest

from member_hub.access.issuer_keys import COOL_DOWN
from tests.graphql.world import NOW
from tests.sign_in.authority import Authority, Key, compact, public, signer
from tests.sign_in.conftest import Gate

KEPT = timedelta(seconds=300)
GRACE = timedelta(seconds=86_400)
WRITTEN = 'jwks_uri = "{staff}/jwks"'
DOWN = "known keys are used on: the issuer does not answer"
NONE = "none: the issuer does not answer"


def by(authority: Authority, key: Key, kid: str, gate: Gate) -> str:
    """A good token of now, signed by another key."""
    algorithm = {"EC": "ES256", "RSA": "RS256", "OKP": "Ed25519"}[key.key_type]
    header = authority.header(alg=algorithm, kid=kid)
    return compact(header, authority.claims(at=gate.clock.at), signer(algorithm, key))


def now(gate: Gate) -> str:
    return gate.staff.token(at=gate.clock.at)


async def test_keys_are_fetched_once_and_kept(gate: Gate) -> None:
    for _ in range(5):
        assert await gate.status(now(gate)) == 200
    gate.clock.at += KEPT - timedelta(seconds=1)
    assert await gate.status(now(gate)) == 200

    assert (gate.staff.fetched, gate.systems.fetched) == (["/jwks"], [])

    gate.clock.at += timedelta(seconds=1)
    assert await gate.status(now(gate)) == 200
    assert gate.staff.fetched == ["/jwks"] * 2


async def test_a_new_key_is_found_by_its_first_token(gate: Gate, keys: dict[str, Key]) -> None:
    assert await gate.status(now(gate)) == 200
    gate.staff.publish(public(gate.staff.key, "s-1"), public(keys["ec2"], "s-2"))
    gate.clock.at += COOL_DOWN

    assert await gate.status(by(gate.staff, keys["ec2"], "s-2", gate)) == 200
    assert await gate.status(now(gate)) == 200
    assert gate.staff.fetched == ["/jwks"] * 2


async def test_a_new_key_waits_for_the_end_of_the_cool_down(gate: Gate, keys: dict[str, Key]) -> None:
    assert await gate.status(now(gate)) == 200
    gate.staff.publish(public(keys["ec2"], "s-2"))
    gate.clock.at += COOL_DOWN - timedelta(seconds=1)

    await gate.refuses(by(gate.staff, keys["ec2"], "s-2", gate))

    gate.clock.at += timedelta(seconds=1)
    assert await gate.status(by(gate.staff, keys["ec2"], "s-2", gate)) == 200
    await gate.refuses(now(gate))


async def test_a_key_that_was_taken_away_ends_when_the_keys_have_been_kept_long_enough(
    gate: Gate, keys: dict[str, Key]
) -> None:
    assert await gate.status(now(gate)) == 200
    gate.staff.publish(public(keys["ec2"], "s-2"))

    gate.clock.at += KEPT - timedelta(seconds=1)
    assert await gate.status(now(gate)) == 200
    gate.clock.at += timedelta(seconds=1)
    await gate.refuses(now(gate))


async def test_another_key_under_an_old_name_replaces_it(gate: Gate, keys: dict[str, Key]) -> None:
    assert await gate.status(now(gate)) == 200
    gate.staff.publish(public(keys["ec2"], "s-1"))
    gate.clock.at += KEPT

    await gate.refuses(now(gate))
    assert await gate.status(by(gate.staff, keys["ec2"], "s-1", gate)) == 200


async def test_a_flood_of_unknown_kids_costs_the_issuer_one_request_per_cool_down(gate: Gate) -> None:
    assert await gate.status(now(gate)) == 200
    flood = [gate.staff.token(header={"kid": f"made-up-{number}"}) for number in range(100)]

    for round_ in (1, 2, 3):
        gate.clock.at += COOL_DOWN
        answers = await asyncio.gather(*(gate.status(token) for token in flood))
        assert answers == [401] * 100
        assert gate.staff.fetched == ["/jwks"] * (1 + round_)

    assert await gate.status(now(gate)) == 200
    assert gate.systems.fetched == []


async def test_all_who_come_while_the_keys_are_fetched_wait_for_one_fetch(gate: Gate) -> None:
    gate.staff.open.clear()
    asking = [asyncio.create_task(gate.status(now(gate))) for _ in range(20)]
    while not gate.staff.fetched:
        await asyncio.sleep(0)
    asking[0].cancel()  # whoever began it may leave

    gate.staff.open.set()

    assert await asyncio.gather(*asking[1:]) == [200] * 19
    assert gate.staff.fetched == ["/jwks"]


async def test_without_keys_a_good_token_is_unavailable_not_wrong(gate: Gate) -> None:
    await gate.staff.stop()

    await gate.refuses(now(gate), 503, "UNAVAILABLE")
    assert await gate.sign_in_states() == {"staff": NONE, "systems": "not asked yet"}
    assert await gate.status(gate.systems.token()) == 200

    await gate.staff.start()
    await gate.refuses(now(gate), 503, "UNAVAILABLE")
    gate.clock.at += COOL_DOWN
    assert await gate.status(now(gate)) == 200
    assert await gate.sign_in_states() == {"staff": "current", "systems": "current"}


async def test_known_keys_are_used_on_through_an_outage_until_their_grace_ends(
    gate: Gate, keys: dict[str, Key]
) -> None:
    assert await gate.status(now(gate)) == 200
    assert (await gate.sign_in_states())["staff"] == "current"
    await gate.staff.stop()

    gate.clock.at += KEPT
    assert await gate.status(now(gate)) == 200
    assert (await gate.sign_in_states())["staff"] == DOWN
    await gate.refuses(by(gate.staff, keys["ec2"], "s-2", gate), 503, "UNAVAILABLE")
    gate.clock.at = NOW + GRACE - timedelta(seconds=1)
    assert await gate.status(now(gate)) == 200

    gate.clock.at += timedelta(seconds=1)
    await gate.refuses(now(gate), 503, "UNAVAILABLE")
    assert (await gate.sign_in_states())["staff"] == NONE

    await gate.staff.start()
    gate.clock.at += COOL_DOWN
    assert await gate.status(now(gate)) == 200


async def test_who_comes_during_an_outage_does_not_wait_for_the_next_attempt(gate: Gate) -> None:
    assert await gate.status(now(gate)) == 200
    gate.staff.pages["/jwks"] = (500, b"")
    gate.clock.at += KEPT
    assert await gate.status(now(gate)) == 200
    gate.staff.open.clear()
    gate.clock.at += COOL_DOWN

    assert await gate.status(now(gate)) == 200  # though nobody answers

    gate.staff.publish()
    gate.staff.open.set()
    while (await gate.sign_in_states())["staff"] == DOWN:
        await asyncio.sleep(0)
    await gate.refuses(now(gate))
    assert gate.staff.fetched == ["/jwks"] * 3


async def test_a_clock_that_is_set_back_makes_no_key_last_longer(gate: Gate, keys: dict[str, Key]) -> None:
    assert await gate.status(now(gate)) == 200
    gate.staff.publish(public(keys["ec2"], "s-2"))
    gate.clock.at -= timedelta(seconds=1)

    await gate.refuses(now(gate))


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (500, b"{}"),
        (404, b""),
        (302, b""),
        (200, b""),
        (200, b"<html>"),
        (200, b"[]"),
        (200, b'{"keys": {}}'),
        (200, json.dumps({"keys": [{}] * 51}).encode()),
        (200, b'{"keys": [' + b" " * 262_144 + b"]}"),
    ],
    ids=["error", "missing", "redirect", "empty", "a page", "a list", "an object", "51 keys", "too large"],
)
async def test_an_answer_that_is_no_key_set_leaves_the_known_keys(gate: Gate, status: int, content: bytes) -> None:
    assert await gate.status(now(gate)) == 200
    gate.staff.pages["/jwks"] = (status, content)
    gate.staff.headers = f"Location: {gate.staff.url}/trap\r\n"
    gate.clock.at += KEPT

    assert await gate.status(now(gate)) == 200
    assert (await gate.sign_in_states())["staff"] == DOWN
    assert gate.staff.fetched == ["/jwks"] * 2


async def test_an_issuer_that_takes_the_call_and_says_nothing_is_away(
    gate: Gate, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("member_hub.access.fetching.FETCH_S", 0)
    gate.staff.open.clear()

    await gate.refuses(now(gate), 503, "UNAVAILABLE")

    gate.staff.open.set()
    assert "The keys of the issuer staff could not be fetched: no answer within 0 s." in caplog.messages


async def test_a_proxy_does_not_stand_between_the_hub_and_its_own_machine(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    assert await gate.status(now(gate)) == 200


async def test_a_compressed_answer_is_not_unpacked(gate: Gate) -> None:
    gate.staff.headers = "Content-Encoding: gzip\r\n"

    await gate.refuses(now(gate), 503, "UNAVAILABLE")


async def test_what_is_no_key_beside_one_is_left_out(gate: Gate, keys: dict[str, Key]) -> None:
    good = public(gate.staff.key, "s-1")
    gate.staff.publish(
        {}, {"kid": "s-2"}, {**good, "kid": 7}, {**good, "kid": "s-3", "x": "AA"}, {"kty": "RSA", "kid": "s-4"}, good
    )

    assert await gate.status(now(gate)) == 200
    assert (await gate.sign_in_states())["staff"] == "current"


@pytest.mark.parametrize(
    ("changed", "page"),
    [
        ((WRITTEN, 'discovery = "openid"'), "/.well-known/openid-configuration"),
        ((WRITTEN, 'discovery = "oauth"'), "/.well-known/oauth-authorization-server"),
    ],
    ids=["openid", "oauth"],
)
async def test_keys_may_be_found_by_discovery(gate: Gate, page: str) -> None:
    document = {"issuer": gate.staff.url, "jwks_uri": f"{gate.staff.url}/jwks"}
    gate.staff.pages[page] = (200, json.dumps(document).encode())

    assert await gate.status(now(gate)) == 200
    assert gate.staff.fetched == [page, "/jwks"]


@pytest.mark.parametrize("changed", [(WRITTEN, 'discovery = "openid"')], ids=["openid"])
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"issuer": "https://login.evil"}, "the discovery document is not this issuer's"),
        ({"issuer": None}, "the discovery document is not this issuer's"),
        ({"jwks_uri": "http://login.evil/jwks"}, "the discovery document names no safe jwks_uri"),
        ({"jwks_uri": "file:///etc/passwd"}, "the discovery document names no safe jwks_uri"),
        ({"jwks_uri": 7}, "the discovery document names no safe jwks_uri"),
    ],
)
async def test_discovery_that_speaks_for_somebody_else_finds_no_keys(
    gate: Gate, caplog: pytest.LogCaptureFixture, change: dict[str, object], reason: str
) -> None:
    document = {"issuer": gate.staff.url, "jwks_uri": f"{gate.staff.url}/jwks", **change}
    gate.staff.pages["/.well-known/openid-configuration"] = (200, json.dumps(document).encode())

    await gate.refuses(now(gate), 503, "UNAVAILABLE")
    assert gate.staff.fetched == ["/.well-known/openid-configuration"]
    assert f"The keys of the issuer staff could not be fetched: {reason}." in caplog.messages


async def test_the_log_says_that_keys_cannot_be_had_and_no_more(gate: Gate, caplog: pytest.LogCaptureFixture) -> None:
    gate.staff.pages["/jwks"] = (500, b"secret words")

    await gate.refuses(now(gate), 503, "UNAVAILABLE")

    ours = [record.getMessage() for record in caplog.records if record.name.startswith("member_hub")]
    assert ours == ["The keys of the issuer staff could not be fetched: status 500."]
