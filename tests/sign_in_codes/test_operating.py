"""What the operator sees of signing in: doctor, the rotation of its key, the counts."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from member_hub import doctor
from member_hub.errors import Misconfigured
from member_hub.settings import Mode, Settings
from member_hub.telling import Message, opened_sender
from tests.cli.test_cli import call
from tests.sign_in_codes.conftest import MakeFront
from tests.sign_in_codes.desk import PHONE, Front


async def said_of_the_service(settings: Settings) -> tuple[str, str]:
    (check,) = [check for check in await doctor.examine(settings, {}) if check.name == "message service"]
    return check.verdict, check.says


async def test_doctor_says_whether_codes_reach_anybody(settings: Settings, tmp_path: Path) -> None:
    production = replace(settings, mode=Mode.PRODUCTION)
    loose = tmp_path / "secret"
    loose.write_text("whsec_" + "A" * 44, "ascii")
    loose.chmod(0o644)
    with_url = replace(production, sender_url="https://messages.brand.example/", sender_secret_file=loose)
    in_clear = replace(with_url, sender_url="http://messages.brand.example/")

    assert await said_of_the_service(production) == ("warn", "none: members cannot sign in by code")
    assert (await said_of_the_service(in_clear))[0] == "fail"
    assert (await said_of_the_service(with_url))[0] == "fail"
    loose.chmod(0o600)
    assert (await said_of_the_service(with_url))[0] == "fail"  # nobody said how many proxies there are
    assert await said_of_the_service(replace(with_url, proxy_hops=0)) == ("ok", "by MEMBER_HUB_SENDER_URL, signed")


async def test_production_sends_no_codes_before_it_knows_whose_address_it_sees(
    settings: Settings, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("whsec_" + "A" * 44, "ascii")
    secret.chmod(0o600)
    url = "https://messages.brand.example/"
    production = replace(settings, mode=Mode.PRODUCTION, sender_url=url, sender_secret_file=secret)

    with pytest.raises(Misconfigured, match="MEMBER_HUB_PROXY_HOPS"):
        await opens(production)
    for stated in (replace(production, proxy_hops=0), replace(production, mode=Mode.DEVELOPMENT)):
        await opens(stated)
    assert Settings.from_environ({}).proxy_hops is None
    assert Settings.from_environ({"MEMBER_HUB_PROXY_HOPS": "0"}).proxy_hops == 0


async def opens(settings: Settings) -> None:
    async with opened_sender(settings):
        pass


def test_the_key_of_sign_in_is_rotated_by_a_command(tmp_path: Path) -> None:
    rotated = call("keys", "rotate", "sign-in", "--json", cwd=tmp_path, MEMBER_HUB_MODE="development")

    assert (rotated.returncode, json.loads(rotated.stdout)) == (0, {"key": 1})
    assert [path.stat().st_mode & 0o777 for path in tmp_path.glob(".member-hub/keys/sign-in-*.key")] == [0o600]


async def test_requests_are_counted_by_code_and_path_without_a_word_about_anybody(front: Front) -> None:
    await front.say("code", {"phone": PHONE})
    await front.say("session", {"phone": PHONE, "code": "000000"})

    figures = (await front.client.get("/metrics")).text

    assert 'member_hub_requests_total{kind="sign_in",outcome="ok"} 1' in figures
    assert 'member_hub_requests_total{kind="sign_in",outcome="UNAUTHENTICATED"} 1' in figures
    assert 'path="/sign-in/session",status="401"' in figures
    assert PHONE not in figures


async def test_no_transaction_is_open_while_a_message_is_sent(make_front: MakeFront) -> None:
    front = await make_front()
    in_use: list[int] = []

    async def send(_message: Message) -> None:
        in_use.append(front.hub.database.app.pool.checkedout())  # type: ignore[attr-defined]

    front.service.send = send  # type: ignore[method-assign]
    await front.say("code", {"phone": PHONE})

    assert in_use == [0]
