"""Whose a row in quarantine is, of which only tokens are known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from member_hub.ids import MemberId, uuid7
from member_hub.ingest.holder import Others, given_out_with, goes_with
from member_hub.privacy import Person

MY_NUMBER, MY_PHONE, MY_EMAIL = b"my number", b"my phone", b"my e-mail"
FAMILY_PHONE, HIS_NUMBER, HIS_EMAIL, UNKNOWN = b"family phone", b"his number", b"his e-mail", b"unknown"
ME = Person(MemberId(uuid7()), [], [], tokens=[MY_NUMBER, MY_PHONE, MY_EMAIL, FAMILY_PHONE], own_numbers=[MY_NUMBER])
HIS = Others(stated={FAMILY_PHONE, HIS_NUMBER, HIS_EMAIL}, numbers={HIS_NUMBER})
TOKENS = (MY_NUMBER, MY_PHONE, MY_EMAIL, FAMILY_PHONE, HIS_NUMBER, HIS_EMAIL, UNKNOWN)


@pytest.mark.parametrize(
    ("tokens", "is_erased", "is_given_out"),
    [
        ([MY_NUMBER], True, True),
        ([MY_NUMBER, FAMILY_PHONE, HIS_EMAIL], True, True),  # mine, whatever else somebody typed into it
        ([MY_EMAIL], True, True),
        ([MY_EMAIL, FAMILY_PHONE], True, True),
        ([FAMILY_PHONE], True, False),  # his as well as mine
        ([MY_EMAIL, HIS_EMAIL], True, False),
        ([HIS_NUMBER, FAMILY_PHONE], False, False),  # his
        ([HIS_NUMBER, MY_EMAIL], False, False),
        ([MY_NUMBER, HIS_NUMBER], True, False),  # a number that two apps have given out
    ],
)
def test_a_refused_row_is_erased_and_given_out_by_what_is_in_it(
    tokens: list[bytes], is_erased: bool, is_given_out: bool
) -> None:
    assert goes_with(ME, tokens, HIS) is is_erased
    assert given_out_with(ME, tokens, HIS) is is_given_out


@given(st.sets(st.sampled_from(TOKENS)))
def test_what_is_given_out_is_erased_and_never_has_the_number_of_somebody_else(tokens: set[bytes]) -> None:
    if given_out_with(ME, tokens, HIS):
        assert goes_with(ME, tokens, HIS)
        assert HIS_NUMBER not in tokens
        assert tokens & {MY_NUMBER, MY_PHONE, MY_EMAIL}


@given(st.sets(st.sampled_from(TOKENS)))
def test_an_identifier_that_nobody_states_changes_nothing(tokens: set[bytes]) -> None:
    assert goes_with(ME, tokens | {UNKNOWN}, HIS) is goes_with(ME, tokens, HIS)
    assert given_out_with(ME, tokens | {UNKNOWN}, HIS) is given_out_with(ME, tokens, HIS)
