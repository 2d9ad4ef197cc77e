"""The sentences of DOMAIN "Identity resolution", each as a fact; those about phones stand in test_rules_phones.py."""

from datetime import date

from member_hub.identity.rules import ClaimKind, ClaimStatus, Reason, Rules
from tests.identity.people import app, card, resolve, says, website

PHONE, EMAIL, CARD = ClaimKind.PHONE, ClaimKind.EMAIL, ClaimKind.CARD
BORN, BORN_OTHERWISE = date(1990, 5, 1), date(1971, 2, 3)


def test_one_unionid_joins_accounts_of_several_apps() -> None:
    found = resolve(app("A1", unionid="U", appid="app1"), app("A2", unionid="U", appid="app2"))

    assert found.sets == {"A1 A2"}
    assert found.holder(ClaimKind.UNIONID, "U", "wechat") == "A1"


def test_an_equal_unionid_outranks_different_accounts_in_one_app() -> None:
    found = resolve(app("A1", unionid="U", appid="app1"), app("A2", unionid="U", appid="app1"))

    assert found.sets == {"A1 A2"}


def test_different_unionids_are_never_one_person_whatever_else_agrees() -> None:
    found = resolve(
        app("A1", unionid="U1", appid="app1", phone="P", verified=0, birthday=BORN),
        app("A2", unionid="U2", appid="app2", phone="P", verified=1, birthday=BORN),
    )

    assert found.sets == {"A1", "A2"}
    assert found.holder(PHONE, "P") == "A2"
    assert found.candidates == {}


def test_two_accounts_in_one_app_with_one_verified_phone_stay_apart() -> None:
    found = resolve(app("A1", phone="P", verified=0), app("A2", phone="P", verified=5))

    assert found.sets == {"A1", "A2"}
    assert found.holder(PHONE, "P") == "A2"


def test_one_openid_of_one_app_joins_and_equal_openids_of_two_apps_do_not() -> None:
    same = resolve(app("A1", openid="O"), app("A2", openid="O"))
    other = resolve(app("A1", openid="O", appid="app1"), app("A2", openid="O", appid="app2"))

    assert same.sets == {"A1 A2"}
    assert other.sets == {"A1", "A2"}


def test_an_account_has_one_unionid_ever() -> None:
    later = says("A1", ClaimKind.UNIONID, "U2", namespace="wechat", at=9)
    found = resolve(
        app("A1", later, unionid="U1"), app("A2", unionid="U1", appid="app2"), app("A3", unionid="U2", appid="app3")
    )

    assert found.sets == {"A1 A2", "A3"}
    assert found.status("A1", ClaimKind.UNIONID, "U2", "wechat") is ClaimStatus.DEMOTED
    assert found.holder(ClaimKind.UNIONID, "U2", "wechat") == "A3"


def test_an_address_verified_by_both_merges() -> None:
    found = resolve(
        website("W1", email="E", email_verified=0, name="张伟"),
        website("W2", email="E", email_verified=9, at=9, name="张伟"),
    )

    assert found.sets == {"W1 W2"}
    assert found.holder(EMAIL, "E") == "W2"


def test_an_address_that_one_of_them_only_typed_never_merges() -> None:
    found = resolve(
        website("W1", email="E", email_verified=0, name="张伟", birthday=BORN),
        website("W2", email="E", at=9, name="张伟", birthday=BORN),
    )

    assert found.sets == {"W1", "W2"}
    assert found.candidates == {"W1 W2": Reason.TYPED_EMAIL}
    assert found.status("W2", EMAIL, "E") is ClaimStatus.UNVERIFIED


def test_a_typed_address_is_a_second_identifier_for_a_typed_phone() -> None:
    found = resolve(
        website("W1", phone="P", email="E", email_verified=0, name="张*"),
        website("W2", phone="P", email="E", name="张伟"),
    )

    assert found.sets == {"W1 W2"}


def test_a_card_number_stated_elsewhere_joins_when_the_phone_or_staff_agree() -> None:
    stated = says("W1", CARD, "C1", namespace="brand")
    checked = says("W1", CARD, "C1", namespace="brand", verified=3)
    plastic = card("C1", phone="P", name="张*")

    alone = resolve(plastic, website("W1", stated, name="张伟"))
    by_phone = resolve(plastic, website("W1", stated, phone="P", name="张伟"))
    by_staff = resolve(plastic, website("W1", checked, name="张伟"))

    assert alone.sets == {"C1", "W1"}
    assert alone.candidates == {"C1 W1": Reason.CARD}
    assert alone.holder(CARD, "C1", "brand") == "C1"
    assert by_phone.sets == {"C1 W1"}
    assert by_staff.sets == {"C1 W1"}


def test_a_device_never_joins_anybody() -> None:
    tablet = [says(key, ClaimKind.DEVICE, "ipad", namespace="app") for key in ("A1", "A2")]
    found = resolve(app("A1", tablet[0]), app("A2", tablet[1], appid="app2"))

    assert found.sets == {"A1", "A2"}
    assert found.candidates == {}
    assert found.status("A1", ClaimKind.DEVICE, "ipad", "app") is ClaimStatus.UNVERIFIED


def test_the_oldest_of_more_than_five_devices_in_30_days_is_demoted() -> None:
    devices = [says("A1", ClaimKind.DEVICE, f"d{n}", namespace="app", at=n) for n in range(6)]
    found = resolve(app("A1", *devices))

    assert found.status("A1", ClaimKind.DEVICE, "d0", "app") is ClaimStatus.DEMOTED
    assert found.status("A1", ClaimKind.DEVICE, "d1", "app") is ClaimStatus.UNVERIFIED


