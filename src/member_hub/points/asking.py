"""What every act on points has in common: how it was asked for, once under a key, and the receipt it gives.

Decision: an answer that has to be given again is not kept; it is read from the ledger, by the number of the operation
that stands under the key (idempotency/). What cannot be changed need not be kept twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select

from member_hub.access import Caller
from member_hub.crypto import Vault
from member_hub.db.base import Tx
from member_hub.errors import NotFound
from member_hub.idempotency import Done, RequestKey, claim, claimed_or_done, claiming
from member_hub.ids import MemberId, uuid7
from member_hub.organisation import Organisation, UnknownPlace
from member_hub.points.book import Book
from member_hub.points.guards import NORMALLY, Wanted, claim_and_take, take
from member_hub.points.lots import Cause
from member_hub.points.rules import Rules
from member_hub.points.words import Act, Reason
from member_hub.points.writing import entry_t, write


@dataclass(frozen=True, slots=True)
class Programme:
    """What the acts need of the process; one for each."""

    vault: Vault
    organisation: Organisation
    rules: Rules


@dataclass(frozen=True, slots=True)
class Asked:
    """When, and under which key; without one only where something else keeps it from being done twice."""

    programme: Programme
    now: datetime
    key: RequestKey | None

    @property
    def rules(self) -> Rules:
        return self.programme.rules

    def known_channel(self, channel: str) -> str:
        if channel not in self.programme.organisation.channels:
            raise UnknownPlace(field="channel")
        return channel


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a receipt."""

    sequence: int
    act: Act
    reason: Reason
    amount: int
    balance: int
    lot_id: UUID | None
    hold_id: UUID | None
    of_operation: UUID | None = None  # what it undoes


@dataclass(frozen=True, slots=True)
class Receipt:
    """What an act did: `points` of its first kind of entry, and the balance after it. Of what came back `taken_back`
    went at once to refunds that had found it spent or on hold."""

    operation_id: UUID
    member_id: MemberId  # the root in whose account it stands
    points: int
    balance: int
    version: int
    recorded_at: datetime
    entries: Sequence[Entry]
    taken_back: int = 0

    @property
    def lot_ids(self) -> list[UUID]:
        return [entry.lot_id for entry in self.entries if entry.lot_id is not None]


@dataclass(frozen=True, slots=True)
class Begun:
    """The number under which the act is to be done; or what came of it the first time."""

    operation_id: UUID
    done: Receipt | None = None


async def begin(tx: Tx, asked: Asked, member_id: MemberId) -> Begun:
    """Claim the key. Raises KeyReused where it stands for another request."""
    operation_id = uuid7()
    if asked.key is None:
        return Begun(operation_id)
    done = await claim(tx, asked.programme.vault, asked.key, Done(member_id, operation_id), now=asked.now)
    return Begun(operation_id) if done is None else Begun(done.result_id, await receipt(tx, done.result_id))


async def start(
    tx: Tx,
    asked: Asked,
    member_id: MemberId,
    reason: Reason,
    *,
    wanted: Wanted = NORMALLY,
    of_operation: UUID | None = None,
) -> Book | Receipt:
    """Claim the key and take the account, with one statement; or the receipt of the first time.

    Raises KeyReused, and what `guards.take` raises.
    """
    operation_id, key, vault = uuid7(), asked.key, asked.programme.vault
    cause = Cause(operation_id, reason, of_operation=of_operation)
    if key is None:
        return await take(tx, member_id, cause, now=asked.now, wanted=wanted)
    claimed = claiming(vault, key, Done(member_id, operation_id), now=asked.now)
    book = await claim_and_take(tx, member_id, cause, claimed, now=asked.now, wanted=wanted)
    done = await claimed_or_done(tx, vault, key, claimed=book is not None, now=asked.now)
    if done is not None:
        return await receipt(tx, done.result_id)
    assert book is not None
    return book


async def finish(tx: Tx, book: Book, caller: Caller, *, approved_by: str | None = None) -> Receipt:
    await write(tx, book, caller, approved_by=approved_by)
    own = [posting for posting in book.postings if posting.cause.operation_id == book.cause.operation_id]
    entries = [
        Entry(p.sequence, p.act, p.cause.reason, p.amount, p.balance, p.lot_id, p.hold_id, p.cause.of_operation)
        for p in own
    ]
    return _receipt(book.cause.operation_id, book.member_id, book.version, book.now, entries)


async def receipt(tx: Tx, operation_id: UUID) -> Receipt:
    """From the ledger. Of a transfer the payer's. Raises NotFound."""
    statement = select(entry_t).where(entry_t.c.operation_id == operation_id)
    rows = (await tx.execute(statement.order_by(entry_t.c.member_id, entry_t.c.sequence))).all()
    if not rows:
        raise NotFound
    whose = next((row.member_id for row in rows if row.act == Act.TRANSFER_OUT), rows[0].member_id)
    own = [row for row in rows if row.member_id == whose]
    return _receipt(operation_id, MemberId(whose), own[0].version, own[0].recorded_at, [_entry(row) for row in own])


def _entry(row: Row[Any]) -> Entry:
    act, reason = Act(row.act), Reason(row.reason)
    return Entry(row.sequence, act, reason, row.amount, row.balance, row.lot_id, row.hold_id, row.of_operation)


def _receipt(
    operation_id: UUID, member_id: MemberId, version: int, recorded_at: datetime, entries: Sequence[Entry]
) -> Receipt:
    first = (entries[0].act, entries[0].of_operation)
    points = sum(entry.amount for entry in entries if (entry.act, entry.of_operation) == first)
    refunds = (Act.REVERSE, None)
    taken = 0 if first == refunds else sum(e.amount for e in entries if (e.act, e.of_operation) == refunds)
    return Receipt(operation_id, member_id, points, entries[-1].balance, version, recorded_at, entries, taken)
