"""One value, sealed for one place: exact bytes, and nothing else is ever accepted."""

import logging
from collections.abc import Callable
from uuid import UUID

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from member_hub.crypto import CannotOpen, Item, KeySet, Sealed, sealing
from member_hub.crypto.keycache import KeyCache
from member_hub.crypto.sealing import CLASS_CODES, HEADER, place_of
from member_hub.crypto.wrapping import SEAL_LABEL, derived
from member_hub.errors import Misconfigured
from member_hub.privacy import DataClass
from tests.crypto.samples import ANNA, BELA, NONCE, Card, column_of, key_bytes, keys_of, ring_of, wrapped_key

CLASSES = pytest.mark.parametrize("data_class", list(DataClass))
VALUE = "浙江省杭州市"


def flipped(data: bytes) -> list[bytes]:
    """Every copy of the data with one bit changed."""
    return [data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :] for at in range(len(data)) for bit in range(8)]


def refuses(action: Callable[[], object]) -> bool:
    try:
        action()
    except CannotOpen:
        return True
    return False


def test_aes_256_gcm_is_the_one_of_nist() -> None:
    # Test case 16 of McGrew and Viega, as in NIST's CAVS vectors.
    key = bytes.fromhex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308")
    plain = bytes.fromhex(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
    )
    bound = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")

    body = AESGCM(key).encrypt(bytes.fromhex("cafebabefacedbaddecaf888"), plain, bound)

    assert body == bytes.fromhex(
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
        "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b"
    )


def test_keys_are_derived_by_hkdf_expand() -> None:
    assert derived(bytes(32), b"label") == HKDFExpand(hashes.SHA256(), 32, b"label").derive(bytes(32))


def test_a_sealed_value_is_exactly_these_bytes() -> None:
    cipher = AESGCM(derived(bytes(range(32)), SEAL_LABEL))
    row = bytes.fromhex("000000080000000000000003")

    sealed = sealing.seal(
        cipher, place_of(column_of(DataClass.CONTACT)), "张三丰", version=7, subject=ANNA.bytes, row=row, nonce=NONCE
    )

    assert sealed == bytes.fromhex(
        "010100000007c8c9cacbcccdcecfd0d1d2d37d4819e6dd8da1729e09040c33f76427990223c17c89b646f9e04172324a0fec"
    )


def test_every_data_class_has_a_code_of_its_own_for_ever() -> None:
    assert {data_class.value: code for data_class, code in CLASS_CODES.items()} == {
        "contact": 1,
        "profile": 2,
        "identifier": 3,
        "consent": 4,
        "commerce": 5,
        "intake": 6,
    }
    assert set(CLASS_CODES) == set(DataClass)


@CLASSES
def test_no_bit_of_a_sealed_value_can_change(data_class: DataClass) -> None:
    column = column_of(data_class)
    keys = keys_of(*(wrapped_key(ANNA, one, key_bytes(CLASS_CODES[one])) for one in DataClass))
    sealed = keys.seal(column, ANNA, VALUE, row=b"1")

    forgeries = [*flipped(sealed), *(sealed[:cut] for cut in range(len(sealed))), sealed + b"\0"]

    assert [f for f in forgeries if not refuses(lambda f=f: keys.open(column, ANNA, f, row=b"1"))] == []
    assert keys.open(column, ANNA, sealed, row=b"1") == VALUE


@CLASSES
@pytest.mark.parametrize("same_key", [True, False], ids=["one key everywhere", "keys of their own"])
def test_a_value_opens_only_in_its_own_place(data_class: DataClass, same_key: bool) -> None:
    # With one key everywhere, nothing but the binding to the place keeps the values apart.
    def key(number: int) -> bytes:
        return key_bytes(0 if same_key else number)

    rows = [
        wrapped_key(subject, one, key(CLASS_CODES[one] + 10 * version + 100 * (subject == BELA)), version=version)
        for one in DataClass
        for subject in (ANNA, BELA)
        for version in (1, 2)
    ]
    keys = keys_of(*rows)
    sealed = keys.seal(column_of(data_class), ANNA, VALUE, row=b"1")
    older = HEADER.pack(1, CLASS_CODES[data_class], 1) + sealed[6:]
    elsewhere = [(column_of(data_class), BELA, sealed, b"1"), (column_of(data_class, too=True), ANNA, sealed, b"1")]
    elsewhere += [(column_of(other), ANNA, sealed, b"1") for other in DataClass if other is not data_class]
    elsewhere += [
        (column_of(other), ANNA, HEADER.pack(1, CLASS_CODES[other], 2) + sealed[6:], b"1")
        for other in DataClass
        if other is not data_class
    ]
    elsewhere += [(column_of(data_class), ANNA, sealed, row) for row in (b"", b"2", b"11", b"1\0")]
    elsewhere += [(column_of(data_class), ANNA, older, b"1")]

    accepted = [place for place in elsewhere if not refuses(lambda p=place: keys.open(*p[:3], row=p[3]))]

    assert accepted == []
    assert keys.open(column_of(data_class), ANNA, sealed, row=b"1") == VALUE


