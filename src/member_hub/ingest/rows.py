"""What reading a file yields: a row with its cells by column, or a row that is refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from member_hub.identity.statements import StatedIdentifier
from member_hub.ingest.reasons import Reason

RAW_MAX_BYTES = 64 * 1024  # of a refused row, kept for the quarantine


class Position(NamedTuple):
    """Where reading goes on: what is before it is done. `offset` counts bytes (in Parquet rows)."""

    offset: int
    line: int  # of the file, from 1; a cell with line breaks makes a row of several


START = Position(0, 1)


@dataclass(frozen=True, slots=True, repr=False)
class RawRow:
    """One row as the file has it."""

    line: int
    end: Position
    fields: Mapping[str, object]

    def __repr__(self) -> str:
        return f"RawRow(line={self.line})"


@dataclass(frozen=True, slots=True, repr=False)
class BadRow:
    """One row refused. `raw` (UTF-8) is for the sealed quarantine only, `hints` for its blind index."""

    line: int
    end: Position
    reason: Reason
    raw: bytes
    hints: tuple[StatedIdentifier, ...] = ()

    def __repr__(self) -> str:
        return f"BadRow(line={self.line}, reason={self.reason})"
