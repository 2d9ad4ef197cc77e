"""Nothing of the people in the channel files stands in plain in anything that the hub writes (E6)."""

from pathlib import Path

from member_hub.db import place
from tests.secrecy.conftest import ENROLLED, UPDATED, Evidence

PLACES = ("base", "pg_wal")  # where PostgreSQL keeps tables, and its write-ahead log


def test_no_value_of_the_files_or_of_the_api_stands_anywhere_in_plain(evidence: Evidence) -> None:
    assert {hit for hit in evidence.hits if hit.needle not in evidence.controls} == set()


def test_every_control_is_found_in_the_data_files_and_in_the_write_ahead_log(evidence: Evidence) -> None:
    found = {(hit.needle, folder) for hit in evidence.hits for folder in Path(hit.file).parts}

    missing = {
        (writing, needle, folder)
        for needle, writing in evidence.controls.items()
        for folder in PLACES
        if (needle, folder) not in found
    }
    assert missing == set()


def test_there_was_something_of_every_kind_to_be_found(evidence: Evidence) -> None:
    counts = {kind: len(texts) for kind, texts in evidence.needles.items()}

    assert sorted(counts) == ["api", "email", "name", "number", "phone", "remark", "street"]
    assert counts["phone"] > 400
    assert counts["number"] > 800
    assert min(counts["email"], counts["name"], counts["street"]) > 80
    assert counts["remark"] > 15
    assert evidence.too_short == {"常客,", "=1+1"}  # remarks of five and four bytes


def test_what_was_searched_is_everything_that_the_hub_has_written(evidence: Evidence) -> None:
    server = place.existing(evidence.hub.data_dir)
    names = {file.name for file in evidence.hub.files}

    assert server is not None
    assert {path.name for path in evidence.hub.folder.iterdir()} == {
        *("application.log", "channels", "data", "keys", "ledger")
    }
    assert {"application.log", "server.log", "root.key", "epoch-1.key", "erasure.jsonl", "PG_VERSION"} <= names
    assert evidence.scanned_bytes == sum(file.stat().st_size for file in evidence.hub.files)
    assert evidence.scanned_bytes > 50_000_000
    assert "DEBUG:" in evidence.hub.log.read_text("utf-8")


def test_everything_was_really_done(evidence: Evidence) -> None:
    assert {"林知夏", ENROLLED["name"], f"+86{UPDATED['phone']}", "account"} <= evidence.seen
    assert {"website malformed", "website missing_key", "store wrong_columns", "activity bad_count"} <= evidence.seen
