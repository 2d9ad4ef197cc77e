"""What every mutation of points has in common: whose account, under which key, and the receipt it answers with.

The member's row is held in reach first, then the account is taken (points/guards.py): whoever ends a reach, objects or
is erased has been told so before the act, or the act was before. Every refusal undoes everything, and stands in the
audit log with the member, once somebody in reach is named.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import strawberry

from member_hub import idempotency
from member_hub.access import Guard, Verdict
from member_hub.consent.deciding.holding import locked_in_reach
from member_hub.db.base import Tx, snapshot
from member_hub.errors import BadInput
from member_hub.graphql import reading
from member_hub.graphql.acting import turn_of, whose
from member_hub.graphql.asking import Asking
from member_hub.graphql.changing import carried_out
from member_hub.graphql.guarded import guarded
from member_hub.graphql.keys import member_id_of
from member_hub.graphql.loading import note_answer
from member_hub.graphql.member import Member
from member_hub.graphql.problems import UserError
from member_hub.graphql.query import Info, wanted_of
from member_hub.graphql.requested import request_key
from member_hub.graphql.scalars import Points, given
from member_hub.graphql.second_person import approval_due
from member_hub.graphql.selection import Wanted
from member_hub.idempotency import RequestKey
from member_hub.ids import MemberId
from member_hub.points import Asked, Receipt
from member_hub.points.asking import Entry
from member_hub.points.asking import receipt as receipt_of
from member_hub.points.words import Act, Reason
from member_hub.points.writing import entry_t

ENTRIES_SHOWN: Final = 100  # of one act, which may go over thousands of lots
WHOSE: Final = "Whose points; left out: of the member for whom the app asks."


@strawberry.type(description="One entry that the act made.")
class PointsReceiptEntry:
    act: Act = strawberry.field(description="What happened.")
    reason: Reason = strawberry.field(description="Why.")
    points: Points = strawberry.field(description="How many points it is about; never negative.")
    lot: strawberry.ID | None = strawberry.field(description="Of which lot.")
    hold: strawberry.ID | None = strawberry.field(description="For which hold.")


@strawberry.type(description="What an act did to an account. The same request sent again gives the same receipt.")
class PointsReceipt:
    operation_id: strawberry.ID = strawberry.field(
        description="By which it can be reversed; of a hold, by which it is captured or released."
    )
    points: Points = strawberry.field(description="How many points it came to.")
    taken_back: Points = strawberry.field(
        description="Of points that came back, those that went at once to a refund, which had found them spent or on "
        "hold; they are among the entries."
    )
    balance: Points | None = strawberry.field(
        description="Balance just after the act; null where points are DENIED.", directives=[guarded(entry_t.c.balance)]
    )
    version: int = strawberry.field(description="Counts acts on the account.")
    recorded_at: datetime = strawberry.field(description="When it was written down.")
    entries: list[PointsReceiptEntry] = strawberry.field(
        description=(
            f"What it consists of, in order; of more than {ENTRIES_SHOWN} the first. All of them stand in the ledger "
            "(`points.entries`), under the operationId."
        )
    )
    entry_count: int = strawberry.field(description="How many entries it consists of.")


@strawberry.type(description="What became of an act on points.")
class PointsPayload:
    member: Member | None = strawberry.field(description="The member after the act; null if refused.")
    receipt: PointsReceipt | None = strawberry.field(description="What was done; null if refused.")
    user_errors: list[UserError] = strawberry.field(description="Why it was refused; empty: it was done.")


@strawberry.type(description="What became of an adjustment.")
class PointsAdjustPayload:
    member: Member | None = strawberry.field(description="The member after the adjustment; null if refused.")
    receipt: PointsReceipt | None = strawberry.field(description="What was done; null if refused.")
    approval_id: strawberry.ID | None = strawberry.field(
        description="Beside APPROVAL_REQUIRED: what a second person approves; then it is sent again with the same."
    )
    user_errors: list[UserError] = strawberry.field(description="Why it was refused; empty: it was done.")


@dataclass(frozen=True, slots=True)
class Proposal:
    """Nothing was done: a second person is needed, and this is what they approve."""

    approval_id: UUID


@dataclass(frozen=True, slots=True)
class Desk:
    """What an act has at hand: who asks, the member's root, and under which key."""

    asking: Asking
    member_id: MemberId
    asked: Asked
    key: RequestKey


