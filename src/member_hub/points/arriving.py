"""Lots that merging left where they were, because nothing remained of them, come to the account that needs them.

What expired of one may be brought back, and what was spent of it may be undone. It arrives as it is and stands as moved
where it was, so that nothing of it comes back a second time after a splitting. Only one of which something does come
back arrives: one that was merely looked at stays where it is, and is found there again.
"""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select, update

from member_hub.db.base import Tx
from member_hub.db.bulk import among
from member_hub.ids import MemberId
from member_hub.points.book import Book
from member_hub.points.guards import member_t
from member_hub.points.store import lot_of
from member_hub.points.words import LotState
from member_hub.points.writing import lot_t


async def look_back(tx: Tx, book: Book, lot_ids: Collection[UUID]) -> set[UUID]:
    """Load those of these lots that are in accounts merged into this one; which they are."""
    rows = (await tx.execute(select(lot_t).where(*_left(book, lot_ids)))).all()
    for row in rows:
        assert not row.remaining, "a merged account is empty"
        book.lots[row.lot_id] = lot_of(row)
        book.elsewhere.pop(row.lot_id, None)  # what was done to it there is written
        book.changed_lots.pop(row.lot_id, None)
    return {row.lot_id for row in rows}


async def look_where_spent(tx: Tx, book: Book, lot_ids: Collection[UUID], account: MemberId) -> None:
    """Load those of these lots of which a merged account spent, as they stand there still: what had remained of them
    went on to somebody else, by merging and parting, and is nothing to this member."""
    absorbed = select(member_t.c.member_id).where(member_t.c.merged_into == book.member_id)
    theirs = (among(lot_t.c.lot_id, lot_ids), lot_t.c.member_id == account, lot_t.c.member_id.in_(absorbed))
    for row in await tx.execute(select(lot_t).where(*theirs)):
        book.lots[row.lot_id] = lot_of(row)


async def arrive(tx: Tx, book: Book, lot_ids: Collection[UUID]) -> None:
    """Those of them that an act has changed, from the accounts merged into this one, whose lock is held: nobody else
    acts on those."""
    if lot_ids:
        left = _left(book, lot_ids)
        await tx.execute(update(lot_t).where(*left).values(state=LotState.MOVED, owed=0))


def _left(book: Book, lot_ids: Collection[UUID]) -> tuple[ColumnElement[Any], ...]:
    absorbed = select(member_t.c.member_id).where(member_t.c.merged_into == book.member_id)
    return (among(lot_t.c.lot_id, lot_ids), lot_t.c.member_id.in_(absorbed), lot_t.c.state != LotState.MOVED)
