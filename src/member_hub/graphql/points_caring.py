"""pointsAdjust, pointsTransfer, pointsReinstate and pointsExtend: what people decide about points.

Decision: a transfer names the one who gets it by their member id and by nothing else. The id is random, and whoever
has it got it from that member (their app shows it); a phone number or a card could be tried out, and the answer would
tell whose they are. So nothing comes back of the payee: no receipt, no balance, no reason. Unknown, erased, frozen,
closed, objecting or another handler's: all are NOT_FOUND of `to`. Price: one who knows an id learns whether points
can be sent there, and the payee reads of every such try that got through in their own access history.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import strawberry

from member_hub import points
from member_hub.approving import Proposal as Proposed
from member_hub.approving import ProposedAct
from member_hub.db.base import Tx
from member_hub.errors import NotFound
from member_hub.graphql import second_person
from member_hub.graphql.act_approvals import uuid_of
from member_hub.graphql.keys import member_id_of
from member_hub.graphql.points_acts import (
    Desk,
    PointsAdjustPayload,
    PointsPayload,
    Proposal,
    act_on_points,
)
from member_hub.graphql.query import Info
from member_hub.graphql.requested import IdempotencyKey
from member_hub.graphql.scalars import Points, given
from member_hub.ids import MemberId
from member_hub.members.reading import find
from member_hub.members.tables import MemberStatus
from member_hub.points import Receipt
from member_hub.points.queries import balances
from member_hub.points.refusals import NeedsApproval, PointsClosed, PointsFrozen
from member_hub.points.rules import adjustment
from member_hub.points.words import AccountState, Reason


@strawberry.enum(description="Why points are adjusted.")
class PointsAdjustReason(StrEnum):
    GOODWILL = Reason.GOODWILL.value
    CORRECTION = Reason.CORRECTION.value
    COMPLAINT = Reason.COMPLAINT.value
    SUSPICION = Reason.SUSPICION.value


@strawberry.enum(description="Why expired points are good again, or a lot lasts longer.")
class PointsCareReason(StrEnum):
    GOODWILL = Reason.GOODWILL.value
    CORRECTION = Reason.CORRECTION.value
    COMPLAINT = Reason.COMPLAINT.value


@strawberry.input(description="Points to be given or taken by hand.")
class PointsAdjustInput:
    member: strawberry.ID = strawberry.field(description="Whose points.")
    amount: Points = strawberry.field(description="How many; negative: to be taken, from what can be spent.")
    reason: PointsAdjustReason = strawberry.field(description="Why.")
    approval_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="Above the limit: what a second person approved, for exactly this."
    )


@strawberry.input(description="Points that one member gives to another.")
class PointsTransferInput:
    to: strawberry.ID = strawberry.field(description="Id of the member who gets them, as their own app shows it.")
    amount: Points = strawberry.field(description="How many; they expire there when they would have here.")
    member: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="Who gives; left out: the member for whom the app asks."
    )


@strawberry.input(description="Expired points to be good again for a while.")
class PointsReinstateInput:
    member: strawberry.ID = strawberry.field(description="Whose points.")
    lot: strawberry.ID = strawberry.field(description="Of which lot; the entry of their expiry names it.")
    amount: Points | None = strawberry.field(default=strawberry.UNSET, description="How many; left out: all of them.")
    reason: PointsCareReason = strawberry.field(default=PointsCareReason.GOODWILL, description="Why.")


@strawberry.input(description="A lot that is still good, to last longer.")
class PointsExtendInput:
    member: strawberry.ID = strawberry.field(description="Whose points.")
    lot: strawberry.ID = strawberry.field(description="Which lot.")
    until: datetime = strawberry.field(
        description=("Until when, within the programme's limit; they expire at this midnight in Shanghai, or the next.")
    )
    reason: PointsCareReason = strawberry.field(default=PointsCareReason.GOODWILL, description="Why.")


async def points_adjust(
    info: Info,
    input: Annotated[PointsAdjustInput, strawberry.argument(description="How many, and why.")],  # noqa: A002
    idempotency_key: IdempotencyKey,
) -> PointsAdjustPayload:
    reason = Reason(input.reason.value)
    wanted = Proposed(ProposedAct.POINTS_ADJUST, reason.value, amount=input.amount)

    async def work(tx: Tx, desk: Desk) -> Receipt | Proposal:
        asking, approval = desk.asking, given(input.approval_id)
        adjustment(input.amount)  # what is no amount was not proposed either, and says so by its own code
        by = await second_person.approved_by(asking, tx, desk.member_id, wanted, approval, key=desk.key)
        try:
            async with tx.begin_nested():  # of what needs approval nothing stays but the proposal
                return await points.adjust(
                    tx,
                    asking.caller,
                    desk.member_id,
                    asked=desk.asked,
                    amount=input.amount,
                    reason=reason,
                    approved_by=by,
                )
        except NeedsApproval:
            return Proposal(await second_person.proposed(asking, tx, desk.member_id, wanted))

    done = await act_on_points(info, input.member, idempotency_key, work)
    approval_id = strawberry.ID(str(done.approval_id)) if done.approval_id else None
    return PointsAdjustPayload(
        member=done.member, receipt=done.receipt, approval_id=approval_id, user_errors=done.errors
    )


async def points_transfer(
    info: Info,
    input: Annotated[PointsTransferInput, strawberry.argument(description="To whom, and how many.")],  # noqa: A002
    idempotency_key: IdempotencyKey,
) -> PointsPayload:
    async def work(tx: Tx, desk: Desk) -> Receipt:
        caller, payer = desk.asking.caller, desk.member_id
        payee = await _payee(tx, desk, input.to)
        try:
            receipt = await points.transfer(tx, caller, payer, asked=desk.asked, to=payee, amount=input.amount)
        except (NotFound, PointsFrozen, PointsClosed):
            await _check_payer(tx, desk)
            raise NotFound(field="to") from None
        desk.asking.trail.finds([payee])
        return receipt

    return (await act_on_points(info, input.member, idempotency_key, work, other=input.to)).payload()


async def points_reinstate(
    info: Info,
    input: Annotated[PointsReinstateInput, strawberry.argument(description="Of which lot.")],  # noqa: A002
    idempotency_key: IdempotencyKey,
) -> PointsPayload:
    async def work(tx: Tx, desk: Desk) -> Receipt:
        return await points.reinstate(
            tx,
            desk.asking.caller,
            desk.member_id,
            asked=desk.asked,
            lot_id=uuid_of(input.lot, refusal=NotFound(field="lot")),
            amount=given(input.amount),
            reason=Reason(input.reason.value),
        )

    return (await act_on_points(info, input.member, idempotency_key, work)).payload()


async def points_extend(
    info: Info,
    input: Annotated[PointsExtendInput, strawberry.argument(description="Which lot, until when.")],  # noqa: A002
    idempotency_key: IdempotencyKey,
) -> PointsPayload:
    async def work(tx: Tx, desk: Desk) -> Receipt:
        return await points.extend(
            tx,
            desk.asking.caller,
            desk.member_id,
            asked=desk.asked,
            lot_id=uuid_of(input.lot, refusal=NotFound(field="lot")),
            until=input.until,
            reason=Reason(input.reason.value),
        )

    return (await act_on_points(info, input.member, idempotency_key, work)).payload()


async def _payee(tx: Tx, desk: Desk, named: str) -> MemberId:
    """Somebody of the same handler who may get points. Raises NotFound, before anything is said of the giver: else the
    refusal of too large an amount would tell one who is frozen from one who is unknown."""
    member_id, reach = member_id_of(named), desk.asking.visible.of_anyone()
    found = await find(tx, reach, [member_id], by_key=True) if member_id is not None else {}
    if member_id is None or member_id not in found or found[member_id].status != MemberStatus.ACTIVE:
        raise NotFound(field="to")
    payee = MemberId(found[member_id].member_id)
    balance = (await balances(tx, [payee], now=desk.asking.now)).get(payee)
    if balance is not None and balance.state is not AccountState.OPEN and payee != desk.member_id:
        raise NotFound(field="to")
    return payee


async def _check_payer(tx: Tx, desk: Desk) -> None:
    """What is wrong with the one who gives, told as anywhere else; returns where it was the other one."""
    row = (await find(tx, desk.asking.visible, [desk.member_id])).get(desk.member_id)
    if row is None:
        raise NotFound(field="member")
    balance = (await balances(tx, [desk.member_id], now=desk.asking.now)).get(desk.member_id)
    if balance is not None and balance.state is AccountState.CLOSED:
        raise PointsClosed(field="id")
    is_frozen = balance is not None and balance.state is AccountState.FROZEN
    if is_frozen or row.status in (MemberStatus.FROZEN, MemberStatus.RESTRICTED):
        raise PointsFrozen(field="id")
