from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from member_hub.errors import Misconfigured
from member_hub.ingest import lines
from member_hub.ingest.csv_reader import ROW_LINES_MAX
from member_hub.ingest.readers import FileOptions, Format, open_reader
from member_hub.ingest.rows import RAW_MAX_BYTES, BadRow, Position, RawRow
from tests.ingest.samples import bad, good, read

CSV = FileOptions(format=Format.CSV)


def rows_of(folder: Path, content: str | bytes, options: FileOptions = CSV) -> list[RawRow | BadRow]:
    return read(folder / "a.csv", content.encode() if isinstance(content, str) else content, options)


def test_a_row_has_its_cells_by_column_and_knows_its_line_and_where_it_ends(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, "a,b\r\n1,2\r\n\r\n3,\r\n")

    assert good(rows) == [{"a": "1", "b": "2"}, {"a": "3", "b": ""}]
    assert [(row.line, row.end) for row in rows] == [(2, Position(10, 3)), (4, Position(16, 5))]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_that_finds_the_mapped_columns(tmp_path: Path, delimiter: str) -> None:
    content = f"key{delimiter}name, first; or | last\n1{delimiter}x\n" if delimiter == "\t" else None
    content = content or f"key{delimiter}name\n1{delimiter}x\n"

    assert list(good(read(tmp_path / "a.csv", content.encode(), CSV, expected=("key", "name")))[0].values()) == [
        "1",
        "x",
    ]


def test_the_mapping_may_name_the_delimiter(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, "a;b,c\n1;2,3\n", FileOptions(format=Format.CSV, delimiter=";"))

    assert good(rows) == [{"a": "1", "b,c": "2,3"}]


def test_a_quoted_cell_holds_delimiters_quotes_and_line_breaks(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, 'a,b\r\n1,"x, ""y""\r\nz"\r\n2,n\r\n')

    assert good(rows) == [{"a": "1", "b": 'x, "y"\nz'}, {"a": "2", "b": "n"}]
    assert [(row.line, row.end) for row in rows] == [(2, Position(22, 4)), (4, Position(27, 5))]


def test_an_unclosed_quote_costs_its_own_line_only(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, 'a,b\n1,"open\n2,x\n3,"y"\n4,""\n')

    assert bad(rows) == [(2, "malformed")]
    assert [row["a"] for row in good(rows)] == ["2", "3", "4"]


def test_an_unclosed_quote_in_a_long_file_is_given_up_after_some_lines(tmp_path: Path) -> None:
    count = 3 * ROW_LINES_MAX
    rows = rows_of(tmp_path, 'a,b\n1,"open\n' + "2,x\n" * count)

    assert bad(rows) == [(2, "malformed")]
    assert len(good(rows)) == count


def test_text_after_a_closing_quote_is_malformed(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, 'a,b\n"1"x,2\n3,4\n')

    assert (bad(rows), good(rows)) == ([(2, "malformed")], [{"a": "3", "b": "4"}])


def test_too_few_and_too_many_cells_are_refused_but_for_blank_ones_at_the_end(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, "a,b\n1\n1,2,3\n1,2,,\n")

    assert bad(rows) == [(2, "wrong_columns"), (3, "wrong_columns")]
    assert good(rows) == [{"a": "1", "b": "2"}]


@pytest.mark.parametrize("dirt", ["\0", "\r"])
def test_a_nul_or_a_lone_carriage_return_makes_the_line_malformed(tmp_path: Path, dirt: str) -> None:
    rows = rows_of(tmp_path, f'a,b\n1,x{dirt}y\n"2",x{dirt}y\n3,z\n')

    assert (bad(rows), good(rows)) == ([(2, "malformed"), (3, "malformed")], [{"a": "3", "b": "z"}])


def test_a_byte_that_cannot_be_decoded_costs_its_row_only(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, "a,b\n张,伟\n".encode() + b'\xff,1\n5,"x\xff\ny"\n' + "6,李\n".encode())

    assert bad(rows) == [(3, "encoding"), (4, "encoding")]
    assert good(rows) == [{"a": "张", "b": "伟"}, {"a": "6", "b": "李"}]
    assert [row.end.line for row in rows] == [3, 4, 6, 7]