@CLASSES
def test_no_wrapped_key_opens_elsewhere_or_altered(data_class: DataClass) -> None:
    cache = KeyCache(ring_of({1: bytes(range(100, 132)), 2: bytes(range(100, 132))}).epochs)
    key = wrapped_key(ANNA, data_class, key_bytes(1))
    other = next(one for one in DataClass if one is not data_class)
    assert cache.opened(key) is not None  # and it stays in the cache, where a forgery might find it

    forgeries = [key._replace(wrapped=wrapped) for wrapped in [*flipped(key.wrapped), key.wrapped[:-1], b""]]
    forgeries += [key._replace(subject=BELA), key._replace(data_class=CLASS_CODES[other])]
    forgeries += [key._replace(version=2), key._replace(epoch=2), key._replace(epoch=3)]

    assert [forgery for forgery in forgeries if cache.opened(forgery) is not None] == []


def test_a_key_that_was_tampered_with_spoils_only_its_own_values() -> None:
    good = [wrapped_key(ANNA, one, key_bytes(CLASS_CODES[one])) for one in (DataClass.CONTACT, DataClass.PROFILE)]
    whole = keys_of(*good)
    name = whole.seal(column_of(DataClass.CONTACT), ANNA, "甲")
    birthday = whole.seal(column_of(DataClass.PROFILE), ANNA, "1961-02-03")
    spoilt = keys_of(good[0]._replace(wrapped=flipped(good[0].wrapped)[200]), good[1])

    opened = spoilt.open_many(
        [Item(column_of(DataClass.CONTACT), ANNA, name), Item(column_of(DataClass.PROFILE), ANNA, birthday)],
        reason="a test",
    )

    assert isinstance(opened[0], CannotOpen)
    assert opened[1] == "1961-02-03"


def test_a_tampered_value_is_an_error_of_its_own_and_its_neighbours_open(caplog: pytest.LogCaptureFixture) -> None:
    column = column_of(DataClass.CONTACT)
    keys = keys_of(wrapped_key(ANNA, DataClass.CONTACT, key_bytes(1)))
    sealed = [keys.seal(column, ANNA, value) for value in ("一", "二", "三")]
    sealed[1] = Sealed(flipped(sealed[1])[-1])

    with caplog.at_level(logging.WARNING):
        opened = keys.open_many([Item(column, ANNA, value) for value in sealed], reason="member_service")

    assert (opened[0], opened[2]) == ("一", "三")
    assert isinstance(opened[1], CannotOpen)
    assert opened[1].code == "TAMPERED"
    assert str(opened[1]) == f"hub.sample_card.contact cannot be opened (subject {ANNA})."
    assert caplog.messages == [f"{opened[1]} While: member_service."]


def test_every_refusal_reads_the_same_whichever_check_failed() -> None:
    column = column_of(DataClass.CONTACT)
    keys = keys_of(wrapped_key(ANNA, DataClass.CONTACT, key_bytes(1)))
    sealed = keys.seal(column, ANNA, VALUE)
    unknown_algorithm, unknown_version = b"\x02" + sealed[1:], sealed[:5] + b"\x09" + sealed[6:]
    refusals = []

    for forgery in (unknown_algorithm, unknown_version, flipped(sealed)[-1], sealed[:3], b""):
        with pytest.raises(CannotOpen) as refusal:
            keys.open(column, ANNA, forgery)
        refusals.append((str(refusal.value), refusal.value.__cause__, refusal.value.__context__))

    assert set(refusals) == {(f"hub.sample_card.contact cannot be opened (subject {ANNA}).", None, None)}


