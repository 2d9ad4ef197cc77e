"""Verifies the access tokens (RFC 9068) of one authorisation server and reads from them who acts, and as what.

Decisions: a header may say algorithm, type, kid and thumbprints, nothing else; a token needs a kid. A token bound to
a key of its holder (`cnf`: DPoP, mTLS) is refused, because a bearer cannot show that key here. A person's subject is
`issuer:sub`, so two issuers cannot mean one person by one word, and it may not look like an e-mail address, a
mobile or an identity number, because it stands in the audit log for years: name another claim (`claims.subject`) where
`sub` is one. A client that is an app
acts only for itself: its `sub` is the client's own, so a person who signs in through it never becomes the app.
"""

import logging
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Final

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwa import JWSAlgModel
from joserfc.jws import JWSRegistry

from member_hub.access import stated as reading
from member_hub.access.claims import TokenClaims
from member_hub.access.issuer_keys import IssuerKeys
from member_hub.access.issuers import ClaimPath, Issuer, StepUp
from member_hub.access.jwks import KID_CHARS_MAX, SigningKey
from member_hub.access.refusals import RoleNotCarried, RoleRequired, Unauthenticated
from member_hub.access.register import Register, RoleKind
from member_hub.access.stated import Stated
from member_hub.access.telling import is_staff_number
from member_hub.access.words import PURPOSES
from member_hub.ids import MemberId

SKEW = timedelta(seconds=30)
AUDIENCES_MAX = 20
TYPES: Final = frozenset({"at+jwt", "application/at+jwt"})
HEADERS: Final = frozenset({"alg", "typ", "kid", "x5t", "x5t#S256"})
# What only an ID token states (OpenID Connect Core 2, 3.3.2.11), and what binds a token to a key (RFC 7800).
FOREIGN_CLAIMS: Final = frozenset({"nonce", "at_hash", "c_hash", "s_hash", "cnf"})


_log = logging.getLogger(__name__)


class _Unfit(Exception):
    """Why a token is refused: for the operator's log at debug level; the caller is not told."""


class _Registry(JWSRegistry):
    """Takes the one algorithm that was settled before; the library's own warns of EdDSA by its older name."""

    def get_alg(self, name: str) -> JWSAlgModel:
        if not self.allowed or name not in self.allowed:
            raise Unauthenticated
        return self.algorithms[name]


class IssuerTokens:
    """One per issuer and process."""

    def __init__(self, issuer: Issuer, register: Register, keys: IssuerKeys) -> None:
        self.issuer = issuer
        self.keys = keys
        self._register = register

    async def claims(self, token: str, stated: Stated, now: datetime, *, role: str | None) -> TokenClaims:
        """What the token says of who acts, in the role that the caller names (X-Role) or the only one that it carries.

        Raises Unauthenticated, KeysUnavailable, RoleRequired or RoleNotCarried.
        """
        try:
            algorithm, kid = _header(stated.header, self.issuer)
            issued_at, expires_at = _times(stated.claims, self.issuer, now)
            _check_audience(stated.claims, self.issuer)
            _check_signature(token, await self.keys.key(kid, now), algorithm)
            return self._claims(stated.claims, role, now, (issued_at, expires_at))
        except _Unfit as unfit:
            _log.debug("A token of the issuer %s was refused: %s.", self.issuer.name, unfit)
            raise Unauthenticated from None

    def _claims(
        self, stated: Mapping[str, object], asked: str | None, now: datetime, times: tuple[datetime, datetime]
    ) -> TokenClaims:
        names = self.issuer.names
        client = reading.text(stated.get("client_id"))
        app = self.issuer.apps.get(client)
        if app is not None and stated.get("sub") != app.subject:
            raise _Unfit("somebody else came through an app's client")
        role = app.role if app else self._person_role(stated, asked)
        member_id = self._member(stated, role)
        handler = _at(stated, names.handler)
        return TokenClaims(
            subject=app.app if app else self._subject(stated, role, member_id),
            client=app.app if app else client,
            role=role,
            purposes=self._purposes(stated, role),
            stores=frozenset(_words(_at(stated, names.stores))),
            regions=frozenset(_words(_at(stated, names.regions))),
            handler=None if handler is None else reading.text(handler),
            member_id=member_id,
            step_up=_is_stepped_up(stated, self.issuer.step_up, now),
            token_id=reading.text(stated.get("jti")),
            issued_at=times[0],
            expires_at=times[1],
        )

    def _person_role(self, stated: Mapping[str, object], asked: str | None) -> str:
        """Never an app's: an app is known by its client."""
        carried = [r for r in dict.fromkeys(_words(_at(stated, self.issuer.names.role))) if r in self._register.roles]
        if not carried:
            raise _Unfit("no role that the register knows")
        if asked is not None and asked not in carried:
            raise RoleNotCarried
        if asked is None and len(carried) > 1:
            raise RoleRequired
        role = asked or carried[0]
        if role not in self.issuer.roles or self._register.roles[role].kind is RoleKind.APP:
            raise _Unfit("a role that this issuer may not give to a person")
        return role

    def _member(self, stated: Mapping[str, object], role: str) -> MemberId | None:
        """Staff act for no member: that one of them is a member, too, is not asked."""
        stated_id = _at(stated, self.issuer.names.member)
        if stated_id is None or self._register.roles[role].kind is RoleKind.STAFF:
            return None
        return reading.member_id(stated_id)

    def _subject(self, stated: Mapping[str, object], role: str, member_id: MemberId | None) -> str:
        if self._register.roles[role].kind is RoleKind.MEMBER:
            if member_id is None:
                raise _Unfit("it does not say which member")
            return str(member_id)
        subject = _at(stated, self.issuer.names.subject)
        if not isinstance(subject, str) or not is_staff_number(subject):
            raise _Unfit("the subject is none that may stand in the audit log")
        return f"{self.issuer.name}:{subject}"

    def _purposes(self, stated: Mapping[str, object], role: str) -> tuple[str, ...]:
        """Those of the file where it states some for the role, else the token's; words that are no purpose allow
        nothing and are left out, so that a scope may carry them."""
        if role in self.issuer.purposes:
            return self.issuer.purposes[role]
        claim = _at(stated, self.issuer.names.purposes)
        said = claim.split(" ") if isinstance(claim, str) else _words(claim)
        found = tuple(purpose for purpose in dict.fromkeys(said) if purpose in PURPOSES)
        if not found:
            raise _Unfit("no purpose")
        return found


