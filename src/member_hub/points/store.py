"""Taking an account in hand and writing what an act did to it.

    claim      the key of the request, in one statement with
    guard      one UPDATE of the account's row, with its state (and what has to be there) in the WHERE; the lock
    load       what has fallen due, and the lots that the act needs, under that lock
    settle     what has fallen due (book.py)
    write      lots, entries and the account, in one statement; holds in others

A merged id acts on its root: the guard finds the root by itself, and where a merge commits while it waits, it finds
the account merged and looks again. A new account is made under a lock on the member's row, so that neither a merge nor
an erasure can miss it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CTE,
    BigInteger,
    Column,
    ColumnElement,
    DateTime,
    Label,
    Row,
    Select,
    Table,
    Text,
    and_,
    any_,
    bindparam,
    exists,
    func,
    literal,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.sql.dml import ReturningUpdate

from member_hub.access import Caller
from member_hub.db.base import Tx
from member_hub.db.bulk import among, insert_rows, table_of
from member_hub.db.direct import Direct
from member_hub.errors import NotFound, Unavailable
from member_hub.idempotency import CLAIM
from member_hub.ids import MemberId
from member_hub.members.tables import ChannelAccount, Member, MemberStatus
from member_hub.points.book import Book, Cause, Hold, Lot
from member_hub.points.refusals import ClockJumped, NotEnoughPoints, PointsClosed, PointsFrozen
from member_hub.points.tables import PointsAccount, PointsEntry, PointsHold, PointsHoldLot, PointsLot
from member_hub.points.words import AccountState, HoldState, LotKind, LotState, Reason

ATTEMPTS_MAX: Final = 4  # how often the member may be merged or made meanwhile
LOTS_MAX: Final = 5_000  # in hand at once; what needs more is refused
SETTLE_ROUNDS_MAX: Final = 20
FEW: Final = 3
CLOCK_SLACK: Final = timedelta(minutes=5)  # between the clocks of two machines

account_t = table_of(PointsAccount)
lot_t = table_of(PointsLot)
entry_t = table_of(PointsEntry)
hold_t = table_of(PointsHold)
part_t = table_of(PointsHoldLot)
member_t = table_of(Member)
channel_t = table_of(ChannelAccount)

NOBODYS: Final = Cause(UUID(int=0), Reason.DUE)  # of what is only looked at
NORMAL: Final = (AccountState.OPEN,)
ANY_LIVING: Final = (AccountState.OPEN, AccountState.FROZEN)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the guard looks for beside the member: the account's state, points to spend, something due."""

    states: Sequence[AccountState] = NORMAL
    at_least: int = 0
    only_if_due: bool = False


NORMALLY: Final = Wanted()


async def take(tx: Tx, member_id: MemberId, cause: Cause, *, now: datetime, wanted: Wanted = Wanted()) -> Book:
    """The account of the member's root, locked until the transaction ends, with everything due done.

    Raises NotFound for an unknown or erased member, PointsFrozen, PointsClosed, NotEnoughPoints, ClockJumped.
    """
    for _ in range(ATTEMPTS_MAX):
        row = await _guard(wanted).one(tx, _bound(member_id, wanted, now))
        if row is not None:
            return await _opened(tx, row, cause, now)
        await _explain(tx, member_id, wanted, now)
    raise Unavailable


async def claim_and_take(
    tx: Tx, member_id: MemberId, cause: Cause, claimed: Mapping[str, Any], *, now: datetime, wanted: Wanted
) -> Book | None:
    """The key of a request and the account in one statement; None: the key stands already, nothing is taken.

    `claimed` are the parameters of idempotency.CLAIM. Raises what `take` raises.
    """
    statement = _CLAIM_SPENDING if wanted.at_least else _CLAIM_AND_TAKE
    bound = _bound(member_id, wanted, now) | {"now": now, **claimed}
    row = await statement.one(tx, bound)
    if row is None:
        return None
    if row.member_id is not None:
        return await _opened(tx, row, cause, now)
    await _explain(tx, member_id, wanted, now)
    return await take(tx, member_id, cause, now=now, wanted=wanted)


