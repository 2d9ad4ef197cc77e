"""Members under age: their guardians, and who of the staff may see them."""

import strawberry

from member_hub.graphql.guardians import GuardianPayload, guardian_confirm, guardian_propose, guardian_revoke
from member_hub.graphql.minor_approvals import (
    MinorApprovalGrantPayload,
    MinorApprovalRevokePayload,
    minor_approval_grant,
    minor_approval_revoke,
)


@strawberry.type
class MinorMutations:
    guardian_propose: GuardianPayload = strawberry.field(
        resolver=guardian_propose,
        description=(
            "Propose oneself as the guardian of a child under 14, with the member code that the child shows; staff for "
            "a guardian and a child in reach. Proposing again finds the same link."
        ),
    )
    guardian_confirm: GuardianPayload = strawberry.field(
        resolver=guardian_confirm,
        description=(
            "SELF: the guardian, signed in, with a verified phone that is not the child's. RELATION: staff who saw "
            "what shows the relation, and did not propose the link; where the child has a guardian, the link of that "
            "one is DISPUTED then, and this one waits, until the data protection officer decides. KEEP: the officer "
            "resolves a dispute for this link."
        ),
    )
    guardian_revoke: GuardianPayload = strawberry.field(
        resolver=guardian_revoke,
        description="End a link: the guardian, staff for them, the officer after a court or against a disputed one.",
    )
    minor_approval_grant: MinorApprovalGrantPayload = strawberry.field(
        resolver=minor_approval_grant,
        description=(
            "Let staff see minors (Minors' Online Regulation 36): a store manager the associates of a store, a region "
            "manager also the managers of its stores, the data protection officer every role but their own, and single "
            "uses. Never for oneself; at most 90 days."
        ),
    )
    minor_approval_revoke: MinorApprovalRevokePayload = strawberry.field(
        resolver=minor_approval_revoke,
        description="Take such an approval back at once; the approver, or the officer. Again changes nothing.",
    )
