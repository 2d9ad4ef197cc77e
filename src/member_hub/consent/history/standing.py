"""What stands of all that a person decided, however often their accounts were merged and split. Pure.

A slot is (purpose, recipient, channel, contact point). The events of a person are those of the channel accounts that
are theirs now, so a merge or a split is no edit of history: it is the same fold over other accounts.

    per account:  its events in order of time; a live act counts for every account that the member had at that moment
    per person:   any refusal or withdrawal wins; a grant counts only for its own slot; never asked stays never asked

A grant made while merged counts where the account that made it is; a refusal, a withdrawal or an invalidation counts on
every side for good (DOMAIN: consent; DESIGN 7). A refusal or withdrawal of a whole purpose, or of a channel for every
contact point, covers every narrower slot.

Decision: accounts are combined by protection, not by time: a later grant through another account's own file does not
outweigh an earlier refusal elsewhere. Only a live act of the member does, for it is an act for all accounts.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
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
        """A file's line counts from when it was said, for files come late; an act here from when it was recorded.

        A paper that is typed in a week later does not outweigh what was decided meanwhile, nor is it outweighed by
        being asked (giving.py refuses one that is older than a later refusal).
        """
        counts_from = self.occurred_at if self.actor is Actor.FILE else self.recorded_at
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
    counted = sorted((e for e in events if _concerns(e, ours)), key=_turn)
    slots = sorted({event.slot for event in counted}, key=_slot_order)
    stands = [found for slot in slots if (found := _of_slot(slot, ours, counted)) is not None]
    return [one for one in stands if not (one.state is S.ASKED and any(_answers(other, one) for other in stands))]


def _answers(other: Standing, question: Standing) -> bool:
    """One asks about a channel, and answers for a contact point: then the question is no open one beside the answer."""
    is_narrower = other.slot != question.slot and question.slot.covers(other.slot)
    is_of_it = is_narrower and other.slot.recipient == question.slot.recipient and other.state is not S.ASKED
    return is_of_it and other.by.order > question.by.order


def _turn(event: Happened) -> tuple[datetime, bool, datetime, UUID]:
    """In order of time; of what was said in one moment the protective counts last, so that chance decides nothing."""
    at, recorded_at, event_id = event.order
    return (at, event.is_protective, recorded_at, event_id)


def _concerns(event: Happened, ours: frozenset[OriginId]) -> bool:
    """A grant (or a question) goes with the account that made it; what protects goes with every account it was for."""
    if event.origin_id in ours:
        return True
    return event.is_protective and not event.also.isdisjoint(ours)


def _of_slot(slot: Slot, ours: frozenset[OriginId], counted: Sequence[Happened]) -> Standing | None:
    last: dict[OriginId, Happened] = {}
    for event in counted:
        if event.slot == slot or (event.state in PROTECTIVE and event.slot.covers(slot)):
            for origin in ({event.origin_id} | event.also) & ours:
                last[origin] = event
    return _strongest(slot, last)


def _strongest(slot: Slot, last: Mapping[OriginId, Happened]) -> Standing | None:
    for state in _STRONGEST:
        same = [event for event in last.values() if event.state is state]
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
