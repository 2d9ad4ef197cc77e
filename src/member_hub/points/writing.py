"""Writing what an act did: lots, entries and the account in one statement, holds in others."""

from collections.abc import Sequence
from functools import cache
from operator import attrgetter
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    CTE,
    Column,
    Table,
    bindparam,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.dialects.postgresql import Insert, insert

from member_hub.access import Caller
from member_hub.db.base import Tx
from member_hub.db.bulk import insert_rows, table_of
from member_hub.db.direct import Direct
from member_hub.points.book import Book
from member_hub.points.lots import Lot, Posting
from member_hub.points.tables import PointsAccount, PointsEntry, PointsHold, PointsHoldLot, PointsLot

account_t = table_of(PointsAccount)
lot_t = table_of(PointsLot)
entry_t = table_of(PointsEntry)
hold_t = table_of(PointsHold)
part_t = table_of(PointsHoldLot)
FEW: Final = 3
LOT_COLUMNS: Final = tuple(column.name for column in lot_t.c)
ENTRY_COLUMNS: Final = (
    "member_id", "sequence", "version", "operation_id", "of_operation", "act", "reason", "lot_id", "hold_id",
    "origin_id", "amount", "active", "pending", "held", "debt", "balance", "actor_kind", "actor", "approved_by",
    "request_id", "occurred_at", "recorded_at",
)  # fmt: skip
_of_lot: Final = attrgetter(*LOT_COLUMNS[1:])
HOLD_COLUMNS: Final = tuple(column.name for column in hold_t.c)
PART_COLUMNS: Final = tuple(column.name for column in part_t.c)
_SET: Final = (
    update(account_t)
    .where(account_t.c.member_id == bindparam("of_member", type_=PgUuid()))
    .values({c.name: bindparam(c.name, type_=c.type) for c in account_t.c if c.name != "member_id"})
)


async def write(tx: Tx, book: Book, caller: Caller, *, approved_by: str | None = None) -> None:
    """What the act did; an act without a posting leaves the account's version as it was."""
    if book.changed_holds:
        await _write_holds(tx, book)
    bound = {
        "of_member": book.member_id,
        "state": book.state,
        "active": book.active,
        "pending": book.pending,
        "held": book.held,
        "debt": book.debt,
        "sequence": book.sequence,
        "version": book.version if book.postings else book.version - 1,
        "due_at": book.due_at,
        "updated_at": book.now,
    }
    lots = [lot_row(book, lot) for lot in book.changed_lots.values()]
    entries = [entry_row(book, caller, approved_by, number) for number in range(len(book.postings))]
    bound |= _named("lot", LOT_COLUMNS, lots) | _named("entry", ENTRY_COLUMNS, entries)
    await _writing(min(len(lots), FEW + 1), min(len(entries), FEW + 1)).one(tx, bound)


def _inserting(table: Table, name: str, *, rows: int, replaces: bool) -> list[CTE]:
    """CTEs that insert so many rows: one for each while they are few, else one for rows given as arrays.

    The server plans a statement with arrays anew each time, because their length might matter; a till waits for that.
    """
    if rows > FEW:
        arrays = [bindparam(f"{name}_{c.name}", type_=ARRAY(c.type)) for c in table.c]
        given = func.unnest(*arrays).table_valued(*(Column(c.name, c.type) for c in table.c), name=f"{name}s")
        several = insert(table).from_select([c.name for c in table.c], select(*given.render_derived().c))
        return [_replacing(several, table, replaces=replaces).cte(f"written_{name}")]
    single = [
        insert(table).values({c.name: bindparam(f"{name}{n}_{c.name}", type_=c.type) for c in table.c})
        for n in range(rows)
    ]
    return [_replacing(one, table, replaces=replaces).cte(f"written_{name}{n}") for n, one in enumerate(single)]


def _replacing(statement: Insert, table: Table, *, replaces: bool) -> Insert:
    if not replaces:
        return statement
    keys = [c.name for c in table.primary_key]
    fresh = {c.name: statement.excluded[c.name] for c in table.c if c.name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=fresh)


def _named(name: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> dict[str, Any]:
    """The parameters that `_inserting` names."""
    if len(rows) > FEW:
        return {f"{name}_{column}": list(some) for column, some in zip(columns, zip(*rows, strict=True), strict=True)}
    named: dict[str, Any] = {}
    for n, row in enumerate(rows):
        named |= {f"{name}{n}_{column}": value for column, value in zip(columns, row, strict=True)}
    return named


@cache
def _writing(lots: int, entries: int) -> Direct:
    """Everything that an act wrote in one statement, for a till waits for each."""
    written = _inserting(lot_t, "lot", rows=lots, replaces=True)
    return Direct(_SET.add_cte(*written, *_inserting(entry_t, "entry", rows=entries, replaces=False)))


async def write_lots(tx: Tx, book: Book) -> None:
    """Lots and holds by themselves, before more of what is due is looked up."""
    rows = [lot_row(book, lot) for lot in book.changed_lots.values()]
    await insert_rows(tx, PointsLot, LOT_COLUMNS, rows, on_conflict="replace")
    await _write_holds(tx, book)


def lot_row(book: Book, lot: Lot) -> tuple[Any, ...]:
    return (book.elsewhere.get(lot.lot_id, book.member_id), *_of_lot(lot))


def entry_row(book: Book, caller: Caller, approved_by: str | None, number: int) -> tuple[Any, ...]:
    return _entry_row(book, caller, approved_by, book.postings[number])


def entry_rows(book: Book, caller: Caller) -> list[tuple[Any, ...]]:
    """Of all postings in hand."""
    return [_entry_row(book, caller, None, posting) for posting in book.postings]


def _entry_row(book: Book, caller: Caller, approved_by: str | None, posting: Posting) -> tuple[Any, ...]:
    """In the order of ENTRY_COLUMNS."""
    cause = posting.cause
    return (
        book.member_id,
        posting.sequence,
        book.version,
        cause.operation_id,
        cause.of_operation,
        posting.act,
        cause.reason,
        posting.lot_id,
        posting.hold_id,
        posting.origin_id,
        posting.amount,
        posting.active,
        posting.pending,
        posting.held,
        posting.debt,
        posting.balance,
        caller.kind.lower(),
        caller.subject,
        None if cause.is_due else approved_by,
        caller.request_id,
        posting.occurred_at,
        book.now,
    )


async def _write_holds(tx: Tx, book: Book) -> None:
    holds = book.changed_holds.values()
    rows = [(book.member_id, *(getattr(hold, name) for name in HOLD_COLUMNS[1:])) for hold in holds]
    await insert_rows(tx, PointsHold, HOLD_COLUMNS, rows, on_conflict="replace")
    parts = [(book.member_id, hold.hold_id, lot_id, held) for hold in holds for lot_id, held in hold.parts.items()]
    await insert_rows(tx, PointsHoldLot, PART_COLUMNS, parts, on_conflict="replace")
