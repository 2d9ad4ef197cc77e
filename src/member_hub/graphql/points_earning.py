"""pointsEarn: by rule, or for an order line; in a commit that it shares where nothing stands in the way.

Decision: an earning goes with the others of its process first (points/together.py), and by itself where that does not
do it: an order line, a cap, a newcomer without an account, staff whose reach is more than a condition on the member's
row, and everything that is refused. Both write the same, and the audit entry before the commit.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import strawberry

from member_hub import points, tiers
from member_hub.access import Guard
from member_hub.db.base import Tx
from member_hub.errors import BadInput
from member_hub.graphql.acting import whose
from member_hub.graphql.asking import Asking, shown_as
from member_hub.graphql.loading import shown_words
from member_hub.graphql.points_acts import WHOSE, Desk, Done, PointsPayload, act_on_points, answered
from member_hub.graphql.points_spending import PointsLineInput
from member_hub.graphql.query import Info, wanted_of
from member_hub.graphql.requested import IdempotencyKey, request_key
from member_hub.graphql.scalars import Points, given
from member_hub.graphql.selection import Wanted
from member_hub.members.tables import Channel
from member_hub.points import Asked, Earning, Line, LotKind, Receipt, Wish
from member_hub.points.rules import FULL_BP, happened


@strawberry.enum(description="What points are earned for.")
class EarnKind(StrEnum):
    PURCHASE = LotKind.PURCHASE.value
    INTERACTION = LotKind.INTERACTION.value
    TASK = LotKind.TASK.value


class LineNeedsChannel(BadInput):
    zh = "按订单行发放积分须给出渠道，且种类为 PURCHASE。"
    en = "Earning for an order line takes the channel, and the kind PURCHASE."


@strawberry.input(description="Points to be earned by rule.")
class PointsEarnInput:
    kind: EarnKind = strawberry.field(description="What for; the programme says how many, how long and how often.")
    amount: Points = strawberry.field(description="Fen where the kind has a rate per yuan (PURCHASE), else points.")
    member: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description=WHOSE)
    channel: Channel | None = strawberry.field(
        default=strawberry.UNSET, description="Where; the points go with the member's account there."
    )
    line: PointsLineInput | None = strawberry.field(
        default=strawberry.UNSET, description="Earn for this order line, once for ever, whoever asks again."
    )
    occurred_at: datetime | None = strawberry.field(
        default=strawberry.UNSET,
        description="When it happened, up to seven days ago; left out, or up to five minutes ahead: now.",
    )


async def points_earn(
    info: Info,
    input: Annotated[PointsEarnInput, strawberry.argument(description="What is earned.")],  # noqa: A002
    idempotency_key: IdempotencyKey,
) -> PointsPayload:
    line, channel, when = given(input.line), given(input.channel), given(input.occurred_at)
    if line is None and (done := await _with_others(info, input, idempotency_key)) is not None:
        return done.payload()

    async def work(tx: Tx, desk: Desk) -> Receipt:
        caller, kind, hub = desk.asking.caller, LotKind(input.kind.value), desk.asking.hub
        held, tier_bp = (desk.member_id, happened(when, desk.asking.now)), FULL_BP
        if desk.asked.rules.earn[kind].is_multiplied:
            (tier_bp,) = await tiers.multipliers_at(hub.tiers, tx, [held], desk.asking.now)
        earning = Earning(kind, input.amount, tier_bp, occurred_at=when)
        if line is None:
            return await points.earn(
                tx, caller, desk.member_id, asked=desk.asked, earning=earning, channel=channel and channel.value
            )
        if channel is None or kind is not LotKind.PURCHASE:
            raise LineNeedsChannel(field="line")
        of = Line(channel.value, line.order_no, line.line_no)
        return await points.earn_for_order_line(tx, caller, desk.member_id, asked=desk.asked, line=of, earning=earning)

    return (await act_on_points(info, input.member, idempotency_key, work)).payload()


async def _with_others(info: Info, stated: PointsEarnInput, idempotency_key: str) -> Done | None:
    """None: it has to be done by itself, which also says why it is refused."""
    asking, wanted = info.context, wanted_of(info)
    wish = _wish(info, stated, idempotency_key)
    if wish is None or wanted.identifiers_opened or wanted.consents_opened:  # for these the trail takes a statement
        return None
    receipt = await asking.hub.earnings.earn(wish)
    if receipt is None:
        asking.trail.is_written = False  # what was put on record did not come to pass, and another entry says so
        return None
    return await answered(asking, wanted, receipt.member_id, receipt)


def _wish(info: Info, stated: PointsEarnInput, idempotency_key: str) -> Wish | None:
    asking, wanted, channel = info.context, wanted_of(info), given(stated.channel)
    member_id = whose(asking, given(stated.member))
    if member_id is None:
        return None
    try:
        key = request_key(info, idempotency_key)
    except BadInput:
        return None
    return Wish(
        caller=asking.caller,
        visible=asking.visible,
        member_id=member_id,
        asked=Asked(asking.hub.points, asking.now, key),
        earning=Earning(LotKind(stated.kind.value), stated.amount, occurred_at=given(stated.occurred_at)),
        channel=channel and channel.value,
        on_record=lambda receipt: _on_record(asking, wanted, receipt),
    )


async def _on_record(asking: Asking, wanted: Wanted, receipt: Receipt) -> None:
    """What `act_on_points` notes, too; of a request that was given up meanwhile that it was done all the same."""
    trail = asking.trail
    trail.is_written, trail.refusal = False, None
    trail.fields.add(f"{Guard.LOYALTY}:WRITE")
    trail.finds([receipt.member_id])
    shown = frozenset({shown_as(Guard.LOYALTY, asking.grant.read(Guard.LOYALTY))})
    trail.shows_of(receipt.member_id, shown | shown_words(asking.grant, wanted, ()))
    await asking.write_trail()