@dataclass(frozen=True, slots=True)
class Done:
    member: Member | None = None
    receipt: PointsReceipt | None = None
    approval_id: UUID | None = None
    errors: list[UserError] = field(default_factory=list)

    def payload(self) -> PointsPayload:
        return PointsPayload(member=self.member, receipt=self.receipt, user_errors=self.errors)


Work = Callable[[Tx, Desk], Awaitable[Receipt | Proposal]]


async def act_on_points(
    info: Info, named: str | None, idempotency_key: str, work: Work, *, other: str | None = None
) -> Done:
    """`named`: the member as the input has it; the work holds no `other` member before its own rows."""
    asking, wanted = info.context, wanted_of(info)
    asking.trail.fields.add(f"{Guard.LOYALTY}:WRITE")
    about = {turn_of(asking, given(named)), member_id_of(other) if other is not None else None} - {None}

    def attempting(act: Work) -> Callable[[Tx], Awaitable[tuple[MemberId, Receipt | Proposal]]]:
        async def attempt(tx: Tx) -> tuple[MemberId, Receipt | Proposal]:
            asking.trail.refusal = None  # of an attempt that has to be made again
            key = request_key(info, idempotency_key)
            root = await locked_in_reach(tx, asking.visible, whose(asking, given(named)), is_shared=True)
            asking.trail.member_ids.add(root)  # from here on the trail knows whom a refusal is about
            came = await act(tx, Desk(asking, root, Asked(asking.hub.points, asking.now, key), key))
            if isinstance(came, Receipt):
                asking.trail.finds([root])
            # A proposal is answered with the member, too, and no receipt.
            await note_answer(asking, tx, wanted, root, *([Guard.LOYALTY] if isinstance(came, Receipt) else []))
            return root, came

        return attempt

    done, errors = await carried_out(asking, attempting(work), about=about)
    if done is None and (first := await _done_before(info, idempotency_key)) is not None:
        done, errors = await carried_out(asking, attempting(lambda tx, _: receipt_of(tx, first)), about=about)
    if done is None:
        return Done(errors=errors)
    return await answered(asking, wanted, *done)


async def answered(asking: Asking, wanted: Wanted, root: MemberId, came: Receipt | Proposal) -> Done:
    """Once it stands, and stands on record."""
    member = await reading.by_id(asking, wanted, root) if wanted.members else None
    if not isinstance(came, Receipt):
        return Done(member=member, approval_id=came.approval_id, errors=approval_due(asking))
    return Done(member=member, receipt=_shown(asking, came))


async def _done_before(info: Info, idempotency_key: str) -> UUID | None:
    """The operation that this very request came to: what was done once is not refused when it is asked again, though
    it would be now (seven days are over, the payee is gone). Only who is refused has to wait for this look."""
    asking = info.context
    try:
        key = request_key(info, idempotency_key)
    except BadInput:
        return None
    async with snapshot(asking.hub.database.app) as tx:
        done = await idempotency.stood(tx, asking.hub.vault, key, now=asking.now)
    return done.result_id if done is not None else None


def _shown(asking: Asking, receipt: Receipt) -> PointsReceipt:
    may_see = asking.grant.read(Guard.LOYALTY) is Verdict.CLEAR
    return PointsReceipt(
        operation_id=strawberry.ID(str(receipt.operation_id)),
        points=Points(receipt.points),
        taken_back=Points(receipt.taken_back),
        balance=Points(receipt.balance) if may_see else None,
        version=receipt.version,
        recorded_at=receipt.recorded_at,
        entries=_entries(receipt.entries[:ENTRIES_SHOWN]),
        entry_count=len(receipt.entries),
    )


def _entries(entries: Sequence[Entry]) -> list[PointsReceiptEntry]:
    return [
        PointsReceiptEntry(
            act=entry.act,
            reason=entry.reason,
            points=Points(entry.amount),
            lot=_id(entry.lot_id),
            hold=_id(entry.hold_id),
        )
        for entry in entries
    ]


def _id(value: UUID | None) -> Any:
    return strawberry.ID(str(value)) if value else None
