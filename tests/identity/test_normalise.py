"""One spelling per identifier, value and time; junk told from what is only wrong."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from member_hub.identity import normalise
from member_hub.identity.normalise import ClaimKind, Verdict

TODAY = date(2026, 11, 8)
LOCAL = datetime.fromisoformat("2026-05-07 12:45:07")  # as a Parquet file without zones gives it
NOW = datetime(2026, 11, 8, 4, tzinfo=UTC)
NATIONAL = "13900000123"
EXAMPLE = f"+86{NATIONAL}"
ANYTHING = st.one_of(
    st.text(), st.integers(), st.floats(), st.none(), st.booleans(), st.binary(), st.lists(st.text(), max_size=2)
)


@pytest.mark.parametrize(
    "typed",
    [
        NATIONAL,
        f"+86{NATIONAL}",
        f"+86 {NATIONAL[:3]}-{NATIONAL[3:7]}-{NATIONAL[7:]}",
        f"0086{NATIONAL}",
        f"86{NATIONAL}",
        f"0{NATIONAL}",
        f" {NATIONAL}\u3000",
        f"{NATIONAL[:3]} {NATIONAL[3:7]} {NATIONAL[7:]}",
        f"\u200e{NATIONAL}\u202c",
        "".join(chr(ord(digit) + 0xFEE0) for digit in NATIONAL),
        int(NATIONAL),
    ],
)
def test_every_spelling_of_a_phone_is_one_number(typed: object) -> None:
    assert normalise.phone(typed) == EXAMPLE


def test_a_foreign_number_needs_its_country_code() -> None:
    assert normalise.phone("+44 20 7946 0958") == "+442079460958"
    assert normalise.phone("0044 20 7946 0958") == "+442079460958"
    assert normalise.phone("7946 0958") is None


@pytest.mark.parametrize(
    "typed",
    [
        "00000000000",
        "11111111111",
        "12345678901",
        "13800138000",
        "98765432109",
        "13612345678",
        "无",
        "不方便",
        "400-820-8820",
    ],
)
def test_a_phone_typed_to_fill_the_field_is_junk(typed: str) -> None:
    assert normalise.identifier(ClaimKind.PHONE, typed) == normalise.Normalised(Verdict.JUNK)


@pytest.mark.parametrize(
    "typed", ["138****5678", "123", NATIONAL[:-1], f"{NATIONAL}x12", f"{NATIONAL}/{NATIONAL}", True, 1.5]
)
def test_what_is_no_phone_is_invalid(typed: object) -> None:
    assert normalise.identifier(ClaimKind.PHONE, typed).verdict is Verdict.INVALID


@pytest.mark.parametrize("kind", list(ClaimKind))
@pytest.mark.parametrize("blank", [None, "", "  ", "\u3000"])
def test_nothing_stated_is_empty(kind: ClaimKind, blank: str | None) -> None:
    assert normalise.identifier(kind, blank).verdict is Verdict.EMPTY


@pytest.mark.parametrize("typed", ["Li.Na@QQ.com", " li.na@qq.com ", "ｌｉ．ｎａ＠ｑｑ．ｃｏｍ"])
def test_every_spelling_of_an_address_is_one(typed: str) -> None:
    assert normalise.email(typed) == "li.na@qq.com"


@pytest.mark.parametrize(
    "typed",
    ["test@test.com", "TEST@TEST.COM", "a@a.com", "noreply@brand.cn", "x@example.com", "123456@qq.com", "无", "null"],
)
def test_an_address_typed_to_fill_the_field_is_junk(typed: str) -> None:
    assert normalise.identifier(ClaimKind.EMAIL, typed).verdict is Verdict.JUNK


@pytest.mark.parametrize("typed", ["li.na", "li na@qq.com", "li..na@qq.com", "li@localhost", "@qq.com", "li@", 7])
def test_what_is_no_address_is_invalid(typed: object) -> None:
    assert normalise.identifier(ClaimKind.EMAIL, typed).verdict is Verdict.INVALID


@pytest.mark.parametrize(
    "kind", [ClaimKind.ACCOUNT, ClaimKind.UNIONID, ClaimKind.OPENID, ClaimKind.CARD, ClaimKind.DEVICE]
)
@pytest.mark.parametrize("typed", ["null", "NULL", "-1", "0", "0000-0000", "anonymous", "undefined", "未知"])
def test_placeholders_are_junk_for_every_identifier(kind: ClaimKind, typed: str) -> None:
    assert normalise.identifier(kind, typed).verdict is Verdict.JUNK


def test_identifiers_keep_their_case_and_lose_their_blanks() -> None:
    assert normalise.unionid(" o6_Ab-9 ") == "o6_Ab-9"
    assert normalise.account("W００１") == "W001"
    assert normalise.card("8800 1122 33") == "8800112233"
    assert normalise.device("dev 1") is None
    assert normalise.openid("o" * 65) is None


@pytest.mark.parametrize(
    ("typed", "display", "compare"),
    [
        ("张伟", "张伟", "张伟"),
        (" 張\u3000偉 ", "張偉", "张伟"),
        ("欧 阳娜娜", "欧阳娜娜", "欧阳娜娜"),
        ("张伟先生", "张伟先生", "张伟"),
        ("张伟(老顾客)", "张伟", "张伟"),
        ("😀张伟", "张伟", "张伟"),
        ("余𠮷", "余𠮷", "余𠮷"),
        ("董𬭎", "董𬭎", "董𬭎"),
        ("阿卜杜拉・买买提", "阿卜杜拉·买买提", "阿卜杜拉·买买提"),
        ("SMITH, John", "SMITH, John", "john smith"),
    ],
)
def test_a_full_name_is_shown_as_typed_and_compared_simplified(typed: str, display: str, compare: str) -> None:
    name = normalise.name(typed)

    assert name is not None
    assert (name.display, name.compare, name.is_full) == (display, compare, True)


@pytest.mark.parametrize(
    ("typed", "surname"),
    [
        ("张*", "张"),
        ("張**", "张"),
        ("张＊＊", "张"),
        ("张先生", "张"),
        ("王 女士", "王"),
        ("欧阳", "欧阳"),
        ("欧阳女士", "欧阳"),
        ("欧阳*", "欧阳"),
        ("尉***", "尉"),
        ("张某某", "张"),
        ("张*伟", "张"),
        ("张", "张"),
        ("Mr. Smith", "smith"),
        ("J***", "j"),
    ],
)
def test_masks_and_honorifics_leave_the_surname_only(typed: str, surname: str) -> None:
    name = normalise.name(typed)

    assert name is not None
    assert (name.surname, name.is_full) == (surname, False)


@pytest.mark.parametrize(
    "typed", ["", "无", "用户3979", "*伟", "测试", "'; DROP TABLE members;--", "12345", "😀", None, 7, "张" * 41]
)
def test_what_is_no_name_is_none(typed: object) -> None:
    assert normalise.name(typed) is None


@pytest.mark.parametrize(
    ("one", "other", "agreement"),
    [
        ("张伟", "張 偉", "full"),
        ("John Smith", "Smith, John", "full"),
        ("刘宣", "刘轩", "homophone"),
        ("何佳小", "何嘉晓", "homophone"),
        ("张伟", "张*", "surname_only"),
        ("张伟", "张先生", "surname_only"),
        ("欧*", "欧阳锋", "surname_only"),
        ("张*", "张女士", "surname_only"),
        ("Smith", "John Smith", "surname_only"),
        ("张伟", "张强", "conflict"),
        ("张伟", "章伟", "conflict"),
        ("张伟", "李先生", "conflict"),
        ("欧阳锋", "欧冠", "conflict"),
        ("John Smith", "Jane Smith", "conflict"),
        ("张伟", "Zhang Wei", "unknown"),
        ("Lily", "Rose", "unknown"),
        ("张伟", None, "unknown"),
    ],
)
def test_how_two_names_agree(one: str | None, other: str | None, agreement: str) -> None:
    a, b = normalise.name(one), normalise.name(other)

    assert normalise.names_agree(a, b) == agreement
    assert normalise.names_agree(b, a) == agreement


@pytest.mark.parametrize(
    "typed",
    [
        "1961-02-03",
        "1961/2/3",
        "1961.02.03",
        "19610203",
        "1961年2月3日",
        "１９６１年０２月０３日",
        " 1961-02-03 00:00:00 ",
        "1961-02-02T16:00:00Z",
        19610203,
        date(1961, 2, 3),
        LOCAL.replace(year=1961, month=2, day=3),
    ],
)
def test_every_spelling_of_a_birth_date_is_one_day(typed: object) -> None:
    assert normalise.birth_date(typed, today=TODAY) == date(1961, 2, 3)


def test_a_midnight_of_the_summers_of_1986_to_1991_is_the_day_that_was_meant() -> None:
    assert normalise.birth_date("1990-05-31T15:00:00Z", today=TODAY) == date(1990, 6, 1)


@pytest.mark.parametrize(
    "typed",
    ["1961-02-30", "0000-00-00", "610203", "1961-02", "2026-11-09", "1906-11-07", "soon", None, "", 7],
)
def test_what_is_no_birth_date_is_none(typed: object) -> None:
    assert normalise.birth_date(typed, today=TODAY) is None


def test_120_years_and_today_are_the_limits_of_a_birth_date() -> None:
    assert normalise.birth_date("1906-11-08", today=TODAY) == date(1906, 11, 8)
    assert normalise.birth_date("2026-11-08", today=TODAY) == TODAY


def test_genders() -> None:
    assert [normalise.gender(word) for word in ("男", "M", "male", 1)] == ["M"] * 4
    assert [normalise.gender(word) for word in ("女", "f", "Female", "2")] == ["F"] * 4
    assert [normalise.gender(word) for word in ("", None, "0", "未知", "x")] == [None] * 5


@pytest.mark.parametrize(
    "typed",
    [
        "2026-05-07T12:45:07+08:00",
        "2026-05-07T04:45:07Z",
        "2026-05-07 12:45:07",
        "2026/5/7 12:45:07",
        "2026-05-07T10:15:07.000+05:30",
        1778129107000,
        "1778129107000",
        1778129107,
        LOCAL,
        datetime(2026, 5, 7, 4, 45, 7, tzinfo=UTC),
    ],
)
def test_every_spelling_of_a_moment_is_one(typed: object) -> None:
    assert normalise.timestamp(typed, now=NOW) == datetime(2026, 5, 7, 4, 45, 7, tzinfo=UTC)


def test_milliseconds_are_kept_exactly() -> None:
    assert normalise.timestamp(1778129107123, now=NOW) == datetime(2026, 5, 7, 4, 45, 7, 123000, tzinfo=UTC)


@pytest.mark.parametrize(
    "typed",
    [
        "1999-12-31",
        "2026-11-10",
        "2026-02-30 00:00",
        "2026-05-07T12:45:07+99:00",
        "now",
        None,
        "",
        True,
        10**30,
    ],
)
def test_what_is_no_moment_is_none(typed: object) -> None:
    assert normalise.timestamp(typed, now=NOW) is None


def test_an_endless_integer_is_none_of_anything() -> None:
    assert normalise.timestamp(10**5000, now=NOW) is None
    assert normalise.birth_date(10**5000, today=TODAY) is None
    assert normalise.phone(10**5000) is None


@given(ANYTHING)
def test_nothing_raises_on_any_input(raw: object) -> None:
    for kind in ClaimKind:
        read = normalise.identifier(kind, raw)
        assert (read.value is not None) == (read.verdict is Verdict.OK)
    assert normalise.gender(raw) in ("M", "F", None)
    day = normalise.birth_date(raw, today=TODAY)
    assert day is None or day <= TODAY
    moment = normalise.timestamp(raw, now=NOW)
    assert moment is None or moment.tzinfo is UTC
    name = normalise.name(raw)
    assert name is None or name.surname


@given(
    st.sampled_from(list(ClaimKind)), st.one_of(st.text(), st.from_regex(r"1[3-9]\d{9}", fullmatch=True), st.emails())
)
def test_reading_what_was_read_changes_nothing(kind: ClaimKind, raw: str) -> None:
    value = normalise.identifier(kind, raw).value
    if value is not None:
        assert normalise.identifier(kind, value).value == value


@given(
    st.text(alphabet="张伟欧阳娜先生*Jo hn·😀轩宣", max_size=8),
    st.text(alphabet="张伟欧阳娜先生*Jo hn·😀轩宣", max_size=8),
)
def test_agreeing_is_symmetrical_and_a_full_name_agrees_with_itself(one: str, other: str) -> None:
    a, b = normalise.name(one), normalise.name(other)

    assert normalise.names_agree(a, b) is normalise.names_agree(b, a)
    if a is not None and a.is_full:
        assert normalise.names_agree(a, normalise.name(a.display)) is normalise.Agreement.FULL
