"""JSON Lines: one object per line."""

import json
from collections.abc import Iterator
from pathlib import Path

import orjson

from member_hub.ingest.encoding import detect
from member_hub.ingest.lines import Line, Lines
from member_hub.ingest.reasons import Reason
from member_hub.ingest.rows import START, BadRow, Position, RawRow


class JsonReader:
    """Blank lines are skipped; a line that is no object, or names a key twice, is refused."""

    columns = None

    def __init__(self, path: Path, encoding: str) -> None:
        self._path = path
        self.total = path.stat().st_size
        with path.open("rb") as file:
            self._encoding = detect(file, named=encoding)

    def rows(self, start: Position = START) -> Iterator[RawRow | BadRow]:
        with self._path.open("rb") as file:
            lines = Lines(file, self._encoding, start)
            while (line := lines.next()) is not None:
                if line.is_too_long or line.data.strip():
                    yield self._row(lines, line)

    def _row(self, lines: Lines, line: Line) -> RawRow | BadRow:
        if line.is_too_long:
            return lines.refuse(line, reason=Reason.TOO_LONG)
        data = line.data
        if self._encoding.name != "utf-8":
            text = lines.text(line)
            if text is None:
                return lines.refuse(line, reason=Reason.ENCODING)
            data = text.encode()
        try:
            found = orjson.loads(data)
        except orjson.JSONDecodeError:
            return lines.refuse(line, reason=Reason.ENCODING if lines.text(line) is None else Reason.MALFORMED)
        if type(found) is not dict:
            return lines.refuse(line, reason=Reason.MALFORMED)
        if _repeats_a_key(data, found):
            return lines.refuse(line, reason=Reason.AMBIGUOUS)
        return RawRow(line.start.line, line.end, found)


def _repeats_a_key(data: bytes, found: dict[str, object]) -> bool:
    """orjson keeps the last of equal keys and says nothing; but then the line has more quotes than were read."""
    if b"\\\\" not in data and data.count(b'"') - data.count(b'\\"') == 2 * _strings(found):
        return False
    try:
        json.loads(data, object_pairs_hook=_distinct)
    except (_RepeatedKey, RecursionError):
        return True  # or nested so deep that it cannot be told
    return False


def _strings(found: dict[str, object]) -> int:
    """How many keys and texts there are, at every depth."""
    count = 0
    inside: list[dict[str, object] | list[object]] = [found]
    for value in inside:
        if isinstance(value, dict):
            count += len(value)
        for each in value.values() if isinstance(value, dict) else value:
            kind = type(each)
            if kind is str:
                count += 1
            elif isinstance(each, (dict, list)):
                inside.append(each)
    return count


class _RepeatedKey(Exception):
    pass


def _distinct(pairs: list[tuple[str, object]]) -> None:
    if len({key for key, _ in pairs}) < len(pairs):
        raise _RepeatedKey
