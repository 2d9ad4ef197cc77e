"""A notice in a TOML file, read strictly: what `member-hub consent publish` takes, and what comes with the demo.

name = "members-2026-11"
family = "general"             general, children; or website, app, store for an older text of that channel
handler = "brand"
material = false
changed = []                   for which purposes, where it is material
purposes = ["marketing"]       what it asks about
effective_at = "publication"   an older text of a channel says since when, with its offset from UTC

[zh]                           and [en]
title = "..."
body_file = "members.zh.md"    beside this file; or body = the text itself
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from member_hub import resources
from member_hub.consent import catalogue
from member_hub.consent.notice.lists import LOCALES
from member_hub.consent.notice.notices import BODY_CHARS_MAX, Wording
from member_hub.consent.words import NoticeFamily
from member_hub.organisation import Organisation, PolicyError, Section, read_toml, strict_text
from member_hub.privacy import Purpose
from member_hub.settings import Settings

AT_PUBLICATION: Final = "publication"
FOLDER: Final = "notices"
DEMO_HANDLER: Final = "brand"
FILES_MAX: Final = 100
_EARLIEST: Final = datetime.min.replace(tzinfo=UTC)
_FAMILIES: Final = {family.value: family for family in NoticeFamily}


@dataclass(frozen=True, slots=True)
class NoticeFile:
    """What a file says; `effective_at` None: from the publication on."""

    name: str
    family: NoticeFamily
    handler: str
    is_material: bool
    changed: tuple[str, ...]
    purposes: tuple[str, ...]
    effective_at: datetime | None
    texts: dict[str, Wording]


def load(path: Path, organisation: Organisation) -> NoticeFile:
    """Raises PolicyError with file, line and reason for whatever is not exactly right."""
    top = read_toml(path)
    top.only("name", "family", "handler", "material", "changed", "purposes", "effective_at", *LOCALES)
    material = top.values.get("material")
    if not isinstance(material, bool):
        raise top.refused("material", "'material' is true or false")
    purposes, changed = (top.texts(key, len(Purpose)) for key in ("purposes", "changed"))
    return NoticeFile(
        name=top.text("name"),
        family=_FAMILIES[top.one_of("family", _FAMILIES)],
        handler=top.one_of("handler", organisation.handlers),
        is_material=material,
        changed=changed,
        purposes=purposes,
        effective_at=_moment(top),
        texts={locale: _wording(top, locale, path.parent) for locale in LOCALES},
    )


def of_folder(settings: Settings, organisation: Organisation) -> list[NoticeFile]:
    """The operator's notices where the policy folder has any, else those of the demo; older texts first.

    The demo's are of the demo's handler: where the organisation knows no such handler, there are none.
    """
    theirs = settings.policy_dir / catalogue.FOLDER / FOLDER if settings.policy_dir else None
    if theirs is None or not theirs.is_dir():
        if DEMO_HANDLER not in organisation.handlers:
            return []
        theirs = resources.folder("policies") / catalogue.FOLDER / FOLDER
    found = [load(path, organisation) for path in sorted(theirs.glob("*.toml"))[:FILES_MAX]]
    return sorted(found, key=lambda one: (one.effective_at is None, one.effective_at or _EARLIEST, one.name))


def _moment(top: Section) -> datetime | None:
    said = top.text("effective_at")
    if said == AT_PUBLICATION:
        return None
    try:
        moment = datetime.fromisoformat(said)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise top.refused("effective_at", f"{AT_PUBLICATION!r}, or a moment like 2024-01-01T00:00:00+08:00")
    return moment


def _wording(top: Section, locale: str, folder: Path) -> Wording:
    values = top.values.get(locale)
    section = Section(top.file, top.source, locale, values if isinstance(values, dict) else {})
    if "body_file" in section.values:
        section.only("title", "body_file")
        return Wording(section.text("title"), _body_of(section, folder))
    section.only("title", "body")
    body = section.values["body"]
    if not isinstance(body, str) or not 0 < len(body) <= BODY_CHARS_MAX:
        raise section.refused("body", f"'body' has to be a text of 1 to {BODY_CHARS_MAX} characters")
    return Wording(section.text("title"), body)


def _body_of(section: Section, folder: Path) -> str:
    name = section.text("body_file")
    if Path(name).name != name:
        raise section.refused("body_file", "a file beside this one, by its name alone")
    try:
        return strict_text(folder / name)
    except PolicyError as error:
        raise section.refused("body_file", f"{error.file} {error.reason}") from error
