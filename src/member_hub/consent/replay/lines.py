"""What the consent lines of channel files mean: which slot, which state, and what waits. Pure.

A line is what it is: what a channel says that somebody did there at a time, under a text that it names. It answers no
question that the hub has asked, so it does not go through the machine's `asked`: `state_from` is where its slot stood
for that account at the time of the line, `state_to` what the line makes of it.

    granted: true    granted, if the account's handler had published that text for that purpose, the text was in force
                     at the time, no act of its own was due, and the member was not under 14 then; else
                     invalidated: it widens nothing and shows why
    granted: false   withdrawn where it had been granted, else refused; it counts whatever the text was and whether or
                     not anybody knows it, and about the channel as a whole: "no messages" means to no number

Lines come in any order: a grant that turns up late makes a withdrawal of the refusal that is already on record. None
of them widens a later refusal; `standing` sees to that. A time that is yet to come counts as the moment of its arrival.
A grant of `marketing_sms` is for the phone that the account stated then, and without one for no number.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import takewhile
from typing import Final
from uuid import UUID

import orjson

from member_hub.clock import business_day
from member_hub.consent.catalogue import Catalogue
from member_hub.consent.history.recording import NewEvent
from member_hub.consent.history.standing import Happened, Slot, of_slot, standing
from member_hub.consent.words import ANY, Act, Actor, ConsentState, ContactChannel, Method
from member_hub.identity.kinds import ClaimKind
from member_hub.identity.statements import StatedConsent
from member_hub.ids import MemberId, OriginId, uuid7
from member_hub.privacy import Purpose

S = ConsentState
SLOTS: Final[Mapping[str, Slot]] = {
    "marketing_sms": Slot(Purpose.MARKETING.value, ANY, ContactChannel.SMS.value),
    "personalisation": Slot(Purpose.PERSONALISATION.value),
}
NO_CONSENT: Final = frozenset({"service_terms"})  # agreed to as a contract; nothing rests on it here (PIPL 13(1)(2))
_HAD_SAID_YES: Final = frozenset({S.GRANTED, S.STALE, S.WITHDRAWN})


@dataclass(frozen=True, slots=True)
class FileNotice:
    """What a line's text asked about, and since when it is in force."""

    notice_id: UUID
    effective_at: datetime
    purposes: Sequence[str]


Notices = Mapping[tuple[str, str], FileNotice]  # by handler and name


@dataclass(frozen=True, slots=True, repr=False)
class Teller:
    """The channel account that a line is about; `phones` are what it stated, each with since when."""

    member_id: MemberId
    origin_id: OriginId
    handler: str
    phones: Sequence[tuple[datetime, bytes]]
    last_day_as_child: date | None = None  # of the member, by the birth dates that are known

    def phone_at(self, moment: datetime) -> bytes | None:
        """What it stated last before; where it had stated none yet, what it stated first."""
        before = [phone for phone in self.phones if phone[0] <= moment]
        found = max(before) if before else min(self.phones, default=None)
        return found[1] if found else None


@dataclass(frozen=True, slots=True)
class Reading:
    """What lines are read with."""

    notices: Notices
    catalogue: Catalogue
    now: datetime


def canonical(said: StatedConsent) -> bytes:
    """A line as it is stored, sealed."""
    return orjson.dumps(
        {"purpose": said.purpose, "granted": said.granted, "at": said.at, "notice": said.notice},
        option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z,
    )


def read_back(stored: bytes) -> StatedConsent:
    said = orjson.loads(stored)
    return StatedConsent(said["purpose"], said["granted"], datetime.fromisoformat(said["at"]), said["notice"])


def is_ready(said: StatedConsent, handler: str, notices: Notices) -> bool:
    """Whether the line can be applied now; else it waits for its purpose or its text to be known."""
    if said.purpose in NO_CONSENT:
        return True
    return said.purpose in SLOTS and (not said.granted or (handler, said.notice) in notices)


def events_of(
    teller: Teller, lines: Iterable[StatedConsent], history: Iterable[Happened], reading: Reading
) -> list[NewEvent]:
    """The events of lines that are ready, oldest first; `history` is what is on record of this account."""
    known = list(history)
    events: list[NewEvent] = []
    for said in sorted(lines, key=lambda one: (one.at, not one.granted, one.purpose, one.notice)):
        if said.purpose in NO_CONSENT:
            continue
        for event in _events_of_one(teller, said, known, reading):
            events.append(event)
            known.append(_as_happened(event, reading.now))
    return events


