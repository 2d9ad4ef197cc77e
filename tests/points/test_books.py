"""Ten thousand random histories of three accounts: whatever happens, the books add up (pure, no database).

MEMBER_HUB_HISTORIES tries another number; each history is its seed, which a failure names.
"""

import os
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

import pytest

from member_hub.errors import Refused
from member_hub.ids import MemberId, uuid7
from member_hub.points.book import Book
from member_hub.points.lots import Cause, Grace, Hold, Lot
from member_hub.points.moving import move_debt, move_lot
from member_hub.points.refunding import take
from member_hub.points.words import (
    AccountState,
    Act,
    HoldState,
    LotKind,
    LotState,
    NegativeBalance,
    Reason,
)
from tests.points.desk import NOW

HISTORIES = int(os.environ.get("MEMBER_HUB_HISTORIES", "10000"))
SLICES = 10
STEPS = 14
BETWEEN = {Act.TRANSFER_OUT, Act.TRANSFER_IN, Act.MERGE_OUT, Act.MERGE_IN}
POTS = ("active", "pending", "held", "debt")


@dataclass
class History:
    """Three accounts, and what was ever done to them."""

    random: Random
    policy: NegativeBalance
    now: datetime = NOW
    books: list[Book] = field(default_factory=list)
    seen: list[tuple[datetime, list[tuple[int, ...]]]] = field(default_factory=list)

    def run(self) -> None:
        self.books = [
            Book(MemberId(uuid7()), AccountState.OPEN, 0, 0, 0, 0, 0, 0, None, NOW, Cause(uuid7(), Reason.TASK))
            for _ in range(3)
        ]
        for _ in range(STEPS):
            self.now += timedelta(hours=self.random.choice((0, 1, 30, 200, 900)), seconds=1)
            for book in self.books:
                book.now, book.cause = self.now, Cause(uuid7(), Reason.TASK)
                book.settle()
            before = [(len(b.postings), pots(b)) for b in self.books]
            try:
                self.step(*self.random.sample(self.books, 2))
            except Refused:
                assert [(len(b.postings), pots(b)) for b in self.books] == before  # nothing changed
            self.seen.append((self.now, [pots(book) for book in self.books]))
            for book in self.books:
                prove(book)

    def step(self, book: Book, other: Book) -> None:  # noqa: C901 - one case for each act
        n = self.random.choice((1, 5, 30, 100))
        match self.random.randrange(12):
            case 0 | 1 | 2:
                book.add_pending(self.lot(n))
            case 3:
                book.spend(Act.REDEEM, n)
            case 4:
                book.hold(n, self.now + timedelta(hours=self.random.choice((1, 50, 500))))
            case 5 | 6:
                self.end_a_hold(book, n)
            case 7:
                if lot := self.some(book):
                    take(book, lot, self.random.randint(1, lot.earned), self.policy)
            case 8:
                for lot, k in book.spend(Act.TRANSFER_OUT, n):
                    other.add_active(Act.TRANSFER_IN, self.lot(k, active=True, expires_at=lot.expires_at))
            case 9:
                self.give_back(book)
            case 10:
                self.merge(book, other)
            case 11:
                lot = self.some(book)
                if lot and lot.expired:
                    book.reinstate(lot, self.random.randint(1, lot.expired), self.now + timedelta(days=9))

    def lot(self, n: int, *, active: bool = False, expires_at: datetime | None = None) -> Lot:
        earned_at = self.now if active else self.now - timedelta(hours=self.random.choice((0, 0, 100, 2000)))
        waits, lasts = self.random.choice(((0, 100), (0, 1000), (100, 300), (100, 50)))
        state = LotState.ACTIVE if active else LotState.PENDING
        ends = expires_at or earned_at + timedelta(hours=waits + lasts)
        return Lot(uuid7(), LotKind.TASK, None, n, n, state, earned_at, earned_at + timedelta(hours=waits), ends)

    def some(self, book: Book) -> Lot | None:
        lots = [lot for lot in book.lots.values() if lot.state is not LotState.MOVED]
        return self.random.choice(lots) if lots else None

    def end_a_hold(self, book: Book, n: int) -> None:
        held = [hold for hold in book.holds.values() if hold.state is HoldState.OPEN]
        if held and self.random.random() < 0.5:
            book.capture(self.random.choice(held), n)
        elif held:
            book.release(self.random.choice(held), self.now)

    def give_back(self, book: Book) -> None:
        """Of a lot that was spent some comes back."""
        spent = [lot for lot in book.lots.values() if lot.spent and lot.state is not LotState.MOVED]
        if spent:
            lot = self.random.choice(spent)
            n, grace = self.random.randint(1, lot.spent), Grace(self.now + timedelta(days=3), timedelta(days=9))
            book.give_back([(lot, n)], grace, since=self.now - timedelta(hours=self.random.choice((0, 10, 1000))))

    def merge(self, book: Book, other: Book) -> None:
        """Everything of one goes to the other, holds and debt as well."""
        for lot in [lot for lot in book.lots.values() if lot.remaining]:
            move_lot(book, other, lot)
        for hold in [hold for hold in book.holds.values() if hold.state is HoldState.OPEN]:
            other.holds[hold.hold_id] = Hold(
                hold.hold_id, hold.amount, hold.state, hold.created_at, hold.expires_at, hold.captured, hold.parts
            )
            del book.holds[hold.hold_id]
        if book.debt:
            move_debt(book, other)
        other.pay_debt()


