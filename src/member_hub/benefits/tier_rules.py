"""Whether rules of tiers could be put in force here: what a proposal and a back-test at the command line both refuse.

It stands here because it takes both: the tiers that members hold, and the benefits that tiers name as gifts.
"""

from member_hub.benefits.programme import without_gift
from member_hub.benefits.rules import BenefitRules
from member_hub.db.base import Tx
from member_hub.tiers import TierRules
from member_hub.tiers.proposals import keeps_tiers
from member_hub.tiers.rules.texts import RulesInvalid


async def fits(tx: Tx, rules: TierRules, benefits: BenefitRules) -> None:
    """Raises RulesInvalid for a gift that the programme does not know, so that nobody would ever be given it, and
    where a tier is missing that members hold."""
    for level in without_gift(benefits, rules):
        raise RulesInvalid(
            f"The gift of the tier {level.code} is no promotion benefit of that tier.",
            zh=f"等级 {level.code} 的晋级礼不是该等级的晋级权益。",
            field="rules",
        )
    await keeps_tiers(tx, rules)