async def take_due(tx: Tx, member_id: MemberId, cause: Cause, *, now: datetime) -> Book | None:
    """The account by its own id, where something of it is due; None where nothing is (any more)."""
    wanted = Wanted(ANY_LIVING, only_if_due=True)
    row = await _GUARD_DUE.one(tx, _bound(member_id, wanted, now) | {"now": now})
    return None if row is None else await _opened(tx, row, cause, now)


async def take_row(tx: Tx, member_id: MemberId, cause: Cause, *, now: datetime) -> Book | None:
    """The account of this very id in whatever state, locked: for merging, splitting and erasing."""
    statement = update(account_t).where(account_t.c.member_id == member_id).values(version=account_t.c.version + 1)
    row = (await tx.execute(statement.returning(*account_t.c))).one_or_none()
    if row is None:
        return None
    book = book_of(row, now, cause)
    return await _up_to_date(tx, book) if book.state in ANY_LIVING else book


async def lock_members(tx: Tx, member_ids: Iterable[MemberId]) -> None:
    """Before two accounts are taken: who merges holds these rows first, too, in the same order."""
    rows = select(member_t.c.member_id).where(among(member_t.c.member_id, sorted(member_ids)))
    await tx.execute(rows.order_by(member_t.c.member_id).with_for_update(read=True, key_share=True))


async def roots_of(tx: Tx, member_ids: Sequence[MemberId]) -> list[MemberId]:
    """The root of each. Raises NotFound for an unknown one."""
    root = func.coalesce(member_t.c.merged_into, member_t.c.member_id).label("root")
    found = await tx.execute(select(member_t.c.member_id, root).where(among(member_t.c.member_id, member_ids)))
    roots = {row.member_id: MemberId(row.root) for row in found}
    if any(member_id not in roots for member_id in member_ids):
        raise NotFound(field="id")
    return [roots[member_id] for member_id in member_ids]


async def load_spendable(tx: Tx, book: Book) -> None:
    """The lots that may be spent, in the order in which they are."""
    await _load(tx, book, and_(lot_t.c.state == LotState.ACTIVE, lot_t.c.remaining > lot_t.c.held))


async def load_lots(tx: Tx, book: Book, lot_ids: Iterable[UUID]) -> None:
    wanted = [lot_id for lot_id in lot_ids if lot_id not in book.lots]
    if wanted:
        await _load(tx, book, among(lot_t.c.lot_id, wanted))


async def load_all(tx: Tx, book: Book) -> None:
    """Everything live, and the open holds: for closing, merging, splitting; in as many rounds as it takes."""
    await _load(tx, book, lot_t.c.remaining > 0, everything=True)
    await _load_holds(tx, book, hold_t.c.state == HoldState.OPEN, everything=True)


async def load_hold(tx: Tx, book: Book, hold_id: UUID) -> Hold:
    """With its lots. Raises NotFound."""
    await _load_holds(tx, book, hold_t.c.hold_id == hold_id)
    if hold_id not in book.holds:
        raise NotFound(field="holdId")
    return book.holds[hold_id]


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
    lots = [_lot_row(book, lot) for lot in book.changed_lots.values()]
    entries = [_entry_row(book, caller, approved_by, number) for number in range(len(book.postings))]
    bound |= _named("lot", LOT_COLUMNS, lots) | _named("entry", ENTRY_COLUMNS, entries)
    await _writing(min(len(lots), FEW + 1), min(len(entries), FEW + 1)).one(tx, bound)


def root_of(member_id: ColumnElement[Any]) -> Select[tuple[UUID]]:
    asked = member_t.alias("asked")
    return select(func.coalesce(asked.c.merged_into, asked.c.member_id)).where(asked.c.member_id == member_id)


# The guard.

_ASKED = bindparam("asked", type_=PgUuid())
_STATES: Final[ColumnElement[Any]] = any_(bindparam("states", type_=ARRAY(Text)))


def _make_guard(*, needs: bool, claimed: CTE | None = None) -> ReturningUpdate[Any]:
    statement = (
        update(account_t)
        .where(
            account_t.c.member_id == member_t.c.member_id,
            member_t.c.member_id == root_of(_ASKED).scalar_subquery(),
            member_t.c.status == MemberStatus.ACTIVE,
            account_t.c.state == _STATES,
        )
        .values(version=account_t.c.version + 1)
    )
    if needs:
        is_due = account_t.c.due_at <= bindparam("now", type_=DateTime(timezone=True))
        statement = statement.where(or_(account_t.c.active >= bindparam("at_least", type_=BigInteger()), is_due))
    if claimed is not None:
        statement = statement.where(exists(select(claimed.c.caller)))
    return statement.returning(*account_t.c, _own_origin())


