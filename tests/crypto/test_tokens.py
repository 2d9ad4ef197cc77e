"""The blind index: equal for equal values, and telling nothing else."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from member_hub.clock import Clock
from member_hub.crypto import IndexKind, Vault
from tests.crypto.samples import key_bytes, ring_of

PHONE = "+8613912345678"


def vault_of(index: Mapping[tuple[str, int], bytes]) -> Vault:
    return Vault(ring_of(index=index), Clock())


def test_a_token_is_exactly_these_bytes() -> None:
    vault = Vault(ring_of(), Clock())

    assert vault.token("phone", "", PHONE) == bytes.fromhex("aaa4dfd36df30a7b5bdbb9ad3e84c280")
    assert vault.token(IndexKind.PHONE, "", PHONE) == vault.token("phone", "", PHONE)


@given(st.lists(st.tuples(st.sampled_from(["phone", "email"]), st.text(max_size=4), st.text(max_size=4)), unique=True))
def test_different_identifiers_have_different_tokens_even_under_one_key(stated: list[tuple[str, str, str]]) -> None:
    vault = Vault(ring_of(), Clock())  # every kind has the same key here

    assert len({vault.token(*identifier) for identifier in stated}) == len(stated)


def test_during_a_rotation_both_versions_are_looked_up_and_the_newest_is_made() -> None:
    vault = vault_of({("phone", 2): key_bytes(2)})

    both = vault.tokens_all_versions("phone", "", PHONE)

    assert list(both) == [2, 1]
    assert both[1] == vault.token("phone", "", PHONE, version=1) == Vault(ring_of(), Clock()).token("phone", "", PHONE)
    assert both[2] == vault.token("phone", "", PHONE) != both[1]
    assert (vault.token_version("phone"), vault.token_version("email")) == (2, 1)


def test_what_has_no_key_has_no_token() -> None:
    vault = Vault(ring_of(), Clock())

    with pytest.raises(KeyError):
        vault.token("passport", "", "E12345678")
    with pytest.raises(KeyError):
        vault.token("phone", "", PHONE, version=2)


def test_a_value_without_utf_8_form_is_refused_without_being_shown() -> None:
    with pytest.raises(ValueError, match="no UTF-8 form") as refusal:
        Vault(ring_of(), Clock()).token("phone", "", PHONE + "\ud800")

    assert PHONE not in repr(refusal.value)
    assert refusal.value.__context__ is None


def test_the_inbox_tells_messages_and_payloads_apart() -> None:
    vault = Vault(ring_of(), Clock())

    keys = [vault.message_key(*message) for message in (("website", "m1"), ("app", "m1"), ("website", "m2"))]
    digests = [vault.message_digest(payload) for payload in (b"m1", b"m2", b"")]

    assert len({*keys, *digests, vault.token("account", "website", "m1")}) == 7
    assert {len(kept) for kept in keys + digests} == {16}
    assert vault.message_key("website", "m1") == keys[0]
    assert vault.message_digest(b"m1") == digests[0]
