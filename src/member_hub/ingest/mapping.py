"""A mapping file: which column of a channel file is which of our words. Another brand's headers need no code.

    source = "store"                      # website, app, store, orders or activity
    account_kind = "card"                 # what the account's own number is: a card's in a store, else account
    strength = "staff"                    # who typed the values: self_declared (default), staff or import
    time_zone = "+08:00"                  # of times that carry none
    event_types = ["profile"]             # where event_type is mapped: these only, others are refused
    ignored = ["备注"]                     # known, counted, never stored
    file.encoding = "gb18030"             # and file.format, file.delimiter; all "auto" by default
    columns.account = "卡号"               # our word = their column; a.b goes into an object; a list joins texts
    constants.namespace = "brand"         # our word = the same text for every row
    values.gender."男" = "M"              # what they write = our word; other values pass through
    formats.event_time = "%d/%m/%Y"       # strptime, or s, ms; without it the usual spellings are understood
    consents.list = "consents"            # a list of objects, with consents.purpose, granted, at, notice in each

Columns that it does not name are counted, never stored: a new column of the source is no leak.
"""

import hashlib
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field
from datetime import timedelta, timezone
from pathlib import Path

from member_hub import resources
from member_hub.identity.kinds import ClaimKind
from member_hub.identity.statements import own_kind
from member_hub.ingest import toml_checks
from member_hub.ingest.readers import ENCODINGS, FileOptions, Format
from member_hub.ingest.toml_checks import Table
from member_hub.ingest.words import CONSENT_WORDS, DATE_WORDS, REQUIRED, TIME_WORDS, WORDS, Source
from member_hub.members.rules import SourceStrength

_ZONE_HOURS_MAX = 14


