"""The sentences of DOMAIN "Identity resolution" about phones, verified and typed, each as a fact."""

from datetime import date

import pytest

from member_hub.identity.rules import ClaimKind, ClaimStatus, Reason
from tests.identity.people import app, card, resolve, says, website

PHONE, EMAIL, CARD = ClaimKind.PHONE, ClaimKind.EMAIL, ClaimKind.CARD
BORN, BORN_OTHERWISE = date(1990, 5, 1), date(1971, 2, 3)


def test_a_phone_verified_by_both_within_90_days_merges() -> None:
    found = resolve(website("W1", phone="P", verified=0, name="张伟"), app("A1", phone="P", verified=90, at=90))

    assert found.sets == {"A1 W1"}
    assert found.holder(PHONE, "P") == "A1"


def test_two_accounts_on_one_site_with_one_verified_phone_and_one_full_name_are_one_person() -> None:
    found = resolve(
        website("W1", phone="P", verified=0, name="张伟"), website("W2", phone="P", verified=400, at=400, name="張偉")
    )

    assert found.sets == {"W1 W2"}


def test_with_different_names_the_later_holder_gets_the_phone() -> None:
    found = resolve(
        website("W1", phone="P", verified=0, name="张伟"), website("W2", phone="P", verified=5, at=5, name="李娜")
    )

    assert found.sets == {"W1", "W2"}
    assert found.holder(PHONE, "P") == "W2"
    assert found.status("W1", PHONE, "P") is ClaimStatus.RELEASED
    assert found.status("W2", PHONE, "P") is ClaimStatus.ACTIVE
    assert found.candidates == {}


def test_a_recycled_phone_goes_to_the_new_owner_with_what_came_after() -> None:
    found = resolve(
        website("W1", phone="P", verified=0, name="张伟"),
        card("C1", phone="P", at=20, name="张伟"),
        website("W2", phone="P", verified=400, at=400, name="李娜"),
        app("A2", phone="P", verified=420, at=420),
        card("C2", phone="P", at=500, name="李娜"),
    )

    assert found.sets == {"C1 W1", "A2 C2 W2"}
    assert found.holder(PHONE, "P") == "A2"


def test_a_number_goes_back_to_its_first_owner_who_verifies_it_again() -> None:
    found = resolve(
        website("W1", phone="P", verified=0, name="张伟"),
        website("W2", phone="P", verified=10, at=10, name="李娜"),
        app("A1", phone="P", verified=200, at=200, birthday=BORN),
        card("C1", phone="P", at=20, name="张伟", birthday=BORN),
    )

    assert found.sets == {"A1 C1 W1", "W2"}
    assert found.holder(PHONE, "P") == "A1"


def test_what_agrees_with_an_earlier_owner_outweighs_being_near_the_later_one() -> None:
    found = resolve(
        website("W1", phone="P", verified=0, name="张伟", birthday=BORN),
        website("W2", phone="P", verified=10, at=10, name="李娜"),
        app("A1", phone="P", verified=12, at=12, birthday=BORN),
    )

    assert found.sets == {"A1 W1", "W2"}
    assert found.holder(PHONE, "P") == "A1"


def test_on_a_contested_number_an_account_without_a_name_needs_90_days() -> None:
    old, new = website("W1", phone="P", verified=0, name="张伟"), card("C1", phone="P", at=300, name="李娜")

    near = resolve(old, new, app("A1", phone="P", verified=80, at=80))
    far = resolve(old, new, app("A1", phone="P", verified=200, at=200))

    assert near.sets == {"A1 W1", "C1"}
    assert far.sets == {"A1", "W1", "C1"}
    assert far.candidates["A1 W1"] is Reason.STALE_PHONE


def test_on_a_number_that_nobody_contests_silence_is_no_second_owner() -> None:
    found = resolve(website("W1", phone="P", verified=0, name="张伟"), app("A1", phone="P", verified=700, at=700))

    assert found.sets == {"A1 W1"}


