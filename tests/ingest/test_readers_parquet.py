import json
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from member_hub.errors import Misconfigured
from member_hub.ingest.readers import FileOptions, open_reader
from member_hub.ingest.rows import Position
from member_hub.ingest.words import Source
from member_hub.privacy import ProfileField
from tests.ingest.samples import WEBSITE, bad, good, parser

OPTIONS = FileOptions()


def written(folder: Path, count: int = 25) -> Path:
    path = folder / "a.parquet"
    table = pa.table({"id": list(range(count)), "card": [1.0, None] * (count // 2) + [3.0] * (count % 2)})
    pq.write_table(table, path, row_group_size=10, compression="none")
    return path


def test_rows_come_in_order_with_their_number_and_whole_numbers_stay_whole(tmp_path: Path) -> None:
    reader = open_reader(written(tmp_path), OPTIONS, ())

    rows = list(reader.rows())

    assert (reader.total, reader.columns) == (25, ("id", "card"))
    assert [row["id"] for row in good(rows)] == list(range(25))
    assert good(rows)[:2] == [{"id": 0, "card": 1}, {"id": 1, "card": None}]
    assert (rows[9].line, rows[9].end) == (10, Position(10, 11))


def test_reading_goes_on_from_any_row(tmp_path: Path) -> None:
    reader = open_reader(written(tmp_path), OPTIONS, ())

    for done in (0, 1, 9, 10, 11, 24, 25):
        assert [row["id"] for row in good(list(reader.rows(Position(done, done + 1))))] == list(range(done, 25))


def test_a_row_group_that_cannot_be_read_costs_its_rows_only(tmp_path: Path) -> None:
    path = written(tmp_path)
    column = pq.ParquetFile(path).metadata.row_group(1).column(0)
    content = bytearray(path.read_bytes())
    start = column.dictionary_page_offset or column.data_page_offset
    content[start : start + 20] = b"\xff" * 20
    path.write_bytes(content)

    rows = list(open_reader(path, OPTIONS, ()).rows())

    assert bad(rows) == [(line, "malformed") for line in range(11, 21)]
    assert [row["id"] for row in good(rows)] == [*range(10), *range(20, 25)]


def test_a_file_that_is_no_parquet_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1 and nothing more")

    with pytest.raises(Misconfigured, match="no Parquet file"):
        open_reader(path, OPTIONS, ())


def test_without_the_extra_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)

    with pytest.raises(Misconfigured) as refused:
        open_reader(path, OPTIONS, ())

    assert refused.value.remedy == "Install member-hub[parquet]."


def test_orders_in_parquet_are_read_with_their_own_types(tmp_path: Path) -> None:
    path = tmp_path / "orders.parquet"
    row = {
        "order_no": "O1",
        "line_no": 1.0,
        "channel": "app",
        "store": None,
        "key_kind": "app_user",
        "key": "A100000001",
        "amount_yuan": Decimal("240.18"),
        "ordered_at": datetime(2026, 2, 3, 6, 45, 44, tzinfo=UTC),
        "status": "paid",
        "refund_of": None,
    }
    pq.write_table(pa.Table.from_pylist([row, row | {"amount_yuan": Decimal("-1.00")}]), path)

    order, refused = parser(Source.ORDERS).open(path).records()

    said = order.statement
    assert (said.line_no, said.amount_fen, said.ordered_at) == (1, 24018, row["ordered_at"])
    assert (refused.reason, refused.line) == ("bad_amount", 2)
    assert b'"amount_yuan":"-1.00"' in refused.raw
    assert parser(Source.ORDERS).reread(refused.raw.replace(b"-1.00", b"1.00"), line=2).statement.amount_fen == 100


ADDRESS = {"province": "湖南省", "city": "长沙市", "street": "听雨巷651号", "receiver": "戴静悦"}
STRUCT = pa.struct([(name, pa.string()) for name in ADDRESS])
MAP = pa.map_(pa.string(), pa.string())
CELLS = [
    (STRUCT, ADDRESS, "湖南省长沙市听雨巷651号", ("address.receiver",)),
    (MAP, list(ADDRESS.items()), "湖南省长沙市听雨巷651号", ("address.receiver",)),
    (pa.string(), json.dumps(ADDRESS), None, ("address",)),
]


@pytest.mark.parametrize(("kind", "cell", "stored", "left_out"), CELLS, ids=["struct", "map", "text"])
def test_an_address_is_stored_or_named_as_left_out(
    tmp_path: Path, kind: pa.DataType, cell: object, stored: str | None, left_out: tuple[str, ...]
) -> None:
    path = tmp_path / "website.parquet"
    table = pa.Table.from_pylist([json.loads(WEBSITE % "")] * 2)
    pq.write_table(table.append_column("address", pa.array([None, cell], kind)), path)

    without, record = parser(Source.WEBSITE).open(path).records()

    assert (without.statement.values, without.left_out) == ((), ())
    assert {value.field: value.value for value in record.statement.values}.get(ProfileField.ADDRESS) == stored
    assert record.left_out == left_out


def test_numbers_within_objects_and_lists_are_plain_too(tmp_path: Path) -> None:
    path = tmp_path / "nested.parquet"
    pq.write_table(pa.table({"a": [{"n": 3.0, "of": [1.0, float("nan")]}]}), path)

    assert good(list(open_reader(path, OPTIONS, ()).rows())) == [{"a": {"n": 3, "of": [1, None]}}]
