"""The register of policies: the closed lists of roles and purposes, and the duties that never go together.

A purpose that rests on consent (PIPL 13(1)(1)) names its consent key, and no other purpose does; so a slip in either
contradicts the other and stops the load.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from member_hub.access.words import ACTIONS, CELLS, OUTCOMES, PURPOSES, SYSTEM_ROLE, Action, Guard, Verdict
from member_hub.organisation import Section
from member_hub.privacy import Purpose

FILE = "register.toml"
ROLES_MAX = 50
NEVER_MAX = 50
RIGHTS_MAX = 50
CONSENT_ITEM = 1
LAST_ITEM = 7
CONSENT_KEYS: Final = MappingProxyType({"none": None, "marketing": "marketing", "personalisation": "personalisation"})
ANY_FIELD = "member.*"

_ROLE_NAME = re.compile(r"[a-z]+(?:_[a-z]+)*")


class RoleKind(StrEnum):
    STAFF = "staff"
    APP = "app"
    MEMBER = "member"


class How(StrEnum):
    ANY = "any"  # none of the rights
    ALL = "all"  # not all of them together


KINDS: Final[frozenset[str]] = frozenset(RoleKind)
HOWS: Final[frozenset[str]] = frozenset(How)


@dataclass(frozen=True, slots=True)
class Role:
    name: str
    kind: RoleKind
    zh: str
    en: str
    purposes: tuple[Purpose, ...]


@dataclass(frozen=True, slots=True)
class PurposeEntry:
    """One purpose with its legal basis: the item of PIPL 13(1) and, where that is consent, which consent."""

    purpose: Purpose
    item: int
    article: str
    consent_key: str | None
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Right:
    """At least `outcome` on `action` over `object`; the object `member.*` is any field."""

    object: str
    action: Action
    outcome: Verdict

    @property
    def cells(self) -> tuple[tuple[str, Action], ...]:
        objects = tuple(Guard) if self.object == ANY_FIELD else (self.object,)
        return tuple((object_, self.action) for object_ in objects if (object_, self.action) in CELLS)


@dataclass(frozen=True, slots=True)
class Never:
    """A separation of duties: no role of `whom` (roles or kinds) holds these rights, over all its purposes."""

    name: str
    whom: tuple[str, ...]
    how: How
    rights: tuple[Right, ...]
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Register:
    roles: Mapping[str, Role]
    purposes: Mapping[Purpose, PurposeEntry]
    never: tuple[Never, ...]

    @property
    def resting_on_consent(self) -> frozenset[Purpose]:
        return frozenset(entry.purpose for entry in self.purposes.values() if entry.consent_key is not None)

    @property
    def pairs(self) -> tuple[tuple[str, Purpose], ...]:
        """Every (role, purpose) there is, in the order of the register."""
        return tuple((role.name, purpose) for role in self.roles.values() for purpose in role.purposes)


def check(top: Section) -> Register:
    """The register, read strictly. Raises PolicyError naming file, line and reason."""
    top.only("purposes", "roles", "never")
    purposes = dict(_purposes(top))
    roles = {name: _role(name, section) for name, section in top.tables("roles", ROLES_MAX)}
    never = tuple(_never(section, roles) for section in top.sections("never", NEVER_MAX))
    return Register(MappingProxyType(roles), MappingProxyType(purposes), never)


def _purposes(top: Section) -> Iterator[tuple[Purpose, PurposeEntry]]:
    tables = dict(top.tables("purposes", len(Purpose)))
    for purpose in Purpose:
        if purpose not in tables:
            raise top.refused("", f"the purpose {purpose.value!r} is missing")
    for name, section in tables.items():
        if name not in PURPOSES:
            raise section.refused("", f"{name!r} is not a purpose that the product knows")
        yield Purpose(name), _purpose(Purpose(name), section)


def _purpose(purpose: Purpose, section: Section) -> PurposeEntry:
    section.only("item", "article", "consent_key", "zh", "en")
    item = section.number("item", 1, LAST_ITEM)
    consent_key = CONSENT_KEYS[section.one_of("consent_key", CONSENT_KEYS)]
    if (item == CONSENT_ITEM) != (consent_key is not None):
        raise section.refused("consent_key", "consent is the basis (item 1) exactly where a consent key is named")
    article = section.text("article")
    if article != f"PIPL 13(1)({item})":
        raise section.refused("article", f"the article of item {item} is 'PIPL 13(1)({item})'")
    return PurposeEntry(purpose, item, article, consent_key, section.text("zh"), section.text("en"))


def _role(name: str, section: Section) -> Role:
    section.only("kind", "zh", "en", "purposes")
    if not _ROLE_NAME.fullmatch(name) or name == SYSTEM_ROLE:
        raise section.refused("", f"{name!r} is not a role name: lower case words joined by _, and not the hub's own")
    kind = section.text("kind")
    if kind not in KINDS:
        raise section.refused("kind", f"{kind!r} is not one of {', '.join(RoleKind)}")
    stated = section.texts("purposes", len(Purpose))
    for purpose in stated:
        if purpose not in PURPOSES:
            raise section.refused("purposes", f"{purpose!r} is not a purpose")
    if not stated:
        raise section.refused("purposes", "a role has at least one purpose")
    return Role(name, RoleKind(kind), section.text("zh"), section.text("en"), tuple(Purpose(p) for p in stated))


def _never(section: Section, roles: Mapping[str, Role]) -> Never:
    section.only("name", "whom", "how", "rights", "zh", "en")
    whom, rights = section.texts("whom", ROLES_MAX), section.texts("rights", RIGHTS_MAX)
    if not whom or not rights:
        raise section.refused("", "a duty names whom it binds and at least one right")
    for who in whom:
        if who not in roles and who not in KINDS:
            raise section.refused("whom", f"{who!r} is neither a role nor a kind of role")
    how = section.text("how")
    if how not in HOWS:
        raise section.refused("how", f"{how!r} is not one of {', '.join(How)}")
    checked = tuple(_right(right, section) for right in rights)
    return Never(section.text("name"), whom, How(how), checked, section.text("zh"), section.text("en"))


def _right(text: str, section: Section) -> Right:
    """`member.phone read masked`: object, action, least outcome."""
    words = text.split(" ")
    if len(words) != 3 or words[1] not in ACTIONS or words[2] not in OUTCOMES or words[2] == Verdict.DENIED:
        raise section.refused("rights", f"{text!r} is not 'object action outcome'")
    right = Right(words[0], Action(words[1]), Verdict(words[2]))
    if not right.cells:
        raise section.refused("rights", f"{text!r} is nothing that a policy can grant")
    return right
