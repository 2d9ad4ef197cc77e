"""Benefits: what a member may use by tier, campaign, birthday or gift, and what was used of it (B1, B2)."""

from member_hub.benefits.clockwork import Given, Occasions
from member_hub.benefits.gifts import Gifts
from member_hub.benefits.issuing import issue
from member_hub.benefits.programme import rules_of
from member_hub.benefits.rules import Benefit, BenefitRules
from member_hub.benefits.using import Asked, Desk, Used, Using, filed_under, use, void

__all__ = [
    "Asked",
    "Benefit",
    "BenefitRules",
    "Desk",
    "Gifts",
    "Given",
    "Occasions",
    "Used",
    "Using",
    "filed_under",
    "issue",
    "rules_of",
    "use",
    "void",
]
