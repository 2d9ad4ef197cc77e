"""Parquet, by the extra `[parquet]`: batch by batch, one row group after the other.

pyarrow is imported when the first such file is opened, because an installation without the extra has none.
A row group that cannot be read costs its rows only: each is refused.
"""

import importlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from member_hub.errors import Misconfigured
from member_hub.ingest.reasons import Reason
from member_hub.ingest.rows import START, BadRow, Position, RawRow

BATCH_ROWS = 1000


class ParquetReader:
    """Positions count rows: the first is line 1."""

    columns: tuple[str, ...]

    def __init__(self, path: Path) -> None:
        self._path = path
        self._parquet = _library()
        with self._open() as file:
            self.total = file.metadata.num_rows
            self.columns = tuple(file.schema_arrow.names)
            self._groups = [file.metadata.row_group(i).num_rows for i in range(file.metadata.num_row_groups)]

    def rows(self, start: Position = START) -> Iterator[RawRow | BadRow]:
        first = 0
        with self._open() as file:
            for group, size in enumerate(self._groups):
                if start.offset < first + size:
                    yield from self._group(file, group, range(max(start.offset, first), first + size), first)
                first += size

    def _group(self, file: Any, group: int, wanted: range, first: int) -> Iterator[RawRow | BadRow]:
        """The wanted rows of one group, whose first row is `first`."""
        row = first
        try:
            for batch in file.iter_batches(batch_size=BATCH_ROWS, row_groups=[group], use_threads=False):
                skip = max(0, min(batch.num_rows, wanted.start - row))
                row += skip
                for fields in batch.slice(skip).to_pylist():
                    row += 1
                    yield RawRow(row, Position(row, row + 1), {name: _plain(cell) for name, cell in fields.items()})
        except (OSError, ValueError):  # pyarrow's ArrowInvalid is a ValueError, a damaged page an OSError
            for lost in range(max(row, wanted.start), wanted.stop):
                yield BadRow(lost + 1, Position(lost + 1, lost + 2), Reason.MALFORMED, b"")

    def _open(self) -> Any:
        try:
            return self._parquet.ParquetFile(self._path, pre_buffer=False)
        except (OSError, ValueError) as error:
            raise Misconfigured(f"{self._path.name} is no Parquet file that can be read.") from error


def _plain(cell: object) -> object:
    """The cell as JSON would have it, nested ones too: structs and maps are objects.

    Data frames write whole numbers beside nulls as floats, and the nulls as NaN. pyarrow gives a map as pairs.
    """
    if isinstance(cell, dict):
        return {name: _plain(inner) for name, inner in cell.items()}
    if isinstance(cell, list):
        if cell and all(isinstance(pair, tuple) for pair in cell):
            return {str(name): _plain(inner) for name, inner in cell}
        return [_plain(inner) for inner in cell]
    if not isinstance(cell, float):
        return cell
    if math.isnan(cell):
        return None
    return int(cell) if cell.is_integer() else cell


def _library() -> Any:
    try:
        return importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise Misconfigured(
            "Parquet files need pyarrow, which is not installed.", remedy="Install member-hub[parquet]."
        ) from error
