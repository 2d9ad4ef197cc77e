"""Positions of bits are stored on every member row: they never move."""

import pytest

from member_hub.consent.history.settling import EVERYTHING, restriction_bits
from member_hub.consent.words import ContactChannel
from member_hub.members import bits
from member_hub.privacy import ProfileField, Purpose

PURPOSES = (
    "member_service customer_support marketing personalisation analytics identity_unification activity_evaluation "
    "rights_handling statutory_disclosure security_audit system_operation"
).split()
FIELDS = "name phone email birthday gender address".split()
CHANNELS = "sms email wechat app_push phone_call post".split()
WORDS = (*PURPOSES, "profiling", *(f"channel.{word}" for word in CHANNELS))


def test_the_words_stand_where_their_bits_were_stored() -> None:
    """A new word goes last: then this list grows, and nothing in it moves."""
    assert list(Purpose) == PURPOSES
    assert list(ProfileField) == FIELDS
    assert list(ContactChannel) == CHANNELS


def test_every_word_of_an_objection_has_a_bit_of_its_own() -> None:
    assert (
        {word: 1 << place for place, word in enumerate(PURPOSES)}
        | {"profiling": 1 << 40}
        | {f"channel.{word}": 1 << 41 + place for place, word in enumerate(CHANNELS)}
    ) == {word: restriction_bits([word]) for word in WORDS}
    assert EVERYTHING < 1 << 63


@pytest.mark.parametrize("purpose", Purpose)
def test_an_objection_restricts_its_purpose_unless_the_law_demands_it(purpose: Purpose) -> None:
    mask = bits.restriction_mask(purpose)

    hiding = {word for word in WORDS if restriction_bits([word]) & mask}
    duties = {"rights_handling", "statutory_disclosure", "security_audit"}
    assert hiding == (
        set() if purpose in duties else {purpose} | ({"profiling"} if purpose == "personalisation" else set())
    )


def test_a_word_that_nobody_knows_restricts_everything_but_the_duties() -> None:
    stated = restriction_bits(["nonsense"])

    free = {purpose for purpose in Purpose if not stated & bits.restriction_mask(purpose)}
    assert free == bits.UNRESTRICTED


@pytest.mark.parametrize("field", ProfileField)
def test_for_what_a_field_is_held_is_kept_beside_the_other_fields(field: ProfileField) -> None:
    others = sum(
        bits.code_of(Purpose.MARKETING) << bits.shift_of(other) for other in ProfileField if other is not field
    )

    for purpose in Purpose:
        held = bits.holding(others, field, purpose)
        for each in ProfileField:
            read_for = {one for one in Purpose if bits.is_held_for(held, each, one)}
            assert read_for == ({purpose} if each is field else {Purpose.MARKETING})
        assert bits.holding(held, field, None) == others
        assert held < 1 << 31  # of an integer column


def test_what_is_held_for_the_service_is_read_for_any_purpose_and_for_an_unknown_one_by_nobody() -> None:
    unknown = len(Purpose) + 1

    assert all(bits.is_held_for(0, ProfileField.NAME, purpose) for purpose in Purpose)
    assert not any(bits.is_held_for(unknown, ProfileField.NAME, purpose) for purpose in Purpose)
