"""What a restored database has forgotten of consent, put back: the outside ledger, projections, chains (PIPL.md C).

A backup is older than some withdrawals and objections; restoring the consent would be as unlawful as restoring erased
data. The ledger knows each by the member's accounts, the time and the words of its scope, and by nothing else.

    ledger entry        the database shows it by                               else
    withdrawal          an event recorded then or later that refuses the slot  the slot is withdrawn now
    restriction         an objection placed at that very moment, lifted or not it is placed, as of that moment

Decision: a withdrawal for one phone number is put back for the whole channel, and an objection that was lifted behind
the backup stands again: the ledger knows neither the number nor the lifting, and the member is asked rather than
overruled. Decision: what the member gave later than an entry stands; a withdrawal that was announced and never
committed does not outlive a later yes.
Doing it again changes nothing. Each batch is a transaction with an audit entry; a run that dies goes on where it was.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final
from uuid import UUID

from sqlalchemy import literal, or_, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUuid

from member_hub.audit import Entry
from member_hub.audit.entry import FIELDS_MAX
from member_hub.clock import Clock
from member_hub.consent.history.reading import Decisions, decisions_of
from member_hub.consent.history.recording import NewEvent, record
from member_hub.consent.history.settling import objection_t, settle
from member_hub.consent.history.standing import Happened, Slot
from member_hub.consent.history.timers import Clockwork, contact_kind
from member_hub.consent.history.whole import broken_among, filed_after
from member_hub.consent.notice import texts
from member_hub.consent.scopes import slot_of, word
from member_hub.consent.words import PROTECTIVE, Act, Actor, ConsentState, Method
from member_hub.crypto import Ledger, LedgerKind, Note
from member_hub.db import transaction
from member_hub.db.base import Tx, snapshot
from member_hub.db.bulk import among
from member_hub.ids import MemberId, OriginId, uuid7
from member_hub.members.reading import account_t, is_living, member_t
from member_hub.privacy import Purpose

NOTES_BATCH: Final = 100
MEMBERS_BATCH: Final = 500
BROKEN_MAX: Final = 100  # chains that are named
OPERATION: Final = "consent replay"
ACTED_BY: Final = "replay"

S = ConsentState


@dataclass(frozen=True, slots=True)
class Recalled:
    """What of the ledger had to be put back."""

    withdrawals: int = 0
    restrictions: int = 0


@dataclass(frozen=True, slots=True)
class Chains:
    """How many were verified, and whose do not hold (at most BROKEN_MAX are named)."""

    verified: int
    broken: int
    members: tuple[MemberId, ...]


async def recall(works: Clockwork, ledger: Ledger, clock: Clock) -> Recalled:
    """Apply the withdrawals and restrictions of the ledger that the database does not show.

    What was held for a consent that has ended by it is forgotten behind this (profiles.forget_ended).
    """
    done = Recalled()
    async for notes in _notes(ledger):
        async with transaction(works.database.app) as tx:
            batch = await _recall(tx, works, notes, now=clock.now())
        done = Recalled(done.withdrawals + batch.withdrawals, done.restrictions + batch.restrictions)
    return done


async def settle_everybody(
    works: Clockwork, clock: Clock, *, after: MemberId | None, on_progress: Callable[[int, MemberId], None]
) -> int:
    """Make every projection anew, in order of the ids from behind `after` on; how many members were looked at."""
    done = 0
    while True:
        async with transaction(works.database.app) as tx:
            rows = select(member_t.c.member_id).where(is_living()).order_by(member_t.c.member_id).limit(MEMBERS_BATCH)
            if after is not None:
                rows = rows.where(member_t.c.member_id > after)
            members = [MemberId(one) for one in await tx.scalars(rows.with_for_update())]
            await settle(tx, members, catalogue=works.catalogue, now=clock.now())
        if not members:
            return done
        done, after = done + len(members), members[-1]
        on_progress(done, after)


async def verify_everything(works: Clockwork) -> Chains:
    """Every chain there is, and every one of which anything tells that it was, batch by batch."""
    after, verified, broken = None, 0, list[MemberId]()
    while True:
        async with snapshot(works.database.app) as tx:
            members = await filed_after(tx, after, count=MEMBERS_BATCH)
            broken += await broken_among(tx, works.vault, members)
        if not members:
            return Chains(verified, len(broken), tuple(broken[:BROKEN_MAX]))
        verified, after = verified + len(members), members[-1]


async def tampered_notices(works: Clockwork) -> list[str]:
    """The texts that are not what was published."""
    async with snapshot(works.database.app) as tx:
        return await texts.tampered(tx)


async def _notes(ledger: Ledger) -> AsyncIterator[Sequence[Note]]:
    """The entries about consent, in batches, in the order in which they were written."""
    kinds = (LedgerKind.WITHDRAWAL, LedgerKind.RESTRICTION)
    entries = (entry.note for entry in ledger.entries() if entry.note.kind in kinds)
    while notes := await asyncio.to_thread(lambda: list(islice(entries, NOTES_BATCH))):
        yield notes


async def _recall(tx: Tx, works: Clockwork, notes: Sequence[Note], *, now: datetime) -> Recalled:
    held = await _held(tx, notes)
    decided = await decisions_of(tx, sorted({member for _, members in held for member in members}))
    events, placed = list[NewEvent](), list[dict[str, object]]()
    restricted, words = set[MemberId](), set[str]()
    for note, members in held:
        for member_id, origins in members.items():
            if note.kind is LedgerKind.WITHDRAWAL:
                events += _withdrawals(note, member_id, decided[member_id], origins)
            elif not await _is_placed(tx, note, origins):
                placed.append(_objection(note, member_id, origins))
                restricted.add(member_id)
                words |= {f"restrict.applied:{said}" for said in note.scope}
    touched = {event.member_id for event in events} | restricted
    if not touched:
        return Recalled()
    words |= {f"consent.withdrawn:{word(event.slot)}" for event in events}
    await record(tx, works.vault, events, now=now)
    if placed:
        await tx.execute(objection_t.insert(), placed)
    await settle(tx, touched, catalogue=works.catalogue, now=now)
    await works.audit.write(_entry(touched, words, works.caller, now=now))
    return Recalled(len(events), len(placed))


async def _held(tx: Tx, notes: Sequence[Note]) -> list[tuple[Note, dict[MemberId, frozenset[OriginId]]]]:
    """Whose accounts each note is about now, those members locked in id order; nobody's where all of them are gone."""
    subjects = {subject for note in notes for subject in note.subjects}
    owners = await _owners(tx, subjects)
    locked = select(member_t.c.member_id).where(among(member_t.c.member_id, set(owners.values())), is_living())
    await tx.execute(locked.order_by(member_t.c.member_id).with_for_update())
    owners = await _owners(tx, subjects)  # as it is under the locks
    found = []
    for note in notes:
        members: dict[MemberId, set[OriginId]] = {}
        for subject in note.subjects:
            if subject in owners:
                members.setdefault(owners[subject], set()).add(OriginId(subject))
        found.append((note, {member: frozenset(origins) for member, origins in members.items()}))
    return found