def test_a_line_beyond_the_limit_is_refused_and_kept_in_part(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, "a,b\n1," + "x" * (3 * lines.LINE_MAX_BYTES) + "\n2,y\n")

    assert (bad(rows), good(rows)) == ([(2, "too_long")], [{"a": "2", "b": "y"}])
    assert isinstance(rows[0], BadRow)
    assert len(rows[0].raw) == RAW_MAX_BYTES


def test_a_file_without_a_header_or_with_a_doubled_column_is_refused_as_a_whole(tmp_path: Path) -> None:
    for content in (b"", b"\n\n", b"a,b,a\n1,2,3\n", b"\xff\xff\n"):
        with pytest.raises(Misconfigured):
            read(tmp_path / "a.csv", content, CSV)


def test_what_is_refused_shows_nothing_of_the_row(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, "a,b\n13900000001\n1,13900000002\n")

    assert repr(rows) == "[BadRow(line=2, reason=wrong_columns), RawRow(line=3)]"


CELL = st.text(st.characters(codec="utf-8", exclude_characters='",\r\n\0;|\t'), min_size=1, max_size=5)
GOOD = st.tuples(CELL, CELL).map(lambda cells: f"k{cells[0]},{cells[1]}".encode())
QUOTED = st.tuples(CELL, st.text('ab,"\n李', max_size=6)).map(
    lambda cells: f'k{cells[0]},"{cells[1].replace(chr(34), chr(34) * 2)}"'.encode()
)
DAMAGED = st.binary(max_size=30).filter(lambda line: b"\n" not in line and b'"' not in line and line.count(b",") != 1)


@given(st.lists(st.tuples(st.booleans(), GOOD, DAMAGED), max_size=12))
def test_good_rows_are_read_whatever_stands_between_them(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[bool, bytes, bytes]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "drawn.csv"
    wanted = [line for is_good, line, _ in drawn if is_good]
    content = b"a,b\n" + b"".join((line if is_good else dirt) + b"\n" for is_good, line, dirt in drawn)

    rows = read(path, content, FileOptions(format=Format.CSV, encoding="utf-8"))

    assert [f"{row['a']},{row['b']}".encode() for row in good(rows)] == wanted


@given(st.lists(QUOTED | GOOD, max_size=6), st.sampled_from([b'"', b'k,"open', b'"k,x', b'k,"a""']), st.lists(GOOD))
def test_one_unclosed_quote_costs_one_line(
    tmp_path_factory: pytest.TempPathFactory, before: list[bytes], dirt: bytes, after: list[bytes]
) -> None:
    path = tmp_path_factory.getbasetemp() / "open.csv"
    content = b"a,b\n" + b"".join(line + b"\n" for line in [*before, dirt, *after])

    rows = read(path, content, FileOptions(format=Format.CSV, encoding="utf-8"))

    assert [reason for _, reason in bad(rows)] == ["malformed"]
    assert len(good(rows)) == len(before) + len(after)
    assert [f"{row['a']},{row['b']}".encode() for row in good(rows)[len(before) :]] == after


@given(st.binary(max_size=400), st.sampled_from(["utf-8", "gb18030", "utf-16-le", "utf-16-be"]))
def test_any_bytes_are_read_to_their_end_and_from_any_row_on(
    tmp_path_factory: pytest.TempPathFactory, body: bytes, encoding: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes.csv"
    path.write_bytes("a,b\n".encode(encoding) + body)
    reader = open_reader(path, FileOptions(format=Format.CSV, encoding=encoding), ())

    rows = list(reader.rows())

    for number, row in enumerate(rows, start=1):
        assert [shown(r) for r in reader.rows(row.end)] == [shown(r) for r in rows[number:]]
    assert not rows or rows[-1].end.offset <= reader.total


def shown(row: RawRow | BadRow) -> tuple[object, ...]:
    content = row.fields if isinstance(row, RawRow) else (row.reason, row.raw)
    return row.line, row.end, content
