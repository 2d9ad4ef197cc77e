"""How a message reaches a person: the sender interface, a signed webhook in production, the console in development.

A message names a template and its values, never free text: what is sent has been approved where it is sent from.
The webhook follows Standard Webhooks (webhook-id, webhook-timestamp, webhook-signature); its id stays the same over
the retries, so that the receiver sends once. Nobody calls a sender while a transaction is open.
"""

import base64
import hashlib
import hmac
import logging
import sys
import time
from asyncio import sleep
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol, TextIO
from uuid import UUID

import httpx2
import orjson

from member_hub import private
from member_hub.access import masked
from member_hub.errors import Misconfigured
from member_hub.privacy import Mask
from member_hub.settings import Settings
from member_hub.telling.kinds import BULK, By, Kind
from member_hub.telling.refusals import NotSent
from member_hub.urls import is_safe_url

ATTEMPTS_MAX: Final = 3
ATTEMPT_S: Final = 3.0
PAUSES_S: Final = (0.2, 0.6)  # between the attempts
SECRET_PREFIX: Final = "whsec_"  # noqa: S105 (how Standard Webhooks spells a secret)
SECRET_BYTES: Final = range(24, 65)
SECRET_FILE_MAX: Final = 512
SHOWN_MAX: Final = 20  # messages of a bulk kind that the console shows in one run

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, repr=False)
class Message:
    """`message_id` is the same for every attempt; `appid` goes with an openid."""

    message_id: UUID
    kind: Kind
    language: str  # zh or en
    by: By
    to: str
    values: Mapping[str, str]
    appid: str | None = None

    @property
    def template(self) -> str:
        return f"{self.kind}.{self.language}"


class Sender(Protocol):
    async def send(self, message: Message) -> None:
        """Hand the message over. Raises NotSent where nobody took it."""


class Console:
    """Development only: a line on the console of the server, which is no log; the receiver is masked in it."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout

    async def send(self, message: Message) -> None:
        to = masked(_MASKS[message.by], message.to)
        values = " ".join(f"{name}={value}" for name, value in message.values.items())
        self.say(f"{message.by} to {to}: {message.template} {values}".rstrip())

    def say(self, line: str) -> None:
        print(f"[development only] {line}", file=self._stream, flush=True)


_MASKS: Final = {By.SMS: Mask.PHONE, By.EMAIL: Mask.EMAIL, By.OPENID: Mask.IDENTIFIER}


@dataclass(slots=True)
class BriefConsole:
    """The console in one run: of the bulk kinds it shows SHOWN_MAX messages, and how many more went."""

    console: Console
    sent: Counter[Kind] = field(default_factory=Counter)

    async def send(self, message: Message) -> None:
        if message.kind in BULK:
            self.sent[message.kind] += 1
        if self.sent[message.kind] <= SHOWN_MAX:
            await self.console.send(message)

    def sum_up(self) -> None:
        for kind, number in self.sent.items():
            if number > SHOWN_MAX:
                self.console.say(f"and {number - SHOWN_MAX} more of {kind}")


@contextmanager
def one_run(sender: Sender) -> Iterator[Sender]:
    """The sender for a run of many messages: the console of a first import stays readable."""
    if not isinstance(sender, Console):
        yield sender
        return
    brief = BriefConsole(sender)
    try:
        yield brief
    finally:
        brief.sum_up()


class Webhook:
    """A signed POST to the operator's own message service; 2xx means that it was taken."""

    def __init__(
        self,
        client: httpx2.AsyncClient,
        url: str,
        secret: bytes,
        *,
        now_s: Callable[[], float] = time.time,
        pause: Callable[[float], Awaitable[None]] = sleep,
    ) -> None:
        self._client, self._url, self._secret = client, url, secret
        self._now_s, self._pause = now_s, pause

    def __repr__(self) -> str:
        return "<webhook>"

    async def send(self, message: Message) -> None:
        body = _body(message)
        for attempt in range(ATTEMPTS_MAX):
            if attempt:
                await self._pause(PAUSES_S[attempt - 1])
            said = await self._post(message, body)
            if said is not None and 200 <= said < 300:
                return
            if said is not None and said < 500 and said != 429:
                break  # it understood, and refused
        _log.warning("The sender did not take a message of kind %s.", message.kind)
        raise NotSent

    async def _post(self, message: Message, body: bytes) -> int | None:
        """The status; None where there was no answer in time. What it says beside that is not read."""
        headers = {"Content-Type": "application/json", **signed(self._secret, message, body, int(self._now_s()))}
        try:
            async with self._client.stream("POST", self._url, content=body, headers=headers) as answer:
                return answer.status_code
        except httpx2.HTTPError:
            return None


def signed(secret: bytes, message: Message, body: bytes, at_s: int) -> dict[str, str]:
    """The three headers of Standard Webhooks, signature version 1."""
    message_id = f"msg_{message.message_id.hex}"
    signature = hmac.digest(secret, b".".join((message_id.encode(), str(at_s).encode(), body)), hashlib.sha256)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at_s),
        "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
    }


def _body(message: Message) -> bytes:
    data: dict[str, object] = {
        "template": message.template,
        "by": message.by,
        "to": message.to,
        "values": dict(message.values),
    }
    if message.appid is not None:
        data["appid"] = message.appid
    return orjson.dumps({"type": f"member_hub.{message.kind}", "data": data})


@asynccontextmanager
async def opened_sender(settings: Settings) -> AsyncIterator[Sender | None]:
    """The sender of the settings for the length of the block; None in production without one: then nobody signs in.

    Raises Misconfigured for a URL that is neither https nor on this machine, for a secret that is missing, too short,
    or open to others, and in production where nobody said how many proxies stand before the hub.
    """
    if settings.sender_url is None:
        yield None if settings.is_production else Console()
        return
    url, secret = checked_url(settings.sender_url), read_secret(settings.sender_secret_file)
    check_hops(settings)
    async with httpx2.AsyncClient(timeout=ATTEMPT_S, follow_redirects=False, trust_env=False) as client:
        yield Webhook(client, url, secret)


def checked_url(url: str) -> str:
    if not is_safe_url(url):
        raise Misconfigured(
            "MEMBER_HUB_SENDER_URL is neither https nor http on this machine, or holds a login.",
            remedy="Use an https address; the secret goes into MEMBER_HUB_SENDER_SECRET_FILE.",
        )
    return url


def check_hops(settings: Settings) -> None:
    """Behind a proxy that nobody told of everybody has one address, and its limits would hold for all of them."""
    if settings.is_production and settings.proxy_hops is None:
        raise Misconfigured(
            "MEMBER_HUB_PROXY_HOPS is not set, and codes are limited by address.",
            remedy="Set it to the number of your own proxies that add to X-Forwarded-For; 0 for none.",
        )


def read_secret(file: Path | None) -> bytes:
    """The key in the file, as Standard Webhooks spells it: whsec_ and 24 to 64 bytes in base64."""
    wrong = Misconfigured(
        "MEMBER_HUB_SENDER_SECRET_FILE names no file with whsec_ and 24 to 64 bytes in base64.",
        remedy="Put the secret of the message service there, with mode 0600.",
    )
    try:
        said = private.read_file(file, size_max=SECRET_FILE_MAX).decode("ascii").strip() if file else ""
        secret = base64.b64decode(said.removeprefix(SECRET_PREFIX), validate=True)
    except (FileNotFoundError, ValueError):
        raise wrong from None
    if not said.startswith(SECRET_PREFIX) or len(secret) not in SECRET_BYTES:
        raise wrong
    return secret