def _claiming_guard(*, needs: bool) -> Select[Any]:
    """The account is taken only where the key was claimed; one row where it was, empty where the guard refused."""
    claimed = CLAIM.cte("claimed")
    taken = _make_guard(needs=needs, claimed=claimed).cte("taken")
    return select(*taken.c).select_from(claimed.outerjoin(taken, true()))


def _own_origin() -> Label[Any]:
    """The channel account that the member began with, of several the oldest."""
    began = (channel_t.c.filed_under == channel_t.c.member_id).desc()
    oldest = select(channel_t.c.origin_id).where(channel_t.c.member_id == account_t.c.member_id)
    return (
        oldest.order_by(began, channel_t.c.origin_id)
        .limit(1)
        .correlate(account_t)
        .scalar_subquery()
        .label("own_origin")
    )


_GUARD: Final = Direct(_make_guard(needs=False))
_GUARD_SPENDING: Final = Direct(_make_guard(needs=True))
_CLAIM_AND_TAKE: Final = Direct(_claiming_guard(needs=False))
_CLAIM_SPENDING: Final = Direct(_claiming_guard(needs=True))
_GUARD_DUE: Final = Direct(
    update(account_t)
    .where(
        account_t.c.member_id == _ASKED,
        account_t.c.state == _STATES,
        account_t.c.due_at <= bindparam("now", type_=DateTime(timezone=True)),
    )
    .values(version=account_t.c.version + 1)
    .returning(*account_t.c)
)
_SET: Final = (
    update(account_t)
    .where(account_t.c.member_id == bindparam("of_member", type_=PgUuid()))
    .values({c.name: bindparam(c.name, type_=c.type) for c in account_t.c if c.name != "member_id"})
)


def _guard(wanted: Wanted) -> Direct:
    return _GUARD_SPENDING if wanted.at_least else _GUARD


def _bound(member_id: MemberId, wanted: Wanted, now: datetime) -> dict[str, Any]:
    bound: dict[str, Any] = {"asked": member_id, "states": list(wanted.states)}
    return bound | ({"at_least": wanted.at_least, "now": now} if wanted.at_least else {})


async def _explain(tx: Tx, member_id: MemberId, wanted: Wanted, now: datetime) -> None:
    """Why the guard found nothing; returns where it may find something now."""
    statement = (
        select(member_t.c.member_id, member_t.c.status, account_t.c.state, account_t.c.active, account_t.c.due_at)
        .outerjoin(account_t, account_t.c.member_id == member_t.c.member_id)
        .where(member_t.c.member_id == root_of(literal(member_id, PgUuid())).scalar_subquery())
    )
    row = (await tx.execute(statement)).one_or_none()
    if row is None or row.status == MemberStatus.ERASED:
        raise NotFound(field="id")
    if row.status in (MemberStatus.FROZEN, MemberStatus.RESTRICTED):
        raise PointsFrozen(field="id")
    if row.state is None:
        await _make(tx, row.member_id, now)
        return
    if row.state == AccountState.CLOSED:
        raise PointsClosed(field="id")
    if row.state == AccountState.FROZEN and AccountState.FROZEN not in wanted.states:
        raise PointsFrozen(field="id")
    if row.state in wanted.states and row.active < wanted.at_least and (row.due_at is None or row.due_at > now):
        raise NotEnoughPoints(field="amount")


async def _make(tx: Tx, root: UUID, now: datetime) -> None:
    """The first time a member has points."""
    columns = ("member_id", "state", "updated_at")
    living = (
        select(member_t.c.member_id, literal(AccountState.OPEN.value), literal(now, DateTime(timezone=True)))
        .where(member_t.c.member_id == root, member_t.c.status == MemberStatus.ACTIVE)
        .with_for_update(read=True, key_share=True)
    )
    await tx.execute(insert(account_t).from_select(columns, living).on_conflict_do_nothing())


