"""Lots and debts that go from one account to another, when members merge or split: postings in both books (pure)."""

from dataclasses import replace

from member_hub.points.book import Book
from member_hub.points.lots import Lot
from member_hub.points.words import Act, LotState


def move_lot(of: Book, to: Book, lot: Lot) -> None:
    """All that remains, held points and all, and what is owed on it. Where something of the same lot came back there
    since it went, the two are one again."""
    _move_in(to, _move_out(of, lot))


def move_debt(of: Book, to: Book) -> None:
    debt = of.debt
    of.post(Act.MERGE_OUT, debt, of.now, None, debt=-debt)
    to.post(Act.MERGE_IN, debt, to.now, None, debt=debt)


def _move_out(book: Book, lot: Lot) -> Lot:
    """The lot as it arrives there."""
    arriving = replace(lot)
    n, held, (active, pending) = lot.remaining, lot.held, _free(lot)
    lot.moved += n
    lot.remaining = lot.held = lot.owed = 0
    lot.state = LotState.MOVED
    book.post(Act.MERGE_OUT, n, book.now, lot, active=-active, pending=-pending, held=-held)
    return arriving


def _move_in(book: Book, lot: Lot) -> None:
    n, held, (active, pending), there = lot.remaining, lot.held, _free(lot), book.lots.get(lot.lot_id)
    if there is None or not (there.remaining or there.owed):
        book.lots[lot.lot_id] = there = lot
    else:
        there.take_in(lot)
    book.post(Act.MERGE_IN, n, book.now, there, active=active, pending=pending, held=held)
    book.take_owed(there, book.now)
    there.owed = min(there.owed, there.spent + there.held)  # of what expired in one place nothing is owed for the other
    book.wait_for(there)


def _free(lot: Lot) -> tuple[int, int]:
    """What of it is active, and what pending."""
    if lot.state is LotState.PENDING:
        return 0, lot.available
    return (lot.available if lot.state is LotState.ACTIVE else 0), 0
