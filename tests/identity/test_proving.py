"""What a proven number opens of a member whose accounts were joined on it."""

from datetime import date

import pytest

from member_hub.identity.rules import ClaimKind, OriginFacts, Rules, opened_with
from tests.identity.people import app, card, origin_of, says, website

NUMBER = "13912345671"
FRESH = app("A", phone=NUMBER, verified=400, at=400)


def opened(*others: OriginFacts, proven: str = "A", fresh: OriginFacts = FRESH) -> set[str]:
    accounts = [fresh, *others]
    found = opened_with(accounts, NUMBER.encode(), [origin_of(proven)], Rules())
    return {facts.order_key.decode() for facts in accounts if facts.origin_id in found}


@pytest.mark.parametrize(("verified", "is_opened"), [(310, True), (309, False), (0, False)])
def test_ninety_days_make_the_difference(verified: int, is_opened: bool) -> None:
    assert ("W" in opened(website("W", phone=NUMBER, verified=verified, at=0))) is is_opened


@pytest.mark.parametrize(("at", "is_opened"), [(310, True), (309, False)])
def test_what_was_only_typed_counts_from_its_first_day(at: int, is_opened: bool) -> None:
    typed = card("C", says("C", ClaimKind.PHONE, NUMBER, at=at, until=400))

    assert ("C" in opened(typed)) is is_opened


def test_each_step_of_ninety_days_leads_to_the_next() -> None:
    others = [website(f"W{at}", phone=NUMBER, verified=at, at=at) for at in (320, 240, 149)]

    assert opened(*others) == {"A", "W320", "W240"}


def test_a_typed_number_leads_no_further() -> None:
    assert opened(card("C", phone=NUMBER, at=320), website("W", phone=NUMBER, verified=300, at=0)) == {"A", "C"}


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ({"name": "张三"}, {"name": "张三"}),
        ({"birthday": date(1990, 1, 2)}, {"birthday": date(1990, 1, 2)}),
        ({"unionid": "u"}, {"unionid": "u"}),
    ],
)
def test_whatever_agrees_beside_the_number_opens(mine: dict[str, object], theirs: dict[str, object]) -> None:
    fresh = app("A", phone=NUMBER, verified=400, at=400, **mine)  # type: ignore[arg-type]

    assert opened(app("B", appid="app2", phone=NUMBER, verified=0, **theirs), fresh=fresh) == {"A", "B"}  # type: ignore[arg-type]


def test_a_surname_and_the_number_itself_open_nothing() -> None:
    fresh = app("A", phone=NUMBER, verified=400, at=400, name="张*")

    assert opened(website("W", phone=NUMBER, verified=0, name="张三"), fresh=fresh) == {"A"}


def test_what_is_proven_by_something_else_opens_what_hangs_together_with_it() -> None:
    old = website("W", phone=NUMBER, verified=0, name="张三")

    assert opened(old, card("C", at=0, name="张三"), proven="C") == {"C", "W"}
