"""Points of a member as the schema has them: the account, its lots, its ledger."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

import strawberry

from member_hub.access import CallerKind
from member_hub.graphql.enums import FieldState
from member_hub.graphql.paging import After, PageInfo
from member_hub.graphql.scalars import Points, given
from member_hub.points.words import AccountState, Act, LotKind, LotState, Reason

EntriesAsked = tuple[int | None, str | None]

strawberry.enum(
    AccountState,
    name="PointsAccountState",
    description=(
        "OPEN; FROZEN, nothing is earned or spent: the account is frozen, the membership is frozen or restricted, or "
        "the member objected to everything; MERGED and CLOSED accounts have nothing in them."
    ),
)
strawberry.enum(LotKind, name="PointsKind", description="What points were got for.")
strawberry.enum(LotState, name="PointsLotState", description="PENDING in the return window, then ACTIVE.")
strawberry.enum(
    Act,
    name="PointsAct",
    description="What an entry of the ledger says happened. REPAY: what became active paid a debt first.",
)
strawberry.enum(
    Reason, name="PointsReason", description="Why; a closed list, because a free text would be about people."
)


@strawberry.type(description="Points that expire together.")
class PointsExpiring:
    at: datetime = strawberry.field(description="The moment from which they are gone: a midnight in Shanghai.")
    points: Points = strawberry.field(description="How many, unless they are spent before.")


@strawberry.type(description="Points that were earned together and expire together.")
class PointsLot:
    id: strawberry.ID = strawberry.field(description="By which it is extended or reinstated.")
    kind: LotKind = strawberry.field(description="What they were got for.")
    state: LotState = strawberry.field(description="PENDING or ACTIVE.")
    earned: Points = strawberry.field(description="How many it began with.")
    remaining: Points = strawberry.field(description="How many are left, what is on hold among them.")
    held: Points = strawberry.field(description="How many of these are on hold.")
    earned_at: datetime = strawberry.field(description="When they were earned.")
    activates_at: datetime = strawberry.field(description="From when on they can be spent.")
    expires_at: datetime = strawberry.field(description="From when on they are gone.")


@strawberry.type(description="One entry of the ledger; it is never changed.")
class PointsEntry:
    operation_id: strawberry.ID = strawberry.field(description="What was asked for at once has one number.")
    of_operation: strawberry.ID | None = strawberry.field(description="What this reverses.")
    act: Act = strawberry.field(description="What happened.")
    reason: Reason = strawberry.field(description="Why.")
    points: Points = strawberry.field(description="How many points it is about; never negative.")
    active: Points = strawberry.field(description="Change of what can be spent.")
    pending: Points = strawberry.field(description="Change of what waits in the return window.")
    held: Points = strawberry.field(description="Change of what is on hold.")
    debt: Points = strawberry.field(description="Change of what is owed.")
    balance: Points = strawberry.field(description="Balance of the account afterwards.")
    lot: strawberry.ID | None = strawberry.field(description="Of which lot.")
    hold: strawberry.ID | None = strawberry.field(description="For which hold.")
    by: CallerKind = strawberry.field(description="What kind of caller did it; who it was stands in the audit log.")
    occurred_at: datetime = strawberry.field(description="When it happened, or fell due.")
    recorded_at: datetime = strawberry.field(description="When it was written down.")


@strawberry.type(description="An entry in its place in the ledger.")
class PointsEntryEdge:
    cursor: str = strawberry.field(description="Opaque position, for `after`.")
    node: PointsEntry = strawberry.field(description="The entry.")


@strawberry.type(description="A page of the ledger, the newest first.")
class PointsEntryConnection:
    state: FieldState = strawberry.field(description="CLEAR; or DENIED at the till, and then the page is empty.")
    edges: list[PointsEntryEdge] = strawberry.field(description="The entries of this page.")
    page_info: PageInfo = strawberry.field(description="Where this page stands.")


def _entries(
    root: "PointsAccount",
    first: Annotated[
        int | None, strawberry.argument(description="How many, 1 to 100; 20 if not said.")
    ] = strawberry.UNSET,
    after: After = strawberry.UNSET,
) -> PointsEntryConnection:
    return root.pages[given(first), given(after)]


def _at(
    root: "PointsAccount",
    moment: Annotated[
        datetime, strawberry.argument(description="Any moment in the past; one that is still to come is refused.")
    ],
) -> Points | None:
    return root.balances_at[moment]


@strawberry.type(
    description=(
        "The points of one member, over all their accounts. Who never earned any has an account of zeros. In the till "
        "view only `spendable`, `active` and `balance` are told: `history` is DENIED there, and what belongs to it is "
        "null or empty."
    )
)
class PointsAccount:
    history: FieldState = strawberry.field(
        description="CLEAR; DENIED in the till view. Everything here but spendable, active and balance belongs to it."
    )
    spendable: Points = strawberry.field(
        description="What can be spent now: what is active, and nothing while earning and spending are FROZEN."
    )
    active: Points = strawberry.field(description="What is neither pending, on hold, spent nor gone.")
    balance: Points = strawberry.field(description="Active less debt.")
    state: AccountState | None = strawberry.field(description="Whether points can be earned and spent.")
    pending: Points | None = strawberry.field(description="What waits in the return window.")
    held: Points | None = strawberry.field(description="What is on hold.")
    debt: Points | None = strawberry.field(description="What is owed, and is paid by the next active points.")
    version: int | None = strawberry.field(description="Counts acts on the account.")
    expiring_next: PointsExpiring | None = strawberry.field(
        description="What expires next; null also where nothing is going to."
    )
    lots: list[PointsLot] = strawberry.field(
        description="The lots with points in them, those first that expire first; 100 at most."
    )
    pages: strawberry.Private[Mapping[EntriesAsked, PointsEntryConnection]]
    balances_at: strawberry.Private[Mapping[datetime, Points | None]]

    entries: PointsEntryConnection = strawberry.field(
        resolver=_entries,
        description=(
            "The ledger of everything that is one member today, the newest first, also what was written before a merge."
        ),
    )
    at: Points | None = strawberry.field(
        resolver=_at,
        description=(
            "The balance at a moment, from the entries alone; what fell due is counted since it did, once it is "
            "written down (within minutes)."
        ),
    )
