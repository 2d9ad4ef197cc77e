"""The closed lists of words of the schema: the domains' own enumerations, described for the API."""

from enum import StrEnum

import strawberry

from member_hub.consent.words import ContactChannel
from member_hub.identity.kinds import ClaimStatus
from member_hub.members.rules import SourceStrength
from member_hub.members.tables import Channel, MemberStatus
from member_hub.orders.rules import OrderStatus
from member_hub.privacy import Mask, ProfileField

strawberry.enum(ContactChannel, description="Over what a member is contacted.")
strawberry.enum(Channel, description="Where a channel account, a value or an order comes from.")
strawberry.enum(MemberStatus, description="State of a membership. Merged ids answer as the member they went into.")
strawberry.enum(ProfileField, description="A field of a member's profile.")
strawberry.enum(Mask, description="How a value looks where masking is enough; NONE has no masked form and is denied.")
strawberry.enum(OrderStatus, description="What an order line is: PAID, or REFUNDED with a negative amount.")
strawberry.enum(
    ClaimStatus,
    name="IdentifierStatus",
    description=(
        "What became of an identifier: ACTIVE finds this member; UNVERIFIED was only typed; RELEASED was given up or "
        "is somebody else's by now; SHARED is stated by too many; DEMOTED is beyond a limit."
    ),
)
strawberry.enum(
    SourceStrength, name="ValueSource", description="How a value came to be known, the strongest being VERIFIED."
)


@strawberry.enum(
    description=(
        "What a guarded field shows to this caller: CLEAR, `value` and `display` hold the value; MASKED, `display` "
        "holds the masked form and `value` is null; DENIED, nothing of the value is shown, nor, for a field of the "
        "profile, whether there is one (a row of `accounts` or `identifiers` stands, and only its value is DENIED); "
        "ABSENT, there is no value; NOT_CONSENTED, the member has not consented to this purpose (not in use yet)."
    )
)
class FieldState(StrEnum):
    CLEAR = "clear"
    MASKED = "masked"
    DENIED = "denied"
    ABSENT = "absent"
    NOT_CONSENTED = "not_consented"


@strawberry.enum(description="Gender as stated: F female, M male.")
class Gender(StrEnum):
    F = "F"
    M = "M"


@strawberry.enum(
    description=(
        "A kind of identifier: UNIONID is the person on an open platform, the same in all its apps; OPENID the person "
        "in one app; CARD a store card; PHONE; EMAIL; DEVICE never finds or joins anybody. "
        "The own numbers of website and app accounts are in `accounts`."
    )
)
class IdentifierKind(StrEnum):
    UNIONID = "unionid"
    OPENID = "openid"
    CARD = "card"
    PHONE = "phone"
    EMAIL = "email"
    DEVICE = "device"
