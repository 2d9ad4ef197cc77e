"""Many accounts in hand at once: what guards.py, store.py and writing.py do for one, set-wise.

For whoever brings hundreds of lines together. The rows are locked in the order of their ids by one statement; what is
due is done in rounds over all of them; what the acts did is written by one statement per table. An account that is not
open, or whose member is not active, is not taken and is missing from the answer: a batch stops for nobody.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    DateTime,
    Text,
    and_,
    any_,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.sql.dml import ReturningUpdate

from member_hub.access import Caller
from member_hub.db.base import Tx
from member_hub.db.bulk import among, insert_rows, update_rows
from member_hub.db.direct import Direct, copy_rows
from member_hub.errors import Unavailable
from member_hub.ids import MemberId
from member_hub.members.bits import restriction_mask
from member_hub.members.tables import MemberStatus
from member_hub.points.book import Book
from member_hub.points.guards import CLOCK_SLACK, member_t
from member_hub.points.refusals import ClockJumped
from member_hub.points.store import LOTS_MAX, SETTLE_ROUNDS_MAX, book_of, hold_of, load_owing, lot_of
from member_hub.points.tables import PointsAccount, PointsHold, PointsHoldLot, PointsLot
from member_hub.points.words import AccountState, HoldState, LotState
from member_hub.points.writing import (
    ENTRY_COLUMNS,
    HOLD_COLUMNS,
    LOT_COLUMNS,
    PART_COLUMNS,
    account_t,
    entry_rows,
    entry_t,
    hold_t,
    lot_row,
    lot_t,
    part_t,
)
from member_hub.privacy import Purpose

ACCOUNT_COLUMNS: Final = (
    "member_id",
    "state",
    "active",
    "pending",
    "held",
    "debt",
    "sequence",
    "version",
    "due_at",
    "updated_at",
)
ROUNDS_MAX: Final = SETTLE_ROUNDS_MAX * 10  # of LOTS_MAX lots, of all accounts together
_ROOTS: Final = bindparam("roots", type_=ARRAY(PgUuid()))
_ACTIVE: Final = member_t.c.status == MemberStatus.ACTIVE
_SERVED: Final = member_t.c.restriction_bits.op("&")(restriction_mask(Purpose.MEMBER_SERVICE)) == 0
Books = Mapping[MemberId, Book]


async def open_of(tx: Tx, roots: Collection[MemberId], *, now: datetime) -> set[MemberId]:
    """Those of the members who may earn: active, with an account that is open; who has none yet gets one.

    Who limited all processing to storing does not until that is lifted; other objections leave the service as it is.
    """
    states = {MemberId(root): state for root, state in await _STATES.every(tx, {"roots": sorted(roots)})}
    new = sorted(member_id for member_id, state in states.items() if state is None)
    if new:
        await tx.execute(_MAKE, {"roots": new, "open": AccountState.OPEN.value, "now": now})
    return {member_id for member_id, state in states.items() if state in (None, AccountState.OPEN)}


async def take_many(tx: Tx, roots: Collection[MemberId], *, now: datetime) -> dict[MemberId, Book]:
    """The open accounts of active members among these, locked until the transaction ends, with everything due done.

    Raises ClockJumped where one of them is ahead of this machine's clock.
    """
    rows = (await tx.execute(_GUARD, {"roots": sorted(roots)})).all() if roots else []
    if any(row.updated_at > now + CLOCK_SLACK for row in rows):
        raise ClockJumped
    books = {MemberId(row.member_id): book_of(row, now) for row in rows}
    for _ in range(ROUNDS_MAX):
        due = {one: book for one, book in books.items() if book.due_at is not None and book.due_at <= book.now}
        if not due:
            return books
        await _settle(tx, due)
    raise Unavailable  # the clockwork catches up with accounts of so many lots


async def load_lots_of(tx: Tx, books: Books, which: ColumnElement[bool], *, most: int | None = None) -> None:
    """Lots of these accounts, as far as they are not in hand yet."""
    statement = select(lot_t).where(among(lot_t.c.member_id, sorted(books)), which)
    statement = statement.order_by(lot_t.c.expires_at, lot_t.c.lot_id)
    for row in await tx.execute(statement if most is None else statement.limit(most)):
        lots = books[MemberId(row.member_id)].lots
        if row.lot_id not in lots:
            lots[row.lot_id] = lot_of(row)


async def load_spendable_of(tx: Tx, books: Books) -> None:
    if books:
        await load_lots_of(tx, books, and_(lot_t.c.state == LotState.ACTIVE, lot_t.c.remaining > lot_t.c.held))


async def write_many(tx: Tx, books: Iterable[Book], caller: Caller) -> None:
    """What the acts did; an account without a posting keeps the version that it had."""
    taken = sorted(books, key=lambda book: book.member_id)
    await _write_lots(tx, taken)
    entries = [row for book in taken for row in entry_rows(book, caller)]
    await copy_rows(tx, entry_t, ENTRY_COLUMNS, entries)
    await update_rows(tx, PointsAccount, ACCOUNT_COLUMNS, [_account_row(book) for book in taken])


def _account_row(book: Book) -> tuple[Any, ...]:
    version = book.version if book.postings else book.version - 1
    pots = (book.active, book.pending, book.held, book.debt)
    return (book.member_id, book.state, *pots, book.sequence, version, book.due_at, book.now)


async def _write_lots(tx: Tx, books: Iterable[Book]) -> None:
    taken = list(books)
    new: list[tuple[Any, ...]] = []
    known: list[tuple[Any, ...]] = []
    for book in taken:
        for lot in book.changed_lots.values():
            (new if lot.lot_id in book.new_lots else known).append(lot_row(book, lot))
        book.new_lots.clear()
    await copy_rows(tx, lot_t, LOT_COLUMNS, new)
    await insert_rows(tx, PointsLot, LOT_COLUMNS, known, on_conflict="replace")
    holds = [(book, hold) for book in taken for hold in book.changed_holds.values()]
    rows = [(book.member_id, *(getattr(hold, name) for name in HOLD_COLUMNS[1:])) for book, hold in holds]
    await insert_rows(tx, PointsHold, HOLD_COLUMNS, rows, on_conflict="replace")
    parts = [(book.member_id, hold.hold_id, lot_id, n) for book, hold in holds for lot_id, n in hold.parts.items()]
    await insert_rows(tx, PointsHoldLot, PART_COLUMNS, parts, on_conflict="replace")


def _making() -> Insert:
    """First accounts, under a lock on the members' rows, so that neither a merge nor an erasure misses one."""
    columns = ("member_id", "state", "updated_at")
    state, now = bindparam("open", type_=Text()), bindparam("now", type_=DateTime(timezone=True))
    living = select(member_t.c.member_id, state, now).where(member_t.c.member_id == any_(_ROOTS), _ACTIVE)
    living = living.order_by(member_t.c.member_id).with_for_update(read=True, key_share=True)
    return insert(account_t).from_select(columns, living).on_conflict_do_nothing()