def test_a_value_that_too_many_state_connects_nothing() -> None:
    cards = [card(f"C{n:02}", phone="P", name="张伟") for n in range(4)]

    few = resolve(*cards[:3], rules=Rules(shared_max=3))
    many = resolve(*cards, rules=Rules(shared_max=3))

    assert few.sets == {"C00 C01 C02"}
    assert len(many.sets) == 4
    assert many.status("C00", PHONE, "P") is ClaimStatus.SHARED


def test_a_member_has_three_cards_and_the_fourth_is_for_review() -> None:
    cards = [card(f"C{n}", phone="P", at=n, name="张伟") for n in range(4)]
    found = resolve(*cards)

    assert found.sets == {"C0 C1 C2", "C3"}
    assert found.candidates == {"C0 C3": Reason.LIMIT}


def test_a_limit_counts_what_several_numbers_bring_together() -> None:
    found = resolve(
        app("A1", unionid="U", appid="app1", phone="P1", verified=0),
        app("A2", unionid="U", appid="app2", phone="P2", verified=0),
        *(card(f"C{n}", phone="P1", at=n, name="张伟") for n in range(2)),
        *(card(f"C{n}", phone="P2", at=n, name="张伟") for n in range(2, 4)),
    )

    assert found.sets == {"A1 A2 C0 C1", "C2 C3"}
    assert found.candidates == {"A2 C2": Reason.LIMIT}


def test_a_name_known_by_one_number_speaks_against_another_name_on_another_number() -> None:
    typed = says("A1", PHONE, "P2", at=0)
    found = resolve(
        app("A1", typed, phone="P1", verified=0),
        website("W1", phone="P1", verified=1, name="张伟"),
        card("C1", phone="P2", name="李娜"),
    )

    assert found.sets == {"A1 W1", "C1"}
    assert found.candidates == {"A1 C1": Reason.OTHER_NAME}


def test_the_weakest_link_is_dropped_when_a_limit_would_break() -> None:
    found = resolve(
        website("W1", phone="P", verified=0, name="张伟"),
        app("A1", phone="P", verified=9, at=9),
        card("C1", phone="P", name="张伟"),
        rules=Rules(merges_max=1),
    )

    assert found.sets == {"A1 W1", "C1"}
    assert found.candidates == {"A1 C1": Reason.LIMIT}


def test_a_member_verifies_three_addresses_a_year() -> None:
    addresses = [says("W1", EMAIL, f"E{n}", at=0, until=9, verified=n) for n in range(4)]
    found = resolve(website("W1", *addresses))

    assert found.status("W1", EMAIL, "E0") is ClaimStatus.DEMOTED
    assert [found.holder(EMAIL, f"E{n}") for n in range(4)] == [None, "W1", "W1", "W1"]


def test_members_of_two_handlers_merge_only_under_an_agreement() -> None:
    accounts = (
        website("W1", phone="P", verified=0, name="张伟", handler="one"),
        card("C1", phone="P", name="张伟", handler="other"),
    )

    without, under = resolve(*accounts), resolve(*accounts, agreements=frozenset({frozenset({"one", "other"})}))

    assert without.sets == {"C1", "W1"}
    assert without.candidates == {"C1 W1": Reason.HANDLER}
    assert under.sets == {"C1 W1"}


def test_agreements_are_not_passed_on() -> None:
    accounts = (
        website("W1", phone="P", verified=0, name="张伟", handler="one"),
        card("C1", phone="P", name="张伟", handler="third"),
    )
    agreements = frozenset({frozenset({"one", "other"}), frozenset({"other", "third"})})

    found = resolve(*accounts, agreements=agreements)

    assert found.sets == {"C1", "W1"}
    assert found.candidates == {"C1 W1": Reason.HANDLER}


def test_never_merge_holds_for_the_sets_around_the_pair() -> None:
    found = resolve(
        app("A1", unionid="U", appid="app1"),
        app("A2", unionid="U", appid="app2", phone="P", verified=0),
        website("W1", phone="P", verified=1, name="张伟"),
        apart=[("A1", "W1")],
    )

    assert found.sets == {"A1 A2", "W1"}
    assert found.candidates == {}
    assert found.holder(PHONE, "P") == "W1"


def test_a_later_line_takes_an_earlier_attachment_back() -> None:
    card_first, silent_app = card("C1", phone="P", at=100, name="张伟"), app("A1", phone="P", at=50)

    before = resolve(card_first, silent_app)
    after = resolve(card_first, silent_app, website("W1", phone="P", at=0, name="李娜"))

    assert before.sets == {"A1 C1"}
    assert after.sets == {"A1", "C1", "W1"}


def test_the_accepted_evidence_is_told() -> None:
    found = resolve(website("W1", phone="P", verified=0, name="张伟"), card("C1", phone="P", name="张伟"))

    (link,) = found.agreed.links
    assert (link.kind, link.rule) == (PHONE, "agrees")


def test_an_account_that_shares_nothing_stands_alone() -> None:
    found = resolve(website("W1", phone="P", verified=0, name="张伟"), card("C1", name="张伟"))

    assert found.sets == {"C1", "W1"}
    assert found.agreed.links == ()
    assert found.holder(PHONE, "P") == "W1"
