"""One account in hand, its row locked: every act as postings over pots and lots (pure).

    pots of an account    active (to be spent), pending (return window), held, debt
    a lot                 earned = remaining + spent + expired + reversed + moved;  held is a part of remaining

The account's active is what remains of its active lots without what is held; pending what remains of pending ones;
held the sum of what is held. There is a debt only while nothing is active. Every posting says by how much each pot
changes, so the entries alone give every balance at any time, and the self-check (checking.py) proves the rest by them.

Decision: whoever acts on an account first does what has fallen due on it (`settle`), at the times at which it fell due.
So a balance is right whether the clockwork ran or stood still, and the clockwork is only for accounts nobody touches.
Points that are held do not expire; they do when they are released after their time.
"""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from member_hub.ids import MemberId, uuid7
from member_hub.points.lots import Cause, Grace, Hold, Lot, Posting
from member_hub.points.refusals import CaptureTooLarge, NotEnoughPoints, OverBalance
from member_hub.points.rules import allot, in_order
from member_hub.points.words import POINTS_MAX, AccountState, Act, HoldState, LotState, Reason


@dataclass(slots=True)
class Book:
    """The account; lots and holds as far as they were loaded."""

    member_id: MemberId
    state: AccountState
    active: int
    pending: int
    held: int
    debt: int
    sequence: int
    version: int  # of the account once this is written
    due_at: datetime | None
    now: datetime
    cause: Cause
    lots: dict[UUID, Lot] = field(default_factory=dict)
    holds: dict[UUID, Hold] = field(default_factory=dict)
    postings: list[Posting] = field(default_factory=list)
    changed_lots: dict[UUID, Lot] = field(default_factory=dict)
    new_lots: set[UUID] = field(default_factory=set)  # of the changed ones those that are stored nowhere yet
    changed_holds: dict[UUID, Hold] = field(default_factory=dict)
    elsewhere: dict[UUID, MemberId] = field(default_factory=dict)  # empty lots that merging left where they were
    own_origin: UUID | None = None  # the channel account for what none is named

    @property
    def balance(self) -> int:
        return self.active - self.debt

    @property
    def is_due(self) -> bool:
        return self.due_at is not None and self.due_at <= self.now

    def due_by(self, moment: datetime) -> None:
        """Something falls due then."""
        self.due_at = moment if self.due_at is None else min(self.due_at, moment)

    # What falls due.

    def settle(self) -> None:
        """Activate, expire and time out what is due, in the order in which it fell due; of the lots that are loaded."""
        due: list[tuple[datetime, int, UUID]] = [
            *self._due_holds(),
            *(e for lot in self.lots.values() for e in _due(lot)),
        ]
        due = [one for one in due if one[0] <= self.now]
        heapq.heapify(due)
        asked, self.cause = self.cause, Cause(uuid7(), Reason.DUE, is_due=True)
        while due:
            at, what, which = heapq.heappop(due)
            if what == _TIME_OUT:
                self.cause = replace(self.cause, reason=Reason.TIMED_OUT)
                self.release(self.holds[which], at, state=HoldState.TIMED_OUT)
                self.cause = replace(self.cause, reason=Reason.DUE)
            elif what == _ACTIVATE:
                self._activate(self.lots[which], at)
                if self.lots[which].expires_at <= self.now and self.lots[which].state is LotState.ACTIVE:
                    heapq.heappush(due, (max(at, self.lots[which].expires_at), _EXPIRE, which))
            else:
                self._expire(self.lots[which], at)
        self.cause = asked

    def _due_holds(self) -> Iterable[tuple[datetime, int, UUID]]:
        return ((h.expires_at, _TIME_OUT, h.hold_id) for h in self.holds.values() if h.state is HoldState.OPEN)

    def _activate(self, lot: Lot, at: datetime, *, pays: bool = True) -> None:
        if lot.state is not LotState.PENDING:
            return
        lot.state = LotState.ACTIVE
        self.post(Act.ACTIVATE, lot.remaining, at, lot, pending=-lot.remaining, active=lot.remaining)
        if pays:
            self.repay(lot, at)

    def _expire(self, lot: Lot, at: datetime) -> None:
        n = lot.available
        if lot.state is not LotState.ACTIVE or n <= 0:
            return
        lot.remaining -= n
        lot.expired += n
        if not lot.remaining:
            lot.state = LotState.EXPIRED
        self.post(Act.EXPIRE, n, at, lot, active=-n)

    def repay(self, lot: Lot, at: datetime) -> None:
        """What has just become active pays the debt first."""
        n = min(self.debt, lot.available)
        if n > 0:
            lot.remaining -= n
            lot.spent += n
            self.post(Act.REPAY, n, at, lot, active=-n, debt=-n)

    # What comes in.

    def add_pending(self, lot: Lot) -> None:
        """Points earned; they become active by settling, at once where they do not wait."""
        self.lots[lot.lot_id] = lot
        self.new_lots.add(lot.lot_id)
        self.post(Act.EARN, lot.earned, lot.earned_at, lot, pending=lot.earned)
        if lot.activates_at <= self.now:
            at = max(lot.earned_at, lot.activates_at)
            is_over = lot.expires_at <= self.now  # then it pays no debt: what is owed now was not owed when it was good
            self._activate(lot, at, pays=not is_over)
            if is_over:
                self._expire(lot, max(at, lot.expires_at))
        self.wait_for(lot)

    def add_active(self, act: Act, lot: Lot) -> None:
        """Points that are active at once: opening balance, adjustment, transfer."""
        self.lots[lot.lot_id] = lot
        self.new_lots.add(lot.lot_id)
        self.post(act, lot.earned, self.now, lot, active=lot.earned)
        self.repay(lot, self.now)
        self.wait_for(lot)

    def reinstate(self, lot: Lot, n: int, until: datetime) -> None:
        """Points of a lot that have expired are good again."""
        lot.expired -= n
        lot.remaining += n
        lot.expires_at = until
        lot.state = LotState.ACTIVE
        self.post(Act.REINSTATE, n, self.now, lot, active=n)
        self.take_owed(lot, self.now)
        self.repay(lot, self.now)
        self.wait_for(lot)

    def owe(self, act: Act, n: int) -> None:
        """A debt that has no lot."""
        self.post(act, n, self.now, None, debt=n)

    def owed_of(self, lot_id: UUID) -> int:
        """How much of debts the lot has paid by the postings in hand."""
        return -sum(posting.debt for posting in self.postings if posting.lot_id == lot_id)

    def give_back(self, parts: Iterable[tuple[Lot, int]], grace: Grace, *, since: datetime) -> None:
        """Points that were spent, at `since`, come back to their lots.

        A lot may know of fewer than were spent: what it counted went elsewhere with it, where merging and splitting
        took it to and fro. How many may come back the entries say, not the lot.
        """
        back = []
        for lot, n in parts:
            known = min(n, lot.spent)
            lot.spent -= known
            lot.earned += n - known
            lot.remaining += n
            lot.state = LotState.ACTIVE
            lot.be_good_again(grace, self.now)
            self.post(Act.REVERSE, n, self.now, lot, active=n)
            back.append((lot, n - self.take_owed(lot, self.now)))
        self._put_to_use(back, since, self.now)

    def extend(self, lot: Lot, until: datetime) -> None:
        lot.expires_at = until
        self.post(Act.EXTEND, lot.remaining, self.now, lot)
        self.wait_for(lot)

    def wait_for(self, lot: Lot) -> None:
        if lot.state is LotState.PENDING:
            self.due_by(lot.activates_at)
        elif lot.state is LotState.ACTIVE and lot.available:
            self.due_by(lot.expires_at)

    def nothing(self, act: Act) -> None:
        """It came to no points; an entry says so."""
        self.post(act, 0, self.now, None)

    # What goes out.

    def spend(self, act: Act, amount: int) -> list[tuple[Lot, int]]:
        """Take active points, earliest expiry first. Raises NotEnoughPoints."""
        parts = self.parts(amount)
        for lot, n in parts:
            lot.remaining -= n
            lot.spent += n
            self.post(act, n, self.now, lot, active=-n)
        return parts

    def hold(self, amount: int, until: datetime) -> Hold:
        hold = Hold(self.cause.operation_id, amount, HoldState.OPEN, self.now, until)
        for lot, n in self.parts(amount):
            lot.held += n
            hold.parts[lot.lot_id] = n
            self.post(Act.HOLD, n, self.now, lot, hold, active=-n, held=n)
        self.holds[hold.hold_id] = self.changed_holds[hold.hold_id] = hold
        self.due_by(until)
        return hold

    def capture(self, hold: Hold, amount: int) -> None:
        """Spend some of what is held. Raises CaptureTooLarge."""
        if amount > sum(hold.parts.values()):
            raise CaptureTooLarge(field="amount")
        lots = in_order(self.lots[lot_id] for lot_id in hold.left)
        for lot, n in allot([(lot, hold.parts[lot.lot_id]) for lot in lots], amount):
            hold.parts[lot.lot_id] -= n
            hold.captured += n
            lot.held -= n
            lot.remaining -= n
            lot.spent += n
            self.post(Act.CAPTURE, n, self.now, lot, hold, held=-n)
            self._bury(lot)
        if not any(hold.parts.values()):
            hold.state = HoldState.CAPTURED
        self.changed_holds[hold.hold_id] = hold

    def release(self, hold: Hold, at: datetime, *, state: HoldState = HoldState.RELEASED) -> None:
        """What is still held is active again from `at` on; of a lot whose time is over by then it expires."""
        hold.state = HoldState.CAPTURED if hold.captured else state
        back = []
        for lot in in_order(self.lots[lot_id] for lot_id in hold.left):
            n = hold.parts[lot.lot_id]
            hold.parts[lot.lot_id] = 0
            lot.held -= n
            self.post(Act.RELEASE, n, at, lot, hold, active=n, held=-n)
            back.append((lot, n - self.take_owed(lot, at)))
        self._put_to_use(back, hold.created_at, at)
        self.changed_holds[hold.hold_id] = hold

    def _put_to_use(self, back: Sequence[tuple[Lot, int]], since: datetime, at: datetime) -> None:
        """What came back pays refunds and debts; of a lot whose time is over by then it expires."""
        self.take_hidden(back, since, at)
        for lot, _ in back:
            self.repay(lot, at)
            if lot.expires_at <= at:
                self._expire(lot, at)
            self.wait_for(lot)

    def pay_debt(self) -> None:
        """After two accounts became one: the points of one pay the debt of the other."""
        for lot in in_order(self.lots.values()):
            if self.debt and lot.state is LotState.ACTIVE:
                self.repay(lot, self.now)

    # What refunds take: refunding.py says how much, and why.

    def take_from(self, lot: Lot, due: int, at: datetime) -> int:
        """Of what is left of the lot; how many there were."""
        n = min(due, lot.available)
        if n <= 0 or lot.state not in (LotState.ACTIVE, LotState.PENDING):
            return 0
        is_pending = lot.state is LotState.PENDING
        lot.remaining -= n
        lot.reversed += n
        if not lot.remaining and lot.reversed == lot.earned:
            lot.state = LotState.REVERSED
        self._take_out(Act.REVERSE, n, lot, at, is_pending=is_pending)
        return n

    def take_owed(self, lot: Lot, at: datetime) -> int:
        """Points came back to a lot: what its refund could not take goes first. How many that were."""
        if not lot.owed:
            return 0
        with self._for_refunds():
            n = self.take_from(lot, lot.owed, at)
        lot.owed -= n
        return n

    def take_hidden(self, back: Sequence[tuple[Lot, int]], since: datetime, at: datetime) -> None:
        """Points came back that were held or spent from `since` on: refunds that took from the whole balance after that
        would have found them. Of the lots in hand; the earliest refund first."""
        owing = [(x.owed_since, x.lot_id, x) for x in self.lots.values() if x.owed and x.owed_since is not None]
        left = [(lot, min(n, lot.available)) for lot, n in back]
        for _, _, other in sorted(one for one in owing if one[0] >= since):
            with self._for_refunds():
                for lot, n in (paying := allot(left, other.owed)):
                    lot.remaining -= n
                    lot.spent += n
                    other.owed -= n
                    self.post(Act.REVERSE, n, at, lot, active=-n)
            paid = {lot.lot_id: n for lot, n in paying}
            left = [(lot, n - paid.get(lot.lot_id, 0)) for lot, n in left]
            self.changed_lots |= {other.lot_id: other} if paid else {}

    @contextmanager
    def _for_refunds(self) -> Iterator[None]:
        """Postings that belong to no operation that is reversed; what falls due keeps its reason, by which it counts
        from when it did."""
        asked = self.cause
        if not asked.is_due:
            self.cause = replace(asked, reason=Reason.REFUND, of_operation=None)
        yield
        self.cause = asked

    def forfeit(self) -> None:
        """Everything goes; the holds have ended."""
        for lot in in_order(lot for lot in self.lots.values() if lot.available > 0):
            n, is_pending = lot.available, lot.state is LotState.PENDING
            lot.remaining -= n
            lot.expired += n
            lot.state = LotState.EXPIRED
            self._take_out(Act.FORFEIT, n, lot, self.now, is_pending=is_pending)
        if self.debt:
            self.post(Act.FORFEIT, self.debt, self.now, None, debt=-self.debt)

    def end(self) -> None:
        """The account closes; nothing of it falls due any more."""
        self.forfeit()
        self.turn(Act.CLOSE, AccountState.CLOSED)
        self.due_at = None

    def turn(self, act: Act, state: AccountState) -> None:
        """Frozen, open again, closed: an entry of no points says who and why."""
        self.state = state
        self.post(act, 0, self.now, None)

    def parts(self, amount: int) -> list[tuple[Lot, int]]:
        usable = in_order(x for x in self.lots.values() if x.state is LotState.ACTIVE and x.available > 0)
        parts = allot([(lot, lot.available) for lot in usable], amount)
        if sum(n for _, n in parts) < amount:
            raise NotEnoughPoints(field="amount")
        return parts

    def _take_out(self, act: Act, n: int, lot: Lot, at: datetime, *, is_pending: bool) -> None:
        pending, active = (-n, 0) if is_pending else (0, -n)
        self.post(act, n, at, lot, pending=pending, active=active)

    def _bury(self, lot: Lot) -> None:
        """A lot whose last held points were spent after its time was over is an expired one."""
        if not lot.remaining and lot.expired and lot.expires_at <= self.now:
            lot.state = LotState.EXPIRED

    def post(
        self,
        act: Act,
        amount: int,
        at: datetime,
        lot: Lot | None,
        hold: Hold | None = None,
        *,
        active: int = 0,
        pending: int = 0,
        held: int = 0,
        debt: int = 0,
    ) -> None:
        self.sequence += 1
        self.active += active
        self.pending += pending
        self.held += held
        self.debt += debt
        if max(self.active, self.pending, self.held, self.debt) > POINTS_MAX:
            raise OverBalance(field="amount")
        assert min(self.active, self.pending, self.held, self.debt) >= 0
        if lot is not None:
            assert 0 <= lot.held <= lot.remaining
            self.changed_lots[lot.lot_id] = lot
        self.postings.append(
            Posting(
                sequence=self.sequence,
                act=act,
                cause=self.cause,
                amount=amount,
                occurred_at=at,
                lot_id=None if lot is None else lot.lot_id,
                hold_id=None if hold is None else hold.hold_id,
                origin_id=None if lot is None else lot.origin_id,
                active=active,
                pending=pending,
                held=held,
                debt=debt,
                balance=self.balance,
            )
        )


_TIME_OUT, _ACTIVATE, _EXPIRE = 0, 1, 2  # at the same moment in this order


def _due(lot: Lot) -> Iterable[tuple[datetime, int, UUID]]:
    if lot.state is LotState.PENDING:
        yield lot.activates_at, _ACTIVATE, lot.lot_id
    elif lot.state is LotState.ACTIVE:
        yield lot.expires_at, _EXPIRE, lot.lot_id
