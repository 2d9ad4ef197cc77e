"""Approving what a colleague proposed: acts on points and tiers alike."""

import strawberry

from member_hub.graphql.act_approvals import ActApprovePayload, act_approve


@strawberry.type
class ApprovingMutations:
    act_approve: ActApprovePayload = strawberry.field(
        resolver=act_approve,
        description=(
            "Approve what a colleague proposed and may not decide alone: then they carry it out, once, within 24 hours "
            "of proposing. Never one's own proposal, whatever the role. Again changes nothing."
        ),
    )
