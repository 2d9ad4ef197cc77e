"""C4 as properties of the fold: whatever is merged and split, no act that protects is lost and no grant is spread."""

from datetime import UTC, datetime, timedelta
from time import process_time
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from member_hub.consent.history.standing import Happened, Slot, Standing, standing
from member_hub.consent.words import PROTECTIVE, Act, Actor, ConsentState
from member_hub.ids import OriginId

S = ConsentState
A, B, C = (OriginId(UUID(int=n)) for n in (1, 2, 3))
ONE, OTHER = frozenset({A, B}), frozenset({C})  # two members
ALL = ONE | OTHER
SLOTS = (
    Slot("marketing"),
    Slot("marketing", "", "sms"),
    Slot("marketing", "", "sms", b"phone"),
    Slot("marketing", "partner_brand", "sms"),
    Slot("personalisation"),
)
STATES = (S.ASKED, S.GRANTED, S.REFUSED, S.WITHDRAWN, S.INVALIDATED, S.STALE, S.LAPSED)
START = datetime(2026, 1, 1, tzinfo=UTC)


def happened(origin: OriginId, also: frozenset[OriginId], slot: Slot, state: ConsentState, minute: int) -> Happened:
    at = START + timedelta(minutes=minute)
    return Happened(uuid4(), origin, also - {origin}, slot, Act.GRANT, state, Actor.MEMBER, None, at, at)


@st.composite
def apart(draw: st.DrawFn) -> list[Happened]:
    """What two members did, each for itself: alone by one account, or live for all of its own."""
    events = []
    for minute in range(draw(st.integers(0, 8))):
        side = draw(st.sampled_from((ONE, OTHER)))
        origin = draw(st.sampled_from(sorted(side)))
        also = side if draw(st.booleans()) else frozenset[OriginId]()
        events.append(happened(origin, also, draw(st.sampled_from(SLOTS)), draw(st.sampled_from(STATES)), minute))
    return events


def states(found: list[Standing]) -> dict[Slot, ConsentState]:
    return {one.slot: one.state for one in found}


@given(apart())
def test_merging_loses_no_refusal_and_invents_no_grant(events: list[Happened]) -> None:
    one, other, both = (states(standing(side, events)) for side in (ONE, OTHER, ALL))

    for slot, state in both.items():
        sides = {found[slot] for found in (one, other) if slot in found}
        if sides & PROTECTIVE:
            assert state in PROTECTIVE
        if state is S.GRANTED:
            assert S.GRANTED in sides
    # Never asked stays never asked. A question alone may go, which the other side has answered for something narrower,
    # or be there again, where a side had answered it and the other side's earlier no is what stands now.
    known = set(one) | set(other)
    assert {found[slot] for slot in known - set(both) for found in (one, other) if slot in found} <= {S.ASKED}
    assert {both[slot] for slot in set(both) - known} <= PROTECTIVE | {S.ASKED}
    assert set(both) <= {event.slot for event in events}


@given(apart(), st.randoms())
def test_splitting_gives_each_side_its_own_decisions_back_in_any_order_of_events(
    events: list[Happened], random: object
) -> None:
    for side in (ONE, OTHER):
        own = [event for event in events if event.origin_id in side]
        shuffled = list(events)
        random.shuffle(shuffled)  # type: ignore[attr-defined]
        assert standing(side, shuffled) == standing(side, own)


@given(apart(), st.sampled_from(SLOTS), st.sampled_from([S.REFUSED, S.WITHDRAWN]))
def test_what_was_refused_while_merged_stays_refused_on_both_sides(
    events: list[Happened], slot: Slot, state: ConsentState
) -> None:
    while_merged = happened(A, ALL, slot, state, 100)

    for side in (ONE, OTHER, ALL):
        found = states(standing(side, [*events, while_merged]))
        assert found[slot] is state
        assert {known for narrower, known in found.items() if slot.covers(narrower)} <= PROTECTIVE


@given(apart(), st.sampled_from(SLOTS))
def test_what_was_granted_while_merged_counts_where_the_account_is_that_granted(
    events: list[Happened], slot: Slot
) -> None:
    while_merged = happened(A, ALL, slot, S.GRANTED, 100)

    assert states(standing(ALL, [*events, while_merged]))[slot] is S.GRANTED
    assert standing(OTHER, [*events, while_merged]) == standing(OTHER, events)


FALLEN = (S.NEVER_ASKED, S.LAPSED, S.ASKED)  # the cool-down is over, silence, the member asks to be asked


@given(apart(), st.data())
def test_a_no_that_falls_away_brings_back_no_older_grant_of_any_account(
    events: list[Happened], data: st.DataObject
) -> None:
    more = [
        happened(data.draw(st.sampled_from(sorted(ALL))), frozenset(), slot, state, minute)
        for minute in range(8, 8 + data.draw(st.integers(0, 8)))
        for slot in [data.draw(st.sampled_from(SLOTS))]
        for state in [data.draw(st.sampled_from((*STATES, *FALLEN)))]
    ]
    known = [*events, *more]

    for side in (ONE, OTHER, ALL):
        ours = [event for event in known if event.origin_id in side or (event.is_protective and event.also & side)]
        for slot, state in states(standing(side, known)).items():
            denied = max((e.order for e in ours if e.state in PROTECTIVE and e.slot.covers(slot)), default=None)
            if state is S.GRANTED:
                granted = [event.order for event in ours if event.state is S.GRANTED and event.slot == slot]
                assert denied is None or max(granted) > denied


def test_the_end_of_a_cool_down_leaves_the_older_tick_of_another_account_outweighed() -> None:
    slot, later = Slot("personalisation"), frozenset({A})
    told = [happened(B, frozenset(), slot, S.GRANTED, 0), happened(A, later, slot, S.REFUSED, 10)]

    for fallen in FALLEN:
        over = [*told, happened(A, later, slot, fallen, 20)]
        assert states(standing({A, B}, over)) == {slot: fallen}
        again = happened(A, frozenset({A, B}), slot, S.GRANTED, 30)
        assert states(standing({A, B}, [*over, again])) == {slot: S.GRANTED}


def test_the_fold_of_many_slots_takes_time_in_proportion() -> None:
    many = [happened(A, frozenset({A}), Slot("marketing", "", "sms", bytes([n // 256, n % 256])), S.REFUSED, n)
            for n in range(4000)]  # fmt: skip
    started = process_time()

    assert len(standing({A}, many)) == 4000

    assert process_time() - started < 2  # seconds; each slot over all events takes several
