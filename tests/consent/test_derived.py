"""What the clock, a material change and an age make of a stored decision."""

from datetime import UTC, datetime, timedelta

import pytest

from member_hub.consent.history.derived import Decided, Derived, derived, suffices
from member_hub.consent.words import Actor, ConsentState
from member_hub.members.tables import AgeBand
from tests.consent.deciding import CATALOGUE

S = ConsentState
GIVEN = datetime(2026, 1, 1, tzinfo=UTC)
NOTICED = GIVEN - timedelta(days=100)
CHANGED = GIVEN + timedelta(days=10)
NOW = GIVEN + timedelta(days=20)
DAY = timedelta(days=1)


def stands(
    decided: Decided, *, gate_at: datetime | None = NOTICED, age_band: AgeBand = AgeBand.ADULT, now: datetime = NOW
) -> Derived:
    return derived(decided, gate_at=gate_at, age_band=age_band, numbers=CATALOGUE.numbers, now=now)


def granted(
    *, actor: Actor = Actor.MEMBER, noticed_at: datetime | None = NOTICED, ends_at: datetime | None = None
) -> Decided:
    return Decided(S.GRANTED, GIVEN, actor, noticed_at, ends_at)


def test_a_grant_stands_until_a_newer_gate_and_lapses_with_the_grace() -> None:
    assert stands(granted()) == Derived(S.GRANTED, GIVEN)
    assert stands(granted(), gate_at=CHANGED) == Derived(S.STALE, CHANGED, CHANGED)
    last = CHANGED + 30 * DAY
    assert stands(granted(), gate_at=CHANGED, now=last - DAY / 2).state is S.STALE
    assert stands(granted(), gate_at=CHANGED, now=last) == Derived(S.LAPSED, last, CHANGED)
    assert stands(granted(noticed_at=CHANGED), gate_at=CHANGED).state is S.GRANTED


def test_a_term_ends_to_the_moment() -> None:
    assert stands(granted(ends_at=NOW + DAY)).state is S.GRANTED
    assert stands(granted(ends_at=NOW)) == Derived(S.EXPIRED, NOW)


def test_without_a_gate_nothing_turns_and_without_a_notice_of_the_handler_nothing_counts() -> None:
    assert stands(granted(), gate_at=None).state is S.GRANTED
    assert stands(granted(noticed_at=None), gate_at=CHANGED).state is S.INVALIDATED


@pytest.mark.parametrize(
    ("actor", "age_band", "state", "counts"),
    [
        (Actor.MEMBER, AgeBand.ADULT, S.GRANTED, True),
        (Actor.FILE, AgeBand.MINOR, S.GRANTED, True),
        (Actor.MEMBER, AgeBand.UNKNOWN, S.GRANTED, False),
        (Actor.MEMBER, AgeBand.CHILD, S.INVALIDATED, False),
        (Actor.GUARDIAN, AgeBand.CHILD, S.GRANTED, True),
        (Actor.GUARDIAN, AgeBand.MINOR, S.STALE, False),
        (Actor.GUARDIAN, AgeBand.UNKNOWN, S.GRANTED, False),
    ],
)
def test_who_may_give_it_depends_on_the_age(
    actor: Actor, age_band: AgeBand, state: ConsentState, *, counts: bool
) -> None:
    assert stands(granted(actor=actor), age_band=age_band).state is state
    assert suffices(actor, age_band) is counts


@pytest.mark.parametrize("state", [state for state in S if state is not S.GRANTED])
def test_what_is_not_granted_stands_as_it_is(state: ConsentState) -> None:
    decided = Decided(state, GIVEN, Actor.MEMBER, NOTICED, NOW - DAY)

    assert stands(decided, gate_at=CHANGED) == Derived(state, GIVEN, GIVEN if state is S.STALE else None)
