"""What taking points back needs in hand: their lots, wherever merging left them, and what they paid of debts.

A lot of which nothing remained stays where it was when members merge or split. Its points are in no account any more,
but what became of them still counts: what expired is not taken from others, and what paid a debt is owed again.

What a refund cannot take, because the points are spent or on hold. Context: under `allowed` it is a debt at once.
Under `never` and `within_balance` it was forgotten once, and whoever bought, held, returned and released kept points
for nothing. Decision: it is remembered with the lot of the line (`owed`), and whatever comes back to that lot (release,
time-out, the rest of a capture, a reversal, reinstating) goes there first, as entries of REVERSE. Under
`within_balance` points of other lots pay it, too, where they were held or spent before the refund and come back after
it: the policy takes from the whole balance, which a hold or a spending undone later only hid. Points earned later never
pay; that is what `allowed` is for.
Price: what is spent and stays spent is lost, as these policies say. Of several refunds of a line the last one says
since when other points pay, so points held between two of them pay for both. Where merging and splitting put one lot
in two places, each place answers for what came back there.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, or_, select

from member_hub.db.base import Tx
from member_hub.db.bulk import among
from member_hub.ids import MemberId
from member_hub.points.accounts import load_lots_of, load_spendable_of
from member_hub.points.book import Book
from member_hub.points.guards import member_t
from member_hub.points.lots import Lot
from member_hub.points.store import lot_of
from member_hub.points.words import Act, LotState, NegativeBalance
from member_hub.points.writing import entry_t, lot_t


@dataclass(frozen=True, slots=True)
class Sought:
    """A lot whose points go back, the account that gives them, and whose it was when they were earned."""

    lot_id: UUID
    book: Book
    earned_by: MemberId


async def load_for_taking(tx: Tx, sought: Sequence[Sought]) -> dict[UUID, int]:
    """Load these lots and, where something of one was spent, what else there is to take.

    Returns what each of them paid of debts before: that is owed again when its points should not have been.
    """
    unknown = {one.lot_id: one for one in sought if one.lot_id not in one.book.lots}
    if unknown:
        await load_lots_of(tx, _books(unknown.values()), among(lot_t.c.lot_id, list(unknown)))
        await _load_left_behind(tx, unknown)
    short = {one.lot_id: one for one in sought if _is_short(one.book.lots.get(one.lot_id))}
    if not short:
        return {}
    books = _books(short.values())
    await load_spendable_of(tx, books)
    e = entry_t
    owed = select(e.c.lot_id, func.sum(-e.c.debt).label("paid")).where(
        e.c.member_id.in_(_absorbed(books)), among(e.c.lot_id, list(short)), e.c.debt != 0
    )
    return {row.lot_id: int(row.paid) for row in await tx.execute(owed.group_by(e.c.lot_id))}


def take_back(book: Book, lot_id: UUID | None, due: int, policy: NegativeBalance, *, paying: Mapping[UUID, int]) -> int:
    """Of what was loaded for it; `paying` is what load_for_taking said. Without a lot nothing was earned.

    Returns how many were taken: less than `due` where they were spent and the policy leaves them.
    """
    lot = book.lots.get(lot_id) if lot_id is not None else None
    paid = 0 if lot_id is None else paying.get(lot_id, 0) + book.owed_of(lot_id)
    return take(book, lot, due, policy, paid=paid)


def take(book: Book, lot: Lot | None, due: int, policy: NegativeBalance, *, paid: int = 0) -> int:
    """Take `due` points that should not have been earned; `lot` where it is in this account. Returns how many were.

    First what is left of their lot; what expired is gone anyway (it counts as taken, as in the entries); for what
    was spent, or is held, the policy decides. Of these `paid` went into a debt: that much is owed again.
    """
    before, asked = book.sequence, due
    if lot is not None:
        due -= book.take_from(lot, due, book.now)
        due -= _take_expired(book, lot, due)
    if policy is not NegativeBalance.NEVER:
        due -= sum(n for _, n in book.spend(Act.REVERSE, min(due, book.active)))
    owed = due if policy is NegativeBalance.ALLOWED else min(due, paid)
    if owed:
        payers = book.parts(min(owed, book.active))  # none, unless the policy left them
        book.post(Act.REVERSE, owed, book.now, lot, debt=owed)
        for other, _ in payers:
            book.repay(other, book.now)
    if lot is not None:
        _remember(book, lot, due - owed, policy)
    if book.sequence == before:
        book.nothing(Act.REVERSE)
    return asked - due + owed


def _take_expired(book: Book, lot: Lot, due: int) -> int:
    n = min(due, lot.expired)
    if n > 0:
        lot.expired -= n
        lot.reversed += n
        book.post(Act.REVERSE, n, book.now, lot)
    return n


def _remember(book: Book, lot: Lot, n: int, policy: NegativeBalance) -> None:
    """Never more than the lot gave out: what went on to others by splitting is theirs."""
    n = min(n, lot.spent + lot.held - lot.owed)
    if n > 0:
        lot.owed += n
        lot.owed_since = book.now if policy is NegativeBalance.WITHIN_BALANCE else lot.owed_since
        book.changed_lots[lot.lot_id] = lot


async def _load_left_behind(tx: Tx, sought: Mapping[UUID, Sought]) -> None:
    left = {lot_id: one for lot_id, one in sought.items() if _is_gone(one.book.lots.get(lot_id))}
    if not left:
        return
    merged = lot_t.c.member_id.in_(_absorbed({one.book.member_id for one in left.values()}))
    places = or_(merged, among(lot_t.c.member_id, {one.earned_by for one in left.values()}))
    statement = select(lot_t).where(places, among(lot_t.c.lot_id, list(left)), lot_t.c.state != LotState.MOVED)
    for row in await tx.execute(statement):
        book = left[row.lot_id].book
        if row.member_id != book.member_id:
            book.lots[row.lot_id] = lot_of(row)
            book.elsewhere[row.lot_id] = MemberId(row.member_id)


def _books(sought: Iterable[Sought]) -> dict[MemberId, Book]:
    return {one.book.member_id: one.book for one in sought}


def _absorbed(roots: Iterable[MemberId]) -> Select[Any]:
    """These members and all that were merged into them."""
    known = set(roots)
    return select(member_t.c.member_id).where(
        or_(among(member_t.c.member_id, known), among(member_t.c.merged_into, known))
    )


def _is_gone(lot: Lot | None) -> bool:
    return lot is None or lot.state is LotState.MOVED


def _is_short(lot: Lot | None) -> bool:
    return lot is None or _is_gone(lot) or bool(lot.spent or lot.held)