async def _owners(tx: Tx, subjects: Collection[UUID]) -> dict[UUID, MemberId]:
    columns = (account_t.c.origin_id, account_t.c.member_id)
    rows = await tx.execute(select(*columns).where(among(account_t.c.origin_id, subjects)))
    return {row.origin_id: MemberId(row.member_id) for row in rows}


def _withdrawals(note: Note, member_id: MemberId, mine: Decisions, origins: frozenset[OriginId]) -> list[NewEvent]:
    slots = [slot for said in note.scope for slot in _missing(slot_of(said), note.at, mine)]
    return [_withdrawal(note, member_id, mine, origins, slot) for slot in slots]


def _missing(slot: Slot, at: datetime, mine: Decisions) -> list[Slot]:
    """What of a withdrawal the events do not show: all of it, or where something was given later, the rest."""
    if any(_shows(event, slot, at) for event in mine.events):
        return []
    later = [event for event in mine.events if event.state is S.GRANTED and _is_later(event, at)]
    if not any(slot.covers(event.slot) for event in later):
        return [slot]
    granted = [one for one in mine.standing if slot.covers(one.slot) and one.state is S.GRANTED]
    return [one.slot for one in granted if not _is_later(one.by, at)]


def _shows(event: Happened, slot: Slot, at: datetime) -> bool:
    return event.state in PROTECTIVE and event.slot.covers(slot) and event.occurred_at >= at


def _is_later(event: Happened, at: datetime) -> bool:
    """A file's line counts from when it was said, an act here from when it was recorded."""
    return (event.occurred_at if event.actor is Actor.FILE else event.recorded_at) > at


def _withdrawal(note: Note, member_id: MemberId, mine: Decisions, origins: frozenset[OriginId], slot: Slot) -> NewEvent:
    """From granted, whatever the database knew: only the end of a consent is written to the ledger."""
    first, *others = sorted(origins & mine.origins)
    return NewEvent(
        member_id=member_id,
        origin_id=first,
        also=frozenset(others),
        handler=mine.handler,
        slot=slot,
        contact_kind=contact_kind(slot),
        act=Act.WITHDRAW,
        state_from=S.GRANTED,
        state_to=S.WITHDRAWN,
        actor=Actor.SYSTEM,
        acted_by=ACTED_BY,
        method=Method.NONE,
        occurred_at=note.at,
    )


async def _is_placed(tx: Tx, note: Note, origins: Collection[OriginId]) -> bool:
    ours = or_(
        among(objection_t.c.origin_id, origins), objection_t.c.also.overlap(literal(sorted(origins), ARRAY(PgUuid)))
    )
    found = select(objection_t.c.objection_id).where(objection_t.c.placed_at == note.at, ours).limit(1)
    return await tx.scalar(found) is not None


def _objection(note: Note, member_id: MemberId, origins: Collection[OriginId]) -> dict[str, object]:
    first, *others = sorted(origins)
    return {
        "member_id": member_id,
        "objection_id": uuid7(),
        "origin_id": first,
        "also": others,
        "scope": list(note.scope),
        "actor": Actor.SYSTEM.value,
        "placed_by": ACTED_BY,
        "placed_at": note.at,
    }


def _entry(members: Collection[MemberId], words: Collection[str], caller: str, *, now: datetime) -> Entry:
    return Entry.of_command(
        OPERATION,
        fields=sorted(words)[:FIELDS_MAX],
        member_ids=sorted(members),
        caller=caller,
        purpose=Purpose.RIGHTS_HANDLING,
        now=now,
    )
