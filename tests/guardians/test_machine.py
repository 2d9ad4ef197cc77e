"""The machine of guardian links: every state is reached, no dead end, each step on record."""

from hypothesis import given
from hypothesis import strategies as st

from member_hub.consent.machine import GUARDIAN_LINK, NotNow, link_after
from member_hub.members.gates import LinkState

START = LinkState.PROPOSED
ENDS = {LinkState.ENDED, LinkState.REJECTED}
EVENTS = sorted({event for _, event in GUARDIAN_LINK})


def _reached(start: LinkState) -> set[LinkState]:
    found, waiting = {start}, [start]
    while waiting:
        state = waiting.pop()
        fresh = {to for (at, _), (to, _) in GUARDIAN_LINK.items() if at is state} - found
        found |= fresh
        waiting += fresh
    return found


def test_every_state_is_reached() -> None:
    assert _reached(START) == set(LinkState)


def test_from_every_state_a_link_can_end_and_an_end_is_one() -> None:
    for state in LinkState:
        assert _reached(state) & ENDS, state
        assert (_reached(state) == {state}) == (state in ENDS), state


def test_only_a_confirmed_relation_the_officer_or_the_end_of_a_contest_brings_a_link_into_force() -> None:
    into = {event for (_, event), (to, _) in GUARDIAN_LINK.items() if to is LinkState.ACTIVE}

    assert into == {"relation_evidence_ok", "resolved_keep", "contest_over"}


@given(st.lists(st.sampled_from(EVENTS), max_size=20))
def test_whatever_is_tried_in_whatever_order_each_step_is_told_and_the_rest_refused(events: list[str]) -> None:
    state, words = START, []
    for event in events:
        try:
            state, word = link_after(state, event)
        except NotNow:
            assert (state, event) not in GUARDIAN_LINK
            continue
        words.append(word)

    assert all(word.startswith("guardian.") for word in words)
    assert (state is START) == (words == [])
    if state in (LinkState.ACTIVE, LinkState.DISPUTED, LinkState.HANDOVER):
        assert words[:2] == ["guardian.self_verified", "guardian.linked"]
