"""Writing down where members' decisions stand: current rows, bits and times, in the transaction that changed them.

`standing` decides where a slot stands, `consent_gate` which bit counts; here both become what the gate of every read
looks at. A bit is set where all of this holds, and in no other case (refuse by default):

- the slot is granted and its term is not over, under a notice of the member's own handler that is not older than the
  gate: grants before a material change need no rewriting, their bit is simply another one;
- somebody put a notice before the member (C10: what a file says of a tick is not enough by itself);
- the member is old enough: 14 or over by a grant of their own, under 14 by a guardian's, of unknown age by none.

`gate_until` says until when the bits hold without anybody looking again: the first end of a term, and for a child the
next midnight in Shanghai, the same for every child, so that the column tells no birthday. After it nothing is seen
until the member is settled anew. Decision: a guardian's grant counts for a child only, so that one who has turned 14 is
asked even where the hand-over's own event is late (PIPL 31; S17). Price: a wrong birthday put right asks again, too.

Every way in which an objection comes to hold ends here, and so do the tags that may not stand any more: they go in the
same transaction (members/taggings.py), and so do those that rested on a consent when it ends. They come again by the
next evaluation after the objection was lifted.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import Row, delete, literal, or_, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUuid

from member_hub.clock import seconds_left
from member_hub.consent.catalogue import Catalogue, Numbers
from member_hub.consent.deciding.objections import CHANNEL_PREFIX
from member_hub.consent.deciding.objections import PROFILING as PROFILING_WORD
from member_hub.consent.history.derived import Decided, derived, due_of, suffices
from member_hub.consent.history.reading import Decisions, decisions_of
from member_hub.consent.history.standing import Standing
from member_hub.consent.notice.gates import Gate, current_gates
from member_hub.consent.tables import ConsentCurrent, Notice, Objection
from member_hub.consent.words import ConsentState, ContactChannel
from member_hub.db.base import Tx
from member_hub.db.bulk import among, insert_rows, table_of, update_rows
from member_hub.ids import MemberId, OriginId
from member_hub.members.bits import PROFILING, PURPOSE_BITS, channel_bit
from member_hub.members.tables import AgeBand, Member
from member_hub.members.taggings import end_barred
from member_hub.privacy import Purpose

current_t = table_of(ConsentCurrent)
notice_t = table_of(Notice)
objection_t = table_of(Objection)
member_t = table_of(Member)

S = ConsentState
# What the words of an objection's scope (objections.py) mean on the member row.
_WORDS: Final[Mapping[str, int]] = MappingProxyType(
    {purpose.value: PURPOSE_BITS[purpose] for purpose in Purpose}
    | {PROFILING_WORD: PROFILING}
    | {CHANNEL_PREFIX + channel.value: channel_bit(number) for number, channel in enumerate(ContactChannel)}
)
EVERYTHING: Final = sum(_WORDS.values())
CURRENT_COLUMNS: Final = tuple(column.name for column in current_t.c)
_BITS: Final = ("consent_bits", "restriction_bits", "gate_until", "privacy_epoch")


class InForce(NamedTuple):
    """What of a notice decides whether a grant under it counts."""

    handler: str
    effective_at: datetime


@dataclass(frozen=True, slots=True)
class Measure:
    """What decisions are held against."""

    gates: Mapping[tuple[str, str, str], Gate]
    notices: Mapping[UUID, InForce]
    numbers: Numbers
    now: datetime


@dataclass(frozen=True, slots=True)
class Settled:
    """What the member row and the current rows shall be."""

    consent_bits: int
    restriction_bits: int
    gate_until: datetime | None
    rows: frozenset[tuple[Any, ...]]


async def settle(
    tx: Tx, member_ids: Collection[MemberId], *, catalogue: Catalogue, now: datetime, is_aged: bool = False
) -> None:
    """Bring what reads look at in line with the decisions of these roots, which the caller holds locked.

    Writes nothing where nothing changed. A fixed number of statements, whatever the number of members. `is_aged`: the
    caller has opened the birth dates, so that the bands on the rows are of today (coming_of_age.py).
    """
    ids = sorted(set(member_ids))
    decided = await decisions_of(tx, ids)
    if not decided:
        return
    notices = await _notices(tx, decided.values())
    measure = Measure(await current_gates(tx) if notices else {}, notices, catalogue.numbers, now)
    restrictions = await _restrictions(tx, decided)
    wanted = {one: settled(one, mine, restrictions.get(one, 0), measure) for one, mine in decided.items()}
    children = {one for one, mine in decided.items() if mine.age_band is AgeBand.CHILD and not is_aged}
    await _write(tx, wanted, children=children, now=now)
    await end_barred(tx, list(wanted), now=now)


def settled(member_id: MemberId, decided: Decisions, restriction_bits: int, measure: Measure) -> Settled:
    """Pure: what shall stand for a member."""
    counting = _counting(decided, measure)
    bits = 0
    for bit, _ in counting:
        bits |= 1 << bit
    ends = [ends_at for _, ends_at in counting if ends_at is not None]
    if bits and decided.age_band is AgeBand.CHILD:
        ends.append(measure.now + timedelta(seconds=seconds_left(measure.now)))
    rows = frozenset(current_row(member_id, decided, one, measure.numbers) for one in decided.standing)
    return Settled(bits, restriction_bits, min(ends, default=None), rows)


def _counting(decided: Decisions, measure: Measure) -> list[tuple[int, datetime | None]]:
    """The bit and the end of every grant that counts now."""
    if not decided.is_informed:
        return []
    found = []
    for one in decided.standing:
        gate = measure.gates.get((decided.handler, one.slot.purpose, one.slot.recipient))
        notice = measure.notices.get(one.by.notice_id) if one.by.notice_id else None
        if gate is None or notice is None or notice.handler != decided.handler:
            continue
        stands = derived(
            Decided(one.state, one.by.occurred_at, one.by.actor, notice.effective_at, one.by.ends_at),
            gate_at=gate.effective_at,
            age_band=decided.age_band,
            numbers=measure.numbers,
            now=measure.now,
        )
        if stands.state is S.GRANTED and suffices(one.by.actor, decided.age_band):
            found.append((gate.bit, one.by.ends_at))
    return found


def current_row(member_id: MemberId, decided: Decisions, one: Standing, numbers: Numbers) -> tuple[Any, ...]:
    """A slot as `consent_current` stores it, in the order of its columns.

    Where one withdrawal covers the slots of several contact points their rows are one: of the same channel, by it.
    """
    row = {
        "member_id": member_id,
        "purpose": one.slot.purpose,
        "recipient": one.slot.recipient,
        "channel": one.slot.channel,
        "event_id": one.by.event_id,
        "filed_under": decided.filed_under[one.by.event_id],
        "state": one.state.value,
        "actor": one.by.actor.value,
        "notice_id": one.by.notice_id,
        "since": one.by.occurred_at,
        "ends_at": one.by.ends_at,
        "due_at": due_of(one, decided.events, numbers),
    }
    return tuple(row[name] for name in CURRENT_COLUMNS)


def restriction_bits(words: Iterable[str]) -> int:
    """The bits of an objection; a word that is not known restricts everything (fail closed)."""
    bits = 0
    for word in words:
        bits |= _WORDS.get(word, EVERYTHING)
    return bits


async def _notices(tx: Tx, decided: Iterable[Decisions]) -> dict[UUID, InForce]:
    named = {one.by.notice_id for mine in decided for one in mine.standing if one.by.notice_id}
    if not named:
        return {}
    columns = (notice_t.c.notice_id, notice_t.c.handler, notice_t.c.effective_at)
    rows = await tx.execute(select(*columns).where(among(notice_t.c.notice_id, named)))
    return {row.notice_id: InForce(row.handler, row.effective_at) for row in rows}


async def _restrictions(tx: Tx, decided: Mapping[MemberId, Decisions]) -> dict[MemberId, int]:
    """The bits of the objections that stand, by any of the accounts that they were placed for."""
    whose = {origin: member for member, mine in decided.items() for origin in mine.origins}
    if not whose:
        return {}
    origins = sorted(whose)
    together = objection_t.c.also.overlap(literal(origins, ARRAY(PgUuid)))
    statement = select(objection_t.c.origin_id, objection_t.c.also, objection_t.c.scope).where(
        objection_t.c.lifted_at.is_(None), or_(among(objection_t.c.origin_id, origins), together)
    )
    found: dict[MemberId, int] = {}
    for row in await tx.execute(statement):
        for member in {whose[OriginId(o)] for o in (row.origin_id, *row.also) if o in whose}:
            found[member] = found.get(member, 0) | restriction_bits(row.scope)
    return found


async def _write(tx: Tx, wanted: Mapping[MemberId, Settled], *, children: Collection[MemberId], now: datetime) -> None:
    """Current rows and bits where they differ; the epoch counts what a sender must not have missed."""
    before = await _before(tx, wanted)
    rows = await _rows(tx, wanted)
    changed, bits = [], []
    for member, opened in wanted.items():
        was = before[member]
        shall = _still_shut(opened, was, now) if member in children else opened
        is_other = rows.get(member, frozenset()) != shall.rows
        if is_other:
            changed.append(member)
        was_bits = (was.consent_bits, was.restriction_bits)
        is_new = is_other or was_bits != (shall.consent_bits, shall.restriction_bits)
        if is_new or was.gate_until != shall.gate_until:
            epoch = was.privacy_epoch + (1 if is_new else 0)
            bits.append((member, shall.consent_bits, shall.restriction_bits, shall.gate_until, epoch, now))
    await _replace(tx, changed, wanted)
    if bits:
        await update_rows(tx, Member, ("member_id", *_BITS, "updated_at"), bits)


def _still_shut(shall: Settled, was: Row[Any], now: datetime) -> Settled:
    """A child's bits whose midnight has passed do not open again before the day's age is known: the band on the row is
    of yesterday, and whoever settles for another reason (a withdrawal, a clock) must not open what closed (S17)."""
    if shall.gate_until is None or was.gate_until is None or was.gate_until > now:
        return shall
    return replace(shall, gate_until=was.gate_until)


async def _replace(tx: Tx, changed: Sequence[MemberId], wanted: Mapping[MemberId, Settled]) -> None:
    if not changed:
        return
    await tx.execute(delete(current_t).where(among(current_t.c.member_id, changed)))
    await insert_rows(tx, ConsentCurrent, CURRENT_COLUMNS, [row for one in changed for row in wanted[one].rows])


async def _before(tx: Tx, wanted: Collection[MemberId]) -> dict[MemberId, Row[Any]]:
    columns = (member_t.c.member_id, *(member_t.c[name] for name in _BITS))
    rows = (await tx.execute(select(*columns).where(among(member_t.c.member_id, wanted)))).all()
    return {MemberId(row.member_id): row for row in rows}


async def _rows(tx: Tx, wanted: Collection[MemberId]) -> dict[MemberId, frozenset[tuple[Any, ...]]]:
    found: dict[MemberId, set[tuple[Any, ...]]] = {}
    for row in await tx.execute(select(current_t).where(among(current_t.c.member_id, wanted))):
        found.setdefault(MemberId(row.member_id), set()).add(tuple(row))
    return {member: frozenset(rows) for member, rows in found.items()}
