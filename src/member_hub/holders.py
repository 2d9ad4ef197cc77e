"""The one list of holders: whoever stores something about a person (DESIGN 2); passed down to rights and merging."""

from collections.abc import Sequence

from member_hub.approving.holder import ActApprovalsHolder
from member_hub.benefits.holder import BenefitsHolder
from member_hub.clock import Clock
from member_hub.consent.holder import ConsentHolder
from member_hub.holding import MemberRows
from member_hub.identity.holder import IdentityHolder
from member_hub.ingest.holder import IngestHolder
from member_hub.members.holder import MembersHolder
from member_hub.orders.holder import OrdersHolder
from member_hub.points.holder import PointsHolder
from member_hub.privacy import Holder
from member_hub.revealing.holder import ApprovalsHolder
from member_hub.sign_in.holder import SignInHolder
from member_hub.tags.holder import TagsHolder
from member_hub.telling.holder import TellingHolder
from member_hub.tiers.holder import TiersHolder
from member_hub.till.tables import MemberCode


def holders_by(clock: Clock) -> Sequence[Holder]:
    """The list, with the clock by which those go that write down when something moved."""
    return (
        MembersHolder(),
        IdentityHolder(),
        ConsentHolder(),
        OrdersHolder(),
        TiersHolder(clock),
        PointsHolder(clock),
        TagsHolder(clock),
        BenefitsHolder(clock),  # behind tiers, whose terms it counts by
        IngestHolder(),
        MemberRows((MemberCode,)),
        ApprovalsHolder(),
        ActApprovalsHolder(),
        TellingHolder(),
        SignInHolder(),
    )


HOLDERS: Sequence[Holder] = holders_by(Clock())
