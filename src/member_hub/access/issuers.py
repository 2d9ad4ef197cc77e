"""The authorisation servers whose access tokens the hub takes: one TOML file of the operator's, read strictly.

An issuer states who somebody is; what that somebody may do stays with the policy. So the file closes every list: which
roles an issuer may give, which claim says what, which client is which app. A role that nobody could give, or whose
purposes nobody states, stops the start instead of surprising at the first sign-in.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Final

from member_hub.access.jwks import ALGORITHMS
from member_hub.access.register import ROLES_MAX, Register, RoleKind
from member_hub.organisation import Organisation, Section, read_toml
from member_hub.privacy import Purpose
from member_hub.urls import is_safe_url

ISSUERS_MAX = 20
AUTHENTICATIONS_MAX = 20
CLAIM_DEPTH_MAX = 5
LIFETIME_S_MAX = 86_400
KEYS_KEPT_S_MIN, KEYS_KEPT_S_MAX = 30, 86_400
KEYS_GRACE_S_MAX = 7 * 86_400
STEP_UP_S_MAX = 3_600
PEOPLE_CLAIMS: Final = ("role", "purposes", "stores", "regions", "handler", "member", "subject")

ClaimPath = tuple[str, ...]


class Discovery(StrEnum):
    OPENID = "openid"  # OpenID Connect Discovery 1.0
    OAUTH = "oauth"  # RFC 8414


DISCOVERIES: Final = MappingProxyType({discovery.value: discovery for discovery in Discovery})


@dataclass(frozen=True, slots=True)
class ClaimNames:
    """Under which path of names a token states what; None: the issuer does not state it."""

    role: ClaimPath | None
    purposes: ClaimPath | None
    stores: ClaimPath | None
    regions: ClaimPath | None
    handler: ClaimPath | None
    member: ClaimPath | None
    subject: ClaimPath


@dataclass(frozen=True, slots=True)
class ClientApp:
    """A client that is one of our apps, in tokens that it gets for itself (client credentials): then it is `sub`."""

    app: str
    role: str
    subject: str


@dataclass(frozen=True, slots=True)
class StepUp:
    """What counts as a second factor, and for how long it is fresh."""

    acr: frozenset[str]
    amr: frozenset[str]
    fresh_for: timedelta


@dataclass(frozen=True, slots=True)
class Issuer:
    name: str  # ours, short; part of a person's subject
    url: str  # the `iss` of its tokens, character by character
    audience: str
    jwks_uri: str | None
    discovery: Discovery | None  # exactly where there is no jwks_uri
    algorithms: frozenset[str]
    lifetime_max: timedelta
    keys_kept: timedelta  # after that the keys are fetched again before a token is believed
    keys_grace: timedelta  # how long known keys are used on while they cannot be fetched
    roles: frozenset[str]
    names: ClaimNames
    purposes: Mapping[str, tuple[str, ...]]  # by role, where the tokens do not state them
    apps: Mapping[str, ClientApp]  # by client_id
    step_up: StepUp | None


def load(path: Path, register: Register, organisation: Organisation) -> tuple[Issuer, ...]:
    """Raises PolicyError naming file, line and reason."""
    top = read_toml(path)
    top.only("issuers")
    issuers: dict[str, Issuer] = {}
    for name, section in top.tables("issuers", ISSUERS_MAX):
        issuer = _issuer(name, section, register, organisation)
        if issuer.url in issuers:
            raise section.refused("issuer", f"{issuer.url!r} stands twice")
        issuers[issuer.url] = issuer
    return tuple(issuers.values())


def _issuer(name: str, section: Section, register: Register, organisation: Organisation) -> Issuer:
    _keys(
        section,
        "issuer audience algorithms roles lifetime_max_s keys_kept_s keys_grace_s",
        "jwks_uri discovery claims purposes step_up apps",
    )
    if ("jwks_uri" in section.values) == ("discovery" in section.values):
        raise section.refused("", "state either jwks_uri or discovery")
    roles = _roles(section, register)
    issuer = Issuer(
        name=name,
        url=_url(section, "issuer"),
        audience=section.text("audience"),
        jwks_uri=_url(section, "jwks_uri") if "jwks_uri" in section.values else None,
        discovery=Discovery(section.one_of("discovery", DISCOVERIES)) if "discovery" in section.values else None,
        algorithms=_algorithms(section),
        lifetime_max=_seconds(section, "lifetime_max_s", 1, LIFETIME_S_MAX),
        keys_kept=_seconds(section, "keys_kept_s", KEYS_KEPT_S_MIN, KEYS_KEPT_S_MAX),
        keys_grace=_seconds(section, "keys_grace_s", 0, KEYS_GRACE_S_MAX),
        roles=roles,
        names=_names(section),
        purposes=MappingProxyType(_purposes(section, register, roles)),
        apps=MappingProxyType(dict(_apps(section, register, organisation, roles))),
        step_up=_step_up(section),
    )
    _check_roles(section, register, issuer)
    return issuer


def _roles(section: Section, register: Register) -> frozenset[str]:
    roles = section.texts("roles", ROLES_MAX)
    for role in roles:
        section.known("roles", role, register.roles)
    if not roles:
        raise section.refused("roles", "an issuer may give at least one role")
    return frozenset(roles)


def _algorithms(section: Section) -> frozenset[str]:
    stated = section.texts("algorithms", len(ALGORITHMS))
    for algorithm in stated:
        if algorithm not in ALGORITHMS:
            raise section.refused("algorithms", f"{algorithm!r} is not one of {', '.join(ALGORITHMS)}")
    if not stated:
        raise section.refused("algorithms", "an issuer signs with at least one algorithm")
    return frozenset(stated)


def _names(section: Section) -> ClaimNames:
    claims = _below(section, "claims")
    if claims is None:
        return ClaimNames(None, None, None, None, None, None, ("sub",))
    _keys(claims, "", " ".join(PEOPLE_CLAIMS))
    stated = {name: _path(claims, name) for name in PEOPLE_CLAIMS}
    return ClaimNames(
        role=stated["role"],
        purposes=stated["purposes"],
        stores=stated["stores"],
        regions=stated["regions"],
        handler=stated["handler"],
        member=stated["member"],
        subject=stated["subject"] or ("sub",),
    )


def _path(claims: Section, name: str) -> ClaimPath | None:
    """A claim's name, or a list of names that lead to it."""
    if name not in claims.values:
        return None
    if isinstance(claims.values[name], list):
        path = claims.texts(name, CLAIM_DEPTH_MAX)
        if not path:
            raise claims.refused(name, f"{name!r} names no claim")
        return path
    return (claims.text(name),)


