"""Keys under keys."""

from member_hub.crypto.wrapping import (
    COMMIT_LABEL,
    WRAP_DOMAIN,
    CannotOpen,
    derived,
    fingerprint,
    joined,
    unwrap,
    wrap,
    wrapping_cipher,
)
from member_hub.privacy import DataClass
from tests.crypto.samples import ANNA, NONCE, wrapped_key

KEY = bytes(range(32))
CIPHER = wrapping_cipher(bytes(32))


def test_a_wrapped_key_is_exactly_these_bytes() -> None:
    assert wrapped_key(ANNA, DataClass.CONTACT, KEY, version=7).wrapped == bytes.fromhex(
        "01c8c9cacbcccdcecfd0d1d2d33e76ad0fec0e82886a4b58451701118998fff83de64ac1678c1425117143d2dcc18a630f"
        "d5f48973d9716aa1cc331a346a21747766a556dcf7944c374025f443cd0491167ccd24e37b477bf0f458d731"
    )


def test_a_fingerprint_is_exactly_these_bytes() -> None:
    assert fingerprint(KEY) == bytes.fromhex("a9960b4a5622c0cf81209561f44bf0d3")


def test_a_key_opens_under_its_own_cipher_and_context_only() -> None:
    wrapped = wrap(CIPHER, KEY, b"context", NONCE)
    assert unwrap(CIPHER, wrapped, b"context") == KEY
    assert unwrap(CIPHER, wrapped, b"Context") is None
    assert unwrap(wrapping_cipher(KEY), wrapped, b"context") is None


def test_a_key_without_its_commitment_is_refused_although_gcm_accepts_it() -> None:
    # What a holder of the wrapping key could make: the authentication is right, the commitment is another key's.
    body = CIPHER.encrypt(NONCE, KEY, WRAP_DOMAIN + b"\x01context")
    right, wrong = (derived(key, COMMIT_LABEL + b"context") for key in (KEY, bytes(32)))

    assert unwrap(CIPHER, b"\x01" + NONCE + body + wrong, b"context") is None
    assert unwrap(CIPHER, b"\x01" + NONCE + body + right, b"context") == KEY


def test_an_unknown_wrapping_algorithm_is_refused_even_if_authentic() -> None:
    wrapped = wrap(CIPHER, KEY, b"context", NONCE)

    assert unwrap(CIPHER, b"\x02" + wrapped[1:], b"context") is None


def test_no_two_lists_of_parts_are_joined_alike() -> None:
    lists = [(b"ab", b"c"), (b"a", b"bc"), (b"abc",), (b"abc", b""), (b"", b"abc"), ()]

    assert len({joined(*parts) for parts in lists}) == len(lists)


def test_a_refusal_says_where_and_nothing_else() -> None:
    assert str(CannotOpen("vault.data_key", 5)) == "vault.data_key cannot be opened (subject 5)."
    assert str(CannotOpen("vault.key_registry phone 1")) == "vault.key_registry phone 1 cannot be opened."
