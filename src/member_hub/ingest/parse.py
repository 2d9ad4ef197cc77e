"""Channel files read into records: the front of everything that happens to a file before the database.

    parser = Parser(mapping.load(Source.WEBSITE), organisation, now=now)
    reading = parser.open(path)
    for record in reading.records(Position(run.position, run.next_line)):
        ...  # a record, or a BadRow with its reason

Every row of the file comes out exactly once. `end` is where reading goes on after it; `end.offset` of
`reading.total` is how far it has come.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Protocol

import orjson

from member_hub.errors import Misconfigured
from member_hub.identity import normalise
from member_hub.identity.kinds import ClaimKind
from member_hub.identity.statements import StatedIdentifier
from member_hub.ingest.cells import Contents, Fields, canonical
from member_hub.ingest.mapping import Mapping
from member_hub.ingest.parse_account import AccountParser
from member_hub.ingest.parse_activity import ActivityParser
from member_hub.ingest.parse_order import OrderParser, account_hints
from member_hub.ingest.readers import Reader, open_reader
from member_hub.ingest.reasons import Reason
from member_hub.ingest.records import AccountRecord, ActivityRecord, OrderRecord
from member_hub.ingest.refusals import RowRefused
from member_hub.ingest.rows import RAW_MAX_BYTES, START, BadRow, Position, RawRow
from member_hub.ingest.words import REQUIRED, RecordKind
from member_hub.members.tables import Channel
from member_hub.organisation import Organisation

HINTS_MAX = 64  # of a row that cannot be read at all
_PHONE = re.compile(r"(?<!\d)(?:\+|00)?(?:86)?[ -]?1[3-9]\d[ -]?\d{4}[ -]?\d{4}(?!\d)")
_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64}){1,4}", re.ASCII)
_NUMBER = re.compile(r"(?<![\w-])(?=[\w-]*\d)[\w-]{6,64}(?![\w-])", re.ASCII)

Record = AccountRecord | OrderRecord | ActivityRecord


class _RecordParser(Protocol):
    contents: Contents

    def record(self, row: RawRow) -> Record: ...
    def hints(self, fields: Fields) -> tuple[StatedIdentifier, ...]: ...


class Parser:
    """A mapping compiled for one run. Raises Misconfigured where it does not fit the organisation register."""

    def __init__(self, mapping: Mapping, organisation: Organisation, *, now: datetime) -> None:
        self.mapping = mapping
        self._organisation = organisation
        self._records: _RecordParser
        if (channel := mapping.source.channel) is not None:
            self._records = AccountParser(mapping, channel, organisation, now=now)
        elif mapping.source.record_kind is RecordKind.ORDER:
            self._records = OrderParser(mapping, organisation, now=now)
        else:
            self._records = ActivityParser(mapping, organisation, now=now)

    def open(self, path: Path) -> "Reading":
        """Raises Misconfigured where the file cannot be read, or lacks a column without which no row can stand."""
        reader = open_reader(path, self.mapping.file, self.mapping.paths)
        missing = _missing_columns(self.mapping, reader.columns)
        for choices in REQUIRED[self.mapping.source.record_kind]:
            columns = [c for word in choices for c in self.mapping.columns.get(word, ())]
            if columns and missing.issuperset(columns):
                raise Misconfigured(
                    f"{path.name} has no column {' or '.join(columns)}, which {self.mapping.name} maps.",
                    remedy="Give the mapping of this file with --mapping.",
                )
        return Reading(self, reader, tuple(sorted(missing)))

    def parse(self, row: RawRow | BadRow) -> Record | BadRow:
        if isinstance(row, BadRow):
            return replace(row, hints=self._hints_in(row.raw))
        try:
            return self._records.record(row)
        except RowRefused as refused:
            return self.refuse(row, refused.reason)

    def refuse(self, row: RawRow, reason: Reason) -> BadRow:
        """A row that could be read, refused all the same; what is kept of it are the mapped columns, as JSON."""
        raw = canonical(self._records.contents.kept(row.fields))[:RAW_MAX_BYTES]
        return BadRow(row.line, row.end, reason, raw, self._records.hints(row.fields))

    def reread(self, raw: bytes, *, line: int) -> Record | BadRow:
        """A refused row once more: as it was kept, or as somebody has corrected it (an object of columns)."""
        where = Position(0, line)
        try:
            fields = orjson.loads(raw)
        except orjson.JSONDecodeError:
            fields = None
        if not isinstance(fields, dict):
            return self.parse(BadRow(line, where, Reason.MALFORMED, raw))
        return self.parse(RawRow(line, where, fields))

    def _hints_in(self, raw: bytes) -> tuple[StatedIdentifier, ...]:
        """Whatever in a broken row looks like an identifier, so that access and erasure find the row by it."""
        said = raw.decode("utf-8", errors="replace")
        channels = [self.mapping.source.channel] if self.mapping.source.channel else list(Channel)
        found = [
            StatedIdentifier(kind, "", value)
            for kind, pattern in ((ClaimKind.PHONE, _PHONE), (ClaimKind.EMAIL, _EMAIL))
            for match in pattern.finditer(said)
            if (value := normalise.identifier(kind, match.group()).value) is not None
        ]
        for match in _NUMBER.finditer(said):
            if len(found) >= HINTS_MAX:
                break
            found += [hint for each in channels for hint in account_hints(self._organisation, each, match.group())]
        return tuple(dict.fromkeys(found))[:HINTS_MAX]


@dataclass(frozen=True, slots=True)
class Reading:
    """One file, opened. `missing`: columns that the mapping knows and this file does not have."""

    parser: Parser
    reader: Reader
    missing: tuple[str, ...]

    @property
    def total(self) -> int:
        return self.reader.total

    def records(self, start: Position = START) -> Iterator[Record | BadRow]:
        return map(self.parser.parse, self.reader.rows(start))


def _missing_columns(mapping: Mapping, columns: tuple[str, ...] | None) -> frozenset[str]:
    """None are missing where each row names its own columns."""
    if columns is None:
        return frozenset()
    mapped = {path for paths in mapping.columns.values() for path in paths}
    return frozenset(path for path in mapped if path not in columns and path.partition(".")[0] not in columns)
