"""A ticket number goes on record; what reaches or names a person does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from member_hub.revealing import reference_of, staff_number_of
from member_hub.revealing.rules import BadReference, BadStaffNumber

DIGITS = "0123456789"
LETTERS = st.text("ABCDXYZ", max_size=6)
NINE = st.text(DIGITS, min_size=9, max_size=9)
PHONES = st.builds("{}1{}{}".format, st.sampled_from(["", "86", "0086"]), st.sampled_from("3456789"), NINE)


@pytest.mark.parametrize(
    "text", ["CS-20261122-001", "20261122-0013", "A", "case-7", "TICKET-00001", "INC12345678", "0-" * 12 + "A"]
)
def test_a_ticket_number_is_taken_as_it_is(text: str) -> None:
    assert reference_of(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "013812345670",
        "0-138-1234-5670",
        "110105491231002",  # an identity number of 15 digits
        "zhangwei-19610203",
        "19610203",
        "1961-02-03",
        "zhangwei",
        "6222020200112233445",  # a bank card
        "6222-0202-0011-2233",
        "0571-88881234",
        "2026112200013",
    ],
)
def test_what_reaches_or_names_somebody_is_no_ticket_number(text: str) -> None:
    with pytest.raises(BadReference):
        reference_of(text)


def test_a_reference_may_be_left_out() -> None:
    assert reference_of(None) is None


@given(LETTERS, PHONES, LETTERS, st.data())
def test_no_phone_is_taken_however_it_is_hyphenated(before: str, phone: str, after: str, data: st.DataObject) -> None:
    hyphened = "".join(digit + data.draw(st.sampled_from(["", "", "-"])) for digit in phone)
    text = f"{before}{hyphened}{after}"

    with pytest.raises(BadReference):
        reference_of(text)


@given(st.text(max_size=50))
def test_whatever_is_taken_is_short_and_plain(text: str) -> None:
    try:
        taken = reference_of(text)
    except BadReference:
        return

    assert taken == text
    assert 1 <= len(text) <= 40
    assert text.isascii()


@pytest.mark.parametrize("text", ["E0001", "auth0|5f7c8ec7c33c6c004bbafe82", "development.store_manager", "S-1042"])
def test_a_staff_number_is_what_credentials_carry(text: str) -> None:
    assert staff_number_of(text) == text


@pytest.mark.parametrize("text", ["", "张三", "li.si@example.com", "S 1042", "x" * 101, "S-1\n"])
def test_a_name_or_an_address_is_no_staff_number(text: str) -> None:
    with pytest.raises(BadStaffNumber):
        staff_number_of(text)
