"""Saying no: refusing and withdrawing, in one step, without notice, key, reason or evidence (PIPL 15, 16).

Both are one act here: what was granted is withdrawn, everything else is refused. A no to a purpose is one to each of
its channels and recipients, a no to a channel one for each contact point; one event says so, and covers what is
narrower (standing.py). To say no again changes nothing.

Decision: a no that is wider than something once granted is a withdrawal, whatever became of that: nobody asks again. As
a refusal it would stand for each part and end with its cool-down, and who withdrew more would be protected less.
Decision: a no where nothing was asked or granted is a refusal and goes on record, too. A line of a file that comes
later and tells of an older yes then changes nothing. Price: an event for somebody who only wants to be sure.
Decision: what one account refused may hide what another of the member's granted, and a split would give that back. So
a no is without an event only where each account is protected by itself; else it is recorded for those that are not,
and what the others said stays as it is, cool-downs included.
Decision: a no for one contact point too many is one for its whole channel. Price: it reaches further than was said.
Decision: every no is written to the outside ledger before it is committed, so that no restored database forgets it; a
ledger that cannot be written refuses the withdrawal, and the member is told so. The other way round they would be told
that it is done, and the next restore would bring the consent back. A refusal of what was never granted, too: a line of
a file that waits for its text, or is delivered later, may bring an older grant. Price: a line for every no.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final

from member_hub.consent import machine, scopes
from member_hub.consent.deciding.acting import way_of
from member_hub.consent.deciding.contacts import Contact, is_one_too_many, named_contact
from member_hub.consent.deciding.holding import Desk, Held
from member_hub.consent.deciding.outcome import Acted, shown, stands_about
from member_hub.consent.history.reading import Decisions, decisions_of
from member_hub.consent.history.recording import NewEvent, record
from member_hub.consent.history.settling import settle
from member_hub.consent.history.standing import Slot, Standing, of_slot, standing
from member_hub.consent.notice.refusals import ConsentNotTheBasis
from member_hub.consent.outside import remember
from member_hub.consent.words import ANY, PROTECTIVE, Act, Actor, ConsentState, ContactChannel
from member_hub.crypto import Ledger, LedgerKind, Note
from member_hub.db.base import Tx
from member_hub.errors import BadInput
from member_hub.ids import OriginId
from member_hub.privacy import Purpose

S = ConsentState
_LIVE: Final = (S.GRANTED, S.STALE, S.GUARDIAN_PENDING, S.ASKED)  # what a no ends, the furthest first
_WAS_GIVEN: Final = frozenset({S.GRANTED, S.STALE})
_GIVEN: Final = frozenset({S.GRANTED, S.WITHDRAWN})  # of events: that it was granted once, here or elsewhere


class NotOfThisPurpose(BadInput):
    zh = "该处理目的没有这一渠道或接收方。"
    en = "This purpose has no such channel or recipient."


@dataclass(frozen=True, slots=True, repr=False)
class Denial:
    """What is refused or withdrawn: a purpose as a whole, or one recipient, channel or contact point of it."""

    purpose: Purpose
    recipient: str = ANY
    channel: ContactChannel | None = None
    contact: str | None = None


async def withdraw(tx: Tx, desk: Desk, held: Held, denial: Denial) -> Acted:
    """Refuse or withdraw for the member that is held. What stands as refused already is answered without an event.

    The caller writes `notes` to the ledger as the last thing before the commit (`announce`). Raises
    ConsentNotTheBasis, NotOfThisPurpose, NoContactPoint.
    """
    _check(desk, held.decided.standing, denial)
    contact = await named_contact(tx, desk.vault, held, denial.channel, denial.contact, field="contact")
    slot = Slot(denial.purpose, denial.recipient, denial.channel or ANY, contact.token if contact else None)
    if is_one_too_many(slot, held.decided.standing):
        slot, contact = replace(slot, contact=None), None
    unprotected = _unprotected(slot, held.decided)
    if not unprotected:
        return Acted(held.member_id, await stands_about(tx, desk.catalogue, held.member_id, [slot], now=held.now))
    state = _ended(slot, held.decided, unprotected)
    was_given = any(one.slot != slot and slot.covers(one.slot) and one.state in _GIVEN for one in held.decided.events)
    act = Act.WITHDRAW if was_given else _act(state, held.acting.actor)
    after, word = machine.after(state, act)
    event = _event(held, slot, contact, unprotected, act=act, state_from=state, state_to=after)
    await record(tx, desk.vault, [event], now=held.turn)
    await settle(tx, [held.member_id], catalogue=desk.catalogue, now=held.now)
    decided = (await decisions_of(tx, [held.member_id]))[held.member_id]
    about = [one for one in decided.standing if slot.covers(one.slot)]
    is_left = any(one.state in _WAS_GIVEN and one.slot.purpose == denial.purpose for one in decided.standing)
    return Acted(
        member_id=held.member_id,
        stands=await shown(tx, desk.catalogue, decided, about, now=held.now),
        words=[f"{word}:{scopes.word(slot)}"],
        notes=[_note(held, event)],
        ended=frozenset() if is_left else frozenset({denial.purpose}),
    )


async def announce(ledger: Ledger, acted: Acted) -> None:
    """Put the end of a consent, and what went with it, on disk outside the database. Raises LedgerUnwritable."""
    await remember(ledger, acted.notes)


def stands_as(slot: Slot, found: Collection[Standing]) -> ConsentState:
    """The state that a no to this slot ends: of what it covers, the one that reaches furthest."""
    own = of_slot(slot, found)
    under = {one.state for one in found if slot.covers(one.slot)}
    return _furthest(under, own.state if own is not None else S.NEVER_ASKED)


def _furthest(states: Collection[ConsentState], otherwise: ConsentState) -> ConsentState:
    return next((state for state in _LIVE if state in states), otherwise)


def _unprotected(slot: Slot, decided: Decisions) -> dict[OriginId, ConsentState]:
    """For which accounts a no is due, and the state that it ends there: all, unless they have said it together; then
    those that would not stand so alone."""
    alone = {origin: stands_as(slot, standing([origin], decided.events)) for origin in decided.origins}
    if stands_as(slot, decided.standing) not in PROTECTIVE:
        return alone
    return {origin: state for origin, state in alone.items() if state not in PROTECTIVE}


def _ended(slot: Slot, decided: Decisions, unprotected: Mapping[OriginId, ConsentState]) -> ConsentState:
    """What a no ends, hidden grants of single accounts included."""
    together = stands_as(slot, decided.standing)
    otherwise = together if together not in PROTECTIVE else unprotected[min(unprotected)]
    return _furthest({together, *unprotected.values()}, otherwise)


def _act(state: ConsentState, actor: Actor) -> Act:
    if state is S.GRANTED:
        return Act.WITHDRAW
    is_guardians = state is S.GUARDIAN_PENDING and actor is Actor.GUARDIAN
    return Act.GUARDIAN_REFUSE if is_guardians else Act.REFUSE


def _check(desk: Desk, found: Collection[Standing], denial: Denial) -> None:
    """A recipient or channel that the pack dropped can still be refused where anything stands about it."""
    if desk.register.purposes[denial.purpose].consent_key is None:
        raise ConsentNotTheBasis(field="purpose")
    known = [one.slot for one in found if one.slot.purpose == denial.purpose]
    named = desk.catalogue.recipients.get(denial.recipient)
    is_recipient = named is not None and denial.purpose in named.purposes
    if denial.recipient != ANY and not is_recipient and denial.recipient not in {slot.recipient for slot in known}:
        raise NotOfThisPurpose(field="recipient")
    channels = {*desk.catalogue.purposes[denial.purpose].channels, *(slot.channel for slot in known)}
    if denial.channel is not None and denial.channel not in channels:
        raise NotOfThisPurpose(field="channel")


def _event(
    held: Held,
    slot: Slot,
    contact: Contact | None,
    accounts: Collection[OriginId],
    *,
    act: Act,
    state_from: ConsentState,
    state_to: ConsentState,
) -> NewEvent:
    holder = contact.origin_id if contact is not None and contact.origin_id is not None else held.speaker
    origin = next((one for one in (holder, held.speaker) if one in accounts), min(accounts))
    return NewEvent(
        member_id=held.member_id,
        origin_id=origin,
        also=frozenset(accounts) - {origin},
        handler=held.decided.handler,
        slot=slot,
        contact_kind=contact.kind.value if contact is not None else None,
        act=act,
        state_from=state_from,
        state_to=state_to,
        actor=held.acting.actor,
        acted_by=held.acting.acted_by,
        method=way_of(held.acting),
        occurred_at=held.now,
        request_id=held.acting.request_id,
    )


def _note(held: Held, event: NewEvent) -> Note:
    accounts = {event.origin_id} | (event.also or frozenset())
    said = scopes.noted(event.slot, is_refusal=event.state_to is S.REFUSED)
    return Note(LedgerKind.WITHDRAWAL, (*held.person, *sorted(accounts)), held.turn, said)