def test_an_unknown_algorithm_is_refused_even_with_the_right_key() -> None:
    place = place_of(column_of(DataClass.CONTACT))
    cipher = AESGCM(bytes(32))
    header = HEADER.pack(2, place.code, 1)
    body = cipher.encrypt(NONCE, b"value\x80", sealing.bound_to(place, header, ANNA.bytes, b""))

    assert sealing.unseal(cipher, place, header + NONCE + body, subject=ANNA.bytes, row=b"") is None


@given(value=st.text(max_size=200), row=st.binary(max_size=40))
def test_what_is_sealed_opens_again(value: str, row: bytes) -> None:
    keys = keys_of(wrapped_key(ANNA, DataClass.CONTACT, key_bytes(1)))
    column = column_of(DataClass.CONTACT)

    assert keys.open(column, ANNA, keys.seal(column, ANNA, value, row=row), row=row) == value


@given(value=st.binary(max_size=200))
def test_bytes_open_again_whatever_they_end_in(value: bytes) -> None:
    keys = keys_of(wrapped_key(ANNA, DataClass.INTAKE, key_bytes(1)))
    column = column_of(DataClass.INTAKE)

    for padded in (value, value + b"\x80", value + b"\0" * 20, value + b"\x80\0"):
        assert keys.open_bytes(column, ANNA, keys.seal(column, ANNA, padded)) == padded