def test_a_birth_date_that_differs_is_another_owner() -> None:
    found = resolve(
        website("W1", phone="P", verified=0, name="张伟", birthday=BORN),
        app("A1", phone="P", verified=5, at=5, birthday=BORN_OTHERWISE),
    )

    assert found.sets == {"A1", "W1"}
    assert found.holder(PHONE, "P") == "A1"


def test_a_full_name_on_a_phone_verified_by_both_outweighs_a_mistyped_birth_date() -> None:
    found = resolve(
        website("W1", phone="P", verified=0, name="张伟", birthday=BORN),
        website("W2", phone="P", verified=5, at=5, name="张伟", birthday=BORN_OTHERWISE),
    )

    assert found.sets == {"W1 W2"}


def test_verified_birth_dates_that_differ_are_never_one_person() -> None:
    found = resolve(
        website("W1", phone="P", verified=0, name="张伟", birthday=BORN, birthday_verified=True),
        website("W2", phone="P", verified=5, at=5, name="张伟", birthday=BORN_OTHERWISE, birthday_verified=True),
    )

    assert found.sets == {"W1", "W2"}


def test_a_changed_phone_releases_the_old_one() -> None:
    old = says("W1", PHONE, "OLD", at=0, verified=0)
    found = resolve(website("W1", old, phone="NEW", at=50, verified=50, name="张伟"))

    assert found.holder(PHONE, "OLD") is None
    assert found.status("W1", PHONE, "OLD") is ClaimStatus.RELEASED
    assert found.holder(PHONE, "NEW") == "W1"


def test_whoever_comes_after_a_phone_was_given_up_is_somebody_else() -> None:
    old = says("W1", PHONE, "OLD", at=0, verified=0)
    found = resolve(
        website("W1", old, phone="NEW", at=50, verified=50, name="张伟"), app("A1", phone="OLD", verified=60, at=60)
    )

    assert found.sets == {"A1", "W1"}
    assert found.holder(PHONE, "OLD") == "A1"


def test_whoever_types_a_phone_after_it_was_given_up_is_somebody_else() -> None:
    old = says("W1", PHONE, "OLD", at=0, verified=0)
    found = resolve(website("W1", old, phone="NEW", at=50, verified=50, name="张伟"), app("A1", phone="OLD", at=60))

    assert found.sets == {"A1", "W1"}


def test_a_card_with_the_old_phone_still_finds_its_owner_by_full_name() -> None:
    old = says("W1", PHONE, "OLD", at=0, verified=0)
    found = resolve(
        website("W1", old, phone="NEW", at=50, verified=50, name="张伟"), card("C1", phone="OLD", at=10, name="张伟")
    )

    assert found.sets == {"C1 W1"}


def test_a_member_is_found_by_one_phone_the_last_verified() -> None:
    found = resolve(
        app("A1", unionid="U", appid="app1", phone="P1", verified=0),
        app("A2", unionid="U", appid="app2", phone="P2", verified=9, at=9),
    )

    assert found.holder(PHONE, "P1") is None
    assert found.holder(PHONE, "P2") == "A2"
    assert found.status("A1", PHONE, "P1") is ClaimStatus.RELEASED


def test_a_typed_phone_attaches_where_the_full_names_agree() -> None:
    found = resolve(website("W1", phone="P", verified=0, name="張偉"), card("C1", phone="P", at=9, name="张 伟"))

    assert found.sets == {"C1 W1"}
    assert found.status("C1", PHONE, "P") is ClaimStatus.UNVERIFIED


