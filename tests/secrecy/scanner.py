"""Finds any of many texts in files, however it is written there.

Every byte is looked at. A text is found as raw UTF-8, GB18030 or UTF-16 (either order), and inside hex, base64 (every
alignment, both alphabets), JSON escapes, Python's \\x escapes and URL-encoding: for these the runs of characters that
can be such writing are decoded, and what comes out is searched again.

How: all texts in all four raw forms begin with one of a set of grams of GRAM_BYTES, and whatever stands at a place of
the data is looked up in that set. What was looked at before is not looked at again: a server's catalogues stand on
disk several times.

GRAM_BYTES is 6, the length of three Chinese characters in GB18030 and UTF-16, so no text of three characters is too
short; needles below that are refused. By chance a given 6 bytes stand in N bytes of ciphertext N / 256**6 times: with
1,000 such needles and 10 MB of ciphertext (the rest of the files is not random) that is 4e-5 false alarms per run.
"""

import binascii
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

GRAM_BYTES = 6
WINDOW_BYTES = 1 << 13  # a page of PostgreSQL
OVERLAP_BYTES = 1 << 10  # longer than any needle in its longest writing
DEPTH_MAX = 2  # base64 inside JSON escapes, and so on
FORMS = ("utf-8", "gb18030", "utf-16-le", "utf-16-be")

_EMPTY = re.compile(rb"(?<=\x00)\x00{4,}(?=\x00)")  # no text has so many zeros inside; UTF-16 may have one at its end
_BETWEEN = b"\xff\xff"  # in no form of any text
_PRINTABLE = re.compile(rb"[\t\n\r\x20-\x7e]{%d,}" % GRAM_BYTES)
_HEX = re.compile(rb"[0-9a-fA-F]{%d,}" % (2 * GRAM_BYTES))
_BASE64 = re.compile(rb"[A-Za-z0-9+/]{%d,}" % (4 * GRAM_BYTES // 3))
_JSON_ESCAPES = re.compile(rb"(?:\\u[0-9a-fA-F]{4})+")
_BYTE_ESCAPES = re.compile(rb"(?:\\x[0-9a-fA-F]{2})+")
_URL_ESCAPES = re.compile(rb"(?:%[0-9a-fA-F]{2})+")
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")


@dataclass(frozen=True, slots=True, order=True)
class Hit:
    """A needle, and where it stands; `form` says in which writing."""

    needle: str
    form: str
    file: str


class Scanner:
    """Holds the needles; scans any number of files."""

    def __init__(self, needles: Iterable[str]) -> None:
        self._grams: dict[bytes, list[tuple[bytes, str, str]]] = {}
        self._anchors: set[bytes] = set()  # the first, second and third four bytes of every gram
        self._seen: set[int] = set()
        self.scanned_bytes = 0
        for needle in set(needles):
            for encoded, form in {needle.encode(form): form for form in reversed(FORMS)}.items():
                if len(encoded) < GRAM_BYTES or 9 * len(encoded) > OVERLAP_BYTES:
                    raise ValueError(f"A needle of {len(encoded)} bytes is too short or too long.")
                self._grams.setdefault(encoded[:GRAM_BYTES], []).append((encoded, needle, form))
                self._anchors |= {encoded[at : at + 4] for at in range(3)}

    def scan_files(self, files: Iterable[Path]) -> set[Hit]:
        """Every needle in the files and in their names."""
        hits: set[Hit] = set()
        for file in files:
            content = file.read_bytes()
            self.scanned_bytes += len(content)
            found = chain(self._in_windows(content), self.scan(str(file).encode()))
            hits |= {Hit(needle, form, str(file)) for needle, form in found}
        return hits

    def scan(self, data: bytes, *, depth: int = DEPTH_MAX, writing: str = "") -> Iterator[tuple[str, str]]:
        """(needle, form) for every needle in the data; the form of a decoded one begins with how it was written."""
        for part in (part for part in _EMPTY.split(data) if len(part) >= GRAM_BYTES):
            for start in self._promising(part):
                for encoded, needle, form in self._grams.get(part[start : start + GRAM_BYTES], ()):
                    if part.startswith(encoded, start):
                        yield needle, writing + form
        if depth:
            for name, decoded in _decodings(data):
                yield from self.scan(decoded, depth=depth - 1, writing=f"{writing}{name} of ")

    def _promising(self, part: bytes) -> Iterator[int]:
        """Where a gram may begin: of any three places that follow each other the anchors tell by looking at one."""
        anchors = self._anchors
        for at in [at for at in range(0, len(part) - 3, 3) if part[at : at + 4] in anchors]:
            yield from range(max(at - 2, 0), at + 1)

    def _in_windows(self, content: bytes) -> Iterator[tuple[str, str]]:
        for start in range(0, len(content), WINDOW_BYTES):
            window = content[start : start + WINDOW_BYTES + OVERLAP_BYTES]
            digest = hash(window)
            if digest not in self._seen:
                self._seen.add(digest)
                yield from self.scan(window)


def _decodings(data: bytes) -> Iterator[tuple[str, bytes]]:
    """What the printable parts of the data may be the writing of, the decoded runs of each writing together."""
    printable = _BETWEEN.join(_PRINTABLE.findall(data))
    if runs := _HEX.findall(printable):
        yield "hex", _BETWEEN.join(chain.from_iterable(map(_from_hex_digits, runs)))
    if runs := _BASE64.findall(printable.translate(_TO_STANDARD)):
        yield "base64", _BETWEEN.join(chain.from_iterable(map(_from_base64, runs)))
    if b"\\u" in printable:
        yield "JSON escapes", _JSON_ESCAPES.sub(_from_json, printable)
    if b"\\x" in printable:
        yield "byte escapes", _BYTE_ESCAPES.sub(lambda found: _from_hex(found, b"\\x"), printable)
    if b"%" in printable:
        unquoted = _URL_ESCAPES.sub(lambda found: _from_hex(found, b"%"), printable)
        yield "URL-encoding", unquoted + _BETWEEN + unquoted.replace(b"+", b" ")


def _from_hex_digits(run: bytes) -> Iterator[bytes]:
    for start in (0, 1):
        digits = run[start:]
        yield bytes.fromhex(digits[: len(digits) // 2 * 2].decode())


def _from_base64(run: bytes) -> Iterator[bytes]:
    for start in range(4):
        letters = run[start:]
        yield binascii.a2b_base64(letters + b"A" * (-len(letters) % 4))


def _from_json(found: re.Match[bytes]) -> bytes:
    units = bytes.fromhex(found.group().replace(b"\\u", b"").decode())
    return units.decode("utf-16-be", "replace").encode()


def _from_hex(found: re.Match[bytes], mark: bytes) -> bytes:
    return bytes.fromhex(found.group().replace(mark, b"").decode())
