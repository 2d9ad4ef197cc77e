"""Reading points: balances, entries, and the balance at any past moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, DateTime, Row, Select, and_, case, func, literal, or_, select
from sqlalchemy.dialects.postgresql import distinct_on

from member_hub.db.base import Tx
from member_hub.db.bulk import among
from member_hub.ids import MemberId
from member_hub.points.book import Book
from member_hub.points.store import book_of, hold_of, load_owing, lot_of
from member_hub.points.words import AccountState, HoldState, LotState, Reason
from member_hub.points.writing import account_t, entry_t, hold_t, lot_t, part_t


@dataclass(frozen=True, slots=True)
class Pots:
    active: int = 0
    pending: int = 0
    held: int = 0
    debt: int = 0

    @property
    def balance(self) -> int:
        return self.active - self.debt


@dataclass(frozen=True, slots=True)
class Balance:
    """An account as of a moment, what is due by then done."""

    state: AccountState
    pots: Pots
    expires_next_at: datetime | None
    expires_next: int
    version: int = 0  # counts acts


async def balances(tx: Tx, member_ids: Sequence[MemberId], *, now: datetime) -> dict[MemberId, Balance]:
    """For members given by their roots; those who never had points are left out. In a snapshot."""
    accounts = (await tx.execute(select(account_t).where(among(account_t.c.member_id, member_ids)))).all()
    due = [row.member_id for row in accounts if row.due_at is not None and row.due_at <= now]
    settled = await _settled(tx, [row for row in accounts if row.member_id in set(due)], now) if due else {}
    nexts = await _expiring_next(tx, member_ids, now)
    found = {}
    for row in accounts:
        pots = settled.get(row.member_id) or Pots(row.active, row.pending, row.held, row.debt)
        at, points = nexts.get(row.member_id, (None, 0))
        found[MemberId(row.member_id)] = Balance(AccountState(row.state), pots, at, points, row.version)
    return found


def effective_at() -> ColumnElement[datetime]:
    """Since when an entry counts: what fell due, since it did, whenever that was written; all else since it was."""
    is_due = entry_t.c.reason.in_((Reason.DUE, Reason.TIMED_OUT))
    return case((is_due, entry_t.c.occurred_at), else_=entry_t.c.recorded_at)


async def _settled(tx: Tx, accounts: Sequence[Row[Any]], now: datetime) -> dict[UUID, Pots]:
    """What settling would make of the accounts, without doing it."""
    books = {MemberId(row.member_id): book_of(row, now) for row in accounts}
    at = literal(now, DateTime(timezone=True))
    holds = select(hold_t).where(among(hold_t.c.member_id, books), hold_t.c.state == HoldState.OPEN)
    for row in await tx.execute(holds.where(hold_t.c.expires_at <= at)):
        books[row.member_id].holds[row.hold_id] = hold_of(row)
    timed_out = [hold_id for book in books.values() for hold_id in book.holds]
    parts = select(part_t).where(among(part_t.c.member_id, books), among(part_t.c.hold_id, timed_out))
    on_hold = set()
    for row in await tx.execute(parts) if timed_out else ():
        hold = books[row.member_id].holds.get(row.hold_id)
        if hold is not None:  # else it has moved to another of these members
            hold.parts[row.lot_id] = row.held
            on_hold.add(row.lot_id)
    for row in await tx.execute(_due_lots(books, on_hold, at)):
        books[row.member_id].lots[row.lot_id] = lot_of(row)
    if timed_out:
        await load_owing(tx, books)
    for book in books.values():
        book.settle()
    return {member_id: Pots(b.active, b.pending, b.held, b.debt) for member_id, b in books.items()}


def _due_lots(books: dict[MemberId, Book], on_hold: set[UUID], at: ColumnElement[datetime]) -> Select[Any]:
    begins = and_(lot_t.c.state == LotState.PENDING, lot_t.c.activates_at <= at)
    ends = and_(lot_t.c.state == LotState.ACTIVE, lot_t.c.expires_at <= at)
    return select(lot_t).where(
        among(lot_t.c.member_id, books), lot_t.c.remaining > 0, or_(begins, ends, among(lot_t.c.lot_id, on_hold))
    )


async def _expiring_next(tx: Tx, member_ids: Sequence[MemberId], now: datetime) -> dict[UUID, tuple[datetime, int]]:
    """Of each member the earliest expiry to come, and how many points expire then."""
    lots = and_(
        among(lot_t.c.member_id, member_ids),
        lot_t.c.state == LotState.ACTIVE,
        lot_t.c.remaining > lot_t.c.held,
        lot_t.c.expires_at > now,
    )
    points = func.sum(lot_t.c.remaining - lot_t.c.held).label("points")
    statement = (
        select(lot_t.c.member_id, lot_t.c.expires_at, points)
        .where(lots)
        .group_by(lot_t.c.member_id, lot_t.c.expires_at)
        .ext(distinct_on(lot_t.c.member_id))
        .order_by(lot_t.c.member_id, lot_t.c.expires_at)
    )
    return {row.member_id: (row.expires_at, int(row.points)) for row in await tx.execute(statement)}
