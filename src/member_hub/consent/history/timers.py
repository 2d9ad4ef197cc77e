"""What happens to decisions by the clock, in batches: silence lapses, a term ends, a refusal may be asked about again.

    asked             -> lapsed        after unanswered_days      (dismiss_or_timeout)
    guardian_pending  -> lapsed        after guardian_days        (timeout)
    granted           -> expired       at its end                 (term_over)
    stale             -> lapsed        after the grace            (grace_over)
    refused           -> never_asked   after cooldown_days, while asks_max is not reached  (cooldown_over)
    granted by a guardian -> stale     when the child is no child any more                 (turns_14)
    granted by a child    -> invalidated   when it shows that the member was under 14      (invalidate)

`consent_current.due_at` says who is due (derived.due_at); the events say what is due, and are looked at again under the
member's lock: a stale projection makes no event, it is settled. Nobody's reading waits for these: what is over does not
count from that moment on, by `gate_until` and by derivation.
Decision: members are locked with SKIP LOCKED, never waited for, and nothing but members: two processes share the work.
A row of `consent_current` that a batch held would hold up the withdrawal of somebody whom the batch passed over, for
whoever withdraws has the member first and the rows after. Whoever is locked is taken in a later round.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import and_, select

from member_hub.audit import AuditLog, Entry
from member_hub.audit.entry import FIELDS_MAX
from member_hub.clock import business_day
from member_hub.consent.catalogue import Catalogue
from member_hub.consent.history.derived import due_of
from member_hub.consent.history.reading import Decisions, decisions_of
from member_hub.consent.history.recording import NewEvent, record
from member_hub.consent.history.settling import settle
from member_hub.consent.history.standing import Slot, Standing, grants_within
from member_hub.consent.machine import after
from member_hub.consent.scopes import word
from member_hub.consent.tables import ConsentCurrent
from member_hub.consent.words import Act, Actor, ConsentState, ContactChannel, Method
from member_hub.crypto import Vault
from member_hub.db import Database, transaction
from member_hub.db.base import Tx
from member_hub.db.bulk import table_of
from member_hub.ids import MemberId
from member_hub.members.reading import is_living, member_t
from member_hub.members.tables import AgeBand
from member_hub.privacy import Purpose

BATCH: Final = 500  # members
BATCHES_MAX: Final = 2_000  # of one round: a million members; then the next round goes on
OPERATION: Final = "consent clock"
CALLER: Final = "jobs"

current_t = table_of(ConsentCurrent)
S = ConsentState
_ACTS: Final = {
    S.ASKED: Act.DISMISS_OR_TIMEOUT,
    S.GUARDIAN_PENDING: Act.TIMEOUT,
    S.GRANTED: Act.TERM_OVER,
    S.STALE: Act.GRACE_OVER,
    S.REFUSED: Act.COOLDOWN_OVER,
}


@dataclass(frozen=True, slots=True)
class Clockwork:
    """What the timers work with."""

    database: Database
    vault: Vault
    catalogue: Catalogue
    audit: AuditLog
    caller: str = CALLER


_KINDS: Final = {
    ContactChannel.SMS.value: "phone",
    ContactChannel.PHONE_CALL.value: "phone",
    ContactChannel.EMAIL.value: "email",
}
Turn = tuple[Standing, Act]
Turns = Callable[[Decisions], Sequence[Turn]]
_Picked = Callable[[Tx], Awaitable[list[MemberId]]]


async def run_due(works: Clockwork, *, now: datetime) -> int:
    """Everything that is due by now, also from a time when nothing ran; how many events came of it.

    Each batch is a transaction with an audit entry of its own. Doing it again does nothing.
    """
    numbers = works.catalogue.numbers

    def turns(mine: Decisions) -> Sequence[Turn]:
        due = [(one, due_of(one, mine.events, numbers)) for one in mine.standing]
        return [(one, _ACTS[one.state]) for one, at in due if at is not None and at <= now]

    async def picked(tx: Tx) -> list[MemberId]:
        due = (
            select(current_t.c.member_id)
            .join(member_t, member_t.c.member_id == current_t.c.member_id)
            .where(current_t.c.due_at <= now, is_living())
            .order_by(current_t.c.due_at)
            .limit(BATCH)
        )
        ids = await tx.scalars(due.with_for_update(of=member_t, skip_locked=True))
        return sorted({MemberId(one) for one in ids})

    return await _in_batches(works, picked, turns, now=now)


async def settle_over(works: Clockwork, *, now: datetime) -> None:
    """Settle anew the members whose bits hold no longer (`gate_until`); nothing happened, so no event comes of it.

    Children stay shut until somebody has looked at their age (coming_of_age.py).
    """

    async def picked(tx: Tx) -> list[MemberId]:
        is_due = and_(member_t.c.gate_until <= now, member_t.c.age_band != AgeBand.CHILD.value)
        over = select(member_t.c.member_id).where(is_due).order_by(member_t.c.gate_until)
        return [MemberId(one) for one in await tx.scalars(over.limit(BATCH).with_for_update(skip_locked=True))]

    await _in_batches(works, picked, lambda _: (), now=now)


def outgrown(mine: Decisions) -> Sequence[Turn]:
    """A guardian's grants, for a member who is no child any more (PIPL 31; S17)."""
    granted = [one for one in mine.standing if one.state is S.GRANTED]
    return [(one, Act.TURNS_14) for one in granted if one.by.actor is Actor.GUARDIAN]


