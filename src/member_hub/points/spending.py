"""Spending: at once, or held first and captured when the purchase is done; and giving it back."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, func, or_, select

from member_hub.access import Caller
from member_hub.db.base import Tx
from member_hub.db.bulk import among
from member_hub.ids import MemberId
from member_hub.points.arriving import arrive, look_back, look_where_spent
from member_hub.points.asking import Asked, Receipt, finish, start
from member_hub.points.book import Book
from member_hub.points.earning import line_t
from member_hub.points.guards import Wanted, member_t
from member_hub.points.lots import Hold, Lot
from member_hub.points.refunding import Sought, load_for_taking, take_back
from member_hub.points.refusals import (
    BadHold,
    CaptureTooLarge,
    HoldEnded,
    MoreThanIsLeft,
    NotReversible,
    OverHold,
)
from member_hub.points.rules import allot, whole
from member_hub.points.store import load_hold, load_lots, load_owing, load_spendable
from member_hub.points.words import Act, HoldState, Reason
from member_hub.points.writing import entry_t, hold_t

SPENT: Final = (Act.REDEEM, Act.CAPTURE)


async def redeem(
    tx: Tx, caller: Caller, member_id: MemberId, *, asked: Asked, amount: int, reason: Reason = Reason.REWARD
) -> Receipt:
    """Spend active points, earliest expiry first. Raises BadAmount, NotEnoughPoints, and what `guards.take` raises."""
    whole(amount)
    book = await start(tx, asked, member_id, reason, wanted=Wanted(at_least=amount))
    if isinstance(book, Receipt):
        return book
    await load_spendable(tx, book, amount)
    book.spend(Act.REDEEM, amount)
    return await finish(tx, book, caller)


async def hold(
    tx: Tx, caller: Caller, member_id: MemberId, *, asked: Asked, amount: int, lasts: timedelta | None = None
) -> Receipt:
    """Keep active points for a purchase in hand. The hold's number is that of the operation.

    Raises BadHold, OverHold, and what `redeem` raises.
    """
    whole(amount)
    lasts = asked.rules.hold_for if lasts is None else lasts
    if lasts <= timedelta(0):
        raise BadHold(field="minutes")
    if lasts > asked.rules.hold_for_max:
        raise OverHold(field="minutes")
    book = await start(tx, asked, member_id, Reason.REWARD, wanted=Wanted(at_least=amount))
    if isinstance(book, Receipt):
        return book
    await load_spendable(tx, book, amount)
    book.hold(amount, book.now + lasts)
    return await finish(tx, book, caller)


async def capture(
    tx: Tx,
    caller: Caller,
    member_id: MemberId,
    *,
    asked: Asked,
    hold_id: UUID,
    amount: int | None = None,
    keeps_rest: bool = False,
) -> Receipt:
    """Spend what is held, or a part of it; the rest is active again, or held on.

    Raises CaptureTooLarge, HoldEnded where it was captured, released or timed out, NotFound.
    """
    if amount is not None:
        whole(amount)
    book = await start(tx, asked, member_id, Reason.REWARD)
    if isinstance(book, Receipt):
        return book
    held = await _open_hold(tx, book, hold_id)
    there = sum(held.parts.values())
    if amount is not None and amount > there:
        raise CaptureTooLarge(field="amount")
    book.capture(held, there if amount is None else amount)
    if not keeps_rest and held.state is HoldState.OPEN:
        book.release(held, book.now)
    return await finish(tx, book, caller)


async def release(tx: Tx, caller: Caller, member_id: MemberId, *, asked: Asked, hold_id: UUID) -> Receipt:
    """What is held is active again. Raises HoldEnded, NotFound."""
    book = await start(tx, asked, member_id, Reason.CANCELLED)
    if isinstance(book, Receipt):
        return book
    book.release(await _open_hold(tx, book, hold_id), book.now)
    return await finish(tx, book, caller)


async def reverse(
    tx: Tx,
    caller: Caller,
    member_id: MemberId,
    *,
    asked: Asked,
    operation_id: UUID,
    amount: int | None = None,
    reason: Reason = Reason.CANCELLED,
) -> Receipt:
    """Undo an operation by an opposite one.

    Spent points come back to the lots they came from, all or `amount` of them, longest-lived first; what was earned
    without an order line is taken back whole, once. Raises MoreThanIsLeft, and NotReversible for anything else.
    """
    if amount is not None:
        whole(amount)
    book = await start(tx, asked, member_id, reason, of_operation=operation_id)
    if isinstance(book, Receipt):
        return book
    rows, reversed_before = await _of_operation(tx, book, operation_id)
    spent = [row for row in rows if row.act in SPENT]
    if spent:
        left, account = _left(spent, reversed_before), MemberId(spent[0].member_id)
        await _give_back(tx, book, asked, left, amount, account=account, since=await _spent_since(tx, spent))
    else:
        await _take_back(tx, book, asked, rows, amount, is_first=not reversed_before)
    return await finish(tx, book, caller)


async def _open_hold(tx: Tx, book: Book, hold_id: UUID) -> Hold:
    held = await load_hold(tx, book, hold_id)
    if held.state is not HoldState.OPEN:
        raise HoldEnded(field="hold")
    return held


async def _of_operation(tx: Tx, book: Book, operation_id: UUID) -> tuple[Sequence[Row[Any]], Mapping[UUID, int]]:
    """The entries of an operation, here or in an account that was merged into this; what was reversed of each lot,
    wherever: members may have merged and parted since, and nothing comes back twice."""
    absorbed = select(member_t.c.member_id).where(member_t.c.merged_into == book.member_id)
    theirs = or_(entry_t.c.member_id == book.member_id, entry_t.c.member_id.in_(absorbed))
    statement = select(entry_t).where(theirs, entry_t.c.operation_id == operation_id).order_by(entry_t.c.sequence)
    rows = (await tx.execute(statement)).all()
    if not rows:
        raise NotReversible(field="operation")
    before = select(entry_t.c.lot_id, func.sum(entry_t.c.amount).label("points")).where(
        entry_t.c.of_operation == operation_id, entry_t.c.act == Act.REVERSE
    )
    done = await tx.execute(before.group_by(entry_t.c.lot_id))
    return rows, {row.lot_id: int(row.points) for row in done}


def _left(spent: Sequence[Row[Any]], reversed_before: Mapping[UUID, int]) -> dict[UUID, int]:
    """How many points of each lot were spent and are not back yet."""
    left: dict[UUID, int] = {}
    for row in spent:
        left[row.lot_id] = left.get(row.lot_id, 0) + row.amount
    return {lot_id: n - reversed_before.get(lot_id, 0) for lot_id, n in left.items()}


async def _give_back(
    tx: Tx,
    book: Book,
    asked: Asked,
    left: Mapping[UUID, int],
    amount: int | None,
    *,
    account: MemberId,
    since: datetime,
) -> None:
    """`account`: the one that spent them, or had them on hold, at `since`."""
    total = sum(left.values())
    if not total:
        raise NotReversible(field="amount")
    if (amount or total) > total:
        raise MoreThanIsLeft(field="amount")
    lots, left_behind = await _lots(tx, book, left, account)
    assert len(lots) == len(left), "an account keeps the lots that its entries name, until its member is erased"
    longest_first = sorted(lots, key=lambda lot: (lot.expires_at, lot.lot_id), reverse=True)
    parts = allot([(lot, left[lot.lot_id]) for lot in longest_first], amount or total)
    for lot_id in left_behind - {lot.lot_id for lot, _ in parts}:
        del book.lots[lot_id]  # it stays where it is
    await load_owing(tx, {book.member_id: book})
    book.give_back(parts, asked.rules.grace(book.now), since=since)
    await arrive(tx, book, left_behind & book.changed_lots.keys())


async def _spent_since(tx: Tx, spent: Sequence[Row[Any]]) -> datetime:
    """Since when those points were gone from the balance: what was captured, since it was held."""
    holds = [row.hold_id for row in spent if row.hold_id is not None]
    held = select(func.min(hold_t.c.created_at)).where(
        among(hold_t.c.member_id, [row.member_id for row in spent]), among(hold_t.c.hold_id, holds)
    )
    at: datetime | None = (await tx.scalar(held)) if holds else None
    spent_at: datetime = spent[0].recorded_at
    return spent_at if at is None else min(at, spent_at)


async def _lots(tx: Tx, book: Book, lot_ids: Mapping[UUID, int], account: MemberId) -> tuple[list[Lot], set[UUID]]:
    """The lots, and which of them are not in this account: those that were spent to the end before theirs was merged.
    Such a one arrives as it is, because other operations that spent of it may be undone, too."""
    await load_lots(tx, book, lot_ids)
    missing = [lot_id for lot_id in lot_ids if lot_id not in book.lots or lot_id in book.elsewhere]
    left_behind = await look_back(tx, book, missing) if missing else set()
    if gone_on := set(missing) - left_behind:
        await look_where_spent(tx, book, gone_on, account)
    return [book.lots[lot_id] for lot_id in lot_ids if lot_id in book.lots], left_behind


async def _take_back(
    tx: Tx, book: Book, asked: Asked, rows: Sequence[Row[Any]], amount: int | None, *, is_first: bool
) -> None:
    """What was earned without an order line: refunds take back what lines earned."""
    earned = [row for row in rows if row.act == Act.EARN and row.lot_id is not None]
    lots = [row.lot_id for row in earned]
    of_line = await tx.scalar(select(func.count()).select_from(line_t).where(among(line_t.c.lot_id, lots)))
    if not earned or not is_first or of_line or amount not in (None, earned[0].amount):
        raise NotReversible(field="operation")
    (entry,) = earned
    paying = await load_for_taking(tx, [Sought(entry.lot_id, book, MemberId(entry.member_id))])
    take_back(book, entry.lot_id, entry.amount, asked.rules.negative_balance, paying=paying)
