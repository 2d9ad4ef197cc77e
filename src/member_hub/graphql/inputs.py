"""What mutations take and give."""

import strawberry

from member_hub.graphql.enums import Gender
from member_hub.graphql.keys import OpenidKey
from member_hub.graphql.member import Member
from member_hub.graphql.problems import UserError
from member_hub.graphql.scalars import given
from member_hub.members.tables import Channel
from member_hub.privacy import ProfileField, Purpose
from member_hub.profiles import CollectedFor, Enrolment, Stated

_COLLECTED = (
    "Fields that are given for a purpose that the member consented to, and for nothing else: shown for no other "
    "purpose, and deleted when that consent ends. Everything else is held for the service."
)
_VERIFIED = "Whether the app has just verified it by a code or a link; staff cannot vouch for it."


@strawberry.input(description="A field that only a consented purpose justifies asking for.")
class CollectedForInput:
    field: ProfileField = strawberry.field(description="NAME, BIRTHDAY, GENDER or ADDRESS; it stands in this input.")
    purpose: Purpose = strawberry.field(
        description="A purpose that rests on consent, and the member's consent to it stands now."
    )


@strawberry.input(description="A channel account to be enrolled, with what its person gave.")
class MemberEnrolInput:
    channel: Channel = strawberry.field(description="Where the account is.")
    account: str = strawberry.field(description="Website account, app user id or store card number; new to the hub.")
    appid: str | None = strawberry.field(
        default=strawberry.UNSET, description="For APP: in which app. May be left out if only one."
    )
    home_store: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="Store of the card. Staff name one of their own; who has just one may leave it out.",
    )
    name: str | None = strawberry.field(default=strawberry.UNSET, description="Name.")
    phone: str | None = strawberry.field(default=strawberry.UNSET, description="Phone, in any usual spelling.")
    phone_verified: bool = strawberry.field(default=False, description=_VERIFIED)
    email: str | None = strawberry.field(default=strawberry.UNSET, description="E-mail address.")
    email_verified: bool = strawberry.field(default=False, description=_VERIFIED)
    birthday: str | None = strawberry.field(default=strawberry.UNSET, description="Date of birth: 1961-02-03.")
    gender: Gender | None = strawberry.field(default=strawberry.UNSET, description="Gender.")
    address: str | None = strawberry.field(default=strawberry.UNSET, description="Address.")
    collected_for: list[CollectedForInput] | None = strawberry.field(default=strawberry.UNSET, description=_COLLECTED)
    unionid: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="Person on the open platform, from a server-side code exchange; only from an app.",
    )
    openid: OpenidKey | None = strawberry.field(
        default=strawberry.UNSET, description="Person in the app of this account; only from an app."
    )
    member_code: str | None = strawberry.field(
        default=strawberry.UNSET,
        description=(
            "What the person shows who is a member already, whichever store is theirs: by the code alone the card "
            "joins that member, or is refused. A phone or a name that is not theirs is a CONFLICT."
        ),
    )

    def read(self) -> Enrolment:
        openid = given(self.openid)
        return Enrolment(
            channel=self.channel,
            account=self.account,
            stated=_stated(self),
            appid=given(self.appid) or (openid.appid if openid else None),
            home_store=given(self.home_store),
            unionid=given(self.unionid),
            openid=openid.openid if openid else None,
            member_code=given(self.member_code),
        )


@strawberry.input(
    description=(
        "Fields of a profile to change; what is left out or null stays as it is (a field cannot be emptied yet). "
        "A typed phone or e-mail address does not take the place of a verified one."
    )
)
class ProfileUpdateInput:
    name: str | None = strawberry.field(default=strawberry.UNSET, description="Name.")
    phone: str | None = strawberry.field(default=strawberry.UNSET, description="Phone, in any usual spelling.")
    phone_verified: bool = strawberry.field(default=False, description=_VERIFIED)
    email: str | None = strawberry.field(default=strawberry.UNSET, description="E-mail address.")
    email_verified: bool = strawberry.field(default=False, description=_VERIFIED)
    birthday: str | None = strawberry.field(default=strawberry.UNSET, description="Date of birth: 1961-02-03.")
    gender: Gender | None = strawberry.field(default=strawberry.UNSET, description="Gender.")
    address: str | None = strawberry.field(default=strawberry.UNSET, description="Address.")
    collected_for: list[CollectedForInput] | None = strawberry.field(default=strawberry.UNSET, description=_COLLECTED)

    def read(self) -> Stated:
        return _stated(self)


def _stated(sent: MemberEnrolInput | ProfileUpdateInput) -> Stated:
    gender = given(sent.gender)
    return Stated(
        name=given(sent.name),
        phone=given(sent.phone),
        email=given(sent.email),
        birthday=given(sent.birthday),
        gender=gender.value if gender else None,
        address=given(sent.address),
        phone_verified=sent.phone_verified,
        email_verified=sent.email_verified,
        collected_for=[CollectedFor(one.field, one.purpose) for one in given(sent.collected_for) or ()],
    )


@strawberry.type(description="What became of an enrolment.")
class MemberEnrolPayload:
    member: Member | None = strawberry.field(description="The member that the account belongs to; null if refused.")
    user_errors: list[UserError] = strawberry.field(description="Why it was refused; empty: it was done.")


@strawberry.type(description="What became of an update.")
class ProfileUpdatePayload:
    member: Member | None = strawberry.field(description="The member after the update; null if refused.")
    user_errors: list[UserError] = strawberry.field(description="Why it was refused; empty: it was done.")
