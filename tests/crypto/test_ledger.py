"""The erasure ledger: what it says it remembers, it remembers; what does not fit, it refuses."""

import errno
import hashlib
import json
import logging
import os
import stat
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from member_hub.crypto import Head, Ledger, LedgerBroken, LedgerKind, Note
from member_hub.crypto.chain import SCOPE_MAX, SUBJECTS_MAX, entry_of
from member_hub.crypto.ledger import APPEND_MAX_BYTES, LINE_MAX_BYTES
from member_hub.errors import Misconfigured

AT = datetime(2026, 11, 21, 8, 30, 15, 123456, tzinfo=UTC)
ANNA = UUID("01900000-0000-7000-8000-00000000000a")
BELA = UUID("01900000-0000-7000-8000-00000000000b")
NOTE = Note(LedgerKind.ERASURE, (ANNA, BELA), AT)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "hub" / "ledger"


@pytest.fixture
def ledger(folder: Path) -> Ledger:
    """Three entries."""
    ledger = Ledger.open(folder)
    ledger.append([NOTE, Note(LedgerKind.WITHDRAWAL, (BELA,), AT, ("marketing",))])
    ledger.append([Note(LedgerKind.CORRECTION, (ANNA,), AT, ("birthday",))])
    return ledger


def file_of(folder: Path) -> Path:
    return folder / "erasure.jsonl"


def test_an_entry_is_exactly_this_line(folder: Path) -> None:
    # Written by hand: sorted keys, no spaces, the hash over everything else.
    rest = (
        '"kind":"erasure","prev":"' + "0" * 64 + '","scope":[],"seq":1,'
        '"subjects":["01900000-0000-7000-8000-00000000000a","01900000-0000-7000-8000-00000000000b"]}'
    )
    at = '{"at":"2026-11-21T08:30:15.123456+00:00",'
    hashed = hashlib.sha256((at + rest).encode()).hexdigest()

    Ledger.open(folder).append([NOTE])

    assert hashed == "17a411ab0e1693bcd9df32365e83159d9b1ca16a1e667f637bfedbfb637f2455"
    assert file_of(folder).read_text() == at + f'"hash":"{hashed}",' + rest + "\n"


def test_folder_and_file_are_private(folder: Path) -> None:
    Ledger.open(folder)

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(f.stat().st_mode) for f in folder.iterdir()} == {0o600}


@pytest.mark.parametrize(("name", "mode"), [("", 0o750), ("erasure.jsonl", 0o640)])
def test_looser_ones_are_refused(folder: Path, ledger: Ledger, name: str, mode: int) -> None:
    (folder / name).chmod(mode)

    with pytest.raises(Misconfigured, match="is open to others"):
        Ledger.open(folder)


def test_the_file_is_private_at_every_append(folder: Path, ledger: Ledger) -> None:
    file_of(folder).chmod(0o666)

    with pytest.raises(Misconfigured, match="is open to others"):
        ledger.append([NOTE])


def test_every_entry_follows_the_one_before(folder: Path, ledger: Ledger) -> None:
    lines = [json.loads(line) for line in file_of(folder).read_text().splitlines()]

    assert [line["seq"] for line in lines] == [1, 2, 3]
    assert [line["prev"] for line in lines] == ["0" * 64, lines[0]["hash"], lines[1]["hash"]]
    assert ledger.head() == ledger.verify() == Head(3, lines[2]["hash"])


def test_entries_come_back_as_noted_and_from_a_given_number_on(ledger: Ledger) -> None:
    assert [entry.note for entry in ledger.entries()] == [
        NOTE,
        Note(LedgerKind.WITHDRAWAL, (BELA,), AT, ("marketing",)),
        Note(LedgerKind.CORRECTION, (ANNA,), AT, ("birthday",)),
    ]
    assert [entry.seq for entry in ledger.entries(after=2)] == [3]
    assert list(ledger.entries(after=3)) == []


def test_an_empty_ledger_has_an_empty_head(folder: Path) -> None:
    assert Ledger.open(folder).head() == Ledger.open(folder).verify() == Head(0, "0" * 64)


def test_a_time_in_another_zone_is_the_same_moment(folder: Path) -> None:
    ledger = Ledger.open(folder)
    ledger.append([Note(LedgerKind.ERASURE, (ANNA,), datetime.fromisoformat("2026-11-21T16:30:15.123456+08:00"))])

    assert next(ledger.entries()).note.at == AT