@pytest.mark.parametrize(
    ("differing", "reason"),
    [
        ({"name": "李娜"}, Reason.OTHER_NAME),
        ({"name": "张伟", "birthday": BORN_OTHERWISE}, Reason.OTHER_PERSON),
        ({"name": "张伟", "gender": "F"}, Reason.OTHER_PERSON),
    ],
)
def test_a_typed_phone_stays_a_candidate_where_something_conflicts(
    differing: dict[str, object], reason: Reason
) -> None:
    found = resolve(
        website("W1", phone="P", verified=0, name="张伟", birthday=BORN, gender="M"),
        card("C1", phone="P", at=9, **differing),
    )

    assert found.sets == {"C1", "W1"}
    assert found.candidates == {"C1 W1": reason}
    assert found.holder(PHONE, "P") == "W1"


@pytest.mark.parametrize("partial", ["张*", "张先生"])
def test_a_surname_alone_does_not_suffice_beside_a_number_that_nobody_verified(partial: str) -> None:
    found = resolve(website("W1", phone="P", name="张伟"), card("C1", phone="P", at=9, name=partial))

    assert found.sets == {"C1", "W1"}
    assert found.candidates == {"C1 W1": Reason.TYPED_PHONE}


def test_a_surname_does_not_suffice_on_a_contested_number() -> None:
    found = resolve(
        website("W1", phone="P", verified=0, name="张伟"),
        card("C1", phone="P", at=9, name="张先生"),
        card("C2", phone="P", at=9, name="李娜"),
    )

    assert found.sets == {"C1", "C2", "W1"}


def test_a_surname_suffices_with_a_second_thing_that_agrees() -> None:
    found = resolve(
        website("W1", phone="P", name="张伟", birthday=BORN), card("C1", phone="P", at=9, name="张*", birthday=BORN)
    )

    assert found.sets == {"C1 W1"}


def test_a_surname_suffices_beside_a_verified_number_that_nobody_contests() -> None:
    found = resolve(website("W1", phone="P", verified=0, name="张伟"), card("C1", phone="P", at=9, name="张先生"))

    assert found.sets == {"C1 W1"}


def test_an_earlier_name_of_an_account_agrees_too() -> None:
    found = resolve(
        website("W1", phone="P", verified=0, name="张伟明", other_names=["张伟"]), card("C1", phone="P", name="张伟")
    )

    assert found.sets == {"C1 W1"}


def test_given_names_that_only_sound_alike_are_one_person_beside_one_phone() -> None:
    found = resolve(website("W1", phone="P", verified=0, name="刘宣"), card("C1", phone="P", at=9, name="刘轩"))

    assert found.sets == {"C1 W1"}


def test_given_names_that_only_sound_alike_do_not_join_two_accounts_on_one_site() -> None:
    found = resolve(
        website("W1", phone="P", verified=0, name="刘宣"), website("W2", phone="P", verified=9, at=9, name="刘轩")
    )

    assert found.sets == {"W1", "W2"}
    assert found.candidates == {"W1 W2": Reason.OTHER_PERSON}


def test_a_typed_phone_between_two_who_hold_nothing_joins_by_full_name() -> None:
    found = resolve(website("W1", phone="P", name="张伟"), card("C1", phone="P", at=300, name="张伟"))

    assert found.sets == {"C1 W1"}
    assert found.holder(PHONE, "P") is None


def test_an_account_without_a_name_attaches_only_where_one_person_can_be_meant() -> None:
    one = resolve(card("C1", phone="P", name="张伟"), app("A1", phone="P", at=9))
    two = resolve(
        card("C1", phone="P", name="张伟"), card("C2", phone="P", at=20, name="李娜"), app("A1", phone="P", at=9)
    )

    assert one.sets == {"A1 C1"}
    assert two.sets == {"A1", "C1", "C2"}


def test_typing_a_number_takes_it_from_nobody_who_verified_it() -> None:
    found = resolve(
        website("W1", phone="P", verified=0, name="张伟"),
        card("C1", phone="P", at=300, name="李娜"),
        app("A1", phone="P", verified=500, at=500),
    )

    assert found.sets == {"A1", "C1", "W1"}
