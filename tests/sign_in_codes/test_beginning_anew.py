"""A new start with a number, as the partition sees it: whatever was known of the number long before stays apart."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from member_hub.identity.rules import Claim, ClaimKind, ClaimStatus, OriginFacts, Rules, partition
from tests.identity.people import account, day, origin_of, website
from tests.identity.worlds import worlds

STARTED = day(1_000)
PHONE = (ClaimKind.PHONE, "", b"phone1")
AGREED = frozenset({frozenset({"one", "other", "third", "brand"})})


def new_start(at_days: int = 1_000) -> OriginFacts:
    said = Claim(origin_of("new"), *PHONE, day(at_days), STARTED, day(at_days), STARTED)
    own = Claim(origin_of("new"), ClaimKind.ACCOUNT, "sign_in", b"new", STARTED, STARTED, STARTED)
    return account("new", "website", "sign_in", [own, said])


@settings(max_examples=200, deadline=None)
@given(st.data(), worlds(most=7))
def test_who_begins_anew_stands_alone_and_takes_nothing_but_the_number(
    data: st.DataObject, world: list[OriginFacts]
) -> None:
    before = partition(world, Rules(), agreements=AGREED)

    after = partition(data.draw(st.permutations([*world, new_start()])), Rules(), agreements=AGREED)

    assert set(after.sets) == {*before.sets, frozenset({origin_of("new")})}
    assert after.holders[PHONE] == origin_of("new")
    kept = {value: holder for value, holder in before.holders.items() if value != PHONE}
    assert {value: after.holders[value] for value in kept} == kept  # an older number of theirs may find them again
    left = {key[0] for key in after.statuses if key[1:] == PHONE} - {origin_of("new")}
    assert {after.statuses[origin, *PHONE] for origin in left} <= {ClaimStatus.RELEASED}


def test_what_was_verified_90_days_before_the_new_start_is_still_of_before_it_by_a_moment() -> None:
    verified = website("w", phone="phone1", at=0, verified=0)
    limit = STARTED - Rules().recycled_after

    def sets_with(shift: timedelta) -> int:
        claims = tuple(
            replace(c, verified_at=limit + shift) if c.kind is ClaimKind.PHONE else c for c in verified.claims
        )
        return len(partition([replace(verified, claims=claims), new_start()], Rules()).sets)

    assert [sets_with(timedelta(0)), sets_with(timedelta(microseconds=-1))] == [1, 2]


def test_verifying_again_later_does_not_reach_back_before_the_new_start() -> None:
    """The session of day 1100 proves the number of day 1100, not that of the one who had it on day 0."""
    old = website("w", phone="phone1", at=0, verified=0)

    found = partition([old, new_start(at_days=1_100)], Rules())

    assert len(found.sets) == 2
    assert found.holders[PHONE] == origin_of("new")