@given(one=st.binary(max_size=80), two=st.binary(max_size=80))
def test_a_length_shows_as_a_number_of_blocks_only(one: bytes, two: bytes) -> None:
    keys = keys_of(wrapped_key(ANNA, DataClass.CONTACT, key_bytes(1)))
    column = column_of(DataClass.CONTACT)

    sizes = [len(keys.seal(column, ANNA, value)) for value in (one, two)]

    assert sizes == [34 + 16 * (len(value) // 16 + 1) for value in (one, two)]


def test_a_value_is_sealed_differently_every_time() -> None:
    keys = keys_of(wrapped_key(ANNA, DataClass.CONTACT, key_bytes(1)))

    assert len({bytes(keys.seal(column_of(DataClass.CONTACT), ANNA, VALUE)) for _ in range(100)}) == 100


def test_a_sealed_value_never_shows() -> None:
    sealed = Sealed(b"ciphertext")

    assert [repr(sealed), str(sealed), f"{sealed}", f"{sealed!r:>5}", "%s" % sealed] == ["<sealed>"] * 5  # noqa: UP031
    assert f"{[sealed]}" == "[<sealed>]"


def test_a_column_that_is_not_declared_sealed_is_refused() -> None:
    with pytest.raises(Misconfigured, match=r"hub\.sample_card\.owner is not declared sealed"):
        place_of(Card.owner)
    with pytest.raises(Misconfigured, match="not by an alias"):
        place_of(select(Card.__table__).subquery().c.contact)
    with pytest.raises(Misconfigured, match="not by an alias"):
        place_of(Card.__table__.alias().c.contact)


def test_a_mapped_attribute_and_its_column_are_one_place() -> None:
    assert place_of(Card.contact) == place_of(column_of(DataClass.CONTACT))  # type: ignore[attr-defined]


def test_a_text_without_utf_8_form_is_refused_without_being_shown() -> None:
    keys = keys_of(wrapped_key(ANNA, DataClass.CONTACT, key_bytes(1)))

    with pytest.raises(ValueError, match="no UTF-8 form") as refusal:
        keys.seal(column_of(DataClass.CONTACT), ANNA, "geheim\ud800")

    assert refusal.value.__context__ is None
    assert "geheim" not in repr(refusal.value)


def test_bytes_that_are_no_text_do_not_open_as_text() -> None:
    keys = keys_of(wrapped_key(ANNA, DataClass.CONTACT, key_bytes(1)))
    column = column_of(DataClass.CONTACT)

    with pytest.raises(CannotOpen) as refusal:
        keys.open(column, ANNA, keys.seal(column, ANNA, b"geheim\xff"))

    assert refusal.value.__context__ is None


def test_a_value_beyond_the_limit_is_refused() -> None:
    keys = keys_of(wrapped_key(ANNA, DataClass.INTAKE, key_bytes(1)))
    column = column_of(DataClass.INTAKE)

    assert len(keys.open(column, ANNA, keys.seal(column, ANNA, "x" * 2**20))) == 2**20
    with pytest.raises(ValueError, match="not sealed"):
        keys.seal(column, ANNA, "x" * (2**20 + 1))


def test_the_newest_version_seals_and_older_ones_still_open() -> None:
    column = column_of(DataClass.CONTACT)
    first, second = (wrapped_key(ANNA, DataClass.CONTACT, key_bytes(n), version=n) for n in (1, 2))
    old = keys_of(first).seal(column, ANNA, "old")

    keys = keys_of(second, first)
    new = keys.seal(column, ANNA, "new")

    assert HEADER.unpack(new[:6]) == (1, 1, 2)
    assert (keys.open(column, ANNA, old), keys.open(column, ANNA, new)) == ("old", "new")


def test_without_its_key_nothing_opens() -> None:
    column = column_of(DataClass.CONTACT)
    sealed = keys_of(wrapped_key(ANNA, DataClass.CONTACT, key_bytes(1))).seal(column, ANNA, VALUE)

    with pytest.raises(CannotOpen):
        keys_of().open(column, ANNA, sealed)
    with pytest.raises(CannotOpen):
        keys_of().seal(column, ANNA, VALUE)


def test_a_key_that_was_not_asked_for_is_a_mistake_and_not_tampering() -> None:
    column = column_of(DataClass.CONTACT)
    stranger = UUID(int=1)

    with pytest.raises(ValueError, match="was not asked"):
        keys_of().seal(column, stranger, VALUE)
    with pytest.raises(ValueError, match="was not asked"):
        keys_of().open(column, stranger, bytes(50))


def test_keys_read_for_opening_do_not_seal() -> None:
    row = wrapped_key(ANNA, DataClass.CONTACT, key_bytes(1))
    keys = KeySet({(ANNA, 1)}, [row], KeyCache(ring_of().epochs), for_writing=False)

    with pytest.raises(ValueError, match="create=True"):
        keys.seal(column_of(DataClass.CONTACT), ANNA, VALUE)


def test_a_digest_is_exactly_these_bytes_and_belongs_to_one_subject_and_class() -> None:
    keys = keys_of(
        wrapped_key(ANNA, DataClass.CONTACT, bytes(range(32))),
        wrapped_key(ANNA, DataClass.PROFILE, key_bytes(2)),
        wrapped_key(BELA, DataClass.CONTACT, key_bytes(3)),
    )
    parts = (b"name", "张三丰".encode())

    digest = keys.digest(ANNA, DataClass.CONTACT, *parts)

    assert digest == bytes.fromhex("fa47f13d7f4d8e6846969c58b39040d9")
    others = [keys.digest(ANNA, DataClass.PROFILE, *parts), keys.digest(BELA, DataClass.CONTACT, *parts)]
    others += [
        keys.digest(ANNA, DataClass.CONTACT, b"".join(parts)),
        keys.digest(ANNA, DataClass.CONTACT, b"n", b"ame"),
    ]
    assert len({digest, *others}) == 5


def test_the_cache_keeps_the_subjects_used_last_and_forgets_on_demand() -> None:
    epochs = dict(ring_of().epochs)
    cache = KeyCache(epochs, subjects_max=2)
    keys = [wrapped_key(UUID(int=n), DataClass.CONTACT, key_bytes(n)) for n in (1, 2, 3)]

    for key in (keys[0], keys[1], keys[0], keys[2]):
        assert cache.opened(key) is not None
    epochs.clear()  # from here on nothing is unwrapped any more: what opens comes from the cache

    assert len(cache) == 2
    assert [cache.opened(key) is not None for key in keys] == [True, False, True]
    cache.forget([keys[0].subject])
    assert [cache.opened(key) is not None for key in keys] == [False, False, True]


def test_a_key_in_memory_does_not_show() -> None:
    key = KeyCache(ring_of().epochs).opened(wrapped_key(ANNA, DataClass.CONTACT, key_bytes(1)))

    assert key is not None
    assert repr(key_bytes(1))[2:-1] not in repr(key)
    assert key_bytes(1).hex() not in repr(key)
