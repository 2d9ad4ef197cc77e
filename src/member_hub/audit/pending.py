"""Which chains go on behind their last seal: what the sealer takes up, and what readers look at beside the subjects.

A chain is told by month and writer. They are found by skipping through the primary key from one to the next, so the
cost grows with the number of processes that wrote since a month, not with the number of entries.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import CTE, LargeBinary, Select, TableValuedAlias, and_, func, literal, select, true, tuple_

from member_hub.audit.entry import FIRST_PREVIOUS, Tip
from member_hub.audit.tables import AuditEntry, AuditSealPart
from member_hub.db.base import Tx
from member_hub.db.bulk import table_of, values_of

entry_t = table_of(AuditEntry)
part_t = table_of(AuditSealPart)
FIRST_MONTH = date(1, 1, 1)


@dataclass(frozen=True, slots=True)
class Chain:
    """One writer's entries of one month, and how far they are sealed."""

    month: date
    writer: UUID
    sealed: Tip


async def pending(tx: Tx, *, since: date = FIRST_MONTH, goes_on: bool = False) -> list[Chain]:
    """The chains of these months that have entries behind their last seal, in order.

    `goes_on`: only those in which the very next number is there. A chain with a gap would stand in everybody's way.
    """
    rows = await tx.execute(_statement(since, goes_on=goes_on))
    return [Chain(row.month, row.writer, Tip(row.last, row.digest)) for row in rows]


async def longer_than(tx: Tx, tips: Mapping[tuple[date, UUID], Tip]) -> list[tuple[date, UUID]]:
    """The chains that have entries behind these tips, whatever is said to be sealed, in order."""
    chains = _every_chain(FIRST_MONTH)
    keys = await tx.execute(select(chains.c.month, chains.c.writer).order_by(chains.c.month, chains.c.writer))
    there = [Chain(row.month, row.writer, tips.get((row.month, row.writer), Tip())) for row in keys]
    chain = given_chains()
    same = and_(entry_t.c.month == chain.c.month, entry_t.c.writer == chain.c.writer)
    goes_on = select(entry_t.c.sequence).where(same, entry_t.c.sequence > chain.c.sequence).exists()
    statement = select(chain.c.month, chain.c.writer).where(goes_on).order_by(chain.c.month, chain.c.writer)
    return [(row.month, row.writer) for row in await tx.execute(statement, chain_parameters(there))]


def _every_chain(since: date) -> CTE:
    key = (entry_t.c.month, entry_t.c.writer)
    first = select(*key).where(entry_t.c.month >= since).order_by(*key).limit(1).subquery()
    chains = select(first.c.month, first.c.writer).cte("chains", recursive=True)
    behind = and_(entry_t.c.month >= chains.c.month, tuple_(*key) > tuple_(chains.c.month, chains.c.writer))
    following = select(*key).where(behind).order_by(*key).limit(1).lateral()
    return chains.union_all(select(following.c.month, following.c.writer).select_from(chains.join(following, true())))


def _statement(since: date, *, goes_on: bool) -> Select[date, UUID, int, bytes]:
    chains = _every_chain(since)
    same = and_(part_t.c.month == chains.c.month, part_t.c.writer == chains.c.writer)
    sealed = select(part_t.c.last, part_t.c.digest).where(same).order_by(part_t.c.last.desc()).limit(1).lateral()
    last = func.coalesce(sealed.c.last, 0)
    is_behind = entry_t.c.sequence == last + 1 if goes_on else entry_t.c.sequence > last
    is_open = select(entry_t.c.sequence).where(
        entry_t.c.month == chains.c.month, entry_t.c.writer == chains.c.writer, is_behind
    )
    return (
        select(
            chains.c.month,
            chains.c.writer,
            last.label("last"),
            func.coalesce(sealed.c.digest, literal(FIRST_PREVIOUS, LargeBinary)).label("digest"),
        )
        .select_from(chains.outerjoin(sealed, true()))
        .where(is_open.exists())
        .order_by(chains.c.month, chains.c.writer)
    )


def given_chains() -> TableValuedAlias:
    """Chains as a table to join with; the parameters come from `chain_parameters`."""
    return values_of([entry_t.c.month, entry_t.c.writer, entry_t.c.sequence], "chain")


def chain_parameters(chains: Sequence[Chain]) -> dict[str, list[object]]:
    return {
        "p_month": [chain.month for chain in chains],
        "p_writer": [chain.writer for chain in chains],
        "p_sequence": [chain.sealed.sequence for chain in chains],
    }
