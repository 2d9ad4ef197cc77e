"""Development tokens: signed access tokens (RFC 9068) for trying the hub out; in production there are none.

They carry the claims that an authorisation server states, under names of our own. One key, one algorithm (Ed25519,
its RFC 9864 name), one issuer and audience; a header that says more than algorithm and type is refused, so no token
brings its own key.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from member_hub.access import claims as facts
from member_hub.access import stated as reading
from member_hub.access import token_key
from member_hub.access.claims import TokenClaims
from member_hub.access.refusals import DevelopmentOnly, Unauthenticated
from member_hub.access.register import Register, Role, RoleKind
from member_hub.access.stated import LIST_MAX
from member_hub.access.telling import is_staff_number
from member_hub.errors import BadInput
from member_hub.ids import MemberId
from member_hub.organisation import Organisation
from member_hub.settings import Settings

ISSUER = "member-hub-development"
AUDIENCE = "member-hub"
CLIENT = "member-hub-token"
ALGORITHM = "Ed25519"
TYPE = "at+jwt"
LIFETIME = timedelta(hours=12)
LIFETIME_MAX = timedelta(hours=24)
CLOCK_SKEW = timedelta(seconds=60)
_HEADER: Final = {"alg": ALGORITHM, "typ": TYPE}
_CLAIMS: Final = frozenset(
    "iss aud sub client_id iat exp jti role purposes stores regions handler member step_up".split()
)


@dataclass(frozen=True, slots=True)
class Ask:
    """What a token is asked to carry; `app` may be left out where one app has the role."""

    role: str
    purposes: Sequence[str]
    stores: Sequence[str] = ()
    regions: Sequence[str] = ()
    handler: str | None = None
    member: MemberId | None = None
    app: str | None = None
    subject: str | None = None
    step_up: bool = False
    lifetime: timedelta = LIFETIME


@dataclass(frozen=True, slots=True)
class DevelopmentTokens:
    """Issues and verifies development tokens. In production the key is None: nothing is issued, nothing is valid."""

    key: OKPKey | None

    def __repr__(self) -> str:
        return "<development tokens>"

    @classmethod
    def open(cls, settings: Settings) -> "DevelopmentTokens":
        """Reads the key of the key folder, making it on first use; in production the file is not even looked at."""
        if settings.is_production:
            return cls(None)
        return cls(OKPKey.import_key(token_key.load_or_make(settings.key_dir)))

    def issue(self, ask: Ask, register: Register, organisation: Organisation, *, now: datetime) -> str:
        """One signed token. Raises DevelopmentOnly in production, BadInput for what register or organisation lack."""
        if self.key is None:
            raise DevelopmentOnly(
                "Development tokens are refused in production.", remedy="Use the tokens of your authorisation server."
            )
        role, client = _role_and_client(ask, register, organisation)
        _check_ask(ask, role, organisation)
        stated = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": ask.subject or (str(ask.member) if role.kind is RoleKind.MEMBER else f"development.{role.name}"),
            "client_id": client,
            "iat": int(now.timestamp()),
            "exp": int((now + ask.lifetime).timestamp()),
            "jti": secrets.token_urlsafe(16),
            "role": role.name,
            "purposes": list(ask.purposes),
            "stores": sorted(set(ask.stores)),
            "regions": sorted(set(ask.regions)),
            "handler": ask.handler,
            "member": str(ask.member) if ask.member else None,
            "step_up": ask.step_up,
        }
        verified = _claims(stated)
        if not facts.fit(verified, role, organisation):
            raise BadInput(
                "The role needs a member, or may not have one.", zh="该角色必须或不得指定会员。", field="member"
            )
        _check_handler(verified, role, organisation)
        return jwt.encode(dict(_HEADER), stated, self.key, algorithms=[ALGORITHM])

    async def claims(self, token: str, now: datetime) -> TokenClaims:
        """As a Verifier: see verify."""
        return self.verify(token, now)

    def verify(self, token: str, now: datetime) -> TokenClaims:
        """The claims of a token that is ours, whole and in time. Raises Unauthenticated, without saying why."""
        # Looked at before the library sees the token: it trusts the kinds of what a header says.
        if self.key is None or reading.read(token).header != _HEADER:
            raise Unauthenticated
        try:
            decoded = jwt.decode(token, self.key, algorithms=[ALGORITHM])
        except (JoseError, ValueError, TypeError, RecursionError):
            raise Unauthenticated from None
        if decoded.header != _HEADER:
            raise Unauthenticated
        verified = _claims(decoded.claims)
        if verified.expires_at <= now or verified.issued_at > now + CLOCK_SKEW:
            raise Unauthenticated
        return verified


def _role_and_client(ask: Ask, register: Register, organisation: Organisation) -> tuple[Role, str]:
    """The acting role and the client; `--role app --app checkout` and `--role checkout` say app_checkout."""
    named = organisation.apps.get(ask.app or ask.role)
    name = named.role if named and ask.role in (RoleKind.APP, named.name) else ask.role
    role = register.roles.get(name)
    if role is None:
        raise BadInput("The register has no such role.", zh="登记中没有该角色。", field="role")
    if role.kind is not RoleKind.APP:
        if ask.app is not None:
            raise BadInput("Only a role of kind app takes an app.", zh="只有应用角色可以指定应用。", field="app")
        return role, CLIENT
    apps = [a.name for a in organisation.apps.values() if a.role == role.name and ask.app in (None, a.name)]
    if len(apps) != 1:
        raise BadInput("Name the app that has this role.", zh="请指定具有该角色的应用。", field="app")
    return role, apps[0]


def _check_ask(ask: Ask, role: Role, organisation: Organisation) -> None:
    known: list[tuple[str, Sequence[str], frozenset[str]]] = [
        ("purpose", ask.purposes, frozenset(role.purposes)),
        ("store", ask.stores, frozenset(organisation.stores)),
        ("region", ask.regions, frozenset(organisation.regions)),
        ("handler", [ask.handler] if ask.handler else [], frozenset(organisation.handlers)),
    ]
    for field, stated, choices in known:
        if not choices.issuperset(stated) or len(stated) > LIST_MAX:
            raise BadInput(f"The {field} is not one that this role can have.", zh="该角色不能使用该取值。", field=field)
    if not ask.purposes or len(set(ask.purposes)) != len(ask.purposes):
        raise BadInput("A token carries at least one purpose, each once.", zh="须有至少一个处理目的。", field="purpose")
    if ask.subject is not None and (role.kind is RoleKind.MEMBER or not is_staff_number(ask.subject)):
        raise BadInput(
            "Staff have a staff number: 1 to 80 visible characters, no @, no telephone or identity number.",
            zh="工号须为 1 至 80 个可见字符,不含 @,不得为手机号或证件号。",
            field="person",
        )
    if not timedelta(seconds=1) <= ask.lifetime <= LIFETIME_MAX:
        raise BadInput("A token lives from a second to 24 hours.", zh="有效期为一秒至二十四小时。", field="lifetime")


def _check_handler(claims: TokenClaims, role: Role, organisation: Organisation) -> None:
    try:
        facts.handler_of(claims, role, organisation)
    except Unauthenticated as error:
        raise BadInput(
            "Name the one handler for which this person acts.", zh="请指定该人员所属的一个处理者。", field="handler"
        ) from error


def _claims(stated: Mapping[str, object]) -> TokenClaims:
    """Exactly our claims, each of its kind and size. Raises Unauthenticated."""
    if stated.keys() != _CLAIMS or stated["iss"] != ISSUER or stated["aud"] != AUDIENCE:
        raise Unauthenticated
    issued_at, expires_at = reading.moment(stated["iat"]), reading.moment(stated["exp"])
    if not timedelta() < expires_at - issued_at <= LIFETIME_MAX or not isinstance(stated["step_up"], bool):
        raise Unauthenticated
    purposes = reading.texts(stated["purposes"])
    if not purposes:
        raise Unauthenticated
    return TokenClaims(
        subject=reading.text(stated["sub"]),
        client=reading.text(stated["client_id"]),
        role=reading.text(stated["role"]),
        purposes=purposes,
        stores=frozenset(reading.texts(stated["stores"])),
        regions=frozenset(reading.texts(stated["regions"])),
        handler=None if stated["handler"] is None else reading.text(stated["handler"]),
        member_id=None if stated["member"] is None else reading.member_id(stated["member"]),
        step_up=stated["step_up"],
        token_id=reading.text(stated["jti"]),
        issued_at=issued_at,
        expires_at=expires_at,
    )