def ticked_as_a_child(mine: Decisions, last_day: date | None) -> Sequence[Turn]:
    """Grants that a member gave alone while under 14: no consents, and none when they are 14 either (PIPL 31).

    Of a child all of them, whatever day they are of; else those of `last_day` and before. Also grants that something
    hides at present: a split must not bring them back.
    """
    alone = [one for one in grants_within(mine.origins, mine.events) if one.by.actor is not Actor.GUARDIAN]
    if mine.age_band is not AgeBand.CHILD:
        alone = [one for one in alone if last_day is not None and business_day(one.by.occurred_at) <= last_day]
    return [(one, Act.INVALIDATE) for one in alone]


def unanswered(mine: Decisions) -> Sequence[Turn]:
    """What waits for a guardian, where there is none any more."""
    return [(one, Act.TIMEOUT) for one in mine.standing if one.state is S.GUARDIAN_PENDING]


def contact_kind(slot: Slot) -> str | None:
    """What the contact point of a slot is, by the channel that it is for."""
    return None if slot.contact is None else _KINDS[slot.channel]


async def _in_batches(works: Clockwork, picked: _Picked, turns: Turns, *, now: datetime) -> int:
    """Batch after batch, until nobody is left, or those come again who came last: they wait for the next round."""
    made, last = 0, list[MemberId]()
    for _ in range(BATCHES_MAX):
        async with transaction(works.database.app) as tx:
            members = await picked(tx)
            if not members or members == last:
                break
            words, events = await _turn(tx, works.vault, members, turns, catalogue=works.catalogue, now=now)
            await works.audit.write(_entry(members, words, works.caller, now=now))
        made, last = made + events, members
    return made


async def _turn(
    tx: Tx, vault: Vault, member_ids: Collection[MemberId], turns: Turns, *, catalogue: Catalogue, now: datetime
) -> tuple[frozenset[str], int]:
    """Record what turns and settle."""
    done = await record_turns(tx, vault, member_ids, turns, now=now)
    await settle(tx, member_ids, catalogue=catalogue, now=now)
    return done


async def record_turns(
    tx: Tx, vault: Vault, member_ids: Collection[MemberId], turns: Turns, *, now: datetime
) -> tuple[frozenset[str], int]:
    """Put on record what time did to the decisions of these roots, which the caller holds locked and settles after.

    Returns the words for the audit entry, and how many events.
    """
    decided = await decisions_of(tx, sorted(member_ids))
    events, words = [], set[str]()
    for member_id, mine in decided.items():
        for one, act in turns(mine):
            events.append(_event(member_id, mine, one, act, now=now))
            words.add(f"{after(one.state, act)[1]}:{word(one.slot)}")
    await record(tx, vault, events, now=now)
    return frozenset(words), len(events)


def _event(member_id: MemberId, mine: Decisions, one: Standing, act: Act, *, now: datetime) -> NewEvent:
    """For the accounts for which the decision stood, and which are this member's now."""
    held = ({one.by.origin_id} | one.by.also) & mine.origins
    origin = one.by.origin_id if one.by.origin_id in held else min(held)
    return NewEvent(
        member_id=member_id,
        origin_id=origin,
        also=frozenset(held - {origin}) or None,
        handler=mine.handler,
        slot=one.slot,
        contact_kind=contact_kind(one.slot),
        act=act,
        state_from=one.state,
        state_to=after(one.state, act)[0],
        actor=Actor.TIMER,
        acted_by=Actor.TIMER.value,
        method=Method.NONE,
        occurred_at=now,
        notice_id=one.by.notice_id,
    )


def _entry(members: Sequence[MemberId], words: Collection[str], caller: str, *, now: datetime) -> Entry:
    return Entry.of_command(
        OPERATION,
        fields=sorted(words)[:FIELDS_MAX],
        member_ids=members,
        caller=caller,
        purpose=Purpose.RIGHTS_HANDLING,
        now=now,
    )
