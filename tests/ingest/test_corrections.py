"""`member-hub quarantine` and `identity keep-apart`: what an operator is told about one row, and about two accounts."""

import json
from pathlib import Path

import pytest

from tests.hub import verified, website
from tests.ingest.commands import Commands

BAD_TIME = website("W1", "2025-01-01", name="张晓明") | {"updated_at": "2025-02-30"}


def ingest(commands: Commands, *rows: dict[str, object]) -> None:
    file = commands.folder / "rows.jsonl"
    file.write_text("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows), "utf-8")
    assert commands.run("ingest", "website", str(file)).status == 0


def refused_row(commands: Commands) -> tuple[str, str]:
    """RUN and LINE of a row in quarantine."""
    ingest(commands, BAD_TIME)
    (row,) = commands.run("quarantine", "list", "--json").json
    return str(row["run_id"]), str(row["line"])


@pytest.mark.parametrize("name", ["missing.json", "."])
def test_a_correction_that_is_no_file_is_wrong_usage(commands: Commands, tmp_path: Path, name: str) -> None:
    place = "00000000-0000-7000-8000-000000000000", "1"

    ended = commands.run("quarantine", "retry", *place, "--with", str(tmp_path / name))

    assert ended.status == 2
    assert "Invalid value for '--with'" in ended.errors
    assert "Traceback" not in ended.errors


def test_a_correction_that_is_refused_names_the_reason(commands: Commands) -> None:
    place = refused_row(commands)
    corrected = commands.folder / "corrected.json"
    corrected.write_text(json.dumps(BAD_TIME | {"account": ""}), "utf-8")

    ended = commands.run("quarantine", "retry", *place, "--with", str(corrected))

    assert (ended.status, ended.output) == (1, "")
    assert ended.errors == (
        "member-hub: The corrected row is refused, too, and nothing changed (missing_key). "
        "The account, card or order number is missing.\n"
    )


@pytest.mark.parametrize("content", [b"[]", b"{cut", b"\xff"])
def test_a_correction_that_is_no_object_is_told_so(commands: Commands, content: bytes) -> None:
    place = refused_row(commands)
    corrected = commands.folder / "corrected.json"
    corrected.write_bytes(content)

    ended = commands.run("quarantine", "retry", *place, "--with", str(corrected))

    assert ended.status == 1
    assert ended.errors == "member-hub: The corrected row is no JSON object of columns; nothing changed.\n"


def test_a_refused_row_is_shown_as_json(commands: Commands) -> None:
    run, line = refused_row(commands)

    shown = commands.run("quarantine", "show", run, line, "--json").json

    assert (shown["run_id"], shown["line"], json.loads(shown["raw"])) == (run, 1, BAD_TIME)


def test_keeping_apart_tells_as_json_whether_they_were_split(commands: Commands) -> None:
    phone = {"name": "张晓明", **verified("2025-01-01", "13911110001")}
    ingest(commands, website("W1", "2025-01-01", **phone), website("W2", "2025-02-01", **phone))

    first, again = (commands.run("identity", "keep-apart", "website:W1", "website:W2", "--json") for _ in range(2))

    assert (first.json, again.json) == ({"was_split": True}, {"was_split": False})
