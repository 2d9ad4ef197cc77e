from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from member_hub.clock import SHANGHAI
from member_hub.ingest import values

NOW = datetime(2026, 11, 8, tzinfo=UTC)
CELLS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.decimals() | st.text() | st.datetimes() | st.dates()
)


@given(st.integers(-(10**11) + 1, 10**11 - 1))
def test_an_amount_with_two_decimals_is_exact_to_the_fen(fen: int) -> None:
    said = f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02}"

    assert values.amount_fen(said) == fen
    assert values.amount_fen(Decimal(said)) == fen
    assert values.amount_fen(float(said)) == fen


@pytest.mark.parametrize(
    ("cell", "fen"),
    [("12", 1200), ("12.5", 1250), (" 12.50 ", 1250), ("+1.00", 100), ("１２．５０", 1250), (12, 1200), (0.1, 10)],
)
def test_an_amount_may_be_spelled_like_this(cell: object, fen: int) -> None:
    assert values.amount_fen(cell) == fen


@pytest.mark.parametrize(
    "cell",
    [
        *(
            "",
            "1,2",
            "1.234",
            "1.",
            ".5",
            "1e3",
            "￥1",
            "1 2",
            "1_0",
            "--1",
            "abc",
            "٣",
            "12345678901",
            True,
            None,
            [1],
        ),
        *(0.1 + 0.2, 1e22, float("nan"), float("inf"), Decimal("NaN"), Decimal("1e30"), Decimal("1e-30")),
    ],
)
def test_an_amount_may_not_be_spelled_like_this(cell: object) -> None:
    assert values.amount_fen(cell) is None


@pytest.mark.parametrize("cell", ["12", " 12 ", "+12", "１２", 12, 12.0, Decimal(12)])
def test_a_whole_number_may_be_spelled_like_this(cell: object) -> None:
    assert values.whole(cell, least=0, most=12) == 12


@pytest.mark.parametrize(
    "cell", ["", "1,000", "1.0", "1e1", "0x1", "13", "-1", 12.5, float("inf"), True, None, "9" * 99]
)
def test_a_whole_number_may_not_be_spelled_like_this(cell: object) -> None:
    assert values.whole(cell, least=0, most=12) is None


@pytest.mark.parametrize(
    ("how", "zone", "cell"),
    [
        (None, SHANGHAI, "2026-05-07T12:45:07+08:00"),
        (None, SHANGHAI, "2026-05-07T04:45:07Z"),
        (None, SHANGHAI, "2026-05-07 12:45:07"),
        (None, SHANGHAI, "2026/5/7 12:45:07"),
        (None, SHANGHAI, "2026年5月7日 12:45:07"),
        (None, SHANGHAI, 1778129107),
        (None, SHANGHAI, "1778129107000"),
        (None, timezone(timedelta(hours=-4)), "2026-05-07 00:45:07"),
        (None, timezone(timedelta(hours=-4)), datetime(2026, 5, 7, 0, 45, 7)),  # noqa: DTZ001 - the mapping has the zone
        ("s", SHANGHAI, "1778129107"),
        ("ms", SHANGHAI, 1778129107000),
        ("ms", SHANGHAI, datetime(2026, 5, 7, 4, 45, 7, tzinfo=UTC)),
        ("%d.%m.%Y %H-%M-%S", SHANGHAI, "07.05.2026 12-45-07"),
        ("%d.%m.%Y %H-%M-%S %z", SHANGHAI, "07.05.2026 04-45-07 +0000"),
    ],
)
def test_a_moment_is_read_in_its_format_and_zone(how: str | None, zone: timezone, cell: object) -> None:
    assert values.moments(how, zone, now=NOW)(cell) == datetime(2026, 5, 7, 4, 45, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("how", "cell"),
    [
        (None, "2026-02-30 10:00:00"),
        (None, "2026-11-10T00:00:00+08:00"),
        (None, "1999-01-01"),
        (None, "yesterday"),
        ("ms", "yesterday"),
        ("s", 1778129107000),
        ("ms", 10**14),
        ("%d.%m.%Y", "2026-05-07"),
        ("%d.%m.%Y", None),
    ],
)
def test_a_moment_that_is_none_or_out_of_range_is_not_read(how: str | None, cell: object) -> None:
    assert values.moments(how, SHANGHAI, now=NOW)(cell) is None


def test_a_spelling_without_zone_is_not_guessed_where_the_mapping_names_another_zone() -> None:
    assert values.moments(None, UTC, now=NOW)("2026-5-7 12:45:07") is None


def test_a_day_is_read_in_its_format() -> None:
    today = date(2026, 11, 8)

    assert values.days("%d/%m/%Y", today=today)("03/02/1961") == date(1961, 2, 3)
    assert values.days("%d/%m/%Y", today=today)(date(1961, 2, 3)) == date(1961, 2, 3)
    assert values.days("%d/%m/%Y", today=today)("1961-02-03") is None
    assert values.days(None, today=today)("1961年2月3日") == date(1961, 2, 3)


@pytest.mark.parametrize(
    ("cell", "said"), [(True, True), ("是", True), ("Y", True), (0, False), ("否", False), ("?", None)]
)
def test_yes_and_no_have_their_words(cell: object, said: bool | None) -> None:
    assert values.boolean(cell) is said


def test_text_is_printable_and_bounded() -> None:
    assert values.text(" a\0b\u200b\tc ") == "ab c"
    assert values.text(" \t") is None
    assert values.text("x" * 201) is None
    assert values.text(7) == "7"
    assert values.text(True) is None


@given(CELLS)
def test_no_cell_makes_reading_it_fail(cell: object) -> None:
    values.text(cell)
    values.boolean(cell)
    values.amount_fen(cell)
    values.whole(cell, least=0, most=10)
    assert values.is_blank(cell) in (True, False)
    for how in (None, "s", "ms", "%Y"):
        for zone in (SHANGHAI, UTC):
            values.moments(how, zone, now=NOW)(cell)
        values.days(None if how in ("s", "ms") else how, today=NOW.date())(cell)
