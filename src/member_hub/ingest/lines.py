"""A file as lines of bytes, with a limit on each, their numbers, and the place where reading goes on after them."""

from collections import deque
from collections.abc import Iterable
from typing import BinaryIO, NamedTuple

from member_hub.ingest.encoding import Encoding
from member_hub.ingest.reasons import Reason
from member_hub.ingest.rows import RAW_MAX_BYTES, BadRow, Position

LINE_MAX_BYTES = 1024 * 1024
_SKIP_BYTES = 256 * 1024


class Line(NamedTuple):
    data: bytes  # with its line break; only the beginning where the line is too long
    start: Position
    end: Position
    is_too_long: bool


class Lines:
    """Hands out lines one by one; lines read ahead in vain can be given back."""

    def __init__(self, file: BinaryIO, encoding: Encoding, start: Position) -> None:
        offset = max(start.offset, encoding.mark_bytes)
        file.seek(offset)
        self._file = file
        self._encoding = encoding
        self._break = "\n".encode(encoding.name)
        self._read = self._wide if encoding.is_wide else self._narrow
        self._next = Position(offset, start.line)
        self._returned: deque[Line] = deque()

    def next(self) -> Line | None:
        """The next line, or None at the end of the file."""
        if self._returned:
            return self._returned.popleft()
        data = self._read()
        if not data:
            return None
        start = self._next
        is_too_long = len(data) > LINE_MAX_BYTES
        skipped = self._skip_rest(data) if is_too_long else 0
        self._next = Position(start.offset + len(data) + skipped, start.line + 1)
        return Line(data, start, self._next, is_too_long)

    def give_back(self, lines: Iterable[Line]) -> None:
        """These lines, in their order, come next again."""
        self._returned.extendleft(reversed(list(lines)))

    def text(self, line: Line) -> str | None:
        """The line without its line break; None where a byte cannot be decoded."""
        try:
            return line.data.decode(self._encoding.name).rstrip("\r\n")
        except UnicodeDecodeError:
            return None

    def lenient_text(self, line: Line) -> str:
        """The same, with a replacement character for what cannot be decoded."""
        return line.data.decode(self._encoding.name, errors="replace").rstrip("\r\n")

    def refuse(self, *lines: Line, reason: Reason) -> BadRow:
        """These lines, together one row, as they stood, in UTF-8: a byte that cannot be decoded becomes \\xNN."""
        data = b"".join(line.data for line in lines)[:RAW_MAX_BYTES]
        raw = data.decode(self._encoding.name, errors="backslashreplace").encode()
        return BadRow(lines[0].start.line, lines[-1].end, reason, raw[:RAW_MAX_BYTES])

    def _narrow(self) -> bytes:
        return self._file.readline(LINE_MAX_BYTES + 1)

    def _wide(self) -> bytes:
        """A line of UTF-16: the byte 0x0A ends it only where it is a whole character."""
        data = bytearray()
        while len(data) <= LINE_MAX_BYTES and (part := self._part(LINE_MAX_BYTES + 1 - len(data), before=len(data))):
            data += part
            if self._is_end(data, size=len(data)):
                break
        return bytes(data)

    def _part(self, limit: int, *, before: int) -> bytes:
        """Up to the next byte 0x0A; in UTF-16-LE together with the byte that completes a character."""
        part = self._file.readline(limit)
        if self._encoding.name == "utf-16-le" and (before + len(part)) % 2:
            part += self._file.read(1)
        return part

    def _is_end(self, tail: bytes | bytearray, *, size: int) -> bool:
        """Does a line of this size, of which this is the end, end with a line break?"""
        return tail.endswith(self._break) and size % len(self._break) == 0

    def _skip_rest(self, data: bytes) -> int:
        """Read past the rest of a line that is too long, keeping none of it; returns its size."""
        size, tail = len(data), data
        while not self._is_end(tail, size=size) and (part := self._part(_SKIP_BYTES, before=size)):
            size += len(part)
            tail = tail[-1:] + part  # a line break of two bytes may stand across
        return size - len(data)