def _guarding() -> ReturningUpdate[Any]:
    """The lock: rows in the order of their ids, each as it stands once nobody else has it."""
    wanted = (
        select(account_t.c.member_id)
        .join(member_t, member_t.c.member_id == account_t.c.member_id)
        .where(account_t.c.member_id == any_(_ROOTS), _ACTIVE, account_t.c.state == AccountState.OPEN)
        .order_by(account_t.c.member_id)
        .with_for_update(of=account_t)
        .cte("wanted")
    )
    taken = update(account_t).where(account_t.c.member_id == wanted.c.member_id)
    return taken.values(version=account_t.c.version + 1).returning(*account_t.c)


_STATES: Final = Direct(
    select(member_t.c.member_id, account_t.c.state)
    .outerjoin(account_t, account_t.c.member_id == member_t.c.member_id)
    .where(member_t.c.member_id == any_(_ROOTS), _ACTIVE, _SERVED)
)
_MAKE: Final = _making()
_GUARD: Final = _guarding()


async def _settle(tx: Tx, books: Books) -> None:
    """Do what is due on these, of LOTS_MAX lots at most; `due_at` says then what is due next."""
    now = literal(max(book.now for book in books.values()), DateTime(timezone=True))
    ends = and_(lot_t.c.state == LotState.ACTIVE, lot_t.c.expires_at <= now, lot_t.c.remaining > lot_t.c.held)
    begins = and_(lot_t.c.state == LotState.PENDING, lot_t.c.activates_at <= now, lot_t.c.remaining > 0)
    await load_lots_of(tx, books, or_(ends, begins), most=LOTS_MAX)
    await _load_holds(tx, books, now)
    for book in books.values():
        book.settle()
    await _write_lots(tx, books.values())
    due = await _next_due(tx, books)
    for member_id, book in books.items():
        book.due_at = due.get(member_id)


async def _load_holds(tx: Tx, books: Books, now: ColumnElement[datetime]) -> None:
    """The open holds whose time is over, with their lots."""
    which = and_(hold_t.c.state == HoldState.OPEN, hold_t.c.expires_at <= now)
    statement = select(hold_t).where(among(hold_t.c.member_id, sorted(books)), which).order_by(hold_t.c.hold_id)
    found = {}
    for row in await tx.execute(statement.limit(LOTS_MAX)):
        book = books[MemberId(row.member_id)]
        if row.hold_id not in book.holds:
            book.holds[row.hold_id] = found[row.member_id, row.hold_id] = hold_of(row)
    if not found:
        return
    held = select(part_t).where(
        among(part_t.c.member_id, sorted(books)), among(part_t.c.hold_id, {h for _, h in found})
    )
    lots = set()
    for row in await tx.execute(held):
        if (row.member_id, row.hold_id) in found:
            found[row.member_id, row.hold_id].parts[row.lot_id] = row.held
            lots.add(row.lot_id)
    await load_lots_of(tx, books, among(lot_t.c.lot_id, lots))
    await load_owing(tx, books)


async def _next_due(tx: Tx, books: Books) -> dict[MemberId, datetime]:
    """When something of each falls due next."""
    turn = case(
        (lot_t.c.state == LotState.PENDING, lot_t.c.activates_at),
        (lot_t.c.state == LotState.ACTIVE, lot_t.c.expires_at),
    )
    lots = select(lot_t.c.member_id, func.min(turn).label("at")).where(
        among(lot_t.c.member_id, sorted(books)), lot_t.c.remaining > lot_t.c.held
    )
    holds = select(hold_t.c.member_id, func.min(hold_t.c.expires_at).label("at")).where(
        among(hold_t.c.member_id, sorted(books)), hold_t.c.state == HoldState.OPEN
    )
    first: dict[MemberId, datetime] = {}
    for statement in (lots.group_by(lot_t.c.member_id), holds.group_by(hold_t.c.member_id)):
        for row in await tx.execute(statement):
            if row.at is not None:
                first[MemberId(row.member_id)] = min(row.at, first.get(MemberId(row.member_id), row.at))
    return first
