"""What falls due by time, for accounts that nobody touches: activation, expiry, holds that time out.

Each account is an item of its own: atomic, safe to do twice and in two processes (the second finds nothing due), and it
catches up however long nothing ran, since every posting bears the time at which it fell due. An account that fails is
passed over in this round and comes again in the next, so that one that is broken holds up nobody.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import literal, select, tuple_
from sqlalchemy.exc import DBAPIError

from member_hub.access import Caller
from member_hub.db.base import Tx, snapshot, transaction
from member_hub.db.engines import Database
from member_hub.ids import MemberId, uuid7
from member_hub.points.book import Book
from member_hub.points.guards import ANY_LIVING, take_due
from member_hub.points.lots import Cause
from member_hub.points.words import Reason
from member_hub.points.writing import account_t, write

DUE_MAX: Final = 500  # accounts in one look
PAGES_MAX: Final = 20  # of one round: 10,000 accounts
PARTS_MAX: Final = 50  # transactions of one account in a round: an account of very many lots catches up by parts
AT_ONCE: Final = 4  # transactions beside each other; the pool has ten connections, and requests need theirs

_log = logging.getLogger(__name__)
_After = tuple[datetime, UUID]


@dataclass(frozen=True, slots=True)
class Settled:
    """What a round came to: accounts of which something was due, those that failed, and whether more are due."""

    accounts: int = 0
    failed: int = 0
    has_more: bool = False


async def settle_due(tx: Tx, caller: Caller, member_id: MemberId, *, now: datetime) -> int:
    """Do what is due on one account, or so much of it as one transaction does; returns how many entries that made.

    Twice is the same as once.
    """
    book = await _part(tx, caller, member_id, now)
    return 0 if book is None else len(book.postings)


async def settle_all(
    database: Database,
    caller: Caller,
    *,
    now: datetime,
    on_page: Callable[[Sequence[MemberId]], Awaitable[None]],
) -> Settled:
    """One round over all that is due, each account in its own transaction, AT_ONCE beside each other.

    `on_page` puts on record whose points are about to change, before they do.
    """
    done, failed, after = 0, 0, None
    for _ in range(PAGES_MAX):
        async with snapshot(database.app) as tx:
            page = await _page(tx, after, now)
        if page:
            await on_page([member_id for _, member_id in page])
        outcomes = await _settle(database, caller, [member_id for _, member_id in page], now)
        done, failed = done + outcomes.count(True), failed + outcomes.count(None)
        if len(page) < DUE_MAX:
            return Settled(done, failed)
        after = page[-1]
    return Settled(done, failed, has_more=True)


async def _page(tx: Tx, after: _After | None, now: datetime) -> list[tuple[datetime, MemberId]]:
    key = (account_t.c.due_at, account_t.c.member_id)
    statement = select(*key).where(account_t.c.due_at <= now, account_t.c.state.in_(ANY_LIVING))
    if after is not None:
        there = (literal(part, column.type) for part, column in zip(after, key, strict=True))
        statement = statement.where(tuple_(*key) > tuple_(*there))
    rows = await tx.execute(statement.order_by(*key).limit(DUE_MAX))
    return [(row.due_at, MemberId(row.member_id)) for row in rows]


async def _settle(
    database: Database, caller: Caller, member_ids: Sequence[MemberId], now: datetime
) -> list[bool | None]:
    """Of each: whether anything was done, or None where it failed."""
    waiting, outcomes = iter(member_ids), list[bool | None]()

    async def work() -> None:
        for member_id in waiting:
            outcomes.append(await _one(database, caller, member_id, now))

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(work())
    return outcomes


async def _by_parts(database: Database, caller: Caller, member_id: MemberId, now: datetime) -> bool:
    """Whether anything was done."""
    was_done = False
    for _ in range(PARTS_MAX):
        async with transaction(database.app) as tx:
            book = await _part(tx, caller, member_id, now)
        was_done = was_done or (book is not None and bool(book.postings))
        if book is None or not book.is_due:
            break
    return was_done


async def _part(tx: Tx, caller: Caller, member_id: MemberId, now: datetime) -> Book | None:
    """The account with what was done; None where nothing was due."""
    book = await take_due(tx, member_id, Cause(uuid7(), Reason.DUE, is_due=True), now=now)
    if book is not None:
        await write(tx, book, caller)
    return book


async def _one(database: Database, caller: Caller, member_id: MemberId, now: datetime) -> bool | None:
    try:
        return await _by_parts(database, caller, member_id, now)
    except Exception as error:  # whatever is wrong with this account, the others' points fall due all the same
        if is_without_database(error):
            raise
        _log.error("What is due of account %s could not be done (%s).", member_id, type(error).__name__)
        return None


def is_without_database(error: Exception) -> bool:
    """Nothing is wrong with what was at hand: the database is not there."""
    return isinstance(error, OSError) or (isinstance(error, DBAPIError) and error.connection_invalidated)
