"""CSV: comma, semicolon, tab or bar; quoted cells may hold line breaks.

Context: a quote that somebody forgot to close makes the rest of a file one cell. Decision: a row that spans lines
counts only if its quotes close within ROW_LINES_MAX lines, with a delimiter after each, and it has as many cells
as the header; otherwise its first line alone is refused and reading goes on with the second. Price: a broken row
of several lines is refused line by line, and each of these lines counts as a row.
"""

import csv
from collections.abc import Collection, Iterator
from pathlib import Path

from member_hub.errors import Misconfigured
from member_hub.ingest.encoding import detect
from member_hub.ingest.lines import LINE_MAX_BYTES, Line, Lines
from member_hub.ingest.reasons import Reason
from member_hub.ingest.rows import START, BadRow, Position, RawRow

ROW_LINES_MAX = 100
COLUMNS_MAX = 500
DELIMITERS = (",", ";", "\t", "|")


class CsvReader:
    """The first line that is not blank is the header."""

    columns: tuple[str, ...]

    def __init__(self, path: Path, encoding: str, delimiter: str, expected: Collection[str]) -> None:
        self._path = path
        self.total = path.stat().st_size
        with path.open("rb") as file:
            self._encoding = detect(file, named=encoding)
            header, self._body = _header(Lines(file, self._encoding, START), path.name)
        candidates = DELIMITERS if delimiter == "auto" else (delimiter,)
        readings = {each: _cells(header, each) for each in candidates}
        self._delimiter = max(candidates, key=lambda each: len(set(readings[each]) & set(expected)))
        self.columns = readings[self._delimiter]
        _check(self.columns, path.name)

    def rows(self, start: Position = START) -> Iterator[RawRow | BadRow]:
        with self._path.open("rb") as file:
            lines = Lines(file, self._encoding, max(start, self._body))
            while (line := lines.next()) is not None:
                row = self._row(lines, line)
                if row is not None:
                    yield row

    def _row(self, lines: Lines, line: Line) -> RawRow | BadRow | None:
        """One row, beginning in this line; None for a blank line."""
        if line.is_too_long:
            return lines.refuse(line, reason=Reason.TOO_LONG)
        text = lines.text(line)
        if text is not None and not text.strip():
            return None
        if text is None or '"' in text:
            return self._quoted(lines, line)
        if "\0" in text or "\r" in text:
            return lines.refuse(line, reason=Reason.MALFORMED)
        return self._named(lines, line, line, text.split(self._delimiter))

    def _named(self, lines: Lines, first: Line, last: Line, cells: list[str]) -> RawRow | BadRow:
        width = len(self.columns)
        if len(cells) != width and (len(cells) < width or any(cells[width:])):
            return lines.refuse(first, reason=Reason.WRONG_COLUMNS)
        return RawRow(first.start.line, last.end, dict(zip(self.columns, cells, strict=False)))

    def _quoted(self, lines: Lines, first: Line) -> RawRow | BadRow:
        """A row with quotes; or one with a byte that cannot be decoded, whose extent is found all the same."""
        taken: list[Line] = []
        try:
            cells = next(csv.reader(_texts(lines, first, taken), delimiter=self._delimiter, strict=True))
        except (csv.Error, _NoEnd):
            row: RawRow | BadRow = lines.refuse(first, reason=Reason.MALFORMED)
        else:
            row = self._named(lines, first, taken[-1], cells)
            if isinstance(row, RawRow) and "\0" in "".join(cells):
                row = lines.refuse(first, reason=Reason.MALFORMED)
        if isinstance(row, BadRow):
            lines.give_back(taken[1:])
            return row if lines.text(first) is not None else lines.refuse(first, reason=Reason.ENCODING)
        if any(lines.text(line) is None for line in taken):
            return lines.refuse(*taken, reason=Reason.ENCODING)
        return row


class _NoEnd(Exception):
    """The quotes of a row do not close within its limits."""


def _texts(lines: Lines, first: Line, taken: list[Line]) -> Iterator[str]:
    """The lines of one row, as many as the reader of its cells asks for; they are noted in `taken`."""
    line: Line | None = first
    size_bytes = 0
    while line is not None:
        size_bytes += len(line.data)
        if len(taken) == ROW_LINES_MAX or size_bytes > LINE_MAX_BYTES:
            lines.give_back([line])
            raise _NoEnd
        taken.append(line)
        yield lines.lenient_text(line) + "\n"
        line = lines.next()


def _header(lines: Lines, file_name: str) -> tuple[str, Position]:
    while (line := lines.next()) is not None:
        text = lines.text(line)
        if line.is_too_long or text is None:
            break
        if text.strip():
            return text, line.end
    raise Misconfigured(f"{file_name} has no header that can be read.", remedy="Is it a CSV file, and complete?")


def _cells(header: str, delimiter: str) -> tuple[str, ...]:
    try:
        return tuple(cell.strip() for cell in next(csv.reader([header], delimiter=delimiter)))
    except csv.Error:
        return ()


def _check(columns: tuple[str, ...], file_name: str) -> None:
    """No names in the text: where the header is missing, they are somebody's data."""
    named = [column for column in columns if column]
    if not named or len(columns) > COLUMNS_MAX:
        raise Misconfigured(f"The header of {file_name} has no columns, or more than {COLUMNS_MAX}.")
    if len(set(named)) < len(named):
        raise Misconfigured(f"The header of {file_name} names a column twice.", remedy="Rename one of them.")
