"""Which encoding a channel file is in, found from a bounded part of it.

Context: stores export GB18030, other systems UTF-8, with or without a mark, Excel UTF-16; a damaged byte here and
there must cost its line only. Decision: the lines of the first block that is not ASCII vote. UTF-8 wins with half
of them, because other text hardly ever reads as UTF-8 by chance; then GB18030; then what charset-normalizer says,
if it is an encoding in which random bytes are refused. Price: a file that is ASCII for its first 64 MiB counts as
UTF-8, and a mixed one is read in the encoding of the majority. A mapping can name the encoding instead.
"""

import codecs
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final

import charset_normalizer

BLOCK_BYTES = 256 * 1024
SCAN_MAX_BLOCKS = 256

NAMES: Final = frozenset({"utf-8", "gb18030", "utf-16-le", "utf-16-be", "big5hkscs", "shift_jis", "euc_kr"})
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (b"\x84\x31\x95\x33", "gb18030"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_GUESSED: Final = {"big5": "big5hkscs", "big5hkscs": "big5hkscs", "shift_jis": "shift_jis", "cp932": "shift_jis"} | {
    "euc_kr": "euc_kr",
    "cp949": "euc_kr",
}


@dataclass(frozen=True, slots=True)
class Encoding:
    name: str  # of NAMES
    mark_bytes: int = 0  # the byte order mark at the head of the file

    @property
    def is_wide(self) -> bool:
        """Two bytes per character: a line does not end at just any byte 0x0A."""
        return self.name.startswith("utf-16")


def detect(file: BinaryIO, *, named: str = "auto") -> Encoding:
    """The encoding of a file, read from its start; `named` (of NAMES) overrules everything but a mark of its own."""
    block = file.read(BLOCK_BYTES)
    for mark, name in _MARKS:
        if block.startswith(mark) and named in ("auto", name):
            return Encoding(name, len(mark))
    if named != "auto":
        return Encoding(named)
    if wide := _wide(block):
        return Encoding(wide)
    return Encoding(_vote(_lines_to_judge(file, block)))


def _wide(block: bytes) -> str | None:
    """UTF-16 without a mark: every line break, comma and digit brings a zero byte, always on the same side."""
    even, odd = block[0::2].count(0), block[1::2].count(0)
    if (even + odd) * 10 < len(block) or not block:
        return None
    if odd > 20 * even:
        return "utf-16-le"
    return "utf-16-be" if even > 20 * odd else None


def _lines_to_judge(file: BinaryIO, block: bytes) -> Sequence[bytes]:
    """Lines with a byte beyond ASCII, of the first block that has any; its cut last line stays out if it can."""
    blocks = 1
    while block.isascii() and blocks < SCAN_MAX_BLOCKS:
        block, blocks = file.read(BLOCK_BYTES), blocks + 1
        if not block:
            return ()
    lines = block.split(b"\n")
    if len(block) == BLOCK_BYTES and len(lines) > 2:
        lines = lines[0 if blocks == 1 else 1 : -1]
    return [line for line in lines if not line.isascii()]


def _vote(lines: Sequence[bytes]) -> str:
    if not lines:
        return "utf-8"
    for name in ("utf-8", "gb18030"):
        if 2 * sum(_reads(line, name) for line in lines) >= len(lines):
            return name
    best = charset_normalizer.from_bytes(b"\n".join(lines)).best()
    guess = _GUESSED.get(best.encoding) if best else None
    if guess and 2 * sum(_reads(line, guess) for line in lines) >= len(lines):
        return guess
    return "utf-8"


def _reads(line: bytes, name: str) -> bool:
    """Does the line decode, but for a character cut at its end?"""
    try:
        codecs.getincrementaldecoder(name)().decode(line)
    except UnicodeDecodeError:
        return False
    return True
