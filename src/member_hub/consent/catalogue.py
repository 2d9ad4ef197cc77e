"""The policy pack on consent (policies/cn/consent.toml): what each purpose takes, who receives what, every number.

Read strictly, once at start; whatever is unknown, missing or doubled stops the start (PolicyError). The legal bases
stand in register.toml: which purposes rest on consent is `keys`, passed in by whoever has the register.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Final

from member_hub import resources
from member_hub.access import Caller, CallerKind
from member_hub.access.words import PURPOSES
from member_hub.consent.words import ContactChannel
from member_hub.organisation import Section, read_toml
from member_hub.privacy import DataClass, Purpose
from member_hub.settings import Settings

FOLDER: Final = "cn"
FILE: Final = "consent.toml"
RECIPIENTS_MAX = 50
HOME: Final = "CN"
NONE: Final = "none"

_WORD = re.compile(r"[a-z]+(?:_[a-z]+)*")  # no digits: it stands in the outside ledger
_COUNTRY = re.compile(r"[A-Z]{2}")


class RecipientKind(StrEnum):
    ENTRUSTED = "entrusted"  # acts for us (PIPL 21): no consent of its own
    HANDLER = "handler"  # decides for itself (PIPL 23): a separate consent by name


@dataclass(frozen=True, slots=True)
class PurposeTerms:
    purpose: Purpose
    is_sensitive: bool
    is_published: bool
    assessment: str | None  # on file, PIPL 55 and 56
    term: timedelta | None  # None: until withdrawn
    channels: tuple[ContactChannel, ...]
    zh: str  # why it is necessary, or that it is not
    en: str


@dataclass(frozen=True, slots=True)
class Recipient:
    name: str
    kind: RecipientKind
    jurisdiction: str
    purposes: tuple[Purpose, ...]
    classes: tuple[DataClass, ...]
    apps: tuple[str, ...]
    contact: str
    zh: str
    en: str
    method_zh: str
    method_en: str

    @property
    def is_abroad(self) -> bool:
        return self.jurisdiction != HOME

    @property
    def needs_consent(self) -> bool:
        return self.kind is RecipientKind.HANDLER or self.is_abroad


@dataclass(frozen=True, slots=True)
class Numbers:
    guardian_consent_under: int
    staff_approval_under: int
    cooldown_days: int
    asks_max: int
    unanswered_days: int
    stale_grace_days: int
    guardian_days: int
    handover_days: int
    approval_days_max: int


@dataclass(frozen=True, slots=True)
class Catalogue:
    version: str
    numbers: Numbers
    purposes: Mapping[Purpose, PurposeTerms]
    recipients: Mapping[str, Recipient]

    def needs_separate_act(self, purpose: Purpose, recipient: str) -> bool:
        """Whether a consent to this takes an act of its own (PIPL 23, 25, 29, 39), where consent is the basis."""
        terms = self.purposes[purpose]
        return terms.is_sensitive or terms.is_published or bool(recipient)

    @property
    def consent_keys(self) -> frozenset[str]:
        """The consents that can be checked: those to a purpose whose terms are known."""
        return frozenset(purpose.value for purpose in self.purposes)

    def recipient_of(self, caller: Caller) -> str:
        """As which recipient a caller asks; the empty text: as the handler itself."""
        return self.recipient_of_app(caller.subject) if caller.kind is CallerKind.APP else ""

    def told_of(self, recipient: str) -> Mapping[str, object]:
        """What a notice has to have said of a recipient before a consent to it counts: at least this much to receive,
        for at least these purposes, of this kind and there (notice/lists.py). Nothing fits one that is unknown."""
        found = self.recipients.get(recipient)
        if found is None:
            return {"recipient": ""}
        return {
            "recipient": found.name,
            "kind": found.kind.value,
            "jurisdiction": found.jurisdiction,
            "purposes": [purpose.value for purpose in found.purposes],
            "categories": [data_class.value for data_class in found.classes],
        }

    def recipient_of_app(self, app: str) -> str:
        """As which recipient an app asks; the empty text: as the handler itself."""
        return next((r.name for r in self.recipients.values() if app in r.apps and r.needs_consent), "")


def of(settings: Settings) -> Catalogue:
    return load(file_of(settings))


def file_of(settings: Settings) -> Path:
    """The operator's pack where the policy folder has one, else the one that came with the product."""
    theirs = settings.policy_dir / FOLDER / FILE if settings.policy_dir else None
    return theirs if theirs and theirs.exists() else resources.folder("policies") / FOLDER / FILE


