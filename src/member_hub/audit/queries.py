"""Reading the audit log in pages, the newest first.

By member, sealed entries are found through the subjects and the rest by looking at what is behind the seals; so a
reading is right at once, whether or not the sealer has come by. What is found that way has to name the member itself:
an added subject row shows nobody the looks at another.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, func, literal, or_, select, tuple_, union

from member_hub.audit.entry import month_of
from member_hub.audit.pending import Chain, chain_parameters, entry_t, given_chains, pending
from member_hub.audit.sealing import LATE
from member_hub.audit.tables import AuditSubject
from member_hub.db.base import Tx
from member_hub.db.bulk import among, table_of

subject_t = table_of(AuditSubject)
HISTORY_BATCH = 500
GUARDIAN = "guardian"  # a member who looks at somebody else: the child


@dataclass(frozen=True, slots=True)
class Filter:
    """What entries have in common; None is anything."""

    member_ids: Sequence[UUID] | None = None
    caller: str | None = None
    purpose: str | None = None
    operation: str | None = None
    outcome: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    but_kind: str | None = None  # not by callers of this kind, unless they act as guardians


@dataclass(frozen=True, slots=True)
class Position:
    """Where in the list to go on."""

    happened_at: datetime
    writer: UUID
    sequence: int


async def page(
    tx: Tx, by: Filter, *, count: int, at: Position | None = None, backwards: bool = False, now: datetime
) -> tuple[list[Row[Any]], bool]:
    """So many entries after (backwards: before) a position, and whether there are more in that direction."""
    order = [entry_t.c.happened_at, entry_t.c.writer, entry_t.c.sequence]
    chains = await pending(tx, since=month_of(now - LATE)) if by.member_ids is not None else []
    statement = _source(by, chains).where(*_conditions(by))
    if at is not None:
        key, here = tuple_(*order), tuple_(at.happened_at, at.writer, at.sequence)
        statement = statement.where(key > here if backwards else key < here)
    statement = statement.order_by(*(one if backwards else one.desc() for one in order)).limit(count + 1)
    rows = list(await tx.execute(statement, chain_parameters(chains) if chains else {}))
    kept = rows[:count]
    return kept[::-1] if backwards else kept, len(rows) > count


def _source(by: Filter, chains: Sequence[Chain]) -> Select[Any]:
    if by.member_ids is None:
        return select(entry_t)
    key = ("month", "writer", "sequence")
    named = select(*(subject_t.c[name] for name in key)).where(among(subject_t.c.member_id, by.member_ids))
    found = named.distinct().subquery("named")
    if chains:
        chain = given_chains()
        behind = and_(
            entry_t.c.month == chain.c.month,
            entry_t.c.writer == chain.c.writer,
            entry_t.c.sequence > chain.c.sequence,
            entry_t.c.member_ids.overlap(list(by.member_ids)),
        )
        rest = select(*(entry_t.c[name] for name in key)).select_from(entry_t.join(chain, behind))
        found = union(named, rest).subquery("named")
    return select(entry_t).join(found, and_(*(entry_t.c[name] == found.c[name] for name in key)))


def _conditions(by: Filter) -> list[ColumnElement[bool]]:
    equal = {"caller": by.caller, "purpose": by.purpose, "outcome": by.outcome}
    conditions = [entry_t.c[name] == value for name, value in equal.items() if value is not None]
    if by.member_ids is not None:
        conditions.append(entry_t.c.member_ids.overlap(list(by.member_ids)))
    if by.operation is not None:  # a request may have several
        conditions.append(literal(by.operation) == func.any(func.string_to_array(entry_t.c.operation, ",")))
    if by.since is not None:
        conditions += [entry_t.c.happened_at >= by.since, entry_t.c.month >= month_of(by.since)]
    if by.until is not None:
        conditions += [entry_t.c.happened_at < by.until, entry_t.c.month <= month_of(by.until)]
    if by.but_kind is not None:
        conditions.append(or_(entry_t.c.caller_kind != by.but_kind, entry_t.c.role == GUARDIAN))
    return conditions


def position_of(row: Row[Any]) -> Position:
    return Position(row.happened_at, UUID(str(row.writer)), row.sequence)


async def every(tx: Tx, by: Filter, *, now: datetime) -> list[Row[Any]]:
    """All of them, read in batches: for the copy of everything held about a person."""
    found: list[Row[Any]] = []
    has_more, at = True, None
    while has_more:
        rows, has_more = await page(tx, by, count=HISTORY_BATCH, at=at, now=now)
        found += rows
        at = position_of(rows[-1]) if rows else None
    return found
