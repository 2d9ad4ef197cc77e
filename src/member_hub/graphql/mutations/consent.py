"""What members agree to and what they refuse."""

import strawberry

from member_hub.graphql.consenting import ConsentPayload, consent_deny, consent_give


@strawberry.type
class ConsentMutations:
    consent_give: ConsentPayload = strawberry.field(
        resolver=consent_give,
        description=(
            "Give consent: one answer to one asking, all of it or nothing. The same key with the same input answers as "
            "things stand then. Under 14 it is handed on to the guardian: GUARDIAN_DUE, and the state GUARDIAN_PENDING."
        ),
    )
    consent_refuse: ConsentPayload = strawberry.field(
        resolver=consent_deny,
        description=(
            "Say no, asked or not: what was granted ends as by consentWithdraw. It holds with the answer, and covers "
            "everything narrower; again changes nothing."
        ),
    )
    consent_withdraw: ConsentPayload = strawberry.field(
        resolver=consent_deny,
        description=(
            "Withdraw consent in one step, without reason or key; what was never granted is refused from now on. It "
            "holds with the answer, also after a restore: where that cannot be written down, UNAVAILABLE and no change."
        ),
    )
