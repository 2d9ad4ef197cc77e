"""Benefits, given and used."""

import strawberry

from member_hub.graphql.benefits import BenefitIssuePayload, BenefitUsePayload, benefit_issue, benefit_use, benefit_void


@strawberry.type
class BenefitMutations:
    benefit_issue: BenefitIssuePayload = strawberry.field(
        resolver=benefit_issue,
        description=(
            "Give a member a benefit that the programme lets be issued, within its limits for a member in a year and "
            "for a person of the staff in a day. The same key with the same input gives it once."
        ),
    )
    benefit_use: BenefitUsePayload = strawberry.field(
        resolver=benefit_use,
        description=(
            "Count one use of a benefit. The tier that is held now decides, and what is left; the same key with the "
            "same input counts once, and gives the first use again."
        ),
    )
    benefit_void: BenefitUsePayload = strawberry.field(
        resolver=benefit_void,
        description=(
            "Take a use back and give the count back, once, within the time that the programme states: the kind of app "
            "that recorded it, or staff."
        ),
    )
