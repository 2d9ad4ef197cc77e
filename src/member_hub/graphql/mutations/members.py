"""Enrolling members, changing their profiles, and what they bought and did."""

import strawberry

from member_hub.graphql.enrolling import member_enrol, profile_update
from member_hub.graphql.inputs import MemberEnrolPayload, ProfileUpdatePayload
from member_hub.graphql.recording import ActivityRecordPayload, OrderRecordPayload, activity_record, order_record


@strawberry.type
class MemberMutations:
    member_enrol: MemberEnrolPayload = strawberry.field(
        resolver=member_enrol,
        description=(
            "Enrol a channel account: it joins the member that it belongs to, or makes a new one. The same key with "
            "the same input finds what came of it before, for eight days; with another input it is a CONFLICT."
        ),
    )
    profile_update: ProfileUpdatePayload = strawberry.field(
        resolver=profile_update,
        description="Change fields of a profile, unless somebody else changed it since it was read.",
    )
    order_record: OrderRecordPayload = strawberry.field(
        resolver=order_record,
        description=(
            "Record lines of one order as they happen, with their points, growth and the tier after it; all or none. A "
            "line counts once by channel, order and line, whoever brings it, an import or an app: brought again it is "
            "a duplicate with the same answer, with another amount it is a CONFLICT. What an import left "
            "waiting for an account that nobody has is from now on the member's."
        ),
    )
    activity_record: ActivityRecordPayload = strawberry.field(
        resolver=activity_record,
        description=(
            "Record how often an account did something on a day, in place of what was said before. Kept 13 months; who "
            "objected to activity evaluation grows by none of it."
        ),
    )
