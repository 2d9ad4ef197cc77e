"""The closed lists of words of the schema: the domains' own enumerations, described for the API."""

from enum import StrEnum

import strawberry

from member_hub.consent.words import (
    Act,
    Actor,
    ByWayOf,
    ConsentState,
    ContactChannel,
    EvidenceKind,
    Locale,
    Method,
    NoticeFamily,
)
from member_hub.identity.kinds import ClaimStatus
from member_hub.members.rules import SourceStrength
from member_hub.members.tables import Channel, MemberStatus
from member_hub.members.taggings import TagKind
from member_hub.orders.rules import OrderStatus
from member_hub.privacy import DataClass, Mask, ProfileField, Purpose
from member_hub.tags.figures import FigureKind, FigureSource

strawberry.enum(Purpose, description="What personal information is processed for.")
strawberry.enum(Channel, description="Where a channel account, a value or an order comes from.")
strawberry.enum(MemberStatus, description="State of a membership. Merged ids answer as the member they went into.")
strawberry.enum(ProfileField, description="A field of a member's profile.")
strawberry.enum(Purpose, description="What personal information is processed for, as the caller declared it.")
strawberry.enum(ContactChannel, description="Over what a member is contacted.")
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
    NoticeFamily,
    description=(
        "Which line of notices: GENERAL, CHILDREN for members under 14, or the older texts of a channel, which are on "
        "record for what was said under them."
    ),
)
strawberry.enum(Locale, description="A language that every notice speaks.")
strawberry.enum(ByWayOf, description="How a notice was put before somebody.")
strawberry.enum(ContactChannel, description="Over what one is contacted; a consent over one says nothing of another.")
strawberry.enum(
    SourceStrength, name="ValueSource", description="How a value came to be known, the strongest being VERIFIED."
)
strawberry.enum(
    ConsentState,
    description=(
        "Where a decision stands. Only GRANTED lets anything happen. NEVER_ASKED; ASKED, no answer yet, which is no "
        "consent; GUARDIAN_PENDING, a child agreed and the guardian has to; REFUSED and WITHDRAWN are a no; STALE, to "
        "be given anew after a material change or at 14; EXPIRED, its term is over; LAPSED, nobody answered in time; "
        "INVALIDATED, it was none; CLOSED, the person was erased."
    ),
)
strawberry.enum(Act, name="ConsentAct", description="What happened to a decision.")
strawberry.enum(
    Actor,
    name="ConsentActor",
    description=(
        "What kind of actor: the MEMBER; a GUARDIAN; STAFF_ON_BEHALF of the member; an APP; a FILE, what a channel's "
        "delivery says the member did there; the DPO; TIMER, the clock; SYSTEM, the hub."
    ),
)
strawberry.enum(
    TagKind,
    description=(
        "How a tag comes to a member: by HAND; by a RULE over declared figures; by IMPORT of a file; COMPUTED, with a "
        "value of its own (RFM, lifecycle stage, churn risk)."
    ),
)
strawberry.enum(FigureKind, name="TagFigureKind", description="What the value of a figure is.")
strawberry.enum(FigureSource, name="TagFigureSource", description="What a figure is made from.")
strawberry.enum(DataClass, description="Data with the same purposes, which share a key.")
strawberry.enum(Method, name="ConsentMethod", description="How it was given; NONE: by the clock or the hub itself.")
strawberry.enum(
    EvidenceKind,
    description="What staff have in hand: a SIGNED_SLIP, a one-time code that was read back (CODE_ECHO), a RECORDING.",
)


@strawberry.enum(
    description=(
        "What a guarded field shows to this caller: CLEAR, `value` and `display` hold the value; MASKED, `display` "
        "holds the masked form and `value` is null; DENIED, nothing of the value is shown, nor, for a field of the "
        "profile, whether there is one (a row of `accounts` or `identifiers` stands, and only its value is DENIED); "
        "ABSENT, there is no value; NOT_CONSENTED, there is a value, and the member gave it for another purpose alone."
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
