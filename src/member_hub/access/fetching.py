"""Fetches an issuer's keys: bounded in time and size, from the address that the operator wrote, and from nowhere else.

No redirect is followed and nothing compressed is taken, so what is counted is what is read. A discovery document is
fetched anew each time: an issuer that moves its keys is followed at the next refresh.
"""

import asyncio
from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx2
import orjson

from member_hub.access.issuers import Discovery, Issuer
from member_hub.access.jwks import NotAKeySet, SigningKey, keys_of
from member_hub.urls import LOOPBACK, is_safe_url

FETCH_S = 5  # for everything, discovery and keys: people wait for it
DOCUMENT_BYTES_MAX = 256 * 1024


class NotFetched(Exception):
    """The keys cannot be had; the text says how it failed, and nothing that came."""


async def fetch_keys(issuer: Issuer) -> Mapping[str, SigningKey]:
    """The usable keys by kid, maybe none. Raises NotFetched."""
    try:
        async with asyncio.timeout(FETCH_S):
            url = issuer.jwks_uri or await _discover(issuer)
            return keys_of(await _document(url), issuer.algorithms)
    except TimeoutError:
        raise NotFetched(f"no answer within {FETCH_S} s") from None
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
        raise NotFetched(type(error).__name__) from error
    except NotAKeySet:
        raise NotFetched("the answer is not a key set") from None


async def _discover(issuer: Issuer) -> str:
    found = await _document(_discovery_url(issuer))
    if not isinstance(found, dict) or found.get("issuer") != issuer.url:
        raise NotFetched("the discovery document is not this issuer's")
    url = found.get("jwks_uri")
    if not isinstance(url, str) or not is_safe_url(url):
        raise NotFetched("the discovery document names no safe jwks_uri")
    return url


def _discovery_url(issuer: Issuer) -> str:
    if issuer.discovery is Discovery.OPENID:
        return f"{issuer.url.rstrip('/')}/.well-known/openid-configuration"
    parts = urlsplit(issuer.url)
    return f"{parts.scheme}://{parts.netloc}/.well-known/oauth-authorization-server{parts.path.rstrip('/')}"


async def _document(url: str) -> object:
    # A proxy of the environment stands between here and the world, never between here and this machine.
    is_outside = urlsplit(url).hostname not in LOOPBACK
    headers = {"Accept": "application/json, application/jwk-set+json", "Accept-Encoding": "identity"}
    async with (
        httpx2.AsyncClient(timeout=FETCH_S, follow_redirects=False, trust_env=is_outside) as client,
        client.stream("GET", url, headers=headers) as answer,
    ):
        if answer.status_code != 200 or "content-encoding" in answer.headers:
            raise NotFetched(f"status {answer.status_code}")
        content = bytearray()
        async for chunk in answer.aiter_raw():
            content += chunk
            if len(content) > DOCUMENT_BYTES_MAX:
                raise NotFetched(f"the answer is larger than {DOCUMENT_BYTES_MAX} bytes")
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        raise NotFetched("the answer is not JSON") from None
