"""From a row to the cell of one word: what the mapping says, compiled once into closures."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import orjson

from member_hub.ingest.mapping import Mapping as MappingFile
from member_hub.ingest.values import is_blank, text

Fields = Mapping[str, object]
Cell = Callable[[Fields], object]

NAMES_MAX = 50  # of unknown columns in one summary
_NO_NAME: Final = "?"
# A column's name is shown in a summary; what does not look like one may be somebody's value.
_NAME = re.compile(r"(?!.*\d{5})[^\W\d][\w .:-]{0,39}")


def cell_of(mapping: MappingFile, word: str) -> Cell:
    """How to get a word's cell: a constant, a column, or nothing; in our words where the mapping translates them."""
    if word in mapping.constants:
        constant = mapping.constants[word]
        return lambda _fields: constant
    if word not in mapping.columns:
        return lambda _fields: None
    paths = mapping.columns[word]
    cell = path(paths[0]) if len(paths) == 1 else _joined(paths)
    return translated(cell, mapping.values[word]) if word in mapping.values else cell


def path(name: str) -> Cell:
    """A column of that very name; else, where the name has dots, a path into objects."""
    if "." not in name:
        return lambda fields: fields.get(name)
    steps = name.split(".")

    def get(fields: Fields) -> object:
        if name in fields:
            return fields[name]
        inside: object = fields
        for step in steps:
            if not isinstance(inside, dict):
                return None
            inside = inside.get(step)
        return inside

    return get


def translated(cell: Cell, values: Mapping[str, str]) -> Cell:
    """The cell in our words; a value that is not listed passes as it is."""

    def get(fields: Fields) -> object:
        said = cell(fields)
        key = said.strip() if isinstance(said, str) else str(said).lower()
        return values.get(key, said)

    return get


def _joined(paths: tuple[str, ...]) -> Cell:
    parts = [path(each) for each in paths]
    return lambda fields: "".join(said for part in parts if (said := text(part(fields))) is not None)


class Contents:
    """What a row holds beside the words: which cells are left out of the hub, and which may go to the quarantine."""

    def __init__(self, mapping: MappingFile) -> None:
        self._ignored = mapping.ignored
        self._ignored_inside = [(name, path(name)) for name in mapping.ignored if "." in name]
        self._mapped = mapping.paths - mapping.ignored
        self._inside = _inside(mapping.paths)
        self._kept_inside = _inside(self._mapped)
        self._tops = self._mapped | self._inside.keys()
        self._seen: set[str] = set()

    def left_out(self, fields: Fields) -> tuple[str, ...]:
        """Names of the columns with a value that is not stored: ignored ones, and those nobody mapped."""
        names = [name for name in fields.keys() - self._tops if not is_blank(fields[name])]
        for head, inner in self._inside.items():
            found = fields.get(head)
            if isinstance(found, dict):
                names += [f"{head}.{key}" for key in found.keys() - inner if not is_blank(found[key])]
            elif head not in self._mapped and not is_blank(found):
                names.append(head)  # mapped as an object, and this row has something else there
        names += [name for name, cell in self._ignored_inside if not is_blank(cell(fields))]
        return tuple(sorted(self._shown(name) for name in names)) if names else ()

    def _shown(self, name: str) -> str:
        """The name for a summary, which has a limit: objects may bring new keys in every row."""
        if name in self._ignored or name in self._seen:
            return name
        if len(self._seen) == NAMES_MAX or not _NAME.fullmatch(name):
            return _NO_NAME
        self._seen.add(name)
        return name

    def kept(self, fields: Fields) -> dict[str, object]:
        """The mapped part of a row: no remark and no unknown column gets any further than this."""
        kept = {name: fields[name] for name in fields if name in self._tops}
        for head in self._inside:
            inner = kept.get(head)
            if isinstance(inner, dict):
                kept[head] = {key: inner[key] for key in inner if key in self._kept_inside.get(head, ())}
        return kept


def canonical(fields: Fields) -> bytes:
    """Fields as JSON, always the same bytes for the same content."""
    return orjson.dumps(fields, default=str, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)


def _inside(paths: Iterable[str]) -> dict[str, frozenset[str]]:
    """The keys named in each object: address.city and address.street are city and street in address."""
    inside: dict[str, frozenset[str]] = {}
    for name in paths:
        head, dot, tail = name.partition(".")
        if dot:
            inside[head] = inside.get(head, frozenset()) | {tail.partition(".")[0]}
    return inside
