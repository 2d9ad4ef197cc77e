"""What members object to."""

import strawberry

from member_hub.graphql.objecting import ObjectionPayload, objection_lift, objection_place


@strawberry.type
class ObjectionMutations:
    objection_place: ObjectionPayload = strawberry.field(
        resolver=objection_place,
        description=(
            "Limit or refuse processing (PIPL 44): in force with the answer, for every app and every list, and written "
            "down outside the database first. Placing the same again changes nothing. Undone by objectionLift."
        ),
    )
    objection_lift: ObjectionPayload = strawberry.field(
        resolver=objection_lift,
        description="Take back an objection, or a part of it; only the member can, and under 14 only a guardian.",
    )
