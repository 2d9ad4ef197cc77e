"""The one thing that the door asks about a token: `await credentials.claims(token, now)`.

The unverified `iss` chooses who verifies, and the one chosen believes nothing else: a token that names the wrong issuer
is refused by that issuer's keys. Who is not listed here issues nothing for the hub.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Final, Protocol

from member_hub.access import issuers, member_tokens, stated
from member_hub.access.claims import TokenClaims
from member_hub.access.issuer_keys import IssuerKeys, KeyState
from member_hub.access.issuer_tokens import IssuerTokens
from member_hub.access.refusals import RoleNotCarried, Unauthenticated
from member_hub.access.register import Register
from member_hub.access.tokens import ISSUER as DEVELOPMENT_ISSUER
from member_hub.access.tokens import DevelopmentTokens
from member_hub.organisation import Organisation
from member_hub.settings import Settings


class Verifier(Protocol):
    """Whoever verifies tokens of one issuer of the hub's own."""

    async def claims(self, token: str, now: datetime) -> TokenClaims:
        """Raises Unauthenticated, without saying why."""


GUARDIAN: Final = "guardian"
NOBODY: Final[Mapping[str, Verifier]] = MappingProxyType({})


class Credentials:
    """One per process: it remembers the issuers' keys."""

    def __init__(self, servers: Mapping[str, IssuerTokens], own: Mapping[str, Verifier]) -> None:
        assert servers.keys().isdisjoint(own), "an issuer's name is a URL, one of our own is not"
        self._servers = servers
        self._own = own

    @classmethod
    def open(
        cls,
        settings: Settings,
        register: Register,
        organisation: Organisation,
        *,
        own: Mapping[str, Verifier] = NOBODY,
    ) -> "Credentials":
        """The operator's authorisation servers, the hub's `own` issuers by name, and development tokens, of which
        production takes none. Raises PolicyError where the file is not exactly right."""
        file = settings.sign_in
        listed = issuers.load(file, register, organisation) if file else ()
        servers = {issuer.url: IssuerTokens(issuer, register, IssuerKeys(issuer)) for issuer in listed}
        return cls(servers, {**own, DEVELOPMENT_ISSUER: DevelopmentTokens.open(settings)})

    async def claims(self, token: str, now: datetime, *, role: str | None = None) -> TokenClaims:
        """The verified claims, in the role that the caller names or the only one that the token carries.

        Raises Unauthenticated (401), KeysUnavailable (503), RoleRequired and RoleNotCarried (403).
        """
        read = stated.read(token)
        issuer = read.claims.get("iss")
        if not isinstance(issuer, str):
            raise Unauthenticated
        if issuer in self._servers:
            found = await self._servers[issuer].claims(token, read, now, role=role)
        elif issuer in self._own:
            found = await self._own[issuer].claims(token, now)
        else:
            raise Unauthenticated
        if role is not None and found.role != role:
            return _as_guardian(found, issuer, role)
        return found

    def key_states(self, now: datetime) -> Mapping[str, KeyState]:
        """By the operator's name of the issuer, for readiness."""
        return {server.issuer.name: server.keys.state(now) for server in self._servers.values()}


def _as_guardian(found: TokenClaims, issuer: str, role: str) -> TokenClaims:
    """Whoever signed in with the hub may act as guardian: whose, and whether of anybody, the links say."""
    if role != GUARDIAN or issuer != member_tokens.ISSUER:
        raise RoleNotCarried
    return replace(found, role=GUARDIAN)
