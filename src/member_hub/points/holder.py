"""What the points part answers for: the accounts, their lots and holds, the ledger, and the order lines that counted.

Merging posts `merge_out` and `merge_in` for every lot that is not empty, under the same lot id, with its times as they
are, and what a refund could not take of it; debts and open holds go along. Giving back returns what is left of the lots
of the accounts that leave: what was spent meanwhile, and debts, are settled by whoever unmerges. A lot of which
something is on a hold that stays, stays. Empty lots stay where they are; where what expired or was spent of one comes
back, it arrives then (arriving.py).

Decision: the time of these entries is the hub's clock, for the duties of a holder name none; it never goes back.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Table, and_, delete, exists, literal, null, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from member_hub.access import Caller, system_caller
from member_hub.clock import Clock
from member_hub.db.base import Tx
from member_hub.db.bulk import among, table_of
from member_hub.holding import rows_where
from member_hub.ids import MemberId, OriginId, uuid7
from member_hub.points.book import Book
from member_hub.points.earning import line_t
from member_hub.points.guards import channel_t, take_row
from member_hub.points.lots import Cause, Hold
from member_hub.points.moving import move_debt, move_lot
from member_hub.points.opening import opening_t
from member_hub.points.store import load_all
from member_hub.points.tables import (
    PointsAccount,
    PointsEntry,
    PointsHold,
    PointsHoldLot,
    PointsLine,
    PointsLot,
    PointsOpening,
)
from member_hub.points.words import AccountState, Act, HoldState, Reason
from member_hub.points.writing import account_t, entry_t, hold_t, lot_t, part_t, write
from member_hub.privacy import Erased, Held, Person, Purpose

MODELS = (PointsAccount, PointsLot, PointsEntry, PointsHold, PointsHoldLot, PointsLine, PointsOpening)
BY_ACCOUNT = (PointsLine, PointsOpening)  # they go with the channel account, whoever has it
LIVING = (AccountState.OPEN, AccountState.FROZEN)


@dataclass(frozen=True, slots=True)
class PointsHolder:
    clock: Clock = field(default_factory=Clock)

    @property
    def idle_without(self) -> Sequence[type[Any]]:
        return (PointsAccount,)

    @property
    def tables(self) -> frozenset[str]:
        return frozenset(table_of(model).fullname for model in MODELS)

    async def export_for(self, tx: Tx, person: Person) -> AsyncIterator[Held]:
        for model in MODELS:
            table = table_of(model)
            is_by_account = model in BY_ACCOUNT
            theirs = _of_accounts(table, person) if is_by_account else among(table.c.member_id, person.member_ids)
            async for held in rows_where(tx, model, theirs):
                yield held

    async def erase_for(self, tx: Tx, person: Person) -> Erased:
        """Forfeit and close; lots, holds and order numbers go, the entries stay under ids that lead to nothing."""
        for member_id in sorted(person.member_ids):
            book = await self._taken(tx, member_id, Cause(uuid7(), Reason.MEMBERSHIP_ENDED))
            if book is not None and book.state in LIVING:
                await load_all(tx, book)
                for hold in list(book.holds.values()):
                    book.release(hold, book.now)
                book.end()
                await write(tx, book, _hub(Purpose.RIGHTS_HANDLING))
        counts = {}
        for table in (part_t, hold_t, lot_t):
            gone = await tx.execute(delete(table).where(among(table.c.member_id, person.member_ids)))
            counts[table.fullname] = int(gone.rowcount)
        lines = update(line_t).where(_of_accounts(line_t, person))
        cleared = await tx.execute(lines.values(order_no=null(), origin_id=null()))
        openings = delete(opening_t).where(_of_accounts(opening_t, person))
        counts[opening_t.fullname] = int((await tx.execute(openings)).rowcount)
        return Erased(counts | {line_t.fullname: int(cleared.rowcount)})

    async def absorb(self, tx: Tx, *, kept: MemberId, gone: MemberId) -> None:
        """The caller holds both members' rows, so nobody makes an account meanwhile."""
        if not await _has_account(tx, gone):
            return
        await self._make(tx, kept)
        cause = Cause(uuid7(), Reason.MERGE)
        books = {one: await self._taken(tx, one, cause) for one in sorted((kept, gone))}
        to, of = books[kept], books[gone]
        if to is None or of is None or of.state not in LIVING:
            return
        await load_all(tx, of)
        await load_all(tx, to)
        filled = [lot.lot_id for lot in of.lots.values() if lot.remaining]  # what fell due just now is empty
        _move(of, to, filled, [hold for hold in of.holds.values() if hold.state is HoldState.OPEN])
        if of.debt:
            move_debt(of, to)
        to.pay_debt()
        if of.state is AccountState.FROZEN and to.state is AccountState.OPEN:
            to.turn(Act.FREEZE, AccountState.FROZEN)  # the more protective of the two
        of.state, of.due_at = AccountState.MERGED, None
        await _store(tx, of, to)

    async def give_back(self, tx: Tx, *, kept: MemberId, back: MemberId, origins: Sequence[OriginId]) -> None:
        if not await _has_account(tx, kept):
            return
        await self._make(tx, back)
        cause = Cause(uuid7(), Reason.SPLIT)
        books = {one: await self._taken(tx, one, cause) for one in sorted((kept, back))}
        of, to = books[kept], books[back]
        if of is None or to is None:
            return
        if to.state is AccountState.MERGED:
            to.state = await _state_of_its_own(tx, back)
        await load_all(tx, of)
        here = [lot for lot_id, lot in of.lots.items() if lot_id not in of.elsewhere]
        live = [lot for lot in here if lot.remaining or not lot.owed]  # what is owed stays where it was spent
        theirs = [lot.lot_id for lot in live if lot.origin_id in set(origins)]
        going, lot_ids = _apart(of, theirs)
        _move(of, to, lot_ids, going)
        to.pay_debt()
        await _store(tx, of, to)

    async def _taken(self, tx: Tx, member_id: MemberId, cause: Cause) -> Book | None:
        return await take_row(tx, member_id, cause, now=self.clock.now())

    async def _make(self, tx: Tx, member_id: MemberId) -> None:
        now = self.clock.now()
        new = insert(account_t).values(member_id=member_id, state=AccountState.OPEN, updated_at=now)
        await tx.execute(new.on_conflict_do_nothing())


