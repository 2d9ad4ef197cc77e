"""Loading lots and holds into the account in hand, and doing what has fallen due, all under the account's lock."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Row,
    Select,
    and_,
    func,
    literal,
    or_,
    select,
)

from member_hub.db.base import Tx
from member_hub.db.bulk import among, table_of
from member_hub.errors import NotFound, Unavailable
from member_hub.ids import MemberId
from member_hub.members.tables import Member
from member_hub.points.book import Book
from member_hub.points.lots import Cause, Hold, Lot
from member_hub.points.refusals import TooManyLots
from member_hub.points.words import AccountState, HoldState, LotKind, LotState, Reason
from member_hub.points.writing import hold_t, lot_t, part_t, write_lots

LOTS_MAX: Final = 5_000  # in hand at once; what needs more is refused
SETTLE_ROUNDS_MAX: Final = 20
member_t = table_of(Member)
NOBODYS: Final = Cause(UUID(int=0), Reason.DUE)  # of what is only looked at


def book_of(row: Any, now: datetime, cause: Cause = NOBODYS) -> Book:
    """What is recorded is never earlier than what was recorded last."""
    return Book(
        member_id=MemberId(row.member_id),
        state=AccountState(row.state),
        active=row.active,
        pending=row.pending,
        held=row.held,
        debt=row.debt,
        sequence=row.sequence,
        version=row.version,
        due_at=row.due_at,
        now=max(now, row.updated_at),
        cause=cause,
        own_origin=getattr(row, "own_origin", None),
    )


async def up_to_date(tx: Tx, book: Book) -> Book:
    """With everything done that is due. Raises Unavailable where that is more than one transaction does."""
    await catch_up(tx, book)
    if book.is_due:
        raise Unavailable  # the clockwork catches up with an account of so many lots
    return book


async def catch_up(tx: Tx, book: Book) -> Book:
    """With so much of what is due done as one transaction does; `due_at` says whether that was all."""
    for _ in range(SETTLE_ROUNDS_MAX):
        if not book.is_due:
            break
        await _settle(tx, book)
    return book


async def _settle(tx: Tx, book: Book) -> None:
    """Do what is due, of LOTS_MAX lots at most; `due_at` says then what is due next."""
    now = literal(book.now, DateTime(timezone=True))
    ends = and_(lot_t.c.state == LotState.ACTIVE, lot_t.c.expires_at <= now, lot_t.c.remaining > lot_t.c.held)
    begins = and_(lot_t.c.state == LotState.PENDING, lot_t.c.activates_at <= now, lot_t.c.remaining > 0)
    await _load(tx, book, or_(ends, begins))
    await _load_holds(tx, book, and_(hold_t.c.state == HoldState.OPEN, hold_t.c.expires_at <= now))
    book.settle()
    await write_lots(tx, book)
    book.due_at = await tx.scalar(_next_due(book.member_id))


def _next_due(member_id: MemberId) -> Select[Any]:
    live = and_(lot_t.c.member_id == member_id, lot_t.c.remaining > lot_t.c.held)
    begins = select(func.min(lot_t.c.activates_at)).where(live, lot_t.c.state == LotState.PENDING)
    ends = select(func.min(lot_t.c.expires_at)).where(live, lot_t.c.state == LotState.ACTIVE)
    times_out = select(func.min(hold_t.c.expires_at)).where(
        hold_t.c.member_id == member_id, hold_t.c.state == HoldState.OPEN
    )
    return select(func.least(begins.scalar_subquery(), ends.scalar_subquery(), times_out.scalar_subquery()))


async def load_spendable(tx: Tx, book: Book, amount: int) -> None:
    """The lots that may be spent, in the order in which they are; none whose time is over, whatever was settled.

    Raises TooManyLots where so many points are there, but not in LOTS_MAX lots.
    """
    is_good = lot_t.c.expires_at > literal(book.now, DateTime(timezone=True))
    await _load(tx, book, and_(lot_t.c.state == LotState.ACTIVE, lot_t.c.remaining > lot_t.c.held, is_good))
    usable = [lot.available for lot in book.lots.values() if lot.state is LotState.ACTIVE]
    if len(usable) >= LOTS_MAX and sum(usable) < min(amount, book.active):
        raise TooManyLots(field="amount")


async def load_lots(tx: Tx, book: Book, lot_ids: Iterable[UUID]) -> None:
    wanted = [lot_id for lot_id in lot_ids if lot_id not in book.lots]
    if wanted:
        await _load(tx, book, among(lot_t.c.lot_id, wanted))


async def load_all(tx: Tx, book: Book) -> None:
    """Everything live, and the open holds: for closing, merging, splitting; in as many rounds as it takes."""
    await _load(tx, book, or_(lot_t.c.remaining > 0, lot_t.c.owed > 0), everything=True)
    await _load_holds(tx, book, hold_t.c.state == HoldState.OPEN, everything=True)


async def load_hold(tx: Tx, book: Book, hold_id: UUID) -> Hold:
    """With its lots. Raises NotFound."""
    await _load_holds(tx, book, hold_t.c.hold_id == hold_id)
    if hold_id not in book.holds:
        raise NotFound(field="hold")
    return book.holds[hold_id]


async def load_owing(tx: Tx, books: Mapping[MemberId, Book]) -> None:
    """The lots that points from elsewhere pay for (refunding.py), also those that merging left where they were, for
    what has come back or is about to. Nothing is loaded for what is only owed by a lot itself."""
    root = func.coalesce(member_t.c.merged_into, member_t.c.member_id).label("root")
    merged = and_(member_t.c.merged_into.is_not(None), among(member_t.c.merged_into, books))  # said for the index
    owing = (lot_t.c.owed > 0, lot_t.c.owed_since.is_not(None), lot_t.c.state != LotState.MOVED)
    statement = (
        select(lot_t, root)
        .join(member_t, member_t.c.member_id == lot_t.c.member_id)
        .where(or_(among(member_t.c.member_id, books), merged), *owing)
        .order_by(lot_t.c.owed_since, lot_t.c.lot_id)
    )
    for row in await tx.execute(statement.limit(LOTS_MAX)):
        book = books.get(MemberId(row.member_id)) or books[MemberId(row.root)]
        if row.lot_id not in book.lots:
            book.lots[row.lot_id] = lot_of(row)
            if row.member_id != book.member_id:
                book.elsewhere[row.lot_id] = MemberId(row.member_id)


async def _load(tx: Tx, book: Book, which: ColumnElement[bool], *, everything: bool = False) -> None:
    statement = select(lot_t).where(lot_t.c.member_id == book.member_id, which)
    statement = statement.order_by(lot_t.c.expires_at, lot_t.c.lot_id)
    for row in await tx.execute(statement if everything else statement.limit(LOTS_MAX)):
        if row.lot_id not in book.lots:
            book.lots[row.lot_id] = lot_of(row)


async def _load_holds(tx: Tx, book: Book, which: ColumnElement[bool], *, everything: bool = False) -> None:
    statement = select(hold_t).where(hold_t.c.member_id == book.member_id, which).order_by(hold_t.c.hold_id)
    rows = list(await tx.execute(statement if everything else statement.limit(LOTS_MAX)))
    found = {row.hold_id: hold_of(row) for row in rows if row.hold_id not in book.holds}
    if not found:
        return
    parts = select(part_t).where(part_t.c.member_id == book.member_id, among(part_t.c.hold_id, found))
    for row in await tx.execute(parts):
        found[row.hold_id].parts[row.lot_id] = row.held
    book.holds |= found
    on_hold = {lot_id for hold in found.values() for lot_id in hold.left}
    await _load(tx, book, among(lot_t.c.lot_id, on_hold - book.lots.keys()), everything=True)  # a hold ends whole
    await load_owing(tx, {book.member_id: book})


def lot_of(row: Row[Any]) -> Lot:
    return Lot(
        lot_id=row.lot_id,
        kind=LotKind(row.kind),
        origin_id=row.origin_id,
        earned=row.earned,
        remaining=row.remaining,
        state=LotState(row.state),
        earned_at=row.earned_at,
        activates_at=row.activates_at,
        expires_at=row.expires_at,
        held=row.held,
        spent=row.spent,
        expired=row.expired,
        reversed=row.reversed,
        moved=row.moved,
        owed=row.owed,
        owed_since=row.owed_since,
        lapsed_at=row.lapsed_at,
    )


def hold_of(row: Row[Any]) -> Hold:
    return Hold(row.hold_id, row.amount, HoldState(row.state), row.created_at, row.expires_at, row.captured)
