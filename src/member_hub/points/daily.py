"""What one person did in a day, for the limits of a day: under whichever of their ids it stands.

Entries stay under the id that was the root when they were written, and lots that are empty do not move; so what was
done before a merging is looked for under the ids that were merged, too. A lot that moved stands under both ids and
counts once, for whoever has the account that earned it.
"""

from collections.abc import Collection, Iterable
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from member_hub.clock import business_day
from member_hub.db.base import Tx
from member_hub.db.bulk import among, constant
from member_hub.ids import MemberId
from member_hub.points.book import Book
from member_hub.points.calendar import day_of
from member_hub.points.guards import channel_t, member_t
from member_hub.points.words import Act, LotKind
from member_hub.points.writing import entry_t, lot_t

Days = dict[tuple[MemberId, date], int]


async def of_today(tx: Tx, book: Book, act: Act, *which: ColumnElement[bool]) -> int:
    """How many points that came to since midnight in Shanghai, for whoever has the account whose lock is held. Of the
    acts that are found by time (tables.py): an account has a hundred thousand entries, and a few of these."""
    begins, _ = day_of(book.now)
    ids = await _ids_of(tx, [book.member_id])
    return int(await tx.scalar(of_day(ids, act, begins, *which)) or 0)


def of_day(ids: Iterable[MemberId], act: Act, begins: datetime, *which: ColumnElement[bool]) -> Select[tuple[int]]:
    points = func.coalesce(func.sum(entry_t.c.amount), 0)
    since = and_(among(entry_t.c.member_id, ids), entry_t.c.act == constant(act), entry_t.c.recorded_at >= begins)
    return select(points).where(since, *which)


async def earned_on(tx: Tx, roots: Collection[MemberId], kind: LotKind, *, begins: datetime, ends: datetime) -> Days:
    """By root and business day, reversed or not; the accounts are locked."""
    ids = await _ids_of(tx, roots)
    root = func.coalesce(channel_t.c.member_id, lot_t.c.member_id).label("root")
    earned: ColumnElement[Any] = func.max(lot_t.c.earned).label("earned")
    statement = (
        select(root, lot_t.c.lot_id, func.min(lot_t.c.earned_at).label("at"), earned)
        .outerjoin(channel_t, channel_t.c.origin_id == lot_t.c.origin_id)
        .where(
            among(lot_t.c.member_id, ids), lot_t.c.kind == kind, lot_t.c.earned_at >= begins, lot_t.c.earned_at < ends
        )
        .group_by(root, lot_t.c.lot_id)
    )
    days: Days = {}
    for row in await tx.execute(statement):
        place = (ids.get(row.root, MemberId(row.root)), business_day(row.at))
        days[place] = days.get(place, 0) + row.earned
    return days


async def _ids_of(tx: Tx, roots: Collection[MemberId]) -> dict[MemberId, MemberId]:
    """Every id of these persons, with its root."""
    wanted = sorted(set(roots))
    merged = and_(member_t.c.merged_into.is_not(None), among(member_t.c.merged_into, wanted))  # said for the index
    theirs = or_(among(member_t.c.member_id, wanted), merged)
    root = func.coalesce(member_t.c.merged_into, member_t.c.member_id).label("root")
    rows = await tx.execute(select(member_t.c.member_id, root).where(theirs))
    return {MemberId(row.member_id): MemberId(row.root) for row in rows}