@dataclass(frozen=True, slots=True)
class ConsentPaths:
    """Where a row lists statements about consent, and what each of their keys is."""

    list: str
    purpose: str
    granted: str
    at: str
    notice: str | None


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping file, checked. `digest` tells one content from another."""

    name: str
    source: Source
    digest: bytes
    file: FileOptions
    account_kind: ClaimKind
    strength: SourceStrength
    zone: timezone
    event_types: frozenset[str]
    ignored: frozenset[str]
    columns: MappingOf[str, tuple[str, ...]]
    constants: MappingOf[str, str]
    values: MappingOf[str, MappingOf[str, str]] = field(default_factory=dict)
    formats: MappingOf[str, str] = field(default_factory=dict)
    consents: ConsentPaths | None = None

    @property
    def paths(self) -> frozenset[str]:
        """Every column and path that it knows, mapped or ignored."""
        lists = {self.consents.list} if self.consents else set()
        return frozenset(path for paths in self.columns.values() for path in paths) | self.ignored | lists


def load(source: Source, path: Path | None = None) -> Mapping:
    """The mapping for a source: the operator's file, or the one that came with the product.

    Raises Misconfigured with file, key and reason on every word that it does not know.
    """
    path = path or resources.folder("policies") / "mappings" / f"{source}.toml"
    table, content = toml_checks.read(path)
    mapping = _mapping(table, path.name, hashlib.sha256(content).digest())
    if mapping.source is not source:
        raise table.refuse("source", f"is {mapping.source}, but {source} is to be read")
    return mapping


def _mapping(table: Table, name: str, digest: bytes) -> Mapping:
    source = Source(table.text("source", among=list(Source)))
    mapping = Mapping(
        name=name,
        source=source,
        digest=digest,
        file=_file(table.table("file")),
        account_kind=ClaimKind(table.text("account_kind", _account_kind(source), among=(_account_kind(source),))),
        strength=SourceStrength[
            table.text("strength", "self_declared", among=("self_declared", "staff", "import")).upper()
        ],
        zone=_zone(table),
        event_types=frozenset(table.texts("event_types")),
        ignored=frozenset(table.texts("ignored")),
        columns=_columns(table.table("columns"), source),
        constants=_constants(table.table("constants"), source),
        values=_values(table.table("values"), source),
        formats=_formats(table.table("formats"), source),
        consents=_consents(table.table("consents"), source),
    )
    table.close()
    _check(table, mapping)
    return mapping


def _account_kind(source: Source) -> str:
    """By what kind of identifier the accounts of the source are known, wherever they are looked for."""
    return ClaimKind.ACCOUNT if source.channel is None else own_kind(source.channel)


def _file(table: Table) -> FileOptions:
    options = FileOptions(
        format=Format(table.text("format", "auto", among=list(Format))),
        encoding=table.text("encoding", "auto", among=ENCODINGS),
        delimiter=table.text("delimiter", "auto"),
    )
    if options.delimiter != "auto" and (len(options.delimiter) != 1 or options.delimiter in '"\r\n'):
        raise table.refuse("delimiter", "is not one character")
    table.close()
    return options


def _zone(table: Table) -> timezone:
    """A fixed offset: a bare machine has no time zone database."""
    said = table.text("time_zone", "+08:00")
    sign, hours, colon, minutes = said[:1], said[1:3], said[3:4], said[4:]
    if sign not in ("+", "-") or colon != ":" or not (hours + minutes).isdecimal() or len(said) != 6:
        raise table.refuse("time_zone", "is not an offset like +08:00")
    if int(hours) > _ZONE_HOURS_MAX or int(minutes) > 59:
        raise table.refuse("time_zone", "is not an offset like +08:00")
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    return timezone(-offset if sign == "-" else offset)


def _columns(table: Table, source: Source) -> dict[str, tuple[str, ...]]:
    columns = {word: table.texts(word) for word in table.keys(WORDS[source.record_kind])}
    for word, paths in columns.items():
        if len(paths) != 1 and word != "address":
            raise table.refuse(word, "takes one column")
    return columns


def _constants(table: Table, source: Source) -> dict[str, str]:
    return {word: table.text(word) for word in table.keys(WORDS[source.record_kind])}


def _values(table: Table, source: Source) -> dict[str, dict[str, str]]:
    known = WORDS[source.record_kind] | {"purpose", "granted"}
    return {word: table.table(word).words() for word in table.keys(known)}


def _formats(table: Table, source: Source) -> dict[str, str]:
    formats = {word: table.text(word) for word in table.keys((TIME_WORDS | DATE_WORDS) & WORDS[source.record_kind])}
    for word, said in formats.items():
        if "%" not in said and not (word in TIME_WORDS and said in ("s", "ms")):
            raise table.refuse(word, "is neither a strptime format, nor s or ms for a time")
    return formats


def _consents(table: Table, source: Source) -> ConsentPaths | None:
    if source.channel is None or not table.keys(CONSENT_WORDS):
        table.close()
        return None
    notice = table.texts("notice")
    return ConsentPaths(
        list=table.text("list"),
        purpose=table.text("purpose"),
        granted=table.text("granted"),
        at=table.text("at"),
        notice=notice[0] if notice else None,
    )


def _check(table: Table, mapping: Mapping) -> None:
    """What no single key can show: required words, words given twice, columns both mapped and ignored."""
    given = set(mapping.columns) | set(mapping.constants)
    for choices in REQUIRED[mapping.source.record_kind]:
        if not choices & given:
            raise table.refuse("columns." + " or ".join(sorted(choices)), "is missing")
    for word in set(mapping.columns) & set(mapping.constants):
        raise table.refuse(f"constants.{word}", "is a column already")
    for word, paths in mapping.columns.items():
        if mapping.ignored & set(paths):
            raise table.refuse(f"columns.{word}", "names a column that is ignored")
    if "card" in given and mapping.account_kind is ClaimKind.CARD:
        raise table.refuse("columns.card", "is the account's own number here, which is columns.account")
    if mapping.event_types and "event_type" not in mapping.columns:
        raise table.refuse("event_types", "needs columns.event_type")
