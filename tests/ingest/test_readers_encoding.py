import io
from pathlib import Path

import pytest

from member_hub.ingest.encoding import BLOCK_BYTES, Encoding, detect
from member_hub.ingest.lines import LINE_MAX_BYTES
from member_hub.ingest.readers import FileOptions, Format
from tests.ingest.samples import bad, good, read

TEXT = "卡号,姓名\n1,张伟\n2,李娜\n3,欧阳锋\n"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (TEXT.encode(), Encoding("utf-8")),
        (TEXT.encode("utf-8-sig"), Encoding("utf-8", 3)),
        (TEXT.encode("gb18030"), Encoding("gb18030")),
        ("\ufeff".encode("gb18030") + TEXT.encode("gb18030"), Encoding("gb18030", 4)),
        (b"\xff\xfe" + TEXT.encode("utf-16-le"), Encoding("utf-16-le", 2)),
        (b"\xfe\xff" + TEXT.encode("utf-16-be"), Encoding("utf-16-be", 2)),
        (TEXT.encode("utf-16-le"), Encoding("utf-16-le")),
        (TEXT.encode("utf-16-be"), Encoding("utf-16-be")),
        (b"", Encoding("utf-8")),
        (b"a,b\n1,2\n", Encoding("utf-8")),
        (b"a,b\n\0\0,2\n", Encoding("utf-8")),
        (b"a,b\n\xff\xff,2\n", Encoding("utf-8")),
    ],
)
def test_the_encoding_is_found(content: bytes, expected: Encoding) -> None:
    assert detect(io.BytesIO(content)) == expected


def test_damaged_lines_do_not_outvote_the_others() -> None:
    damaged = "姓名\n张伟\n李娜\n".encode() + b"\xff\xfe\xfd\n"

    assert detect(io.BytesIO(damaged)).name == "utf-8"


def test_the_first_characters_may_come_late() -> None:
    content = b"1,2\n" * BLOCK_BYTES + "3,张伟\n4,李娜\n".encode("gb18030") * 3

    assert detect(io.BytesIO(content)).name == "gb18030"


def test_the_mapping_may_name_the_encoding() -> None:
    assert detect(io.BytesIO(TEXT.encode()), named="big5hkscs") == Encoding("big5hkscs")
    assert detect(io.BytesIO(TEXT.encode("utf-8-sig")), named="utf-8") == Encoding("utf-8", 3)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_file_reads_the_same_in_every_encoding(tmp_path: Path, encoding: str) -> None:
    # U+0A0A and U+010A carry the byte of a line break inside a character, on either side.
    content = 'a,b\r\n张\u0a0a,\u010a伟\r\n"欧\n阳",x\r\n'

    rows = read(tmp_path / "a.csv", content.encode(encoding), FileOptions(format=Format.CSV))

    assert good(rows) == [{"a": "张\u0a0a", "b": "\u010a伟"}, {"a": "欧\n阳", "b": "x"}]
    assert [row.line for row in rows] == [2, 3]
    assert rows[-1].end.offset == len(content.encode(encoding))


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("long", ["\u0a0a" * 1000 + "x" * 1_000_000 + "\u0a0a", "x" * (LINE_MAX_BYTES // 2)])
def test_a_wide_line_beyond_the_limit_is_passed_over_whole(tmp_path: Path, long: str, encoding: str) -> None:
    content = f"a,b\n{long}\n2,y\n"

    rows = read(tmp_path / "a.csv", content.encode(encoding), FileOptions(Format.CSV, encoding))

    assert (bad(rows), good(rows)) == ([(2, "too_long")], [{"a": "2", "b": "y"}])


def test_json_may_come_in_gb18030(tmp_path: Path) -> None:
    content = '{"name": "张伟"}\n{"name": "李娜"}\n'.encode("gb18030") + b'{"name": "\xff\xff"}\n'

    rows = read(tmp_path / "a.jsonl", content, FileOptions())

    assert (bad(rows), good(rows)) == ([(3, "encoding")], [{"name": "张伟"}, {"name": "李娜"}])
