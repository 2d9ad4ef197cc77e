"""Letting somebody see a member: by a code at the till, or one masked field in clear."""

import strawberry

from member_hub.graphql.member_codes import MemberCodeIssuePayload, member_code_issue
from member_hub.graphql.revealing import MemberRevealPayload, RevealApprovePayload, member_reveal, reveal_approve


@strawberry.type
class SeeingMutations:
    member_code_issue: MemberCodeIssuePayload = strawberry.field(
        resolver=member_code_issue,
        description=(
            "A new member code of the member who asks, or for whom the mini-program asks: whoever serves at a till "
            "finds them by it, once, within 60 seconds. At most 10 within 5 minutes."
        ),
    )
    member_reveal: MemberRevealPayload = strawberry.field(
        resolver=member_reveal,
        description=(
            "One masked field of a member in reach, in clear, for those who may: with a fresh second factor or a "
            "second person's approval, at most 20 a day, on record with the reason."
        ),
    )
    reveal_approve: RevealApprovePayload = strawberry.field(
        resolver=reveal_approve,
        description="Let one named colleague reveal this field of this member, once, within 24 hours.",
    )
