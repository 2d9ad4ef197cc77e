"""What an account row says about the person (name, gender, birthday, address) and about consent."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from member_hub.clock import business_day
from member_hub.identity import normalise
from member_hub.identity.statements import StatedConsent, StatedValue
from member_hub.ingest.cells import Cell, Fields, cell_of, path, translated
from member_hub.ingest.mapping import ConsentPaths, Mapping
from member_hub.ingest.values import boolean, days, is_blank, moments, text
from member_hub.privacy import ProfileField

CONSENTS_MAX = 50
WORD_MAX = 64

# Phone and e-mail are identifiers, and are not held a second time as values (members/tables.py).
_FIELDS: Final = (ProfileField.NAME, ProfileField.GENDER, ProfileField.BIRTHDAY, ProfileField.ADDRESS)
_ReadValue = Callable[[object], str | None]


class Values:
    """Compiled once per file."""

    def __init__(self, mapping: Mapping, *, now: datetime) -> None:
        readers = _readers(mapping, now)
        self._fields: list[tuple[ProfileField, Cell, _ReadValue]] = [
            (field, cell_of(mapping, field), readers[field])
            for field in _FIELDS
            if field in mapping.columns or field in mapping.constants
        ]

    def of(self, fields: Fields, dropped: list[str]) -> tuple[StatedValue, ...]:
        found = []
        for field, cell, read in self._fields:
            said = cell(fields)
            value = read(said)
            if value is not None:
                found.append(StatedValue(field, value))
            elif not is_blank(said):
                dropped.append(f"{field}_invalid")
        return tuple(found)


def _readers(mapping: Mapping, now: datetime) -> dict[ProfileField, _ReadValue]:
    day = days(mapping.formats.get("birthday"), today=business_day(now))

    def birthday(cell: object) -> str | None:
        found = day(cell)
        return found.isoformat() if found else None

    return {
        ProfileField.NAME: _name,
        ProfileField.GENDER: normalise.gender,
        ProfileField.BIRTHDAY: birthday,
        ProfileField.ADDRESS: text,
    }


def _name(cell: object) -> str | None:
    found = normalise.name(cell)
    return found.display if found else None


class Consents:
    """The statements in a row's list, as they were said: nothing is decided from them here.

    A refusal without a usable time counts from the row's own time: losing it would be the worse mistake. A grant
    without one is no evidence, and is dropped and counted.
    """

    def __init__(self, mapping: Mapping, paths: ConsentPaths, *, now: datetime) -> None:
        self._list = path(paths.list)
        self._purpose = translated(path(paths.purpose), mapping.values.get("purpose", {}))
        self._granted = translated(path(paths.granted), mapping.values.get("granted", {}))
        self._at = path(paths.at)
        self._notice = path(paths.notice) if paths.notice else lambda _fields: None
        self._moment = moments(None, mapping.zone, now=now)

    def of(self, fields: Fields, stated_at: datetime, dropped: list[str]) -> tuple[StatedConsent, ...]:
        said = self._list(fields)
        if is_blank(said):
            return ()
        if not isinstance(said, list) or len(said) > CONSENTS_MAX:
            dropped.append("consents_invalid")
            return ()
        read = [self._one(each, stated_at) for each in said]
        dropped.extend("consent_invalid" for each in read if each is None)
        return tuple(each for each in read if each is not None)

    def _one(self, said: object, stated_at: datetime) -> StatedConsent | None:
        if not isinstance(said, dict):
            return None
        purpose, granted = text(self._purpose(said), WORD_MAX), boolean(self._granted(said))
        at = self._moment(self._at(said)) or (stated_at if granted is False else None)
        if purpose is None or granted is None or at is None:
            return None
        return StatedConsent(purpose, granted, at, text(self._notice(said), WORD_MAX) or "")
