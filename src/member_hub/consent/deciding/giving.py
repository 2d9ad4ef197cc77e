"""Giving consent: found good as a whole (answering.py), then recorded and settled in one go.

Decision: who is under 14 cannot give; the attempt hands the question on (PIPL 31). It is answered as a refusal,
GUARDIAN_DUE, so that nobody who looks at `userErrors` alone takes it for a yes; beside it stand the decisions, which
are GUARDIAN_PENDING now. Price: the one user error with which something was recorded. The attempt does not use up the
asking: the guardian answers it.
Decision: what stands as granted already is granted anew where the answer differs from it: what the member said last is
what holds, be it for a shorter time, a longer one, or under a newer notice. The same again is answered as it stands,
without an event; so is a paper that was signed before what stands, and a yes of somebody whose guardian agreed.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from member_hub.consent import machine, scopes
from member_hub.consent.deciding import answering
from member_hub.consent.deciding.act_refusals import GuardianDue, HandedToGuardian, TooManyContacts
from member_hub.consent.deciding.answering import Answer
from member_hub.consent.deciding.contacts import Contact, held_contact, is_one_too_many
from member_hub.consent.deciding.evidence import keep_evidence
from member_hub.consent.deciding.holding import Desk, Held
from member_hub.consent.deciding.outcome import Acted, stands_about
from member_hub.consent.history.effective import state_of
from member_hub.consent.history.recording import NewEvent, record
from member_hub.consent.history.settling import settle
from member_hub.consent.history.standing import Slot, Standing, of_slot
from member_hub.consent.notice import notices
from member_hub.consent.notice.gates import Gate, GateKey, current_gates
from member_hub.consent.notice.published import PublishedNotice
from member_hub.consent.words import ANY, PROTECTIVE, Act, Actor, ConsentState
from member_hub.db.base import Tx
from member_hub.privacy import Purpose

S = ConsentState
_ENDED: Final = frozenset(PROTECTIVE | {S.LAPSED, S.EXPIRED, S.INVALIDATED})


@dataclass(frozen=True, slots=True, repr=False)
class _Granted:
    """A decision that was found good: what it is about, and what happens to it."""

    slot: Slot
    contact: Contact | None
    state: ConsentState
    act: Act


@dataclass(frozen=True, slots=True, repr=False)
class _Answered:
    """The answer with what it is judged by."""

    answer: Answer
    notice: PublishedNotice
    gates: Mapping[GateKey, Gate]
    asked_at: datetime


async def give(tx: Tx, desk: Desk, held: Held, answer: Answer, *, now: datetime) -> Acted:
    """Give consent for the member that is held; all of it or nothing.

    Raises what act_refusals.py and refusals.py name, and NotNow where what came before does not allow it.
    """
    answering.check_actor(held, answer)
    notice = await answering.notice_of(tx, held, answer)
    gates = await current_gates(tx)
    answering.check_decisions(desk, held, answer.decisions, notice, gates)
    contacts = [
        await held_contact(tx, desk.vault, held, one.channel, one.contact, field=f"purposes.{n}.contact")
        for n, one in enumerate(answer.decisions)
    ]
    answering.check_separate(desk.catalogue, held, answer.decisions)
    answering.check_dates(held, answer, notice, now=now)
    served = await answering.served_of(tx, held, answer, notice)
    answering.check_since_asked(held, answer, served)
    await answering.check_asked(tx, held, served, answer.decisions)
    answering.check_age(held)
    good = await _judged(tx, desk, held, _Answered(answer, notice, gates, served.served_at), contacts)
    events = [_event(desk, held, answer, notice, one) for one in good]
    recorded = await record(tx, desk.vault, events, now=held.turn)
    if answer.evidence is not None:
        await keep_evidence(tx, desk.vault, list(zip(recorded, events, strict=True)), answer.evidence)
    await settle(tx, [held.member_id], catalogue=desk.catalogue, now=held.now)
    words = [f"{machine.after(one.state, one.act)[1]}:{scopes.word(one.slot)}" for one in good]
    return await as_it_stands(tx, desk, held, answer, words)


async def as_it_stands(tx: Tx, desk: Desk, held: Held, answer: Answer, words: Collection[str] = ()) -> Acted:
    """What is answered to an act, now and when the same request comes again."""
    about = [one.slot for one in answer.decisions]
    stands = await stands_about(tx, desk.catalogue, held.member_id, about, now=held.now)
    is_pending = any(one.state is S.GUARDIAN_PENDING for one in stands)
    return Acted(held.member_id, stands, words, refusal=HandedToGuardian(field="purposes") if is_pending else None)


async def _judged(
    tx: Tx, desk: Desk, held: Held, answered: _Answered, contacts: Sequence[Contact | None]
) -> list[_Granted]:
    """What happens to each decision; what stands as granted in the same way is left out.

    A question about a channel is one about each contact point, so what ended before it was asked is asked again.
    """
    named = await notices.named(tx, {one.by.notice_id for one in held.decided.standing if one.by.notice_id})
    good = []
    for one, contact in zip(answered.answer.decisions, contacts, strict=True):
        slot = Slot(one.purpose, one.recipient, one.channel or ANY, contact.token if contact is not None else None)
        if is_one_too_many(slot, held.decided.standing):
            raise TooManyContacts(field="purposes")
        stood, state = of_slot(slot, held.decided.standing), S.NEVER_ASKED
        if stood is not None:
            state = state_of(stood, held.decided, answered.gates, named, numbers=desk.catalogue.numbers, now=held.now)
            if state in _ENDED and stood.by.recorded_at < answered.asked_at:
                state = S.ASKED
        if state is not S.GRANTED or (stood is not None and _differs(desk, held, answered, stood)):
            act = _act(state, held.acting.actor, is_child=held.is_child)
            machine.after(state, act)
            good.append(_Granted(slot, contact, state, act))
    return good


def _differs(desk: Desk, held: Held, answered: _Answered, stood: Standing) -> bool:
    """Whether this answer says something else than the grant that stands, and later."""
    answer, notice = answered.answer, answered.notice
    if held.is_child and held.acting.actor is not Actor.GUARDIAN:
        return False
    if (answer.occurred_at or held.now) < stood.by.occurred_at:
        return False
    said = (notice.notice_id, _ends_at(desk, held, answer, stood.slot))
    return said != (stood.by.notice_id, stood.by.ends_at)


def _ends_at(desk: Desk, held: Held, answer: Answer, slot: Slot) -> datetime | None:
    """As the member said, and not later than the notice does."""
    term = desk.catalogue.purposes[Purpose(slot.purpose)].term
    by_term = (answer.occurred_at or held.now) + term if term else None
    return min((moment for moment in (answer.until, by_term) if moment is not None), default=None)


def _act(state: ConsentState, actor: Actor, *, is_child: bool) -> Act:
    """Raises GuardianDue where the question waits for the guardian already."""
    if actor is Actor.GUARDIAN:
        return Act.GUARDIAN_GRANT if state is S.GUARDIAN_PENDING else Act.GRANT
    if is_child and state in (S.GUARDIAN_PENDING, S.STALE):
        raise GuardianDue(field="purposes")
    return Act.GRANT_BY_CHILD if is_child else Act.GRANT


def _event(desk: Desk, held: Held, answer: Answer, notice: PublishedNotice, good: _Granted) -> NewEvent:
    origin = good.contact.origin_id if good.contact is not None and good.contact.origin_id else held.speaker
    terms = desk.catalogue.purposes[Purpose(good.slot.purpose)]
    named = desk.catalogue.recipients.get(good.slot.recipient)
    is_attempt = good.act is Act.GRANT_BY_CHILD
    at = answer.occurred_at or held.now
    return NewEvent(
        member_id=held.member_id,
        origin_id=origin,
        also=held.others(origin),
        handler=held.decided.handler,
        slot=good.slot,
        contact_kind=good.contact.kind.value if good.contact is not None else None,
        act=good.act,
        state_from=good.state,
        state_to=machine.after(good.state, good.act)[0],
        actor=held.acting.actor,
        acted_by=held.acting.acted_by,
        method=answer.method,
        occurred_at=at,
        notice_id=notice.notice_id,
        served_id=None if is_attempt else answer.served_id,
        is_separate=len(answer.decisions) == 1,
        is_sensitive=terms.is_sensitive or held.is_child,
        is_published=terms.is_published,
        is_abroad=named is not None and named.is_abroad,
        ends_at=None if is_attempt else _ends_at(desk, held, answer, good.slot),
        request_id=held.acting.request_id,
    )
