"""Tags, defined by two persons and given by hand."""

import strawberry

from member_hub.graphql.tag_types import TagPayload
from member_hub.graphql.tagging import TaggingPayload, tag_approve, tag_assign, tag_define, tag_remove


@strawberry.type
class TagMutations:
    tag_define: TagPayload = strawberry.field(
        resolver=tag_define,
        description=(
            "Propose a tag, or a new version of one; nothing changes until tagApprove. The same again is the same "
            "proposal."
        ),
    )
    tag_approve: TagPayload = strawberry.field(
        resolver=tag_approve,
        description=(
            "Put the newest version of a tag in force, by another person than proposed it; members have it with the "
            "next evaluation, which is due at once."
        ),
    )
    tag_assign: TaggingPayload = strawberry.field(
        resolver=tag_assign,
        description=(
            "Give a member a tag by hand, of those that one may read. Again, it only gets the new end. Refused where "
            "age, an objection or a missing consent is against it, and while the member is frozen or restricted."
        ),
    )
    tag_remove: TaggingPayload = strawberry.field(
        resolver=tag_remove,
        description=("Take a tag that was given by hand. Again changes nothing. Refused while the member is frozen."),
    )