def test_several_notes_cost_one_flush(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    flushes: list[int] = []
    monkeypatch.setattr(os, "fsync", flushes.append)

    entries = ledger.append([NOTE] * 20)

    assert [entry.seq for entry in entries] == list(range(4, 24))
    assert len(flushes) == 1


def test_no_bit_can_change_unnoticed(folder: Path) -> None:
    ledger = Ledger.open(folder)
    ledger.append([Note(LedgerKind.REKEY, (ANNA,), AT, ("contact",))])
    whole = file_of(folder).read_bytes()
    accepted = []

    for at in range(len(whole) * 8):
        file_of(folder).write_bytes(whole[: at // 8] + bytes([whole[at // 8] ^ 1 << at % 8]) + whole[at // 8 + 1 :])
        try:
            ledger.verify()
        except LedgerBroken:
            continue
        accepted.append(at)

    assert accepted == []


def test_lines_removed_doubled_or_exchanged_are_refused_and_named(folder: Path, ledger: Ledger) -> None:
    one, two, three = file_of(folder).read_bytes().splitlines(keepends=True)
    other = Ledger.open(folder / "other")
    other.append([Note(LedgerKind.ERASURE, (BELA,), AT), NOTE])
    theirs = file_of(folder / "other").read_bytes().splitlines(keepends=True)
    found = {}

    for name, lines in {
        "first removed": [two, three],
        "second removed": [one, three],
        "doubled": [one, two, two, three],
        "exchanged": [two, one, three],
        "empty line": [one, b"\n", two, three],
        "spaces": [one, two.replace(b",", b", "), three],
        "from another ledger": [one, theirs[1], three],
        "last from another ledger": [one, theirs[1]],
        "last doubled": [one, two, three, three],
        "not JSON": [one, b"nonsense\n", three],
        "too long": [one, b" " * LINE_MAX_BYTES + two, three],
    }.items():
        file_of(folder).write_bytes(b"".join(lines))
        with pytest.raises(LedgerBroken) as refusal:
            Ledger.open(folder)
        found[name] = refusal.value.line
        assert sorted(f.name for f in folder.iterdir()) == ["erasure.jsonl", "lock", "other"]

    assert found == {
        "first removed": 1,
        "second removed": 2,
        "doubled": 3,
        "exchanged": 1,
        "empty line": 2,
        "spaces": 2,
        "from another ledger": 2,
        "last from another ledger": 2,
        "last doubled": 4,
        "not JSON": 2,
        "too long": 2,
    }


def test_a_line_torn_anywhere_is_cut_aside_and_the_chain_goes_on(
    folder: Path, ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    whole = file_of(folder).read_bytes()
    end = whole[:-1].rindex(b"\n") + 1

    for cut in range(end + 1, len(whole) - 1):
        caplog.clear()
        file_of(folder).write_bytes(whole[:cut])
        again = Ledger.open(folder)
        aside = [f for f in folder.iterdir() if f.name.startswith("torn-")]
        assert file_of(folder).read_bytes() == whole[:end]
        assert [f.read_bytes() for f in aside] == [whole[end:cut]]
        assert [(r.levelno, r.name) for r in caplog.records] == [(logging.WARNING, "member_hub.crypto.ledger")]
        assert again.append([NOTE])[0].seq == 3
        aside[0].unlink()


def test_a_torn_line_is_cut_aside_by_the_next_append_too(folder: Path, ledger: Ledger) -> None:
    with file_of(folder).open("ab") as file:
        file.write(b'{"at":"2026-11-21T')
    assert ledger.verify().seq == 3

    ledger.append([NOTE])

    assert ledger.verify().seq == ledger.head().seq == 4
    (aside,) = [f for f in folder.iterdir() if f.name.startswith("torn-")]
    assert aside.read_bytes() == b'{"at":"2026-11-21T'
    assert stat.S_IMODE(aside.stat().st_mode) == 0o600


@pytest.mark.parametrize("fill", [bytes(4096), b'{"at":"2026' + bytes(100)])
def test_what_a_file_system_fills_a_torn_line_with_is_cut_aside(folder: Path, ledger: Ledger, fill: bytes) -> None:
    whole = file_of(folder).read_bytes()
    file_of(folder).write_bytes(whole + fill)

    assert Ledger.open(folder).head().seq == 3
    assert file_of(folder).read_bytes() == whole


@pytest.mark.parametrize("tail", [b"nonsense", b'{"at":1}x', b"{}", b'{"a":"' + b"\0" * 5 + b'"', b" "])
def test_an_end_that_no_crash_leaves_is_refused_and_left_alone(folder: Path, ledger: Ledger, tail: bytes) -> None:
    whole = file_of(folder).read_bytes() + tail
    file_of(folder).write_bytes(whole)

    with pytest.raises(LedgerBroken):
        Ledger.open(folder)
    with pytest.raises(LedgerBroken):
        ledger.append([NOTE])

    assert file_of(folder).read_bytes() == whole


def test_a_last_line_that_lacks_only_its_line_break_is_kept(folder: Path, ledger: Ledger) -> None:
    whole = file_of(folder).read_bytes()
    file_of(folder).write_bytes(whole[:-1])
    head = ledger.head()

    assert ledger.verify() == head
    assert Ledger.open(folder).head() == head
    assert file_of(folder).read_bytes() == whole


def test_a_first_line_torn_leaves_an_empty_ledger(folder: Path) -> None:
    Ledger.open(folder)
    file_of(folder).write_bytes(b'{"at":"20')

    assert Ledger.open(folder).append([NOTE])[0].seq == 1


def test_a_file_without_any_line_break_is_refused_however_long(folder: Path) -> None:
    Ledger.open(folder)
    file_of(folder).write_bytes(bytes(LINE_MAX_BYTES + APPEND_MAX_BYTES + 1))

    with pytest.raises(LedgerBroken, match="no line break"):
        Ledger.open(folder)


def test_a_full_disk_announces_nothing(folder: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    before = file_of(folder).read_bytes()

    def refuse(_fd: int) -> None:
        raise OSError(errno.ENOSPC, "no space")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", refuse)
        with pytest.raises(OSError, match="no space"):
            ledger.append([NOTE])

    assert file_of(folder).read_bytes() == before
    assert ledger.append([NOTE])[0].seq == 4


@pytest.mark.parametrize(
    "note",
    [
        Note(LedgerKind.ERASURE, (), AT),
        Note(LedgerKind.ERASURE, (ANNA,) * (SUBJECTS_MAX + 1), AT),
        Note(LedgerKind.ERASURE, (ANNA,), AT.replace(tzinfo=None)),
        Note(LedgerKind.CORRECTION, (ANNA,), AT, ("phone", "13812345678")),
        Note(LedgerKind.CORRECTION, (ANNA,), AT, ("张三",)),
        Note(LedgerKind.CORRECTION, (ANNA,), AT, ("",)),
        Note(LedgerKind.CORRECTION, (ANNA,), AT, ("a",) * (SCOPE_MAX + 1)),
    ],
)
def test_a_note_that_is_not_one_is_refused_and_nothing_is_written(folder: Path, ledger: Ledger, note: Note) -> None:
    before = file_of(folder).read_bytes()

    with pytest.raises(ValueError, match=r"An entry|an entry"):
        ledger.append([NOTE, note])

    assert file_of(folder).read_bytes() == before


def test_an_append_has_limits(ledger: Ledger) -> None:
    largest = Note(LedgerKind.ERASURE, (ANNA,) * SUBJECTS_MAX, AT, ("a" * 64,) * SCOPE_MAX)

    assert ledger.append([largest])[0].seq == 4
    assert ledger.verify().seq == 4
    for notes in ([], [largest] * 10):
        with pytest.raises(ValueError, match="An append takes"):
            ledger.append(notes)
    assert ledger.head().seq == 4


@given(
    notes=st.lists(
        st.builds(
            Note,
            kind=st.sampled_from(LedgerKind),
            subjects=st.lists(st.uuids(), min_size=1, max_size=5).map(tuple),
            at=st.datetimes(min_value=datetime(2000, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
            scope=st.lists(st.from_regex(r"\A[a-z][a-z_.]{0,20}\Z"), max_size=3).map(tuple),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_whatever_is_noted_comes_back(tmp_path_factory: pytest.TempPathFactory, notes: list[Note]) -> None:
    ledger = Ledger.open(tmp_path_factory.mktemp("ledger"))

    ledger.append(notes)

    assert [entry.note for entry in ledger.entries()] == notes


@given(
    line=st.binary(max_size=200)
    | st.fixed_dictionaries(
        {
            "seq": st.integers() | st.floats() | st.text(max_size=3),
            "kind": st.sampled_from(["erasure", "x"]) | st.none(),
            "subjects": st.lists(st.uuids().map(str) | st.text(max_size=3), max_size=2) | st.text(max_size=3),
            "scope": st.lists(st.text(max_size=3), max_size=2) | st.integers(),
            "at": st.sampled_from(["2026-11-21T08:30:15.123456+00:00", "0001-01-01T00:00:00+14:00", "x"]) | st.none(),
            "prev": st.text(max_size=3) | st.none(),
            "hash": st.text(max_size=3) | st.none(),
        }
    ).map(lambda said: json.dumps(said, sort_keys=True, separators=(",", ":")).encode())
)
def test_whatever_is_no_entry_is_refused_as_broken(line: bytes) -> None:
    with pytest.raises(LedgerBroken):
        entry_of(line, None)
