"""Whether a member may be asked now, and what being asked does to a decision. Pure (NDSR 22(5); PIPL.md S8).

Nobody is asked again within the cool-down after a refusal, nor ever after so many refusals, whichever app asks, over
whichever channel, by whichever notice: a refusal speaks of its purpose and recipient, and one for every recipient
speaks of each. What was withdrawn, lapsed, expired or invalidated is not brought up again at all. The member alone may
begin anew at any time. Several channels refused on one form are one refusal.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from member_hub.consent import machine
from member_hub.consent.catalogue import Numbers
from member_hub.consent.history.derived import state_now
from member_hub.consent.history.standing import Happened, Slot, Standing
from member_hub.consent.notice.gates import Gate, GateKey
from member_hub.consent.notice.refusals import CoolingDown, NotAskedAgain
from member_hub.consent.words import ANY, PROTECTIVE, Act, ConsentState
from member_hub.members.tables import AgeBand

S = ConsentState
ENDED: Final = frozenset({S.WITHDRAWN, S.LAPSED, S.EXPIRED, S.INVALIDATED})


@dataclass(frozen=True, slots=True)
class Step:
    """One event that being asked makes, and its word for the audit log."""

    slot: Slot
    act: Act
    state_from: ConsentState
    state_to: ConsentState
    word: str


@dataclass(frozen=True, slots=True)
class Measure:
    """What decisions are held against; `notice_times`: since when the notices that they name are in force."""

    handler: str
    gates: Mapping[GateKey, Gate]
    notice_times: Mapping[UUID, datetime]
    numbers: Numbers
    now: datetime


def steps(
    slot: Slot, standing: Sequence[Standing], events: Iterable[Happened], measure: Measure, *, is_by_member: bool
) -> list[Step]:
    """What follows from asking about this slot; nothing where it is open or granted already.

    Raises CoolingDown, NotAskedAgain where nobody but the member may begin.
    """
    states = {one.slot: _state_now(one, measure) for one in standing if _overlaps(one.slot, slot)}
    if not is_by_member:
        _refuse_too_soon(_refusals(slot, events), measure)
        if not ENDED.isdisjoint(states.values()):
            raise NotAskedAgain(field="asks")
    state, found = _state_of(slot, states), []
    if state is S.REFUSED and not is_by_member:
        found.append(_step(slot, state, Act.COOLDOWN_OVER))
        state = S.NEVER_ASKED
    if state is S.NEVER_ASKED:
        found.append(_step(slot, state, Act.SERVE_NOTICE))
    elif state is S.REFUSED or state in ENDED:
        found.append(_step(slot, state, Act.MEMBER_INITIATES))
    return found


def _state_now(one: Standing, measure: Measure) -> ConsentState:
    """How old the member is does not matter here: who may answer is looked at when they do."""
    gate = measure.gates.get((measure.handler, one.slot.purpose, one.slot.recipient))
    return state_now(
        one,
        gate_at=gate.effective_at if gate else None,
        noticed_at=measure.notice_times.get(one.by.notice_id) if one.by.notice_id else None,
        age_band=AgeBand.UNKNOWN,
        numbers=measure.numbers,
        now=measure.now,
    )


def _overlaps(stands: Slot, asked: Slot) -> bool:
    return (
        stands.purpose == asked.purpose
        and stands.recipient in (ANY, asked.recipient)
        and (ANY in (stands.channel, asked.channel) or stands.channel == asked.channel)
    )


def _state_of(slot: Slot, states: Mapping[Slot, ConsentState]) -> ConsentState:
    """Of the slot itself, else of a refusal or withdrawal that covers it."""
    if slot in states:
        return states[slot]
    covering = {state for stands, state in states.items() if state in PROTECTIVE and stands.covers(slot)}
    return next((state for state in (S.WITHDRAWN, S.REFUSED) if state in covering), S.NEVER_ASKED)


def _refusals(slot: Slot, events: Iterable[Happened]) -> list[datetime]:
    """When the purpose was refused since it was last granted, each moment once."""
    about = sorted(
        (e for e in events if e.slot.purpose == slot.purpose and e.slot.recipient in (ANY, slot.recipient)),
        key=lambda event: event.order,
    )
    granted = [event.order for event in about if event.state is S.GRANTED]
    since = [event for event in about if event.state is S.REFUSED and (not granted or event.order > granted[-1])]
    return sorted({event.order[0] for event in since})


def _refuse_too_soon(refusals: Sequence[datetime], measure: Measure) -> None:
    if not refusals:
        return
    if len(refusals) >= measure.numbers.asks_max:
        raise CoolingDown(None)
    left = refusals[-1] + timedelta(days=measure.numbers.cooldown_days) - measure.now
    if left > timedelta(0):
        raise CoolingDown(math.ceil(left.total_seconds()))


def _step(slot: Slot, state: ConsentState, act: Act) -> Step:
    to, word = machine.after(state, act)
    return Step(slot, act, state, to, word)
