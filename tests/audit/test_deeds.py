"""What was done about consent is told in the words that the state machines write."""

import pytest

from member_hub.audit.deeds import LABELS, Deed, deeds_of
from member_hub.consent import machine

WRITTEN = {word for table in (machine.CONSENT, machine.GUARDIAN_LINK) for _, word in table.values()}


def test_every_word_of_the_machines_is_told() -> None:
    rest = {"notice", "guardian.proposed", "restrict.applied", "restrict.changed", "restrict.lifted", "field.forgotten"}
    assert set(LABELS) == WRITTEN | rest


@pytest.mark.parametrize("language", [0, 1])
def test_no_two_are_told_alike(language: int) -> None:
    assert len({label[language] for label in LABELS.values()}) == len(LABELS)


def test_fields_keys_and_invented_words_are_no_deeds() -> None:
    said = ["key:phone", "member.phone:CLEAR", "reason:CALL_BACK", "field.forgotten:member.name", "asked:3"]

    assert list(deeds_of([*said, "guardian.linked", "member.birthday:FORGET"])) == [
        Deed("guardian.linked", ""),
        Deed("field.forgotten", "member.birthday"),
    ]
