import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from member_hub.ingest import lines
from member_hub.ingest.readers import FileOptions, Format, open_reader
from member_hub.ingest.rows import BadRow, Position, RawRow
from tests.ingest.samples import bad, good, read

JSON = FileOptions(format=Format.JSON)


def rows_of(folder: Path, content: str | bytes) -> list[RawRow | BadRow]:
    return read(folder / "a.jsonl", content.encode() if isinstance(content, str) else content, JSON)


def test_a_row_is_the_object_of_its_line(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, '{"a": "张", "b": {"c": [1, null]}}\n\n{"a": 2.5}')

    assert good(rows) == [{"a": "张", "b": {"c": [1, None]}}, {"a": 2.5}]
    assert [(row.line, row.end) for row in rows] == [(1, Position(36, 2)), (3, Position(47, 4))]


@pytest.mark.parametrize("line", ['{"a": ', "[1]", '"a"', "1", "null", "nonsense", '{"a": NaN}', "[" * 2000])
def test_a_line_that_is_no_object_is_malformed(tmp_path: Path, line: str) -> None:
    rows = rows_of(tmp_path, f'{line}\n{{"a": 1}}\n')

    assert (bad(rows), good(rows)) == ([(1, "malformed")], [{"a": 1}])


def test_a_byte_that_cannot_be_decoded_costs_its_line_only(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, '{"a": "张"}\n'.encode() + b'{"a": "\xff"}\n{"a": 1}\n')

    assert (bad(rows), good(rows)) == ([(2, "encoding")], [{"a": "张"}, {"a": 1}])


def test_a_line_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, '{"a": "' + "x" * lines.LINE_MAX_BYTES + '"}\n{"a": 1}\n')

    assert (bad(rows), good(rows)) == ([(1, "too_long")], [{"a": 1}])


@pytest.mark.parametrize(
    "line",
    [
        '{"a": 1, "a": 2}',
        '{"a": 1, "a" :2}',
        '{"b": {"a": "x", "a": "x"}}',
        '{"b": [{"a": 1, "\\u0061": 2}]}',
        '{"a": "\\\\\\\\", "a": "\\\\\\\\"}',
        '{"a": "\\"", "a": "\\\\"}',
    ],
)
def test_a_key_stated_twice_makes_a_row_ambiguous(tmp_path: Path, line: str) -> None:
    assert bad(rows_of(tmp_path, line)) == [(1, "ambiguous")]


VALUE = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
OBJECT = st.dictionaries(st.text(max_size=6), VALUE, max_size=5)


@given(st.lists(OBJECT, max_size=6), st.booleans(), st.booleans())
def test_whatever_can_be_written_is_read_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[dict[str, object]], is_ascii: bool, is_tight: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "drawn.jsonl"
    separators = (",", ":") if is_tight else (" , ", " : ")
    written = [json.dumps(each, ensure_ascii=is_ascii, separators=separators) for each in drawn]

    rows = read(path, "\n".join(written).encode("utf-8", errors="replace"), JSON)

    assert bad(rows) == []
    assert good(rows) == drawn


@given(st.lists(OBJECT | st.binary(max_size=40).filter(lambda line: b"\n" not in line), max_size=8))
def test_good_rows_are_read_whatever_stands_between_them_and_from_any_row_on(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[dict[str, object] | bytes]
) -> None:
    path = tmp_path_factory.getbasetemp() / "mixed.jsonl"
    path.write_bytes(b"".join((x if isinstance(x, bytes) else json.dumps(x).encode()) + b"\n" for x in drawn))
    reader = open_reader(path, FileOptions(format=Format.JSON, encoding="utf-8"), ())

    rows = list(reader.rows())

    wanted = iter(good(rows))
    assert all(any(x == found for found in wanted) for x in drawn if isinstance(x, dict))
    assert {row.line for row in rows} == {n for n, x in enumerate(drawn, 1) if isinstance(x, dict) or x.strip()}
    for number, row in enumerate(rows, start=1):
        assert [r.line for r in reader.rows(row.end)] == [r.line for r in rows[number:]]