def pots(book: Book) -> tuple[int, ...]:
    return tuple(getattr(book, pot) for pot in POTS)


def prove(book: Book) -> None:
    """The account from its entries, the lots from theirs, the account from its lots, the lots from the holds."""
    assert pots(book) == tuple(sum(getattr(p, pot) for p in book.postings) for pot in POTS)
    assert min(pots(book)) >= 0
    assert not (book.debt and book.active)
    assert [p.sequence for p in book.postings] == list(range(1, len(book.postings) + 1))
    total: dict[UUID | None, int] = {}
    on_hold: dict[UUID | None, int] = {}
    for p in book.postings:
        total[p.lot_id] = total.get(p.lot_id, 0) + p.active + p.pending + p.held
        on_hold[p.lot_id] = on_hold.get(p.lot_id, 0) + p.held
    active = pending = held = 0
    for lot in book.lots.values():
        assert lot.earned == lot.remaining + lot.spent + lot.expired + lot.reversed + lot.moved
        assert min(lot.spent, lot.expired, lot.reversed, lot.moved) >= 0
        assert 0 <= lot.held <= lot.remaining
        assert 0 <= lot.owed <= lot.spent + lot.held
        assert not lot.owed or not lot.available  # what comes back is taken before it can be spent
        assert (total[lot.lot_id], on_hold[lot.lot_id]) == (lot.remaining, lot.held)
        active += lot.available if lot.state is LotState.ACTIVE else 0
        pending += lot.available if lot.state is LotState.PENDING else 0
        held += lot.held
        assert lot.remaining == 0 or lot.state in (LotState.ACTIVE, LotState.PENDING)
    assert (active, pending, held) == (book.active, book.pending, book.held)
    parts = [hold.parts for hold in book.holds.values() if hold.state is HoldState.OPEN]
    assert sum(sum(one.values()) for one in parts) == book.held


def prove_all(history: History) -> None:
    """Nothing comes from nowhere: what all have together is what came in less what went out."""
    entries = [p for book in history.books for p in book.postings]
    assert sum(p.active + p.pending + p.held - p.debt for p in entries if p.act in BETWEEN) == 0
    came = {Act.EARN: 1, Act.REINSTATE: 1, Act.REDEEM: -1, Act.CAPTURE: -1, Act.EXPIRE: -1}
    outside = sum(came.get(p.act, 0) * p.amount for p in entries)
    outside += sum(p.active + p.pending - p.debt for p in entries if p.act is Act.REVERSE)
    assert sum(b.active + b.pending + b.held - b.debt for b in history.books) == outside
    for moment, was in history.seen:
        for book, then in zip(history.books, was, strict=True):
            counted = [p for p in book.postings if effective(p.cause, p.occurred_at, book, p.sequence) <= moment]
            assert then == tuple(sum(getattr(p, pot) for p in counted) for pot in POTS)


def effective(cause: Cause, occurred_at: datetime, book: Book, sequence: int) -> datetime:
    return occurred_at if cause.is_due else RECORDED[book.member_id, sequence]


RECORDED: dict[tuple[UUID, int], datetime] = {}


@pytest.fixture(autouse=True)
def recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """When each posting was made, which the store writes beside it."""
    post = Book.post

    def posting(book: Book, *said: object, **named: object) -> None:
        post(book, *said, **named)  # type: ignore[arg-type]
        RECORDED[book.member_id, book.sequence] = book.now

    RECORDED.clear()
    monkeypatch.setattr(Book, "post", posting)


@pytest.mark.parametrize("part", range(SLICES))
@pytest.mark.parametrize("policy", list(NegativeBalance))
def test_whatever_happens_the_books_add_up(policy: NegativeBalance, part: int) -> None:
    for seed in range(part, HISTORIES // len(NegativeBalance) + 1, SLICES):
        RECORDED.clear()
        history = History(Random(f"{policy} {seed}"), policy)
        try:
            history.run()
            prove_all(history)
        except Exception as error:
            error.add_note(f"seed {seed}")
            raise
