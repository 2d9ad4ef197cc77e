"""How messages leave: signed and bounded to the message service, or onto the console in development."""

import asyncio
import base64
import hashlib
import hmac
import io
import logging
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import httpx2
import orjson
import pytest

from member_hub.errors import Misconfigured
from member_hub.settings import Mode, Settings
from member_hub.telling import By, Console, Kind, Message, NotSent, Webhook, opened_sender
from member_hub.telling.sending import checked_url, read_secret

PHONE, E164 = "13912345671", "+8613912345671"
SECRET = bytes(range(32))
URL = "https://messages.brand.example/hub"
CODE = Message(UUID(int=7), Kind.SIGN_IN_CODE, "zh", By.SMS, E164, {"code": "123456", "minutes": "5"})


class Service:
    """The operator's message service; answers with these statuses in turn, an exception for no answer."""

    def __init__(self, *answers: int | type[Exception]) -> None:
        self.answers = list(answers)
        self.asked: list[httpx2.Request] = []
        self.pauses: list[float] = []

    def webhook(self) -> Webhook:
        client = httpx2.AsyncClient(transport=httpx2.MockTransport(self._answer))
        return Webhook(client, URL, SECRET, now_s=lambda: 1_700_000_000.9, pause=self._pause)

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, int):
            return httpx2.Response(answer, text="whatever", headers={"Location": "https://elsewhere.example/"})
        raise answer("nobody there")

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)


async def test_a_message_is_signed_as_standard_webhooks_says() -> None:
    service = Service(204)

    await service.webhook().send(CODE)

    (request,) = service.asked
    message_id, at, signature = (request.headers[f"webhook-{name}"] for name in ("id", "timestamp", "signature"))
    expected = hmac.new(SECRET, f"{message_id}.{at}.".encode() + request.content, hashlib.sha256).digest()
    assert (request.method, str(request.url), at) == ("POST", URL, "1700000000")
    assert message_id == "msg_00000000000000000000000000000007"
    assert signature == "v1," + base64.b64encode(expected).decode()
    assert orjson.loads(request.content) == {
        "type": "member_hub.sign_in_code",
        "data": {
            "template": "sign_in_code.zh",
            "by": "sms",
            "to": E164,
            "values": {"code": "123456", "minutes": "5"},
        },
    }


@pytest.mark.parametrize(
    "first", [500, 503, 429, httpx2.ConnectError, httpx2.ReadTimeout, httpx2.ConnectTimeout, httpx2.RemoteProtocolError]
)
async def test_what_may_pass_is_tried_again_under_the_same_id(first: int | type[Exception]) -> None:
    service = Service(first, 200)

    await service.webhook().send(CODE)

    assert len(service.asked) == 2
    assert len({request.headers["webhook-id"] for request in service.asked}) == 1
    assert service.pauses == [0.2]


async def test_after_three_attempts_it_was_not_sent() -> None:
    service = Service(500, httpx2.ConnectError, 503, 200)

    with pytest.raises(NotSent):
        await service.webhook().send(CODE)

    assert (len(service.asked), service.pauses) == (3, [0.2, 0.6])


@pytest.mark.parametrize("status", [301, 307, 400, 401, 410, 422])
async def test_what_is_refused_or_sent_elsewhere_is_not_tried_again(status: int) -> None:
    service = Service(status, 200)

    with pytest.raises(NotSent):
        await service.webhook().send(CODE)

    assert len(service.asked) == 1


async def test_no_log_says_to_whom_or_what(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "member_hub")

    with pytest.raises(NotSent) as refused:
        await Service(400).webhook().send(CODE)

    said = caplog.text + str(refused.value) + repr(CODE) + repr(Service().webhook())
    assert "did not take a message of kind sign_in_code" in said
    assert not any(secret in said for secret in (PHONE, "123456", SECRET.hex()))


async def test_the_real_sender_reaches_a_service_on_this_machine(settings: Settings, tmp_path: Path) -> None:
    """Over a socket: the settings, the file, the client and its time limits."""
    received: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        received.append(await reader.readexactly(length))
        writer.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hub"
    secret = written(tmp_path, "whsec_" + base64.b64encode(SECRET).decode())
    async with server, opened_sender(replace(settings, sender_url=url, sender_secret_file=secret)) as sender:
        assert sender is not None
        await sender.send(CODE)

    assert orjson.loads(received[0])["data"]["to"] == E164


def written(folder: Path, text: str, mode: int = 0o600) -> Path:
    file = folder / "sender.secret"
    file.write_text(text, "utf-8")
    file.chmod(mode)
    return file


@pytest.mark.parametrize("size_bytes", [24, 64])
def test_a_secret_of_the_right_size_is_read(tmp_path: Path, size_bytes: int) -> None:
    key = bytes(size_bytes)

    assert read_secret(written(tmp_path, f"whsec_{base64.b64encode(key).decode()}\n")) == key


@pytest.mark.parametrize(
    "text", ["", "secret", "whsec_", "whsec_c2hvcnQ=", "whsec_" + "A" * 88, "whsec_not base64!", "whsec_" + "é" * 40]
)
def test_what_is_no_secret_stops_the_start_without_being_quoted(tmp_path: Path, text: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        read_secret(written(tmp_path, text))

    assert "MEMBER_HUB_SENDER_SECRET_FILE" in str(refused.value)
    assert len(text) < 10 or text not in str(refused.value)


def test_a_secret_that_others_may_read_stops_the_start(tmp_path: Path) -> None:
    secret = written(tmp_path, "whsec_" + base64.b64encode(SECRET).decode(), mode=0o640)

    with pytest.raises(Misconfigured, match="open to others"):
        read_secret(secret)


@pytest.mark.parametrize("file", [None, Path("/nonexistent/secret")])
def test_without_a_secret_there_is_no_webhook(file: Path | None) -> None:
    with pytest.raises(Misconfigured):
        read_secret(file)


@pytest.mark.parametrize("url", ["https://messages.brand.example/hub", "http://127.0.0.1:9000/", "http://[::1]:9000/"])
def test_https_and_this_machine_may_be_called(url: str) -> None:
    assert checked_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://messages.brand.example/hub",
        "ftp://127.0.0.1/",
        "messages.brand.example",
        "http://127.0.0.1.nip.io/",
        "https://[::1",
        "https://hub:password@messages.brand.example/hub",
    ],
)
def test_anything_else_may_not(url: str) -> None:
    with pytest.raises(Misconfigured, match="MEMBER_HUB_SENDER_URL"):
        checked_url(url)


async def test_production_has_no_console(settings: Settings) -> None:
    async with opened_sender(replace(settings, mode=Mode.PRODUCTION)) as sender:
        assert sender is None
    async with opened_sender(settings) as sender:
        assert isinstance(sender, Console)


async def test_the_console_shows_the_code_and_masks_the_number() -> None:
    screen = io.StringIO()

    await Console(screen).send(CODE)

    assert screen.getvalue() == "[development only] sms to 139****5671: sign_in_code.zh code=123456 minutes=5\n"
