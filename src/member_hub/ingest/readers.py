"""Reading a channel file row by row: bounded memory, resumable, and a bad row never stops it.

A reader is made for one file and can be read from any position that it has handed out before.
"""

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from member_hub.errors import Misconfigured
from member_hub.ingest.csv_reader import CsvReader
from member_hub.ingest.encoding import NAMES
from member_hub.ingest.json_reader import JsonReader
from member_hub.ingest.parquet_reader import ParquetReader
from member_hub.ingest.rows import START, BadRow, Position, RawRow

_SNIFF_BYTES = 4096
_SUFFIXES = {".csv": "csv", ".tsv": "csv", ".txt": "csv", ".jsonl": "json", ".ndjson": "json", ".parquet": "parquet"}


class Format(StrEnum):
    AUTO = "auto"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True)
class FileOptions:
    """How a file is written, as far as the mapping says so."""

    format: Format = Format.AUTO
    encoding: str = "auto"
    delimiter: str = "auto"


ENCODINGS = NAMES | {"auto"}


class Reader(Protocol):
    total: int  # where `end.offset` of the last row arrives: bytes, or rows in Parquet

    @property
    def columns(self) -> tuple[str, ...] | None:
        """Those of the header; None where each row names its own."""

    def rows(self, start: Position = START) -> Iterator[RawRow | BadRow]:
        """Every row after `start`, good or bad."""


def open_reader(path: Path, options: FileOptions, expected: Collection[str]) -> Reader:
    """A reader for the file; `expected` are the columns that the mapping knows (a delimiter is chosen by them).

    Raises Misconfigured where the file as a whole cannot be read.
    """
    if not path.is_file() or not os.access(path, os.R_OK):
        raise Misconfigured(f"{path.name} is not a file that can be read.", remedy="Check the path and its rights.")
    match _format(path, options.format):
        case Format.PARQUET:
            return ParquetReader(path)
        case Format.JSON:
            return JsonReader(path, options.encoding)
        case _:
            return CsvReader(path, options.encoding, options.delimiter, expected)


def _format(path: Path, said: Format) -> Format:
    """What the mapping says; else the magic of Parquet, the name's ending, the first character."""
    with path.open("rb") as file:
        head = file.read(_SNIFF_BYTES)
    if said is not Format.AUTO:
        return said
    if head.startswith(b"PAR1"):
        return Format.PARQUET
    if suffix := _SUFFIXES.get(path.suffix.lower()):
        return Format(suffix)
    return Format.JSON if head.lstrip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n").startswith(b"{") else Format.CSV
