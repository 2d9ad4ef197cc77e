"""What the clock and the notices make of a decision, and when something happens to it next. Pure; settle asks, too.

Some things turn without an event: a grant whose notice is older than the newest material change of its purpose is
stale from that moment on, and lapsed when the grace is over; a grant that was given for a time is expired when that is
over, whether or not the timer has come round; a guardian's grant is stale once the child is no child any more, and the
yes of somebody who turns out to be under 14 was none (PIPL 31). The events of the timers only put on record what has
held since.

Decision: one function for what is shown and for what is enforced, so that nobody reads "granted" where no read is.
Price: it is asked for every slot that is shown, and settle has to ask it before it sets a bit.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from member_hub.consent.catalogue import Numbers
from member_hub.consent.history.standing import Happened, Slot, Standing
from member_hub.consent.words import Act, Actor, ConsentState
from member_hub.members.tables import AgeBand

S = ConsentState


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision as it stands in the events. `noticed_at`: since when its notice is in force; None: without a notice of
    the member's handler, and then it counts for nothing."""

    state: ConsentState
    since: datetime
    actor: Actor
    noticed_at: datetime | None
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Derived:
    state: ConsentState
    since: datetime
    stale_since: datetime | None = None


def derived(
    decided: Decided, *, gate_at: datetime | None, age_band: AgeBand, numbers: Numbers, now: datetime
) -> Derived:
    """Where a decision really stands at `now`.

    `gate_at`: since when the newest bit of (handler, purpose, recipient) counts, whatever the clock says; None where
    nothing was ever published about it. Without a gate nothing is changed here, and nobody reads anything by it.
    """
    if decided.state is not S.GRANTED:
        return _stored(decided)
    if decided.ends_at is not None and decided.ends_at <= now:
        return Derived(S.EXPIRED, decided.ends_at)
    if gate_at is not None and decided.noticed_at is None:
        return Derived(S.INVALIDATED, decided.since)  # nobody was told anything by the handler
    if gate_at is not None and decided.noticed_at is not None and decided.noticed_at < gate_at:
        ends = gate_at + timedelta(days=numbers.stale_grace_days)
        return Derived(S.LAPSED, ends, gate_at) if ends <= now else Derived(S.STALE, gate_at, gate_at)
    if decided.actor is Actor.GUARDIAN and age_band not in (AgeBand.CHILD, AgeBand.UNKNOWN):
        return Derived(S.STALE, decided.since, decided.since)
    if decided.actor is not Actor.GUARDIAN and age_band is AgeBand.CHILD:
        return Derived(S.INVALIDATED, decided.since)
    return Derived(S.GRANTED, decided.since)


def state_now(
    one: Standing,
    *,
    gate_at: datetime | None,
    noticed_at: datetime | None,
    age_band: AgeBand,
    numbers: Numbers,
    now: datetime,
) -> ConsentState:
    """The same of what the events of a member leave standing: the state alone. Of UNKNOWN age nothing is taken off."""
    decided = Decided(one.state, one.by.occurred_at, one.by.actor, noticed_at, one.by.ends_at)
    return derived(decided, gate_at=gate_at, age_band=age_band, numbers=numbers, now=now).state


def _stored(decided: Decided) -> Derived:
    """As an event says it; stale by an event is only what a guardian gave and the child has outgrown."""
    return Derived(decided.state, decided.since, decided.since if decided.state is S.STALE else None)


def suffices(actor: Actor, age_band: AgeBand) -> bool:
    """Whether a grant by this actor counts for somebody of this age (PIPL 31; PIPL.md 1b: unknown age, none)."""
    match age_band:
        case AgeBand.UNKNOWN:
            return False
        case AgeBand.CHILD:
            return actor is Actor.GUARDIAN
        case AgeBand.MINOR | AgeBand.ADULT:
            return actor is not Actor.GUARDIAN


def due_at(one: Standing, *, asks: int, numbers: Numbers) -> datetime | None:
    """When the clock changes a decision next; None: never by itself. What `consent_current.due_at` has to be.

    asked               unanswered_days later: lapsed, for silence is no consent
    guardian_pending    guardian_days later: lapsed
    granted             where it was given for a time, at its end: expired
    stale               handover_days after a child has turned 14, else stale_grace_days: lapsed
    refused             cooldown_days later: never_asked, unless `asks` has reached asks_max: nobody asks again
    """
    days = {
        S.ASKED: numbers.unanswered_days,
        S.GUARDIAN_PENDING: numbers.guardian_days,
        S.STALE: numbers.handover_days if one.by.act is Act.TURNS_14 else numbers.stale_grace_days,
    }
    if asks < numbers.asks_max:
        days[S.REFUSED] = numbers.cooldown_days
    if one.state is S.GRANTED:
        return one.by.ends_at
    return one.by.occurred_at + timedelta(days=days[one.state]) if one.state in days else None


def due_of(one: Standing, events: Iterable[Happened], numbers: Numbers) -> datetime | None:
    """The same out of the events that the standing came from."""
    return due_at(one, asks=asks_of(one.slot, events) if one.state is S.REFUSED else 0, numbers=numbers)


def asks_of(slot: Slot, events: Iterable[Happened]) -> int:
    """How often the hub asked about a slot of its own accord, over all channels: what asks_max limits.

    A question about the whole purpose asks about each of its slots; who asks to be asked is not counted.
    """
    return sum(event.act is Act.SERVE_NOTICE and event.slot.covers(slot) for event in events)
