"""Points, earned and spent and put right by hand."""

import strawberry

from member_hub.graphql.points_acts import PointsAdjustPayload, PointsPayload
from member_hub.graphql.points_caring import points_adjust, points_extend, points_reinstate, points_transfer
from member_hub.graphql.points_earning import points_earn
from member_hub.graphql.points_spending import (
    points_capture,
    points_hold,
    points_redeem,
    points_release,
    points_reverse,
)


@strawberry.type
class PointsMutations:
    points_earn: PointsPayload = strawberry.field(
        resolver=points_earn,
        description=(
            "Earn points by the programme's rules: caps of the day and the order, multipliers of campaign and "
            "tier; they are pending through the return window. What comes to no points leaves an entry of none."
        ),
    )
    points_redeem: PointsPayload = strawberry.field(
        resolver=points_redeem,
        description=("Spend active points, those first that expire first."),
    )
    points_hold: PointsPayload = strawberry.field(
        resolver=points_hold,
        description=(
            "Keep active points for a purchase in hand; they are captured or released, or active again when the "
            "time is over."
        ),
    )
    points_capture: PointsPayload = strawberry.field(
        resolver=points_capture,
        description=("Spend what is on hold, or a part of it; the rest is active again, or stays on hold."),
    )
    points_release: PointsPayload = strawberry.field(
        resolver=points_release,
        description=("End a hold; what was held is active again."),
    )
    points_reverse: PointsPayload = strawberry.field(
        resolver=points_reverse,
        description=(
            "Undo an operation by an opposite one: spent points come back to the lots that they came from, what "
            "was earned is taken back. Of an order line by its refund, in the same share as the money."
        ),
    )
    points_adjust: PointsAdjustPayload = strawberry.field(
        resolver=points_adjust,
        description=(
            "Give or take points by hand, with a reason. Above the programme's limit APPROVAL_REQUIRED comes with "
            "an approvalId: a second person approves it (actApprove), and the same is sent again with it."
        ),
    )
    points_transfer: PointsPayload = strawberry.field(
        resolver=points_transfer,
        description=(
            "Give active points of the member for whom the app asks to another member. Nothing is told of that "
            "member: whoever cannot get any is NOT_FOUND."
        ),
    )
    points_reinstate: PointsPayload = strawberry.field(
        resolver=points_reinstate,
        description=("Make expired points of a lot good again for a while."),
    )
    points_extend: PointsPayload = strawberry.field(
        resolver=points_extend,
        description=("Let a lot that is still good last longer."),
    )
