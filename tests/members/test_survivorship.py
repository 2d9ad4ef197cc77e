"""Which stated value stands in the golden profile."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from member_hub.ids import OriginId
from member_hub.members.rules import ProfileValue, SourceStrength, choose
from member_hub.privacy import ProfileField

START = datetime(2025, 1, 1, tzinfo=UTC)


def stated(
    value: str,
    *,
    field: ProfileField = ProfileField.ADDRESS,
    source: SourceStrength = SourceStrength.SELF_DECLARED,
    day: int = 0,
    verified: int | None = None,
    is_whole: bool = True,
    key: bytes = b"a",
) -> ProfileValue:
    return ProfileValue(
        field=field,
        value=value,
        origin_id=OriginId(UUID(int=1)),
        order_key=key,
        channel="website",
        source=source,
        observed_at=START + timedelta(days=day),
        verified_at=None if verified is None else START + timedelta(days=verified),
        is_whole=is_whole,
    )


def chosen(*values: ProfileValue) -> str:
    return choose(values)[values[0].field].value


@pytest.mark.parametrize(
    ("stronger", "weaker"),
    [
        (SourceStrength.VERIFIED, SourceStrength.SELF_DECLARED),
        (SourceStrength.SELF_DECLARED, SourceStrength.STAFF),
        (SourceStrength.STAFF, SourceStrength.IMPORT),
        (SourceStrength.IMPORT, SourceStrength.INFERRED),
    ],
)
def test_the_stronger_source_wins_over_the_newer_one(stronger: SourceStrength, weaker: SourceStrength) -> None:
    assert chosen(stated("old", source=stronger, day=0), stated("new", source=weaker, day=9)) == "old"


@pytest.mark.parametrize("field", list(ProfileField))
def test_of_equally_strong_sources_the_newest_wins(field: ProfileField) -> None:
    assert chosen(stated("old", field=field, day=0), stated("new", field=field, day=9)) == "new"


def test_a_verified_value_is_as_new_as_its_verification() -> None:
    repeated = stated("old", source=SourceStrength.VERIFIED, day=50, verified=0)

    assert chosen(repeated, stated("new", source=SourceStrength.VERIFIED, day=9, verified=9)) == "new"


def test_a_full_name_wins_over_a_verified_and_newer_masked_one() -> None:
    full = stated("张伟", field=ProfileField.NAME, source=SourceStrength.IMPORT)
    masked = stated("张*", field=ProfileField.NAME, source=SourceStrength.VERIFIED, day=9, verified=9, is_whole=False)

    assert chosen(masked, full) == "张伟"
    assert chosen(masked) == "张*"


def test_a_phone_that_was_released_is_never_chosen() -> None:
    old = stated("+8613900000001", field=ProfileField.PHONE, source=SourceStrength.VERIFIED, verified=0)
    typed = stated("+8613900000002", field=ProfileField.PHONE, source=SourceStrength.STAFF)

    released = {(ProfileField.PHONE, old.value)}

    assert choose([old, typed], released=released)[ProfileField.PHONE] is typed
    assert choose([old], released=released) == {}


def test_a_field_that_nobody_stated_has_no_value() -> None:
    assert choose([]) == {}
    assert set(choose([stated("x")])) == {ProfileField.ADDRESS}


def test_the_choice_says_where_the_value_came_from() -> None:
    value = stated("x", key=b"k")

    assert choose([value])[ProfileField.ADDRESS] is value


VALUES = st.builds(
    stated,
    st.sampled_from(["a", "b"]),
    field=st.sampled_from(list(ProfileField)),
    source=st.sampled_from(list(SourceStrength)),
    day=st.integers(0, 2),
    verified=st.one_of(st.none(), st.integers(0, 2)),
    is_whole=st.booleans(),
    key=st.sampled_from([b"a", b"b"]),
)


@given(st.data(), st.lists(VALUES, max_size=6))
def test_order_and_repetition_do_not_matter(data: st.DataObject, values: list[ProfileValue]) -> None:
    shuffled = data.draw(st.permutations([*values, *values]))

    assert choose(shuffled) == choose(values)
