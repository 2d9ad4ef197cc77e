"""Opening balances by the hundred: what old systems kept for channel accounts becomes lots, once for each account."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from member_hub.access import Caller
from member_hub.db.base import Tx
from member_hub.db.bulk import among, parameters, table_of, values_of
from member_hub.ids import MemberId, OriginId, uuid7
from member_hub.points.accounts import load_spendable_of, open_of, take_many, write_many
from member_hub.points.asking import Asked
from member_hub.points.book import Book
from member_hub.points.earning import active_lot
from member_hub.points.lots import Cause
from member_hub.points.tables import PointsOpening
from member_hub.points.words import Act, LotKind, Reason

opening_t = table_of(PointsOpening)
OPENING_COLUMNS: Final = ("origin_id", "member_id", "points", "counted_at")


@dataclass(frozen=True, slots=True)
class Opening:
    """What an old system kept for a channel account; below zero it is owed."""

    member_id: MemberId  # the root
    origin_id: OriginId
    points: int


async def open_balances(tx: Tx, caller: Caller, asked: Asked, openings: Sequence[Opening]) -> set[OriginId]:
    """Opening balances become lots, once for each channel account; one below zero becomes a debt, which points that
    are there pay at once. Returns which were counted. Those of accounts that are not open wait."""
    may_earn = await open_of(tx, {one.member_id for one in openings if one.points}, now=asked.now)
    able = {one.origin_id: one for one in openings if one.member_id in may_earn or not one.points}
    rows = [(o, able[o].member_id, able[o].points, asked.now) for o in sorted(able)]
    fresh = {row.origin_id for row in await tx.execute(_CLAIM_OPENINGS, parameters(OPENING_COLUMNS, rows))}
    wanted = [one for origin, one in able.items() if origin in fresh]
    books = await take_many(tx, {one.member_id for one in wanted if one.points}, now=asked.now)
    missed = [one.origin_id for one in wanted if one.points and one.member_id not in books]
    if missed:
        await tx.execute(delete(opening_t).where(among(opening_t.c.origin_id, missed)))
    owing = {one.member_id for one in wanted if one.points < 0 and one.member_id in books}
    await load_spendable_of(tx, {one: books[one] for one in owing})
    for one in wanted:
        if one.points and one.member_id in books:
            _open(books[one.member_id], one, asked)
    await write_many(tx, books.values(), caller)
    return {one.origin_id for one in wanted} - set(missed)


def _open(book: Book, one: Opening, asked: Asked) -> None:
    book.cause = Cause(uuid7(), Reason.OPENING)
    if one.points > 0:
        until = asked.rules.lasting.until(book.now)
        book.add_active(Act.EARN, active_lot(book, LotKind.OPENING, one.points, until, one.origin_id))
    else:
        book.owe(Act.ADJUST, -one.points)
        book.pay_debt()


_OPENINGS: Final = values_of([opening_t.c[name] for name in OPENING_COLUMNS])
_CLAIM_OPENINGS: Final = (
    insert(opening_t)
    .from_select(list(OPENING_COLUMNS), select(*(_OPENINGS.c[name] for name in OPENING_COLUMNS)))
    .on_conflict_do_nothing()
    .returning(opening_t.c.origin_id)
)
