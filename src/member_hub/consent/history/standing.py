"""What stands of all that a person decided, however often their accounts were merged and split. Pure.

A slot is (purpose, recipient, channel, contact point). The events of a person are those of the channel accounts that
are theirs now, so a merge or a split is no edit of history: it is the same fold over other accounts.

    per account:  its events in order of time; a live act counts for every account that the member had at that moment
    per person:   any refusal or withdrawal wins, and a grant that is older than one stays outweighed when that falls
                  away; a grant counts only for its own slot; never asked stays never asked

A grant made while merged counts where the account that made it is; a refusal, a withdrawal or an invalidation counts on
every side for good (DOMAIN: consent; DESIGN 7). A refusal or withdrawal of a whole purpose, or of a channel for every
contact point, covers every narrower slot.

Decision: accounts are combined by protection, not by time: a later grant through another account's own file does not
outweigh an earlier refusal elsewhere. Only a live act of the member does, for it is an act for all accounts.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from member_hub.consent.words import ANY, PROTECTIVE, Act, Actor, ConsentState
from member_hub.ids import OriginId

S = ConsentState


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """One thing to be decided about; `contact` is the blind index of a phone or an address, None for any."""

    purpose: str
    recipient: str = ANY
    channel: str = ANY
    contact: bytes | None = None

    def covers(self, other: "Slot") -> bool:
        """Whether a refusal or withdrawal of this covers that."""
        return (
            self.purpose == other.purpose
            and self.recipient in (ANY, other.recipient)
            and self.channel in (ANY, other.channel)
            and self.contact in (None, other.contact)
        )


@dataclass(frozen=True, slots=True)
class Happened:
    """One event of one member: what the fold looks at. `also` are the member's other accounts at a live act."""

    event_id: UUID
    origin_id: OriginId
    also: frozenset[OriginId]
    slot: Slot
    act: Act
    state: ConsentState
    actor: Actor
    notice_id: UUID | None
    occurred_at: datetime
    recorded_at: datetime
    ends_at: datetime | None = None

    @property
    def order(self) -> tuple[datetime, datetime, UUID]:
        """A file's line counts from when it was said, for files come late, and so does what is put back from the ledger
        (replay/restoring.py); an act here from when it was recorded.

        A paper that is typed in a week later does not outweigh what was decided meanwhile, nor is it outweighed by
        being asked (giving.py refuses one that is older than a later refusal).
        """
        counts_from = self.occurred_at if self.actor in (Actor.FILE, Actor.SYSTEM) else self.recorded_at
        return (counts_from, self.recorded_at, self.event_id)

    @property
    def is_protective(self) -> bool:
        return self.state in PROTECTIVE or self.state is S.INVALIDATED


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one slot stands, and the event that made it so."""

    slot: Slot
    state: ConsentState
    by: Happened


# Where accounts differ, the first of these that any of them has.
_STRONGEST: Final = (
    S.WITHDRAWN,
    S.REFUSED,
    S.GRANTED,
    S.INVALIDATED,
    S.EXPIRED,
    S.STALE,
    S.LAPSED,
    S.GUARDIAN_PENDING,
    S.ASKED,
    S.NEVER_ASKED,
    S.CLOSED,
)


def standing(origins: Collection[OriginId], events: Iterable[Happened]) -> list[Standing]:
    """Every slot that anything was ever said about, in order; the events may be of other accounts, too."""
    ours = frozenset(origins)
    told = _Told(event for event in events if _concerns(event, ours))
    stands = [found for slot in told.slots() if (found := _of_slot(slot, ours, told.about(slot))) is not None]
    answered = _newest_answers(stands)
    return [one for one in stands if one.state is not S.ASKED or one.by.order >= answered.get(one.slot, one.by.order)]


def grants_within(origins: Collection[OriginId], events: Iterable[Happened]) -> list[Standing]:
    """Every grant that is the last word of an account, be it hidden now by what another account says: what merging or
    splitting could make stand again."""
    ours, known = frozenset(origins), list(events)
    found: dict[tuple[Slot, UUID], Standing] = {}
    for side in (ours, *(frozenset({origin}) for origin in sorted(ours))):
        told = _Told(event for event in known if _concerns(event, side))
        for slot in told.slots():
            for event in _last_words(side, told.about(slot)).values():
                if event.state is S.GRANTED:
                    found[slot, event.event_id] = Standing(slot, event.state, event)
    return list(found.values())


class _Told:
    """Events in their turn, found by the slot that they are about: each slot has at most eight that cover it."""

    def __init__(self, events: Iterable[Happened]) -> None:
        self._about: dict[Slot, list[tuple[int, Happened]]] = {}
        for turn, event in enumerate(sorted(events, key=_turn)):
            self._about.setdefault(event.slot, []).append((turn, event))

    def slots(self) -> list[Slot]:
        return sorted(self._about, key=_slot_order)

    def about(self, slot: Slot) -> list[Happened]:
        """What was said of it, and every no that covers it."""
        found = list(self._about.get(slot, ()))
        for wider in _covering(slot) - {slot}:
            found += (one for one in self._about.get(wider, ()) if one[1].state in PROTECTIVE)
        return [event for _, event in sorted(found, key=lambda one: one[0])]


def _covering(slot: Slot) -> frozenset[Slot]:
    """Every slot that covers this one, itself included."""
    return frozenset(
        Slot(slot.purpose, recipient, channel, contact)
        for recipient in (ANY, slot.recipient)
        for channel in (ANY, slot.channel)
        for contact in (None, slot.contact)
    )


def _newest_answers(stands: Iterable[Standing]) -> dict[Slot, tuple[datetime, datetime, UUID]]:
    """One asks about a channel, and answers for a contact point: then the question is no open one beside the answer."""
    newest: dict[Slot, tuple[datetime, datetime, UUID]] = {}
    for one in stands:
        if one.state is not S.ASKED:
            for wider in _covering(one.slot) - {one.slot}:
                if wider.recipient == one.slot.recipient:
                    newest[wider] = max(newest.get(wider, one.by.order), one.by.order)
    return newest


def _turn(event: Happened) -> tuple[datetime, bool, datetime, UUID]:
    """In order of time; of what was said in one moment the protective counts last, so that chance decides nothing."""
    at, recorded_at, event_id = event.order
    return (at, event.is_protective, recorded_at, event_id)


def _concerns(event: Happened, ours: frozenset[OriginId]) -> bool:
    """A grant (or a question) goes with the account that made it; what protects goes with every account it was for."""
    if event.origin_id in ours:
        return True
    return event.is_protective and not event.also.isdisjoint(ours)


def _of_slot(slot: Slot, ours: frozenset[OriginId], told: Sequence[Happened]) -> Standing | None:
    """`told`: what concerns the slot, in its turn.

    A grant counts only if it is later than the last no of any account. Else a no that falls away (the cool-down is
    over, what was asked anew is not answered) would bring back the older yes of another account, which it outweighed.
    """
    denied = max((turn for turn, event in enumerate(told) if event.state in PROTECTIVE), default=-1)
    outweighed = {event.event_id for event in told[: denied + 1] if event.state is S.GRANTED}
    words = _last_words(ours, told).values()
    return _strongest(slot, [event for event in words if event.event_id not in outweighed])


def _last_words(ours: frozenset[OriginId], told: Iterable[Happened]) -> dict[OriginId, Happened]:
    last: dict[OriginId, Happened] = {}
    for event in told:
        for origin in ({event.origin_id} | event.also) & ours:
            last[origin] = event
    return last


def _strongest(slot: Slot, last: Collection[Happened]) -> Standing | None:
    for state in _STRONGEST:
        same = [event for event in last if event.state is state]
        if same:
            return Standing(slot, state, max(same, key=lambda event: event.order))
    return None


def _slot_order(slot: Slot) -> tuple[str, str, str, bytes]:
    return (slot.purpose, slot.recipient, slot.channel, slot.contact or b"")


def of_slot(slot: Slot, found: Collection[Standing]) -> Standing | None:
    """Where this slot stands: itself, else the narrowest refusal, withdrawal or question that covers it.

    Whoever said no and is asked again later, about the channel as a whole, has been asked about each contact point.
    """
    covering = [one for one in found if one.slot == slot or (one.state in PROTECTIVE and one.slot.covers(slot))]
    decided = max(covering, key=lambda one: (one.slot == slot, one.by.order), default=None)
    question = last_question(slot, found)
    if decided is None or (decided.state in PROTECTIVE and question and question.by.order > decided.by.order):
        return question
    return decided


def last_question(slot: Slot, found: Iterable[Standing]) -> Standing | None:
    """The newest question that covers this slot and was not answered as a whole."""
    asked = [one for one in found if one.state is S.ASKED and one.slot.covers(slot)]
    return max(asked, key=lambda one: one.by.order, default=None)
