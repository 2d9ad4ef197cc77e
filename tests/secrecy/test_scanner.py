"""What the scanner finds: every needle in every writing, wherever it begins; and nothing else."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.secrecy.scanner import OVERLAP_BYTES, WINDOW_BYTES, Scanner
from tests.secrecy.writings import WRITINGS

NEEDLES = ("13912345678", "欧阳娜", "梧桐路88号3栋1202室", "a-b_c+d@mail.cn", "dev-0a1b2c3d4e5f", "𠮷田小䶮")


@pytest.mark.parametrize("writing", WRITINGS)
@settings(max_examples=30)
@given(before=st.binary(max_size=40), after=st.binary(max_size=40), needle=st.sampled_from(NEEDLES))
def test_a_needle_is_found_in_every_writing(writing: str, before: bytes, after: bytes, needle: str) -> None:
    written = WRITINGS[writing](needle)

    for padding in (b"\xff", bytes(50)):
        found = {one for one, _ in Scanner(NEEDLES).scan(before + padding + written + padding + after)}
        assert needle in found


@given(st.binary(max_size=400))
def test_nothing_is_found_where_nothing_is(noise: bytes) -> None:
    assert list(Scanner(NEEDLES).scan(noise)) == []


@pytest.mark.parametrize("writing", WRITINGS)
def test_a_needle_is_found_across_the_edges_of_windows(tmp_path: Path, writing: str) -> None:
    written = WRITINGS[writing]("梧桐路88号3栋1202室")
    for shift in range(-len(written), 2):
        (tmp_path / "file").write_bytes(b"\xff" * (WINDOW_BYTES + shift) + written + b"\xff" * WINDOW_BYTES)

        [hit] = {hit.needle for hit in Scanner(["梧桐路88号3栋1202室"]).scan_files([tmp_path / "file"])}

        assert hit == "梧桐路88号3栋1202室"


def test_the_name_of_a_file_is_scanned_too(tmp_path: Path) -> None:
    (tmp_path / "13912345678.csv").write_bytes(b"")

    [hit] = Scanner(NEEDLES).scan_files([tmp_path / "13912345678.csv"])

    assert (hit.needle, hit.form) == ("13912345678", "utf-8")


def test_what_stands_twice_is_found_where_it_stood_first_and_scanned_once(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_bytes(b"13912345678")

    hits = Scanner(NEEDLES).scan_files([tmp_path / "one", tmp_path / "two"])

    assert [Path(hit.file).name for hit in hits] == ["one"]


@pytest.mark.parametrize("needle", ["12345", "张三", "x" * OVERLAP_BYTES])
def test_a_needle_that_is_too_short_or_too_long_is_refused(needle: str) -> None:
    with pytest.raises(ValueError, match="too short or too long"):
        Scanner([needle])
