"""The self-check: proves from the entries alone that accounts, lots and holds are what they say.

For accounts in batches; read in one snapshot. What it finds is a fault of the program or somebody's hand in the tables,
so every finding is one for people (P11).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, or_, select, union_all

from member_hub.db.base import Tx
from member_hub.db.bulk import among
from member_hub.ids import MemberId
from member_hub.points.words import AccountState, Act, Fault, HoldState, LotState
from member_hub.points.writing import account_t, entry_t, hold_t, lot_t, part_t

BATCH: Final = 500
POTS: Final = ("active", "pending", "held", "debt")
BETWEEN: Final = (Act.TRANSFER_OUT, Act.TRANSFER_IN, Act.MERGE_OUT, Act.MERGE_IN)


@dataclass(frozen=True, slots=True)
class Finding:
    member_id: MemberId
    fault: Fault


async def self_check(tx: Tx, member_ids: Sequence[MemberId]) -> list[Finding]:
    """What is wrong with these accounts; at most BATCH of them, in a snapshot."""
    asked = [
        (_accounts(member_ids), None),
        (_lots(member_ids), Fault.LOT),
        (_sums_of_lots(member_ids), Fault.LOTS),
        (_holds(member_ids), Fault.HOLD),
        (_balances(member_ids), Fault.BALANCE),
        (_between(member_ids), Fault.BETWEEN),
        (_due_too_late(member_ids), Fault.DUE),
        (_owed(member_ids), Fault.OWED),
    ]
    found: set[Finding] = set()
    for statement, fault in asked:
        for row in await tx.execute(statement):
            faults = [fault] if fault is not None else _of_account(row)
            found |= {Finding(MemberId(row.member_id), one) for one in faults}
    return sorted(found, key=lambda one: (one.member_id, one.fault.name))


def _of_account(row: Any) -> Iterable[Fault]:
    if any(getattr(row, pot) != getattr(row, f"sum_{pot}") for pot in POTS):
        yield Fault.POTS
    if not row.sequence == row.entries == row.newest:
        yield Fault.SEQUENCE
    if not row.version == row.versions == row.newest_version:
        yield Fault.VERSION


def _accounts(member_ids: Sequence[MemberId]) -> Select[Any]:
    """Each account beside what its entries add up to; one without entries beside nothing."""
    e = entry_t
    sums = [func.coalesce(func.sum(e.c[pot]), 0).label(f"sum_{pot}") for pot in POTS]
    counts = [
        func.count(e.c.sequence).label("entries"),
        func.coalesce(func.max(e.c.sequence), 0).label("newest"),
        func.count(e.c.version.distinct()).label("versions"),
        func.coalesce(func.max(e.c.version), 0).label("newest_version"),
    ]
    return (
        select(account_t, *sums, *counts)
        .outerjoin(e, e.c.member_id == account_t.c.member_id)
        .where(among(account_t.c.member_id, member_ids))
        .group_by(account_t.c.member_id)
    )


def _lots(member_ids: Sequence[MemberId]) -> Select[Any]:
    """Lots that are not what their entries add up to; of a closed account, whose lots may be gone, entries say zero."""
    e, there = entry_t, func.coalesce(lot_t.c.remaining, 0)
    total, held = func.sum(e.c.active + e.c.pending + e.c.held), func.sum(e.c.held)
    of_lots = (
        select(e.c.member_id, e.c.lot_id, total.label("total"), held.label("held"))
        .where(among(e.c.member_id, member_ids), e.c.lot_id.is_not(None))
        .group_by(e.c.member_id, e.c.lot_id)
        .cte("of_lots")
    )
    same = and_(of_lots.c.member_id == lot_t.c.member_id, of_lots.c.lot_id == lot_t.c.lot_id)
    wrong = select(of_lots.c.member_id).outerjoin(lot_t, same)
    wrong = wrong.where(or_(of_lots.c.total != there, of_lots.c.held != func.coalesce(lot_t.c.held, 0)))
    unknown = select(lot_t.c.member_id).outerjoin(of_lots, same)
    unknown = unknown.where(among(lot_t.c.member_id, member_ids), of_lots.c.lot_id.is_(None))
    both = union_all(wrong, unknown).subquery()
    return select(both.c.member_id)


def _sums_of_lots(member_ids: Sequence[MemberId]) -> Select[Any]:
    free = lot_t.c.remaining - lot_t.c.held

    def sum_of(what: ColumnElement[int], condition: ColumnElement[bool] | None = None) -> ColumnElement[Any]:
        total = func.sum(what) if condition is None else func.sum(what).filter(condition)
        return func.coalesce(total, 0)

    a = account_t
    return (
        select(a.c.member_id)
        .outerjoin(lot_t, lot_t.c.member_id == a.c.member_id)
        .where(among(a.c.member_id, member_ids))
        .group_by(a.c.member_id)
        .having(
            or_(
                a.c.active != sum_of(free, lot_t.c.state == LotState.ACTIVE),
                a.c.pending != sum_of(free, lot_t.c.state == LotState.PENDING),
                a.c.held != sum_of(lot_t.c.held),
                and_(a.c.state.in_((AccountState.MERGED, AccountState.CLOSED)), sum_of(lot_t.c.remaining) != 0),
            )
        )
    )


def _holds(member_ids: Sequence[MemberId]) -> Select[Any]:
    """Lots whose held points are not those of open holds, and holds that ended with points."""
    of_holds = (
        select(part_t.c.member_id, part_t.c.lot_id, func.sum(part_t.c.held).label("held"))
        .where(among(part_t.c.member_id, member_ids))
        .group_by(part_t.c.member_id, part_t.c.lot_id)
        .cte("of_holds")
    )
    same = and_(of_holds.c.member_id == lot_t.c.member_id, of_holds.c.lot_id == lot_t.c.lot_id)
    wrong = select(lot_t.c.member_id).outerjoin(of_holds, same).where(among(lot_t.c.member_id, member_ids))
    wrong = wrong.where(lot_t.c.held != func.coalesce(of_holds.c.held, 0))
    ended = (
        select(hold_t.c.member_id)
        .join(part_t, and_(part_t.c.member_id == hold_t.c.member_id, part_t.c.hold_id == hold_t.c.hold_id))
        .where(among(hold_t.c.member_id, member_ids), hold_t.c.state != HoldState.OPEN, part_t.c.held != 0)
    )
    both = union_all(wrong, ended).subquery()
    return select(both.c.member_id)


def _balances(member_ids: Sequence[MemberId]) -> Select[Any]:
    e = entry_t
    running = func.sum(e.c.active - e.c.debt).over(partition_by=e.c.member_id, order_by=e.c.sequence)
    run = (
        select(e.c.member_id, e.c.balance, running.label("running")).where(among(e.c.member_id, member_ids)).subquery()
    )
    return select(run.c.member_id).where(run.c.balance != run.c.running)


def _between(member_ids: Sequence[MemberId]) -> Select[Any]:
    """Transfers and merges of these accounts that do not come to nothing over both sides."""
    e = entry_t
    mine = select(e.c.operation_id).where(among(e.c.member_id, member_ids), e.c.act.in_(BETWEEN))
    uneven = (
        select(e.c.operation_id)
        .where(e.c.operation_id.in_(mine), e.c.act.in_(BETWEEN))
        .group_by(e.c.operation_id)
        .having(func.sum(e.c.active + e.c.pending + e.c.held - e.c.debt) != 0)
    )
    return select(e.c.member_id).where(among(e.c.member_id, member_ids), e.c.operation_id.in_(uneven))


def _owed(member_ids: Sequence[MemberId]) -> Select[Any]:
    """Lots whose refund could not take all: they gave out as much, and what comes back is taken before it is active."""
    gave_out, is_empty = lot_t.c.spent + lot_t.c.held, lot_t.c.remaining == lot_t.c.held
    wrong = or_(lot_t.c.owed < 0, lot_t.c.owed > gave_out, and_(lot_t.c.owed > 0, ~is_empty))
    return select(lot_t.c.member_id).where(among(lot_t.c.member_id, member_ids), wrong).distinct()


def _due_too_late(member_ids: Sequence[MemberId]) -> Select[Any]:
    """Living accounts of which something activates, expires or times out before `due_at`: nobody would see to it."""
    turn = case((lot_t.c.state == LotState.PENDING, lot_t.c.activates_at), else_=lot_t.c.expires_at)
    lots = select(lot_t.c.member_id, turn.label("at")).where(
        among(lot_t.c.member_id, member_ids), lot_t.c.remaining > lot_t.c.held
    )
    holds = select(hold_t.c.member_id, hold_t.c.expires_at.label("at")).where(
        among(hold_t.c.member_id, member_ids), hold_t.c.state == HoldState.OPEN
    )
    falls = union_all(lots, holds).subquery()
    a = account_t
    return (
        select(a.c.member_id)
        .join(falls, falls.c.member_id == a.c.member_id)
        .where(a.c.state.in_((AccountState.OPEN, AccountState.FROZEN)))
        .where(func.coalesce(a.c.due_at > falls.c.at, literal(True)))
        .distinct()
    )
