"""Access tokens of members who signed in with the hub itself: RFC 9068, short, signed by a key of their own.

They say who and which session, nothing else: role and purpose follow from the issuer. The keys are files in the key
folder, `sign-in-1.key` and onwards; the newest signs, the two newest are believed, so rotating twice ends every token.
Another process's rotation is seen at the next token, by the names in the folder.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from member_hub.access import stated, token_key
from member_hub.access.claims import TokenClaims
from member_hub.access.refusals import Unauthenticated
from member_hub.ids import MemberId
from member_hub.privacy import Purpose

ISSUER: Final = "member-hub"
AUDIENCE: Final = "member-hub"
CLIENT: Final = "member-hub-sign-in"
ROLE: Final = "member"
ALGORITHM: Final = "Ed25519"
TYPE: Final = "at+jwt"
LIFETIME_MAX: Final = timedelta(hours=1)
CLOCK_SKEW: Final = timedelta(seconds=60)
TOKEN_CHARS_MAX: Final = 2_048
KEYS_BELIEVED: Final = 2
_NAME: Final = re.compile(r"sign-in-([1-9][0-9]{0,8})\.key", re.ASCII)
_CLAIMS: Final = frozenset({"iss", "aud", "sub", "client_id", "iat", "exp", "jti"})


class MemberTokens:
    """Issues and verifies; one per process. Whether the session still runs is another question (sign_in/)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._keys: dict[str, OKPKey] = {}

    def __repr__(self) -> str:
        return "<member tokens>"

    def issue(self, member_id: MemberId, session_id: UUID, *, expires_at: datetime, now: datetime) -> str:
        """One signed token; makes the first key where there is none. Raises Misconfigured for a loose key file."""
        keys = self._current(may_make=True)
        kid = max(keys, key=int)
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": str(member_id),
            "client_id": CLIENT,
            "iat": int(now.timestamp()),
            "exp": int(expires_at.timestamp()),
            "jti": str(session_id),
        }
        return jwt.encode(_header(kid), claims, keys[kid], algorithms=[ALGORITHM])

    def verify(self, token: str, now: datetime) -> TokenClaims:
        """The claims of a token that is ours, whole and in time. Raises Unauthenticated, without saying why."""
        kid = _kid(token)
        key = self._current(may_make=False).get(kid)
        if key is None:
            raise Unauthenticated
        try:
            decoded = jwt.decode(token, key, algorithms=[ALGORITHM])
        except (JoseError, ValueError, TypeError, RecursionError):
            raise Unauthenticated from None
        if decoded.header != _header(kid):
            raise Unauthenticated
        return _claims(decoded.claims, now)

    def _current(self, *, may_make: bool) -> Mapping[str, OKPKey]:
        """The keys that are believed, by number; read again when others are there."""
        if may_make and not numbers(self._folder):
            token_key.load_or_make(self._folder, _file(1))
        believed = [str(number) for number in numbers(self._folder)[-KEYS_BELIEVED:]]
        if believed != list(self._keys):
            self._keys = {n: OKPKey.import_key(token_key.load(self._folder / _file(int(n)))) for n in believed}
        return self._keys


def rotate(folder: Path) -> int:
    """Make the next key, which signs from now on; the one before is believed until the next rotation, older ones go.

    Returns the new key's number.
    """
    known = numbers(folder)
    newest = (known[-1] if known else 0) + 1
    token_key.load_or_make(folder, _file(newest))
    for number in known[: -(KEYS_BELIEVED - 1)]:
        (folder / _file(number)).unlink(missing_ok=True)
    return newest


def numbers(folder: Path) -> list[int]:
    """The numbers of the folder's keys, in order."""
    files = folder.iterdir() if folder.is_dir() else ()
    return sorted(int(found[1]) for file in files if (found := _NAME.fullmatch(file.name)))


def _file(number: int) -> str:
    return f"sign-in-{number}.key"


def _header(kid: str) -> dict[str, str]:
    return {"alg": ALGORITHM, "typ": TYPE, "kid": kid}


def _kid(token: str) -> str:
    """The key number in a header that is exactly ours; looked at before the library sees the token."""
    if len(token) > TOKEN_CHARS_MAX:
        raise Unauthenticated
    header = stated.read(token).header
    kid = stated.text(header.get("kid"))
    if header != _header(kid):
        raise Unauthenticated
    return kid


def _claims(claims: Mapping[str, object], now: datetime) -> TokenClaims:
    """Exactly our claims, each of its kind. Raises Unauthenticated."""
    if claims.keys() != _CLAIMS or (claims["iss"], claims["aud"], claims["client_id"]) != (ISSUER, AUDIENCE, CLIENT):
        raise Unauthenticated
    issued_at, expires_at = stated.moment(claims["iat"]), stated.moment(claims["exp"])
    if not timedelta() < expires_at - issued_at <= LIFETIME_MAX:
        raise Unauthenticated
    if expires_at <= now or issued_at > now + CLOCK_SKEW:
        raise Unauthenticated
    member_id, session_id = stated.member_id(claims["sub"]), stated.uuid(claims["jti"])
    nowhere: frozenset[str] = frozenset()
    return TokenClaims(
        subject=str(member_id),
        client=CLIENT,
        role=ROLE,
        purposes=(Purpose.MEMBER_SERVICE.value,),
        stores=nowhere,
        regions=nowhere,
        handler=None,
        member_id=member_id,
        step_up=False,
        token_id=str(session_id),
        issued_at=issued_at,
        expires_at=expires_at,
    )
