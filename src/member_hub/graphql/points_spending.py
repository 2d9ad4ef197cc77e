"""pointsRedeem, pointsHold, pointsCapture, pointsRelease and pointsReverse: what tills and apps do, beside earning."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final

import strawberry

from member_hub import points
from member_hub.db.base import Tx
from member_hub.errors import BadInput, NotFound
from member_hub.graphql.act_approvals import uuid_of
from member_hub.graphql.points_acts import WHOSE, Desk, PointsPayload, act_on_points
from member_hub.graphql.query import Info
from member_hub.graphql.requested import IdempotencyKey
from member_hub.graphql.scalars import Fen, Points, given
from member_hub.members.tables import Channel
from member_hub.points import Line, Receipt
from member_hub.points.refusals import NotReversible
from member_hub.points.words import Reason

MINUTES_MAX: Final = 60 * 24 * 365  # of a hold; the programme's own limit is less


@strawberry.enum(description="Why an operation is undone.")
class ReverseReason(StrEnum):
    CANCELLED = Reason.CANCELLED.value
    REFUND = Reason.REFUND.value
    CORRECTION = Reason.CORRECTION.value


class OneOfBoth(BadInput):
    zh = "operation 与 line 须且只须给出一个；按订单行冲正时须给出 channel，且不给 amount。"
    en = "Give exactly one of operation and line; with a line the channel, and no amount."


@strawberry.input(description="A line of an order, by its key within the channel.")
class PointsLineInput:
    order_no: str = strawberry.field(description="Number of the order.")
    line_no: int = strawberry.field(description="Line of the order, from 0 on.")


@strawberry.input(description="A refund of an order line for which points were earned.")
class PointsRefundInput:
    of: PointsLineInput = strawberry.field(description="The line that was paid.")
    refund: PointsLineInput = strawberry.field(description="The refund's own line; counts once.")
    refund_fen: Fen = strawberry.field(description="What is refunded, at most what is left of the line.")


@strawberry.input(description="Points to be spent.")
class PointsRedeemInput:
    amount: Points = strawberry.field(description="How many; those that expire first are spent first.")
    member: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description=WHOSE)


@strawberry.input(description="Points to be kept for a purchase in hand.")
class PointsHoldInput:
    amount: Points = strawberry.field(description="How many.")
    minutes: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="How long, from 1 on; left out: as the programme says. Then they are active again.",
    )
    member: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description=WHOSE)


@strawberry.input(description="What is on hold, to be spent.")
class PointsCaptureInput:
    hold: strawberry.ID = strawberry.field(description="The operationId of the hold.")
    amount: Points | None = strawberry.field(
        default=strawberry.UNSET, description="How many, at most what is held; left out: all."
    )
    keep_rest: bool = strawberry.field(default=False, description="Whether the rest stays on hold.")
    member: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description=WHOSE)


@strawberry.input(description="What is on hold, to be active again.")
class PointsReleaseInput:
    hold: strawberry.ID = strawberry.field(description="The operationId of the hold.")
    member: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description=WHOSE)


@strawberry.input(description="An operation to be undone, or what an order line earned to be taken back.")
class PointsReverseInput:
    operation: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="The operationId; of spending, or of earning without an order line."
    )
    line: PointsRefundInput | None = strawberry.field(default=strawberry.UNSET, description="Or a refund.")
    channel: Channel | None = strawberry.field(default=strawberry.UNSET, description="Of the order lines.")
    amount: Points | None = strawberry.field(
        default=strawberry.UNSET, description="How many of the spent points come back; left out: all that are left."
    )
    reason: ReverseReason = strawberry.field(default=ReverseReason.CANCELLED, description="Why.")
    occurred_at: datetime | None = strawberry.field(
        default=strawberry.UNSET,
        description="When it was refunded, up to seven days ago; left out, or up to five minutes ahead: now.",
    )
    member: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description=WHOSE)


async def points_redeem(
    info: Info,
    input: Annotated[PointsRedeemInput, strawberry.argument(description="What is spent.")],  # noqa: A002
    idempotency_key: IdempotencyKey,
) -> PointsPayload:
    async def work(tx: Tx, desk: Desk) -> Receipt:
        return await points.redeem(tx, desk.asking.caller, desk.member_id, asked=desk.asked, amount=input.amount)

    return (await act_on_points(info, input.member, idempotency_key, work)).payload()


async def points_hold(
    info: Info,
    input: Annotated[PointsHoldInput, strawberry.argument(description="What is kept, and how long.")],  # noqa: A002
    idempotency_key: IdempotencyKey,
) -> PointsPayload:
    minutes = given(input.minutes)
    lasts = timedelta(minutes=max(min(minutes, MINUTES_MAX), -1)) if minutes is not None else None

    async def work(tx: Tx, desk: Desk) -> Receipt:
        return await points.hold(
            tx, desk.asking.caller, desk.member_id, asked=desk.asked, amount=input.amount, lasts=lasts
        )

    return (await act_on_points(info, input.member, idempotency_key, work)).payload()


async def points_capture(
    info: Info,
    input: Annotated[PointsCaptureInput, strawberry.argument(description="Which hold, and how much.")],  # noqa: A002
    idempotency_key: IdempotencyKey,
) -> PointsPayload:
    async def work(tx: Tx, desk: Desk) -> Receipt:
        return await points.capture(
            tx,
            desk.asking.caller,
            desk.member_id,
            asked=desk.asked,
            hold_id=uuid_of(input.hold, refusal=NotFound(field="hold")),
            amount=given(input.amount),
            keeps_rest=input.keep_rest,
        )

    return (await act_on_points(info, input.member, idempotency_key, work)).payload()


async def points_release(
    info: Info,
    input: Annotated[PointsReleaseInput, strawberry.argument(description="Which hold.")],  # noqa: A002
    idempotency_key: IdempotencyKey,
) -> PointsPayload:
    async def work(tx: Tx, desk: Desk) -> Receipt:
        hold_id = uuid_of(input.hold, refusal=NotFound(field="hold"))
        return await points.release(tx, desk.asking.caller, desk.member_id, asked=desk.asked, hold_id=hold_id)

    return (await act_on_points(info, input.member, idempotency_key, work)).payload()


async def points_reverse(
    info: Info,
    input: Annotated[PointsReverseInput, strawberry.argument(description="What is undone.")],  # noqa: A002
    idempotency_key: IdempotencyKey,
) -> PointsPayload:
    operation, line, amount = given(input.operation), given(input.line), given(input.amount)

    async def work(tx: Tx, desk: Desk) -> Receipt:
        if line is not None and operation is None and amount is None:
            return await _reversed_line(tx, desk, line, given(input.channel), given(input.occurred_at))
        if operation is None or line is not None:
            raise OneOfBoth(field="operation")
        return await points.reverse(
            tx,
            desk.asking.caller,
            desk.member_id,
            asked=desk.asked,
            operation_id=uuid_of(operation, refusal=NotReversible(field="operation")),
            amount=amount,
            reason=Reason(input.reason.value),
        )

    return (await act_on_points(info, input.member, idempotency_key, work)).payload()


async def _reversed_line(
    tx: Tx, desk: Desk, refunded: PointsRefundInput, channel: Channel | None, occurred_at: datetime | None
) -> Receipt:
    if channel is None:
        raise OneOfBoth(field="channel")
    return await points.reverse_order_line(
        tx,
        desk.asking.caller,
        desk.member_id,
        asked=desk.asked,
        line=Line(channel.value, refunded.of.order_no, refunded.of.line_no),
        refund=Line(channel.value, refunded.refund.order_no, refunded.refund.line_no),
        refund_fen=refunded.refund_fen,
        occurred_at=occurred_at,
    )
