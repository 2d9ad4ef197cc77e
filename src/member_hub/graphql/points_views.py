"""Points of the members of a page: fetched in a fixed number of statements, then shown as the grant has them.

Decision: `Member.points` is null in one case, where the policy denies `member.loyalty`; whoever may see it gets an
account, of zeros where nothing was ever earned. So null says DENIED, and nobody has to guess.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import strawberry
from sqlalchemy import Row

from member_hub.access import CallerKind
from member_hub.crypto import Vault
from member_hub.db.base import Tx
from member_hub.errors import BadInput
from member_hub.graphql.asking import Asking
from member_hub.graphql.enums import FieldState
from member_hub.graphql.paging import PageInfo, entry_cursor, entry_position, orders_count
from member_hub.graphql.points_types import (
    EntriesAsked,
    PointsAccount,
    PointsEntry,
    PointsEntryConnection,
    PointsEntryEdge,
    PointsExpiring,
    PointsLot,
)
from member_hub.graphql.scalars import Points
from member_hub.graphql.selection import PointsWanted
from member_hub.ids import MemberId
from member_hub.points.listing import balances_at, entries_of_each, live_lots, position_of
from member_hub.points.queries import Balance, Pots, balances
from member_hub.points.rules import AHEAD_MAX
from member_hub.points.words import AccountState, Act, LotKind, LotState, Reason

NO_ENTRIES: Final = PointsEntryConnection(
    state=FieldState.DENIED,
    edges=[],
    page_info=PageInfo(has_next_page=False, has_previous_page=False, start_cursor=None, end_cursor=None),
)
_NOTHING: Final = Balance(AccountState.OPEN, Pots(), None, 0)


class MomentToCome(BadInput):
    """No balance is foretold: points will be earned, spent and go until then. Clocks may differ by some minutes."""

    zh = "只能查询过去某一时刻的积分余额。"
    en = "A balance is told of a moment in the past."


@dataclass(frozen=True, slots=True)
class PointsHeld:
    """What was fetched of the points of some members."""

    balances: Mapping[MemberId, Balance] = field(default_factory=dict)
    lots: Mapping[MemberId, list[Row[Any]]] = field(default_factory=dict)
    entries: Mapping[EntriesAsked, Mapping[MemberId, tuple[list[Row[Any]], bool]]] = field(default_factory=dict)
    at: Mapping[datetime, Mapping[MemberId, Pots]] = field(default_factory=dict)


async def fetched(asking: Asking, tx: Tx, ids: Sequence[MemberId], wanted: PointsWanted) -> PointsHeld:
    """One statement for lots, for each page and for each moment, two for balances and more where something is due.

    Raises MomentToCome, and BadInput for a page that is none.
    """
    if any(moment > asking.now + AHEAD_MAX for moment in wanted.moments):
        raise MomentToCome(field="moment")
    entries = {}
    for first, after in sorted(wanted.entries, key=repr):
        count, position = orders_count(first), entry_position(asking.hub.vault, after)
        asking.count_lines(count * len(ids))
        entries[first, after] = await entries_of_each(tx, ids, count=count, after=position)
    return PointsHeld(
        balances=await balances(tx, ids, now=asking.now) if wanted.balance else {},
        lots=await live_lots(tx, ids, now=asking.now) if wanted.lots else {},
        entries=entries,
        at={moment: await balances_at(tx, ids, moment) for moment in sorted(wanted.moments)},
    )


@dataclass(frozen=True, slots=True)
class Shown:
    """Whose points, what of them, and whether the member is not served for now (members/serving.py)."""

    member_id: MemberId
    asked: PointsWanted
    is_suspended: bool

    def state(self, balance: Balance) -> AccountState:
        """What an attempt to earn or spend would meet."""
        return AccountState.FROZEN if self.is_suspended and balance.state is AccountState.OPEN else balance.state

    def spendable(self, balance: Balance) -> Points:
        return Points(balance.pots.active if self.state(balance) is AccountState.OPEN else 0)


def shown(held: PointsHeld, of: Shown, vault: Vault, *, now: datetime) -> PointsAccount:
    """Everything; what was not asked for is there as nothing, and nobody looks at it."""
    member_id, asked = of.member_id, of.asked
    balance = held.balances.get(member_id, _NOTHING)
    expires = balance.expires_next_at
    return PointsAccount(
        history=FieldState.CLEAR,
        spendable=of.spendable(balance),
        active=Points(balance.pots.active),
        balance=Points(balance.pots.balance),
        state=of.state(balance),
        pending=Points(balance.pots.pending),
        held=Points(balance.pots.held),
        debt=Points(balance.pots.debt),
        version=balance.version,
        expiring_next=PointsExpiring(at=expires, points=Points(balance.expires_next)) if expires else None,
        lots=[_lot(row, now) for row in held.lots.get(member_id, ())],
        pages={page: _page(vault, *held.entries[page][member_id], page) for page in asked.entries},
        balances_at={moment: Points(held.at[moment][member_id].balance) for moment in asked.moments},
    )


def shown_at_till(held: PointsHeld, of: Shown) -> PointsAccount:
    """Whoever serves a member of another store needs what can be spent, and nothing of what was."""
    balance = held.balances.get(of.member_id, _NOTHING)
    pots = balance.pots
    return PointsAccount(
        history=FieldState.DENIED,
        spendable=of.spendable(balance),
        active=Points(pots.active),
        balance=Points(pots.balance),
        state=None,
        pending=None,
        held=None,
        debt=None,
        version=None,
        expiring_next=None,
        lots=[],
        pages=dict.fromkeys(of.asked.entries, NO_ENTRIES),
        balances_at=dict.fromkeys(of.asked.moments),
    )


def _lot(row: Row[Any], now: datetime) -> PointsLot:
    """As it is now, whoever wrote that down."""
    is_active = row.state == LotState.ACTIVE or row.activates_at <= now
    return PointsLot(
        id=strawberry.ID(str(row.lot_id)),
        kind=LotKind(row.kind),
        state=LotState.ACTIVE if is_active else LotState.PENDING,
        earned=Points(row.earned),
        remaining=Points(row.remaining),
        held=Points(row.held),
        earned_at=row.earned_at,
        activates_at=row.activates_at,
        expires_at=row.expires_at,
    )


def _page(vault: Vault, rows: Sequence[Row[Any]], has_more: bool, asked: EntriesAsked) -> PointsEntryConnection:
    edges = [PointsEntryEdge(cursor=entry_cursor(vault, position_of(row)), node=entry_of(row)) for row in rows]
    return PointsEntryConnection(
        state=FieldState.CLEAR,
        edges=edges,
        page_info=PageInfo(
            has_next_page=has_more,
            has_previous_page=asked[1] is not None,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else None,
        ),
    )


def entry_of(row: Row[Any]) -> PointsEntry:
    return PointsEntry(
        operation_id=strawberry.ID(str(row.operation_id)),
        of_operation=strawberry.ID(str(row.of_operation)) if row.of_operation else None,
        act=Act(row.act),
        reason=Reason(row.reason),
        points=Points(row.amount),
        active=Points(row.active),
        pending=Points(row.pending),
        held=Points(row.held),
        debt=Points(row.debt),
        balance=Points(row.balance),
        lot=strawberry.ID(str(row.lot_id)) if row.lot_id else None,
        hold=strawberry.ID(str(row.hold_id)) if row.hold_id else None,
        by=CallerKind(row.actor_kind.upper()),
        occurred_at=row.occurred_at,
        recorded_at=row.recorded_at,
    )
