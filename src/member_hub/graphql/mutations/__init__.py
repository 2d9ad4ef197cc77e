"""The writing part of the schema: a class of fields per area, put together in the order that the schema has them in."""

import strawberry

from member_hub.graphql.mutations.approving import ApprovingMutations
from member_hub.graphql.mutations.benefits import BenefitMutations
from member_hub.graphql.mutations.consent import ConsentMutations
from member_hub.graphql.mutations.contacting import ContactMutations
from member_hub.graphql.mutations.members import MemberMutations
from member_hub.graphql.mutations.minors import MinorMutations
from member_hub.graphql.mutations.objections import ObjectionMutations
from member_hub.graphql.mutations.points import PointsMutations
from member_hub.graphql.mutations.seeing import SeeingMutations
from member_hub.graphql.mutations.tags import TagMutations
from member_hub.graphql.mutations.tiers import TierMutations

__all__ = ["Mutation"]


@strawberry.type(description="What can be changed. A refused mutation changes nothing and says why in `userErrors`.")
class Mutation(
    MemberMutations,
    ConsentMutations,
    BenefitMutations,
    SeeingMutations,
    ObjectionMutations,
    ContactMutations,
    MinorMutations,
    PointsMutations,
    TierMutations,
    ApprovingMutations,
    TagMutations,
):
    pass