def load(path: Path) -> Catalogue:
    return check(read_toml(path))


def check(top: Section) -> Catalogue:
    top.only("version", "numbers", "purposes", "recipients")
    purposes = {Purpose(name): _terms(name, section) for name, section in top.tables("purposes", len(Purpose))}
    for purpose in Purpose:
        if purpose not in purposes:
            raise top.refused("", f"the purpose {purpose.value!r} is missing")
    recipients = {name: _recipient(name, s) for name, s in top.tables("recipients", RECIPIENTS_MAX)}
    return Catalogue(
        version=top.text("version"),
        numbers=_numbers(top),
        purposes=MappingProxyType(purposes),
        recipients=MappingProxyType(recipients),
    )


_RANGES: Final[Mapping[str, tuple[int, int]]] = MappingProxyType(
    {
        "guardian_consent_under": (14, 18),
        "staff_approval_under": (14, 18),
        "cooldown_days": (90, 3650),
        "asks_max": (1, 10),
        "unanswered_days": (1, 365),
        "stale_grace_days": (1, 365),
        "guardian_days": (1, 30),
        "handover_days": (1, 90),
        "approval_days_max": (1, 90),
    }
)


def _numbers(top: Section) -> Numbers:
    values = top.values.get("numbers")
    section = Section(top.file, top.source, "numbers", values if isinstance(values, dict) else {})
    section.only(*_RANGES)
    return Numbers(**{name: section.number(name, *range_) for name, range_ in _RANGES.items()})


def _terms(name: str, section: Section) -> PurposeTerms:
    if name not in PURPOSES:
        raise section.refused("", f"{name!r} is not a purpose that the product knows")
    section.only("sensitive", "published", "assessment", "term_days", "channels", "zh", "en")
    days = section.number("term_days", 0, 3650)
    assessment = section.text("assessment")
    channels = section.texts("channels", len(ContactChannel))
    for channel in channels:
        section.known("channels", channel, {c.value: c for c in ContactChannel})
    terms = PurposeTerms(
        purpose=Purpose(name),
        is_sensitive=_truth(section, "sensitive"),
        is_published=_truth(section, "published"),
        assessment=None if assessment == NONE else assessment,
        term=timedelta(days=days) if days else None,
        channels=tuple(map(ContactChannel, channels)),
        zh=section.text("zh"),
        en=section.text("en"),
    )
    if (terms.is_sensitive or terms.is_published) and terms.assessment is None:
        raise section.refused("assessment", "what is sensitive or published needs an impact assessment (PIPL 55)")
    return terms


def _recipient(name: str, section: Section) -> Recipient:
    if not _WORD.fullmatch(name):
        raise section.refused("", f"{name!r} is not a name of lower case words joined by _")
    section.only(
        "kind",
        "jurisdiction",
        "purposes",
        "classes",
        "apps",
        "contact",
        "zh",
        "en",
        "method_zh",
        "method_en",
    )
    jurisdiction = section.text("jurisdiction")
    if not _COUNTRY.fullmatch(jurisdiction):
        raise section.refused("jurisdiction", "two capital letters (ISO 3166-1)")
    purposes, classes = section.texts("purposes", len(Purpose)), section.texts("classes", len(DataClass))
    for purpose in purposes:
        section.known("purposes", purpose, {p.value: p for p in Purpose})
    for data_class in classes:
        section.known("classes", data_class, {c.value: c for c in DataClass})
    return Recipient(
        name=name,
        kind=RecipientKind(section.one_of("kind", {k.value: k for k in RecipientKind})),
        jurisdiction=jurisdiction,
        purposes=tuple(map(Purpose, purposes)),
        classes=tuple(map(DataClass, classes)),
        apps=section.texts("apps", 50),
        contact=section.text("contact"),
        zh=section.text("zh"),
        en=section.text("en"),
        method_zh=section.text("method_zh"),
        method_en=section.text("method_en"),
    )


def _truth(section: Section, key: str) -> bool:
    value = section.values.get(key)
    if not isinstance(value, bool):
        raise section.refused(key, f"{key!r} is true or false")
    return value
