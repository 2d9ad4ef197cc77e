"""What a restored database has forgotten of consent, put back: the outside ledger, projections, chains (PIPL.md C).

A backup is older than some withdrawals and objections; restoring the consent would be as unlawful as restoring erased
data. The ledger knows each by the member's accounts, the time and the words of its scope, and by nothing else.

    ledger entry        the database shows it by                               else
    withdrawal          an event of that time or later that refuses the slot   the slot is withdrawn (or refused, as it
                        for each of the accounts                               was), as of that moment
    restriction         an objection placed at that very moment, lifted or not it is placed, as of that moment

Decision: a withdrawal for one phone number is put back for the whole channel, and an objection that was lifted behind
the backup stands again: the ledger knows neither the number nor the lifting, and the member is asked rather than
overruled. Decision: what is missing is always put back, and where it stood in time; what outweighs it since is for the
fold to say (standing.py). So a withdrawal that was announced and never committed does not outlive a later yes of the
member, and a later yes by one account's file takes nothing from what the other accounts withdrew.
Doing it again changes nothing. Each batch is a transaction with an audit entry; a run that dies goes on where it was.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass, replace
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
from member_hub.consent.history.standing import Slot
from member_hub.consent.history.timers import Clockwork, contact_kind
from member_hub.consent.history.whole import broken_among, filed_after
from member_hub.consent.notice import texts
from member_hub.consent.scopes import read_noted, word
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


async def recall(works: Clockwork, ledger: Ledger, clock: Clock, *, after: int = 0) -> Recalled:
    """Apply the withdrawals and restrictions behind number `after` of the ledger that the database does not show.

    What was held for a consent that has ended by it is forgotten behind this (profiles.forget_ended).
    """
    done = Recalled()
    async for notes in _notes(ledger, after):
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


async def _notes(ledger: Ledger, after: int) -> AsyncIterator[Sequence[Note]]:
    """The entries about consent, in batches, in the order in which they were written."""
    kinds = (LedgerKind.WITHDRAWAL, LedgerKind.RESTRICTION)
    entries = (entry.note for entry in ledger.entries(after=after) if entry.note.kind in kinds)
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
                events += _denials(note, member_id, decided[member_id], origins)
            elif not await _is_placed(tx, note, origins):
                placed.append(_objection(note, member_id, origins))
                restricted.add(member_id)
                words |= {f"restrict.applied:{said}" for said in note.scope}
    touched = {event.member_id for event in events} | restricted
    if not touched:
        return Recalled()
    words |= {f"consent.{event.state_to.value}:{word(event.slot)}" for event in events}
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


def _denials(note: Note, member_id: MemberId, mine: Decisions, origins: frozenset[OriginId]) -> list[NewEvent]:
    """What of a no the events do not show, for the accounts for which they do not."""
    slots, is_refusal = read_noted(note.scope)
    missing = ((slot, frozenset(o for o in origins if not _is_shown(slot, note.at, o, mine))) for slot in slots)
    return [_denial(note, member_id, mine, of, slot, is_refusal=is_refusal) for slot, of in missing if of]


def _is_shown(slot: Slot, at: datetime, origin: OriginId, mine: Decisions) -> bool:
    """The ledger knows no contact point: of one, the event of that very moment is what it means."""
    return any(
        event.state in PROTECTIVE
        and (origin == event.origin_id or origin in event.also)
        and (
            (max(event.order[0], event.occurred_at) >= at and event.slot.covers(slot))
            or (at in (event.order[0], event.occurred_at) and replace(event.slot, contact=None) == slot)
        )
        for event in mine.events
    )


def _denial(
    note: Note, member_id: MemberId, mine: Decisions, origins: frozenset[OriginId], slot: Slot, *, is_refusal: bool
) -> NewEvent:
    """As it was, whatever the database knew. By the hub itself, and so it counts from when it was said."""
    first, *others = sorted(origins)
    withdrawn, refused = (Act.WITHDRAW, S.GRANTED, S.WITHDRAWN), (Act.REFUSE, S.NEVER_ASKED, S.REFUSED)
    act, state_from, state_to = refused if is_refusal else withdrawn
    return NewEvent(
        member_id=member_id,
        origin_id=first,
        also=frozenset(others),
        handler=mine.handler,
        slot=slot,
        contact_kind=contact_kind(slot),
        act=act,
        state_from=state_from,
        state_to=state_to,
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
