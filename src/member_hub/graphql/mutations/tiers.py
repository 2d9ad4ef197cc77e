"""Tiers by hand, and the rules that decide them."""

import strawberry

from member_hub.graphql.tier_placing import TierPlacePayload, tier_place
from member_hub.graphql.tier_rules import TierRulesPayload, tier_rules_approve, tier_rules_propose


@strawberry.type
class TierMutations:
    tier_place: TierPlacePayload = strawberry.field(
        resolver=tier_place,
        description=(
            "Place a member by hand: not below this tier until the day named. Without an approval it is proposed: "
            "APPROVAL_REQUIRED and `approvalId`. The same key with the same input finds what came of it before."
        ),
    )
    tier_rules_propose: TierRulesPayload = strawberry.field(
        resolver=tier_rules_propose,
        description=(
            "Propose rules of tiers; another person approves them. They hold for the whole organisation, for every "
            "handler; the answer tells whom they would move among the members of the proposer's own handler."
        ),
    )
    tier_rules_approve: TierRulesPayload = strawberry.field(
        resolver=tier_rules_approve,
        description=(
            "Put proposed rules in force from their time on, for every handler; never one's own. Again changes nothing."
        ),
    )