def _events_of_one(
    teller: Teller, said: StatedConsent, known: Sequence[Happened], reading: Reading
) -> Iterable[NewEvent]:
    slot = SLOTS[said.purpose]
    notice = reading.notices.get((teller.handler, said.notice))
    phone = teller.phone_at(said.at) if said.granted and slot.channel == ContactChannel.SMS else None
    terms = reading.catalogue.purposes[Purpose(slot.purpose)]
    at = min(said.at, reading.now)
    event = NewEvent(
        member_id=teller.member_id,
        origin_id=teller.origin_id,
        also=None,
        handler=teller.handler,
        slot=replace(slot, contact=phone),
        contact_kind=ClaimKind.PHONE.value if phone is not None else None,
        act=Act.REFUSE,
        state_from=_state_at(at, replace(slot, contact=phone), teller.origin_id, known),
        state_to=S.REFUSED,
        actor=Actor.FILE,
        acted_by=Actor.FILE.value,
        method=Method.CHANNEL_FILE,
        occurred_at=at,
        notice_id=notice.notice_id if notice else None,
        is_sensitive=terms.is_sensitive,
        is_published=terms.is_published,
    )
    if not said.granted:
        is_withdrawn = event.state_from in _HAD_SAID_YES
        return [replace(event, act=Act.WITHDRAW, state_to=S.WITHDRAWN) if is_withdrawn else event]
    if _is_by_a_child(teller, said) or not _is_informed(said, slot, notice, reading):
        return [replace(event, act=Act.INVALIDATE, state_to=S.INVALIDATED)]
    granted = replace(event, act=Act.GRANT, state_to=S.GRANTED, ends_at=at + terms.term if terms.term else None)
    return [granted, *_withdrawn_after(granted, known)]


def _is_by_a_child(teller: Teller, said: StatedConsent) -> bool:
    """Who ticked it was under 14 then: no consent, and none when they are 14 either (PIPL 31)."""
    return teller.last_day_as_child is not None and business_day(said.at) <= teller.last_day_as_child


def _is_informed(said: StatedConsent, slot: Slot, notice: FileNotice | None, reading: Reading) -> bool:
    """A tick under a text that was not in force, or did not ask for this, or in the future, is no informed consent."""
    if notice is None or slot.purpose not in notice.purposes:
        return False
    is_apart = reading.catalogue.needs_separate_act(Purpose(slot.purpose), slot.recipient)
    return notice.effective_at <= said.at <= reading.now and not is_apart


def _state_at(at: datetime, slot: Slot, origin: OriginId, known: Sequence[Happened]) -> ConsentState:
    """Where the slot stood for this account at that time; a grant for any number makes the channel granted."""
    before = standing([origin], [event for event in known if event.order[0] <= at])
    narrower = [one for one in before if slot.covers(one.slot) and one.state is S.GRANTED]
    found = of_slot(slot, before)
    if narrower and slot.contact is None:
        return S.GRANTED
    return found.state if found else S.NEVER_ASKED


def _withdrawn_after(granted: NewEvent, known: Sequence[Happened]) -> list[NewEvent]:
    """The file's refusal that came to be known before the grant that it took back: it was a withdrawal."""
    later = sorted(
        (event for event in known if event.order[0] >= granted.occurred_at and event.slot.covers(granted.slot)),
        key=lambda event: event.order,
    )
    run = list(takewhile(lambda event: event.state is S.REFUSED and event.actor is Actor.FILE, later))
    if not run:
        return []
    last = run[-1]
    taken_back = replace(granted, slot=last.slot, contact_kind=None, act=Act.WITHDRAW, ends_at=None)
    return [
        replace(
            taken_back,
            state_from=S.GRANTED,
            state_to=S.WITHDRAWN,
            occurred_at=last.occurred_at,
            notice_id=last.notice_id,
        )
    ]


def _as_happened(event: NewEvent, now: datetime) -> Happened:
    return Happened(
        event_id=uuid7(),
        origin_id=event.origin_id,
        also=frozenset(),
        slot=event.slot,
        act=event.act,
        state=event.state_to,
        actor=event.actor,
        notice_id=event.notice_id,
        occurred_at=event.occurred_at,
        recorded_at=now,
        ends_at=event.ends_at,
    )
