"""What a token states is read in one way only, whoever verifies it afterwards."""

import json
from base64 import urlsafe_b64encode

import pytest

from member_hub.access import Unauthenticated, stated


def b64(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


HEADER, CLAIMS, SIGNATURE = b64(b'{"alg":"X"}'), b64(b'{"iss":"y","n":[1]}'), b64(b"1234")


def test_three_parts_are_read() -> None:
    found = stated.read(f"{HEADER}.{CLAIMS}.{SIGNATURE}")

    assert (found.header, found.claims) == ({"alg": "X"}, {"iss": "y", "n": [1]})


@pytest.mark.parametrize(
    "token",
    [
        "",
        "..",
        f"{HEADER}.{CLAIMS}",
        f"{HEADER}.{CLAIMS}.{SIGNATURE}.",
        f"{HEADER}.{CLAIMS}.{SIGNATURE[:-1]}B",  # the same bytes, but for bits that nobody reads
        f"{HEADER}.{CLAIMS}.{SIGNATURE}=",
        f"{HEADER}=.{CLAIMS}.{SIGNATURE}",
        f"{HEADER[:4]}!{HEADER[4:]}.{CLAIMS}.{SIGNATURE}",
        f"{HEADER}.{CLAIMS[:4]}\n{CLAIMS[4:]}.{SIGNATURE}",
        f"{HEADER}.{CLAIMS}.{SIGNATURE}é",
        f"{b64(b'null')}.{CLAIMS}.{SIGNATURE}",
        f"{b64(b'{')}.{CLAIMS}.{SIGNATURE}",
    ],
    ids=range(12),
)
def test_another_form_is_refused(token: str) -> None:
    with pytest.raises(Unauthenticated):
        stated.read(token)


@pytest.mark.parametrize(
    "claims",
    [
        b"[]",
        b"\xff",
        b'{"a":1,"a":1}',
        b'{"a":{"b":1,"b":2}}',
        b'{"a":NaN}',
        b"[" * 9000,
        json.dumps({"a": "x" * 16_384}).encode(),
        b'{"a":' + b"1" * 5000 + b"}",
    ],
    ids=range(8),
)
def test_other_claims_are_refused(claims: bytes) -> None:
    with pytest.raises(Unauthenticated):
        stated.read(f"{HEADER}.{b64(claims)}.{SIGNATURE}")
