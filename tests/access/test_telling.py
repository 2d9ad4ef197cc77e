"""What reaches or names a person is told from the numbers that systems give."""

import pytest

from member_hub.access.telling import tells_who


@pytest.mark.parametrize(
    "text",
    ["13812345670", "8613812345670", "008613812345670", "013812345670", "wx13812345670", "138 1234 5670",
     "corp|13812345670", "11010519491231002X", "id:11010519491231002x", "110105491231002"],
)  # fmt: skip
def test_mobile_and_identity_numbers_are_found(text: str) -> None:
    assert tells_who(text)


@pytest.mark.parametrize(
    "text",
    ["E1001", "S-1042", "auth0|5f7c8ec7c33c6c004bbafe82", "105571089123456789012", "1844674407370955161",
     "110105194912310021", "991332491331002", "12812345670", "4a1c2d3e-0000-4000-8000-013812345670"],
)  # fmt: skip
def test_numbers_of_systems_are_not(text: str) -> None:
    assert not tells_who(text)
