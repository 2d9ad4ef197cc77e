from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from member_hub.errors import Misconfigured
from member_hub.ingest.parse import Record
from member_hub.ingest.records import AccountRecord
from member_hub.ingest.rows import RAW_MAX_BYTES, BadRow
from member_hub.ingest.words import Source
from tests.ingest.samples import APP, STORE, STORE_HEADER, WEBSITE, account, parsed, parser


def test_every_row_comes_out_once_and_the_last_one_ends_the_file(tmp_path: Path) -> None:
    path = tmp_path / "store.csv"
    content = f'{STORE_HEADER}\r\n{STORE}"老顾客,\r\n住附近"\r\n,缺卡号,,13900000000\r\n{STORE}\r\n'
    path.write_bytes(content.encode("gb18030"))

    reading = parser(Source.STORE).open(path)
    rows = list(reading.records())

    assert [(row.line, isinstance(row, BadRow)) for row in rows] == [(2, False), (4, True), (5, False)]
    assert rows[-1].end.offset == reading.total == path.stat().st_size


def test_reading_goes_on_after_any_record_with_exactly_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "website.jsonl"
    good = [(WEBSITE % "").replace("W1", f"W{number}") for number in range(10, 20)]
    path.write_text("\n".join([*good[:5], "broken", "", *good[5:]]), "utf-8")
    reading = parser(Source.WEBSITE).open(path)

    rows = list(reading.records())

    assert len(rows) == 11
    for number, row in enumerate(rows, start=1):
        rest = list(reading.records(row.end))
        assert [shown(each) for each in rest] == [shown(each) for each in rows[number:]]


def shown(row: Record | BadRow) -> object:
    return (row.line, row.end, row.statement) if isinstance(row, AccountRecord) else row


def test_a_refused_row_is_kept_without_remarks_and_found_by_its_identifiers(tmp_path: Path) -> None:
    row = STORE.replace("2026-05-07", "2026-02-30") + "对花生过敏"

    (refused,) = parsed(tmp_path, Source.STORE, f"{STORE_HEADER},微信\n{row},wx-1\n")

    assert isinstance(refused, BadRow)
    kept = orjson.loads(refused.raw)
    assert "备注" not in kept
    assert "微信" not in kept
    assert (kept["卡号"], kept["办卡日期"]) == ("8868331042", "2026-02-30 12:45:07")
    assert {(hint.kind, hint.namespace, hint.value) for hint in refused.hints} == {
        ("card", "brand", "8868331042"),
        ("phone", "", "+8618915088194"),
    }


def test_a_kept_row_is_read_again_once_it_is_corrected(tmp_path: Path) -> None:
    (refused,) = parsed(tmp_path, Source.STORE, f"{STORE_HEADER}\n{STORE.replace('2026-05-07', '2026-02-30')}\n")
    assert isinstance(refused, BadRow)
    store = parser(Source.STORE)

    again = store.reread(refused.raw, line=refused.line)
    corrected = store.reread(refused.raw.replace(b"2026-02-30", b"2026-05-07"), line=refused.line)

    assert isinstance(again, BadRow)
    assert (again.reason, again.line, again.raw) == ("impossible_time", 2, refused.raw)
    assert isinstance(corrected, AccountRecord)
    assert corrected.statement == account(tmp_path, Source.STORE, f"{STORE_HEADER}\n{STORE}\n").statement


def test_a_broken_row_is_kept_as_it_stood_and_found_by_what_looks_like_an_identifier(tmp_path: Path) -> None:
    line = '{"account": "W100000001", "phone": "+86 138 9852 4520", "email": "a.b@qq.com", "name":'

    (refused,) = parsed(tmp_path, Source.WEBSITE, line)

    assert isinstance(refused, BadRow)
    assert (refused.reason, refused.raw) == ("malformed", line.encode())
    found = {(hint.kind, hint.namespace, hint.value) for hint in refused.hints}
    assert {("phone", "", "+8613898524520"), ("email", "", "a.b@qq.com"), ("account", "website", "W100000001")} <= found
    assert isinstance(parser(Source.WEBSITE).reread(refused.raw, line=1), BadRow)


def test_what_is_kept_of_a_refused_row_has_a_limit(tmp_path: Path) -> None:
    row = (WEBSITE % ', "name": "%s"' % ("x" * 2 * RAW_MAX_BYTES)).replace("updated_at", "other")

    (refused,) = parsed(tmp_path, Source.WEBSITE, row)

    assert isinstance(refused, BadRow)
    assert (refused.reason, len(refused.raw)) == ("missing_time", RAW_MAX_BYTES)


def test_a_file_without_a_needed_column_is_refused_and_without_another_is_read(tmp_path: Path) -> None:
    path = tmp_path / "store.csv"
    path.write_text("卡号,姓名,电话\n1,张伟,13800000000\n", "utf-8")
    with pytest.raises(Misconfigured, match=r"^store.csv has no column 办卡日期, which store.toml maps"):
        parser(Source.STORE).open(path)

    path.write_text("卡号,办卡日期\n8868331042,2026-05-07 12:45:07\n", "utf-8")
    reading = parser(Source.STORE).open(path)

    assert len(list(reading.records())) == 1
    assert reading.missing == ("会员等级", "办卡门店", "姓名", "导购工号", "性别", "手机号", "生日", "积分余额")


def test_a_path_that_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="is not a file that can be read"):
        parser(Source.STORE).open(tmp_path)


def test_the_content_tells_the_format_where_the_name_does_not(tmp_path: Path) -> None:
    path = tmp_path / "delivery"
    path.write_text(APP % "", "utf-8")

    assert isinstance(next(iter(parser(Source.APP).open(path).records())), AccountRecord)


CELL = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(max_size=20)
INNER = CELL | st.lists(CELL, max_size=2) | st.dictionaries(st.text(max_size=5), CELL, max_size=2)
FIELDS = {
    source: st.dictionaries(st.sampled_from(sorted(parser(source).mapping.paths)) | st.text(max_size=5), INNER)
    for source in Source
}


@pytest.mark.parametrize("source", list(Source))
def test_no_row_makes_the_parser_fail(source: Source) -> None:
    compiled = parser(source)

    @given(FIELDS[source])
    def check(fields: dict[str, object]) -> None:
        raw = orjson.dumps(fields, option=orjson.OPT_NON_STR_KEYS, default=str)
        found = compiled.reread(raw, line=1)
        assert isinstance(found, BadRow) or found.line == 1

    check()