async def _opened(tx: Tx, row: Any, cause: Cause, now: datetime) -> Book:
    if row.updated_at > now + CLOCK_SLACK:
        raise ClockJumped
    return await _up_to_date(tx, book_of(row, now, cause))


async def _up_to_date(tx: Tx, book: Book) -> Book:
    for _ in range(SETTLE_ROUNDS_MAX):
        if book.due_at is None or book.due_at > book.now:
            return book
        await _settle(tx, book)
    raise Unavailable  # the clockwork catches up with an account of so many lots


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


async def _settle(tx: Tx, book: Book) -> None:
    """Do what is due, of LOTS_MAX lots at most; `due_at` says then what is due next."""
    now = literal(book.now, DateTime(timezone=True))
    ends = and_(lot_t.c.state == LotState.ACTIVE, lot_t.c.expires_at <= now, lot_t.c.remaining > lot_t.c.held)
    begins = and_(lot_t.c.state == LotState.PENDING, lot_t.c.activates_at <= now, lot_t.c.remaining > 0)
    await _load(tx, book, or_(ends, begins))
    await _load_holds(tx, book, and_(hold_t.c.state == HoldState.OPEN, hold_t.c.expires_at <= now))
    book.settle()
    rows = [_lot_row(book, lot) for lot in book.changed_lots.values()]
    await insert_rows(tx, PointsLot, LOT_COLUMNS, rows, on_conflict="replace")
    await _write_holds(tx, book)
    book.due_at = await tx.scalar(_next_due(book.member_id))


def _next_due(member_id: MemberId) -> Select[Any]:
    live = and_(lot_t.c.member_id == member_id, lot_t.c.remaining > lot_t.c.held)
    begins = select(func.min(lot_t.c.activates_at)).where(live, lot_t.c.state == LotState.PENDING)
    ends = select(func.min(lot_t.c.expires_at)).where(live, lot_t.c.state == LotState.ACTIVE)
    times_out = select(func.min(hold_t.c.expires_at)).where(
        hold_t.c.member_id == member_id, hold_t.c.state == HoldState.OPEN
    )
    return select(func.least(begins.scalar_subquery(), ends.scalar_subquery(), times_out.scalar_subquery()))


# Loading.


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
    await load_lots(tx, book, {lot_id for hold in found.values() for lot_id in hold.parts})


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
    )


def hold_of(row: Row[Any]) -> Hold:
    return Hold(row.hold_id, row.amount, HoldState(row.state), row.created_at, row.expires_at, row.captured)


# Writing.

LOT_COLUMNS: Final = tuple(column.name for column in lot_t.c)
ENTRY_COLUMNS: Final = tuple(column.name for column in entry_t.c)
HOLD_COLUMNS: Final = tuple(column.name for column in hold_t.c)
PART_COLUMNS: Final = tuple(column.name for column in part_t.c)


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


def _lot_row(book: Book, lot: Lot) -> tuple[Any, ...]:
    return (book.member_id, *(getattr(lot, name) for name in LOT_COLUMNS[1:]))


def _entry_row(book: Book, caller: Caller, approved_by: str | None, number: int) -> tuple[Any, ...]:
    posting = book.postings[number]
    said = {
        "member_id": book.member_id,
        "version": book.version,
        "operation_id": posting.cause.operation_id,
        "of_operation": posting.cause.of_operation,
        "reason": posting.cause.reason,
        "actor_kind": caller.kind.lower(),
        "actor": caller.subject,
        "approved_by": None if posting.cause.is_due else approved_by,
        "request_id": caller.request_id,
        "recorded_at": book.now,
    }
    return tuple(said[name] if name in said else getattr(posting, name) for name in ENTRY_COLUMNS)


async def _write_holds(tx: Tx, book: Book) -> None:
    holds = book.changed_holds.values()
    rows = [(book.member_id, *(getattr(hold, name) for name in HOLD_COLUMNS[1:])) for hold in holds]
    await insert_rows(tx, PointsHold, HOLD_COLUMNS, rows, on_conflict="replace")
    parts = [(book.member_id, hold.hold_id, lot_id, held) for hold in holds for lot_id, held in hold.parts.items()]
    await insert_rows(tx, PointsHoldLot, PART_COLUMNS, parts, on_conflict="replace")
