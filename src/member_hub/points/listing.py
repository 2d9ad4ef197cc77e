"""Reading the ledger for many members at once: pages of entries, live lots, balances at a moment; one statement each.

Members are given by their roots; entries are read over the root and what was merged into it, because they stay where
they were written (DESIGN 7). Lots and holds moved to the root.

Decision: a page goes through each account by its numbers and then merges them by time. Within an account both orders
are one, for what is recorded is never earlier than what was recorded last; so a page of a long ledger takes what it
shows, and no more. Price: an account whose machine's clock once ran ahead shows its next entries at that time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, and_, func, literal, or_, select, true, tuple_

from member_hub.db.base import Tx
from member_hub.db.bulk import among, parameters, values_of
from member_hub.ids import MemberId
from member_hub.points.guards import member_t
from member_hub.points.queries import Pots, effective_at
from member_hub.points.writing import entry_t, lot_t

LOTS_SHOWN: Final = 100  # of one member, those first that expire first
_POTS: Final = ("active", "pending", "held", "debt")


@dataclass(frozen=True, slots=True)
class EntryPosition:
    """A place in a member's ledger: newest first."""

    recorded_at: datetime
    member_id: UUID  # the account
    sequence: int


def position_of(row: Row[Any]) -> EntryPosition:
    return EntryPosition(row.recorded_at, row.member_id, row.sequence)


async def entries_of_each(
    tx: Tx, member_ids: Sequence[MemberId], *, count: int, after: EntryPosition | None
) -> dict[MemberId, tuple[list[Row[Any]], bool]]:
    """For each member up to `count` entries after the position, newest first, and whether there are more."""
    given = values_of([member_t.c.member_id])
    account = member_t.alias("account")
    key = (entry_t.c.recorded_at, entry_t.c.member_id, entry_t.c.sequence)
    of_account = select(entry_t).where(entry_t.c.member_id == account.c.member_id)
    if after is not None:
        there = (after.recorded_at, after.member_id, after.sequence)
        at = tuple_(*(literal(part, column.type) for part, column in zip(there, key, strict=True)))
        of_account = of_account.where(tuple_(*key) < at)
    entry = of_account.order_by(entry_t.c.sequence.desc()).limit(count + 1).lateral("entry")
    newest = tuple(entry.c[column.name].desc() for column in key)
    is_theirs = or_(account.c.member_id == given.c.member_id, account.c.merged_into == given.c.member_id)
    page = (
        select(entry).select_from(account.join(entry, true())).where(is_theirs).order_by(*newest).limit(count + 1)
    ).lateral("page")
    statement = (
        select(given.c.member_id.label("of_member"), page)
        .select_from(given.join(page, true()))
        .order_by(*(page.c[column.name].desc() for column in key))
    )
    pages: dict[MemberId, list[Row[Any]]] = {member_id: [] for member_id in member_ids}
    for row in await tx.execute(statement, _given(member_ids)):
        pages[MemberId(row.of_member)].append(row)
    return {member_id: (rows[:count], len(rows) > count) for member_id, rows in pages.items()}


async def live_lots(tx: Tx, member_ids: Sequence[MemberId], *, now: datetime) -> dict[MemberId, list[Row[Any]]]:
    """Of each member the lots with points in them, as they are at this moment, LOTS_SHOWN at most.

    What expired and nobody has written yet is left out; what is held of it is not.
    """
    given = values_of([member_t.c.member_id])
    is_good = or_(lot_t.c.expires_at > now, lot_t.c.held > 0)
    lots = select(lot_t).where(lot_t.c.member_id == given.c.member_id, lot_t.c.remaining > 0, is_good)
    lot = lots.order_by(lot_t.c.expires_at, lot_t.c.lot_id).limit(LOTS_SHOWN).lateral("lot")
    statement = select(lot).select_from(given.join(lot, true())).order_by(lot.c.expires_at, lot.c.lot_id)
    found: dict[MemberId, list[Row[Any]]] = {member_id: [] for member_id in member_ids}
    for row in await tx.execute(statement, _given(member_ids)):
        found[MemberId(row.member_id)].append(row)
    return found


async def balances_at(tx: Tx, member_ids: Sequence[MemberId], moment: datetime) -> dict[MemberId, Pots]:
    """The balance at a past moment, from the entries alone, of everything that is one member with each today.

    What has fallen due and nobody has written yet (the clockwork does within minutes) is not among them.
    """
    root = func.coalesce(member_t.c.merged_into, member_t.c.member_id)
    sums = [func.coalesce(func.sum(entry_t.c[pot]), 0) for pot in _POTS]
    theirs = and_(entry_t.c.member_id == member_t.c.member_id, effective_at() <= moment)
    statement = (
        select(root.label("of_member"), *sums)
        .select_from(member_t.join(entry_t, theirs))
        .where(or_(among(member_t.c.member_id, member_ids), among(member_t.c.merged_into, member_ids)))
        .group_by(root)
    )
    found = {row.of_member: Pots(*(int(value) for value in row[1:])) for row in await tx.execute(statement)}
    return {member_id: found.get(member_id, Pots()) for member_id in member_ids}


def _given(member_ids: Sequence[MemberId]) -> dict[str, Any]:
    return parameters(("member_id",), [(member_id,) for member_id in member_ids])
