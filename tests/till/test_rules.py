"""How a member code is written and read: one spelling goes out, every usual one comes in."""

from hypothesis import given
from hypothesis import strategies as st

from member_hub.till.rules import CODE_BYTES, CODE_CHARS, TEXT_CHARS_MAX, grouped, read, written

CODES = st.binary(min_size=CODE_BYTES, max_size=CODE_BYTES)
USUAL = str.maketrans({"0": "o", "1": "l"})


@given(CODES)
def test_a_code_is_read_as_it_was_written(code: bytes) -> None:
    text = written(code)

    assert len(text) == CODE_CHARS == 16
    assert not set(text) & set("ILOU")
    assert read(text) == code


@given(CODES)
def test_case_blanks_hyphens_and_lookalikes_do_not_count(code: bytes) -> None:
    text = written(code)

    assert grouped(text).count("-") == 3
    assert read(grouped(text)) == read(f"  {text.lower()} ") == read(text.translate(USUAL)) == code


@given(CODES, CODES)
def test_two_codes_are_never_written_alike(one: bytes, other: bytes) -> None:
    assert (written(one) == written(other)) == (one == other)


@given(st.text(max_size=TEXT_CHARS_MAX + 5))
def test_whatever_else_is_typed_is_a_code_or_nothing(text: str) -> None:
    code = read(text)

    assert code is None or len(code) == CODE_BYTES


def test_what_is_longer_than_anybody_types_is_not_looked_at() -> None:
    code = written(bytes(range(CODE_BYTES)))

    assert read(code + " " * (TEXT_CHARS_MAX - CODE_CHARS)) == bytes(range(CODE_BYTES))
    assert read(code + " " * (TEXT_CHARS_MAX - CODE_CHARS + 1)) is None