def _apps(
    section: Section, register: Register, organisation: Organisation, roles: frozenset[str]
) -> Iterator[tuple[str, ClientApp]]:
    apps = _below(section, "apps")
    seen: set[str] = set()
    for name in apps.values if apps else ():
        assert apps is not None
        entry = _below(apps, name)
        assert entry is not None
        entry.known("", name, organisation.apps)
        _keys(entry, "client_id", "subject")
        role = organisation.apps[name].role
        if role not in roles or register.roles[role].kind is not RoleKind.APP:
            raise entry.refused("", f"the role {role!r} of this app is not one that the issuer may give")
        client = entry.text("client_id")
        if client in seen:
            raise entry.refused("client_id", "another app is this client already")
        seen.add(client)
        yield client, ClientApp(name, role, entry.text("subject") if "subject" in entry.values else client)


def _purposes(section: Section, register: Register, roles: frozenset[str]) -> dict[str, tuple[str, ...]]:
    table = _below(section, "purposes")
    found = {}
    for role in table.values if table else ():
        assert table is not None
        if role not in roles:
            raise table.refused(role, f"{role!r} is not a role that the issuer may give")
        found[role] = table.texts(role, len(Purpose))
        if not found[role] or not set(found[role]) <= set(register.roles[role].purposes):
            raise table.refused(role, f"{role!r} has at least one purpose, each of them one of its own in the register")
    return found


def _step_up(section: Section) -> StepUp | None:
    stated = _below(section, "step_up")
    if stated is None:
        return None
    _keys(stated, "max_age_s", "acr amr")
    acr, amr = (
        frozenset(stated.texts(key, AUTHENTICATIONS_MAX)) if key in stated.values else frozenset[str]()
        for key in ("acr", "amr")
    )
    if not acr and not amr:
        raise stated.refused("", "name what counts as a second factor: acr, amr or both")
    return StepUp(acr, amr, _seconds(stated, "max_age_s", 1, STEP_UP_S_MAX))


def _check_roles(section: Section, register: Register, issuer: Issuer) -> None:
    """Each role that may be given can be given, with purposes."""
    for role in sorted(issuer.roles):
        kind = register.roles[role].kind
        if kind is RoleKind.APP and role not in {app.role for app in issuer.apps.values()}:
            raise section.refused("roles", f"no app of this issuer has the role {role!r}")
        if kind is not RoleKind.APP and issuer.names.role is None:
            raise section.refused("roles", f"no claim states the role {role!r}: name it in claims.role")
        if kind is RoleKind.MEMBER and issuer.names.member is None:
            raise section.refused("roles", f"no claim states who a {role!r} is: name it in claims.member")
        if issuer.names.purposes is None and role not in issuer.purposes:
            raise section.refused("roles", f"nothing states the purposes of {role!r}: claims.purposes or purposes")


def _url(section: Section, key: str) -> str:
    value = section.text(key)
    if not is_safe_url(value):
        raise section.refused(
            key, f"{key!r} has to be an https URL (http on the loopback interface only), without login"
        )
    if key == "issuer" and "?" in value:
        raise section.refused(key, "an issuer has no query")
    return value


def _seconds(section: Section, key: str, least: int, most: int) -> timedelta:
    return timedelta(seconds=section.number(key, least, most))


def _keys(section: Section, needed: str, possible: str) -> None:
    section.only(*needed.split(), *(key for key in possible.split() if key in section.values))


def _below(section: Section, key: str) -> Section | None:
    """The table `key` of this table, if it has one."""
    value = section.values.get(key)
    if value is None:
        return None
    if not isinstance(value, dict):
        raise section.refused(key, f"{key!r} has to be a table")
    return Section(section.file, section.source, f"{section.where}.{key}", value)
