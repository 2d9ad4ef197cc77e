"""Counting what could not be counted when it came: earlier imports, members who were frozen, refunds without original.

Batch by batch, each a transaction of its own; a row is held for its batch and skipped by another process, and the claim
of its line decides in the end, so it is safe beside an import, in two processes and after a kill -9: whoever comes next
goes on. It goes over the rows in the order of their keys and looks at each once; what still has to wait stays.
A row that fails is logged and passed over, and comes again when the next pass begins from the first.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    CTE,
    Column,
    ColumnElement,
    Row,
    Select,
    Table,
    and_,
    false,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
)

from member_hub.counting.activity import EVALUATED, activity_t, count_activity, member_t
from member_hub.counting.lines import count_lines, order_t, statement_of
from member_hub.counting.needs import Counted, Loyalty, hub_caller
from member_hub.counting.openings import UNCOUNTED, account_t, count_openings
from member_hub.db.apart import apart
from member_hub.db.base import Tx, transaction
from member_hub.db.bulk import parameters, table_of, values_of
from member_hub.db.contention import patiently
from member_hub.db.engines import Database
from member_hub.ids import OriginId
from member_hub.members.tables import Channel, MemberStatus
from member_hub.orders.actions import Filing, filings_of
from member_hub.orders.rules import ActivityKind, ActivityStatement, OrderStatus
from member_hub.points.tables import PointsAccount
from member_hub.points.words import AccountState

BATCH: Final = 500
BATCHES_MAX: Final = 1_000_000  # of one pass over everything that waits
points_t = table_of(PointsAccount)
Key = Sequence[Column[Any]]
Rows = Sequence[Row[Any]]
ORDER: Final[Key] = [order_t.c[name] for name in ("member_id", "channel", "order_no", "line_no")]
ACTIVITY: Final[Key] = [activity_t.c[name] for name in ("member_id", "origin_id", "day", "kind")]
ACCOUNT: Final[Key] = [account_t.c[name] for name in ("member_id", "origin_id")]
UNTOLD: Final = activity_t.c.counted.is_distinct_from(activity_t.c["count"])
_GIVEN: Final = values_of(ACTIVITY)
OPEN: Final = or_(points_t.c.state.is_(None), points_t.c.state == AccountState.OPEN)


_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Work:
    """What one batch did; `last` is the key of the last row looked at, none when there were no more."""

    last: tuple[object, ...] | None = None
    counted: Counted = field(default_factory=Counted)
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """How far a pass has come: which step, and behind which row."""

    step: int = 0
    after: tuple[object, ...] | None = None


@dataclass(frozen=True, slots=True)
class Looked:
    """What one batch of a pass came to; `next` is none when the pass is over."""

    counted: Counted
    failed: int
    next: Place | None


START: Final = Place()


async def count_waiting(database: Database, needs: Loyalty, *, now: datetime) -> AsyncIterator[Counted]:
    """A whole pass over everything that waits and can be counted, batch by batch: what each came to."""
    place = START
    for _ in range(BATCHES_MAX):
        looked = await count_next(database, needs, place, now=now)
        yield looked.counted
        if looked.next is None:
            return
        place = looked.next


async def count_next(database: Database, needs: Loyalty, place: Place, *, now: datetime) -> Looked:
    """The next batch of a pass, in a transaction of its own: of openings first, then lines, refunds and activity.

    Rows are taken before accounts, which merging and erasing take the other way round: whoever loses tries again.
    """

    async def attempt() -> Work:
        async with transaction(database.app) as tx:
            return await _STEPS[place.step](tx, needs, place.after, now)

    work = await patiently(attempt)
    following = Place(place.step, work.last) if work.last is not None else Place(place.step + 1)
    return Looked(work.counted, work.failed, following if following.step < len(_STEPS) else None)


async def something_waits(tx: Tx) -> bool:
    """Whether anything is not counted yet, be it that it has to wait."""
    waiting = (
        _first(select(order_t.c.line_no).where(order_t.c.counted_at.is_(None)), ORDER),
        _first(select(activity_t.c.day).where(UNTOLD), ACTIVITY),
        _first(select(account_t.c.origin_id).where(UNCOUNTED), ACCOUNT),
    )
    return bool(await tx.scalar(select(or_(*(one.scalar_subquery().is_not(None) for one in waiting)))))


async def _openings(tx: Tx, needs: Loyalty, after: tuple[object, ...] | None, now: datetime) -> Work:
    waiting = _next(select(*ACCOUNT).where(UNCOUNTED), ACCOUNT, after)
    rows = await _looked_at(tx, waiting, waiting.c.member_id, true())

    async def work(part: Rows) -> Counted:
        return await count_openings(tx, hub_caller(), [OriginId(r.origin_id) for r in part], needs=needs, now=now)

    return await _worked(tx, rows, ACCOUNT, [row for row in rows if row.is_able], work)


async def _paid(tx: Tx, needs: Loyalty, after: tuple[object, ...] | None, now: datetime) -> Work:
    return await _orders(tx, needs, after, now, OrderStatus.PAID)


async def _refunds(tx: Tx, needs: Loyalty, after: tuple[object, ...] | None, now: datetime) -> Work:
    return await _orders(tx, needs, after, now, OrderStatus.REFUNDED)


async def _orders(tx: Tx, needs: Loyalty, after: tuple[object, ...] | None, now: datetime, status: OrderStatus) -> Work:
    statement = (
        select(order_t)
        .join(account_t, account_t.c.origin_id == order_t.c.origin_id)
        .where(order_t.c.counted_at.is_(None), order_t.c.status == status)
    )
    rows, filed = await _held(tx, _among_open(statement, ORDER, after), order_t)

    async def work(part: Rows) -> Counted:
        lines = [(filed[row.origin_id], statement_of(row)) for row in part]
        return await count_lines(tx, hub_caller(), lines, needs=needs, now=now, are_marked=False)

    return await _worked(tx, rows, ORDER, [row for row in rows if row.origin_id in filed], work)


async def _activity(tx: Tx, needs: Loyalty, after: tuple[object, ...] | None, now: datetime) -> Work:
    waiting = _next(select(*ACTIVITY).where(UNTOLD), ACTIVITY, after)
    has_account = waiting.join(account_t, account_t.c.origin_id == waiting.c.origin_id, isouter=True)
    is_evaluated = member_t.c.restriction_bits.op("&")(EVALUATED) == 0
    looked_at = await _looked_at(tx, waiting, account_t.c.member_id, is_evaluated, has_account)
    able = [_key(row, ACTIVITY) for row in looked_at if row.is_able]
    statement = (
        select(activity_t, activity_t.c["count"].label("times"), account_t.c.channel)
        .join(account_t, account_t.c.origin_id == activity_t.c.origin_id)
        .where(tuple_(*ACTIVITY).in_(select(*_GIVEN.c)), UNTOLD)
        .order_by(*ACTIVITY)
    )
    rows, filed = await _held(tx, statement, activity_t, parameters([c.name for c in ACTIVITY], able))

    async def work(part: Rows) -> Counted:
        counts = [(filed[row.origin_id], _said(row)) for row in part]
        return await count_activity(tx, counts, needs=needs, now=now, are_marked=False)

    return await _worked(tx, looked_at, ACTIVITY, [row for row in rows if row.origin_id in filed], work)


async def _worked(tx: Tx, looked_at: Rows, key: Key, able: Rows, work: Callable[[Rows], Awaitable[Counted]]) -> Work:
    """Count those that can be; one that fails stops no other of its batch, and stays as it was."""
    if not looked_at:
        return Work()
    parts, failed = await apart(tx, able, work, on_failed=_tell)
    return Work(_key(looked_at[-1], key), sum(parts, Counted()), len(failed))


def _tell(rows: Rows, error: Exception) -> None:
    """Of a row no more than its account: an order number is about a person."""
    where = rows[0].origin_id
    _log.error(
        "%d rows that wait could not be counted, of account %s first (%s).", len(rows), where, type(error).__name__
    )


def _next(statement: Select[Any], key: Key, after: tuple[object, ...] | None) -> CTE:
    """The next rows that wait, by the index of those alone, before anything is asked of their members.

    Joined at once, the planner goes over everybody: it cannot tell how few these are.
    """
    return _after(statement, key, after).cte("waiting")


async def _looked_at(
    tx: Tx, waiting: CTE, member_id: ColumnElement[Any], and_more: ColumnElement[bool], rows: Any = None
) -> Rows:
    """These rows in their order, and of each whether its member may earn now."""
    is_able = func.coalesce(and_(member_t.c.status == MemberStatus.ACTIVE, OPEN, and_more), false()).label("is_able")
    statement: Select[Any] = (
        select(*waiting.c, is_able)
        .select_from(waiting if rows is None else rows)
        .outerjoin(member_t, member_t.c.member_id == member_id)
        .outerjoin(points_t, points_t.c.member_id == member_id)
    )
    looked_at: Rows = (await tx.execute(statement.order_by(*waiting.c))).all()
    return looked_at


def _first(statement: Select[Any], key: Key) -> Select[Any]:
    """By the index of what waits, which a mere question whether there is any does not take."""
    return statement.order_by(*key).limit(1)


def _among_open(statement: Select[Any], key: Key, after: tuple[object, ...] | None) -> Select[Any]:
    """The next rows by their key, of members who may earn; the others need not be looked at again and again."""
    statement = (
        statement.join(member_t, member_t.c.member_id == account_t.c.member_id)
        .outerjoin(points_t, points_t.c.member_id == account_t.c.member_id)
        .where(member_t.c.status == MemberStatus.ACTIVE, OPEN)
    )
    return _after(statement, key, after)


def _after(statement: Select[Any], key: Key, after: tuple[object, ...] | None) -> Select[Any]:
    if after is not None:
        there = (literal(part, column.type) for part, column in zip(after, key, strict=True))
        statement = statement.where(tuple_(*key) > tuple_(*there))
    return statement.order_by(*key).limit(BATCH)


def _key(row: Row[Any], key: Key) -> tuple[object, ...]:
    return tuple(getattr(row, column.name) for column in key)


async def _held(
    tx: Tx, statement: Select[Any], table: Table, given: Mapping[str, Any] | None = None
) -> tuple[Rows, Mapping[OriginId | None, Filing]]:
    """The rows, for this transaction alone, and where their accounts are: a merge waits until it ends."""
    rows = (await tx.execute(statement.with_for_update(of=table, skip_locked=True), dict(given or {}))).all()
    return rows, await filings_of(tx, {OriginId(row.origin_id) for row in rows}) if rows else {}


def _said(row: Row[Any]) -> ActivityStatement:
    return ActivityStatement(Channel(row.channel), "", row.day, ActivityKind(row.kind), row.times)


_STEPS: Final = (_openings, _paid, _refunds, _activity)
