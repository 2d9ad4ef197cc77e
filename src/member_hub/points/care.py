"""What people decide about points: adjusting, transferring, bringing back, extending, freezing and closing."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import or_, select

from member_hub.access import Caller
from member_hub.db.base import Tx
from member_hub.errors import BadInput, NotFound, Unavailable
from member_hub.ids import MemberId
from member_hub.points.arriving import arrive, look_back
from member_hub.points.asking import Asked, Receipt, begin, finish, start
from member_hub.points.book import Book
from member_hub.points.calendar import after_days, end_of_day
from member_hub.points.daily import of_today
from member_hub.points.earning import active_lot
from member_hub.points.guards import ANY_LIVING, ATTEMPTS_MAX, Wanted, lock_members, member_t, roots_of, take
from member_hub.points.lots import Cause, Lot
from member_hub.points.refusals import (
    BadEnd,
    BadReason,
    ExpiredTooLongAgo,
    HoldsOpen,
    LotExpired,
    NeedsApproval,
    NotEnoughPoints,
    NothingExpired,
    NothingLeft,
    OverAdjustment,
    OverExtension,
    OverTransfer,
    OverTransferDay,
)
from member_hub.points.rules import adjustment, expired_since, whole
from member_hub.points.store import load_all, load_lots, load_spendable
from member_hub.points.words import ADJUSTING, AccountState, Act, HoldState, LotKind, LotState, Reason
from member_hub.points.writing import entry_t, write

_TO_AND_FRO: Final = (Act.EXPIRE, Act.REINSTATE)


class SameMember(BadInput):
    zh = "不能转给自己。"
    en = "Points cannot be transferred to the same member."


async def adjust(
    tx: Tx,
    caller: Caller,
    member_id: MemberId,
    *,
    asked: Asked,
    amount: int,
    reason: Reason,
    approved_by: str | None = None,
) -> Receipt:
    """Add points, or take away active ones; above a limit a second person has approved it. What nobody approved counts
    together over the day, or a large adjustment would be made of small ones.

    Raises BadAdjustment, BadReason, OverAdjustment, NeedsApproval, NotEnoughPoints, and what `guards.take` raises.
    """
    size = adjustment(amount)
    if reason not in ADJUSTING:
        raise BadReason(field="reason")
    if size > asked.rules.adjustment_max:
        raise OverAdjustment(field="amount")
    is_alone, alone_max = approved_by in (None, "", caller.subject), asked.rules.adjustment_alone_max
    if is_alone and size > alone_max:
        raise NeedsApproval(field="approvedBy")
    book = await start(tx, asked, member_id, reason, wanted=Wanted(at_least=size if amount < 0 else 0))
    if isinstance(book, Receipt):
        return book
    if is_alone and size + await _adjusted_alone(tx, book) > alone_max:
        raise NeedsApproval(field="approvedBy")
    if amount > 0:
        until = asked.rules.lasting.until(book.now)
        book.add_active(Act.ADJUST, active_lot(book, LotKind.ADJUSTMENT, size, until))
    else:
        await load_spendable(tx, book, size)
        book.spend(Act.ADJUST, size)
    return await finish(tx, book, caller, approved_by=approved_by)


async def transfer(tx: Tx, caller: Caller, member_id: MemberId, *, asked: Asked, to: MemberId, amount: int) -> Receipt:
    """Give active points to another member; they expire there when they would have here.

    Both accounts are taken in the order of their ids, after both members' rows. Raises SameMember, OverTransfer,
    OverTransferDay, NotEnoughPoints, and what `guards.take` raises for either.
    """
    whole(amount)
    if not asked.rules.transfer_min <= amount <= asked.rules.transfer_max:
        raise OverTransfer(field="amount")
    begun = await begin(tx, asked, member_id)
    if begun.done is not None:
        return begun.done
    payer, payee = await _both(tx, member_id, to)
    books: dict[MemberId, Book] = {}
    for root in sorted((payer, payee)):
        wanted = Wanted(at_least=amount if root == payer else 0)
        books[root] = await take(tx, root, Cause(begun.operation_id, Reason.GIFT), now=asked.now, wanted=wanted)
    giving, getting = books[payer], books[payee]
    if amount + await of_today(tx, giving, Act.TRANSFER_OUT) > asked.rules.transfer_day_max:
        raise OverTransferDay(field="amount")
    await load_spendable(tx, giving, amount)
    for expires_at, n in _by_expiry(giving.spend(Act.TRANSFER_OUT, amount)):
        getting.add_active(Act.TRANSFER_IN, active_lot(getting, LotKind.TRANSFER, n, expires_at))
    await write(tx, getting, caller)
    return await finish(tx, giving, caller)


async def reinstate(
    tx: Tx,
    caller: Caller,
    member_id: MemberId,
    *,
    asked: Asked,
    lot_id: UUID,
    amount: int | None = None,
    reason: Reason = Reason.GOODWILL,
) -> Receipt:
    """Make expired points of a lot good again: all that expired within the time of the programme, or some of these.

    Raises NothingExpired, NotEnoughPoints, ExpiredTooLongAgo for what is too long ago.
    """
    if amount is not None:
        whole(amount)
    book = await start(tx, asked, member_id, reason)
    if isinstance(book, Receipt):
        return book
    await load_lots(tx, book, [lot_id])
    left = set[UUID]()
    if lot_id not in book.lots or lot_id in book.elsewhere or book.lots[lot_id].state is LotState.MOVED:
        left = await look_back(tx, book, [lot_id])  # it expired before its account was merged
    lot = await _lot(tx, book, lot_id)
    if not lot.expired:
        raise NothingExpired(field="lot")
    if amount is not None and amount > lot.expired:
        raise NotEnoughPoints(field="amount")
    recent = await _expired_since(tx, book, lot, book.now - asked.rules.reinstate_within)
    wanted = recent if amount is None else amount
    if not 0 < wanted <= recent:
        raise ExpiredTooLongAgo(field="lot")
    book.reinstate(lot, wanted, max(lot.expires_at, after_days(book.now, asked.rules.reinstated_days)))
    await arrive(tx, book, left)
    return await finish(tx, book, caller)


async def extend(
    tx: Tx,
    caller: Caller,
    member_id: MemberId,
    *,
    asked: Asked,
    lot_id: UUID,
    until: datetime,
    reason: Reason = Reason.GOODWILL,
) -> Receipt:
    """Let a lot that is still good last longer, to the end of the day of `until`: all points expire at a midnight.

    Raises OverExtension beyond the programme's limit, BadEnd for an earlier end, LotExpired, NothingLeft.
    """
    if until.tzinfo is None or until > asked.now + asked.rules.extend_max:
        raise OverExtension(field="until")
    book = await start(tx, asked, member_id, reason)
    if isinstance(book, Receipt):
        return book
    lot = await _lot(tx, book, lot_id)
    if lot.expires_at <= book.now or not lot.remaining:  # what is held of an expired lot expires with its release
        raise LotExpired(field="lot") if lot.expired or lot.remaining > lot.held else NothingLeft(field="lot")
    ends = end_of_day(until)
    if ends <= lot.expires_at:
        raise BadEnd(field="until")
    book.extend(lot, ends)
    return await finish(tx, book, caller)


async def freeze(
    tx: Tx, caller: Caller, member_id: MemberId, *, asked: Asked, reason: Reason = Reason.SUSPICION
) -> Receipt:
    """Nothing is earned or spent from now on; what falls due by time goes on."""
    book = await start(tx, asked, member_id, reason)
    if isinstance(book, Receipt):
        return book
    book.turn(Act.FREEZE, AccountState.FROZEN)
    return await finish(tx, book, caller)


async def unfreeze(
    tx: Tx, caller: Caller, member_id: MemberId, *, asked: Asked, reason: Reason = Reason.CLEARED
) -> Receipt:
    book = await start(tx, asked, member_id, reason, wanted=Wanted(ANY_LIVING))
    if isinstance(book, Receipt):
        return book
    book.turn(Act.UNFREEZE, AccountState.OPEN)
    return await finish(tx, book, caller)


async def close(tx: Tx, caller: Caller, member_id: MemberId, *, asked: Asked) -> Receipt:
    """The membership ends: what is left is forfeited, for good. Raises HoldsOpen."""
    book = await start(tx, asked, member_id, Reason.MEMBERSHIP_ENDED, wanted=Wanted(ANY_LIVING))
    if isinstance(book, Receipt):
        return book
    await load_all(tx, book)
    if any(hold.state is HoldState.OPEN for hold in book.holds.values()):
        raise HoldsOpen(field="id")
    book.end()
    return await finish(tx, book, caller)


async def _both(tx: Tx, payer: MemberId, payee: MemberId) -> tuple[MemberId, MemberId]:
    """The roots of both, held against merging until the transaction ends."""
    for _ in range(ATTEMPTS_MAX):
        roots = await roots_of(tx, [payer, payee])
        if roots[0] == roots[1]:
            raise SameMember(field="to")
        await lock_members(tx, roots)
        if await roots_of(tx, [payer, payee]) == roots:
            return roots[0], roots[1]
    raise Unavailable


async def _adjusted_alone(tx: Tx, book: Book) -> int:
    by_hand = entry_t.c.reason.in_(ADJUSTING)  # an opening balance below zero is an adjustment of nobody's
    return await of_today(tx, book, Act.ADJUST, by_hand, entry_t.c.approved_by.is_(None))


async def _expired_since(tx: Tx, book: Book, lot: Lot, moment: datetime) -> int:
    """How many of its expired points expired since then, by the entries: when some of a lot comes back the lot is good
    again, but its other points expired long before. What no entry of this member tells of expired with the lot."""
    e = entry_t
    merged = select(member_t.c.member_id).where(member_t.c.merged_into == book.member_id)
    theirs = or_(e.c.member_id == book.member_id, e.c.member_id.in_(merged))
    statement = select(e).where(theirs, e.c.lot_id == lot.lot_id, e.c.act.in_(_TO_AND_FRO))
    rows = await tx.execute(statement.order_by(e.c.recorded_at, e.c.sequence))
    written = [(Act(row.act), row.occurred_at, row.amount) for row in rows]
    just = [p for p in book.postings if p.lot_id == lot.lot_id and p.act in _TO_AND_FRO]
    written += [(p.act, p.occurred_at, p.amount) for p in just]
    return expired_since(written, lot.expired, lot.expires_at, moment)


def _by_expiry(parts: Sequence[tuple[Lot, int]]) -> list[tuple[datetime, int]]:
    sums: dict[datetime, int] = {}
    for lot, n in parts:
        sums[lot.expires_at] = sums.get(lot.expires_at, 0) + n
    return sorted(sums.items())


async def _lot(tx: Tx, book: Book, lot_id: UUID) -> Lot:
    await load_lots(tx, book, [lot_id])
    lot = book.lots.get(lot_id)
    if lot is None or lot.state is LotState.MOVED:
        raise NotFound(field="lot")
    return lot