def _header(header: Mapping[str, object], issuer: Issuer) -> tuple[str, str]:
    """The algorithm and the kid."""
    if not header.keys() <= HEADERS:
        raise _Unfit("the header brings more than it may")
    algorithm, kind, kid = header.get("alg"), header.get("typ"), header.get("kid")
    if not isinstance(kind, str) or kind.lower() not in TYPES:
        raise _Unfit("the type is not that of an access token")
    if not isinstance(algorithm, str) or algorithm not in issuer.algorithms:
        raise _Unfit("the algorithm is not one of this issuer's")
    if not isinstance(kid, str) or not 0 < len(kid) <= KID_CHARS_MAX:
        raise _Unfit("it names no key")
    return algorithm, kid


def _times(claims: Mapping[str, object], issuer: Issuer, now: datetime) -> tuple[datetime, datetime]:
    issued_at, expires_at = reading.moment(claims.get("iat")), reading.moment(claims.get("exp"))
    if not timedelta() < expires_at - issued_at <= issuer.lifetime_max:
        raise _Unfit("it lives longer than this issuer's tokens may, or not at all")
    if expires_at + SKEW <= now:
        raise _Unfit("it has expired")
    if issued_at > now + SKEW or ("nbf" in claims and reading.moment(claims["nbf"]) > now + SKEW):
        raise _Unfit("it is not valid yet")
    return issued_at, expires_at


def _check_audience(claims: Mapping[str, object], issuer: Issuer) -> None:
    stated = claims.get("aud")
    audiences = stated if isinstance(stated, list) else [stated]
    if issuer.audience not in audiences[:AUDIENCES_MAX]:
        raise _Unfit("it is for another audience")
    if not FOREIGN_CLAIMS.isdisjoint(claims):
        raise _Unfit("it is an ID token, or bound to a key of its holder")


def _check_signature(token: str, key: SigningKey, algorithm: str) -> None:
    if algorithm not in key.algorithms:
        raise _Unfit("the key is for another algorithm")
    try:
        jws.deserialize_compact(token, key.public, registry=_Registry(algorithms=[algorithm]))
    except (JoseError, ValueError, TypeError, RecursionError):
        raise _Unfit("the signature does not hold") from None


def _is_stepped_up(claims: Mapping[str, object], rule: StepUp | None, now: datetime) -> bool:
    """A second factor, and the sign-in that it belongs to (`auth_time`) is fresh; what is not stated is not so."""
    if rule is None or "auth_time" not in claims:
        return False
    age = now - reading.moment(claims["auth_time"])
    acr, amr = claims.get("acr"), claims.get("amr")
    has_acr = not rule.acr or (isinstance(acr, str) and acr in rule.acr)
    has_amr = not rule.amr or not rule.amr.isdisjoint(_words(amr))
    return has_acr and has_amr and -SKEW <= age <= rule.fresh_for


def _at(claims: Mapping[str, object], path: ClaimPath | None) -> object:
    """The value at the end of the path; None where the token does not state it."""
    found: object = claims if path else None
    for name in path or ():
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _words(value: object) -> Collection[str]:
    """A list of texts; a single text is a list of one."""
    if value is None:
        return ()
    return reading.texts(value if isinstance(value, list) else [value])