def _apart(of: Book, theirs: Collection[UUID]) -> tuple[list[Hold], list[UUID]]:
    """The holds and the lots that go: a hold goes with all of its lots or stays, and a lot with all holds on it."""
    going, lot_ids = list(of.holds.values()), set(theirs)
    while staying := [hold for hold in going if not hold.left.keys() <= lot_ids]:
        lot_ids -= {lot_id for hold in staying for lot_id in hold.left}
        going = [hold for hold in going if hold not in staying]
    return going, [lot_id for lot_id in theirs if lot_id in lot_ids]


def _move(of: Book, to: Book, lot_ids: Collection[UUID], holds: Sequence[Hold]) -> None:
    """Lots and the holds on them, from one account to another."""
    for lot_id in lot_ids:
        move_lot(of, to, of.lots[lot_id])
    for hold in holds:
        arriving = Hold(
            hold.hold_id, hold.amount, hold.state, hold.created_at, hold.expires_at, hold.captured, hold.left
        )
        to.holds[hold.hold_id] = to.changed_holds[hold.hold_id] = arriving
        to.due_by(hold.expires_at)
        hold.parts = dict.fromkeys(hold.parts, 0)
        hold.state = HoldState.MOVED
        of.changed_holds[hold.hold_id] = hold


async def _store(tx: Tx, of: Book, to: Book) -> None:
    caller = _hub(Purpose.IDENTITY_UNIFICATION)
    await write(tx, of, caller)
    await write(tx, to, caller)


async def _has_account(tx: Tx, member_id: MemberId) -> bool:
    return await tx.scalar(select(literal(1)).where(account_t.c.member_id == member_id)) is not None


async def _state_of_its_own(tx: Tx, member_id: MemberId) -> AccountState:
    """As it was before it was merged."""
    statement = select(entry_t.c.act).where(
        entry_t.c.member_id == member_id, entry_t.c.act.in_((Act.FREEZE, Act.UNFREEZE))
    )
    last = await tx.scalar(statement.order_by(entry_t.c.sequence.desc()).limit(1))
    return AccountState.FROZEN if last == Act.FREEZE else AccountState.OPEN


def _of_accounts(table: Table, person: Person) -> ColumnElement[bool]:
    """Rows of their channel accounts, and those counted for them whose account nobody else has.

    Who was one member with them once took the accounts along, and what those bought and opened with is theirs: neither
    told to this person nor gone with them; an opening balance whose row went would be counted again.
    """
    others = exists(
        select(channel_t.c.origin_id).where(
            channel_t.c.origin_id == table.c.origin_id, ~among(channel_t.c.member_id, person.member_ids)
        )
    )
    return or_(among(table.c.origin_id, person.origin_ids), and_(among(table.c.member_id, person.member_ids), ~others))


def _hub(purpose: Purpose) -> Caller:
    return system_caller(subject="points", purpose=purpose, request_id=uuid7())
