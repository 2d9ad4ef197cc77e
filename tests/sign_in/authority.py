"""An authorisation server of the tests' own: it publishes keys on the loopback interface and signs whatever it is told.

Nothing here checks anything, so that a token can be wrong in just one way.
"""

import asyncio
import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from joserfc import jws  # noqa: F401 - it registers the algorithms
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from tests.graphql.world import NOW

AUDIENCE = "https://hub.test"
Key = RSAKey | ECKey | OKPKey


def b64(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def compact(header: Mapping[str, object], claims: Mapping[str, object] | bytes, sign: Any) -> str:
    """`sign` makes the signature of the bytes."""
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    signed = f"{b64(json.dumps(header).encode())}.{b64(payload)}"
    return f"{signed}.{b64(sign(signed.encode()))}"


def signer(algorithm: str, key: Key) -> Any:
    return lambda content: JWSRegistry.algorithms[algorithm].sign(content, key)


def public(key: Key, kid: str, **more: object) -> dict[str, object]:
    """As it stands in a JWKS."""
    return {**key.as_dict(private=False), "kid": kid, "use": "sig", **more}


@dataclass
class Authority:
    """Answers `GET path` from `pages`; counts what was fetched."""

    key: Key
    algorithm: str
    kid: str
    roles: dict[str, object]  # what its tokens say if nobody says otherwise
    url: str = ""
    pages: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    fetched: list[str] = field(default_factory=list)
    headers: str = ""
    open: asyncio.Event = field(default_factory=asyncio.Event)  # nothing is answered before it is set
    server: asyncio.Server | None = None

    async def start(self) -> None:
        self.open.set()
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", int(self.url.rpartition(":")[2] or 0))
        self.url = f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        if self.server is not None:
            self.server.close()
            await self.server.wait_closed()
            self.server = None

    def publish(self, *keys: Mapping[str, object]) -> None:
        self.pages["/jwks"] = (200, json.dumps({"keys": keys}).encode())

    def claims(self, *, at: datetime = NOW, **changed: object) -> dict[str, object]:
        stated = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "E1001",
            "client_id": "console",
            "iat": int(at.timestamp()),
            "exp": int(at.timestamp()) + 600,
            "jti": "t-1",
            **self.roles,
            **changed,
        }
        return {name: value for name, value in stated.items() if value is not None}

    def header(self, **changed: object) -> dict[str, object]:
        stated = {"alg": self.algorithm, "typ": "at+jwt", "kid": self.kid, **changed}
        return {name: value for name, value in stated.items() if value is not None}

    def token(self, *, header: Mapping[str, object] = {}, at: datetime = NOW, **changed: object) -> str:
        """A good token, but for what is changed; None leaves a claim or a header out."""
        return compact(self.header(**header), self.claims(at=at, **changed), signer(self.algorithm, self.key))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One answer to a connection; whoever hangs up before asking, or while waiting, gets none."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            path = head.split(b" ")[1].decode()
            self.fetched.append(path)
            await self.open.wait()
            status, content = self.pages.get(path, (404, b""))
            said = f"HTTP/1.1 {status} X\r\nContent-Length: {len(content)}\r\n{self.headers}Connection: close\r\n\r\n"
            writer.write(said.encode() + content)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()
