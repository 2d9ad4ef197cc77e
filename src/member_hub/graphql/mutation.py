"""The writing part of the schema: one transaction (changing.py), answered as a fresh reading."""

from collections.abc import Awaitable, Callable
from typing import Annotated

import strawberry

from member_hub import profiles
from member_hub.access import Guard, Key
from member_hub.db.base import Tx
from member_hub.errors import NotFound
from member_hub.graphql import reading
from member_hub.graphql.act_approvals import ActApprovePayload, act_approve
from member_hub.graphql.asking import Asking
from member_hub.graphql.benefits import (
    BenefitIssuePayload,
    BenefitUsePayload,
    benefit_issue,
    benefit_use,
    benefit_void,
)
from member_hub.graphql.changing import carried_out
from member_hub.graphql.consenting import ConsentPayload, consent_deny, consent_give
from member_hub.graphql.guardians import GuardianPayload, guardian_confirm, guardian_propose, guardian_revoke
from member_hub.graphql.inputs import MemberEnrolInput, MemberEnrolPayload, ProfileUpdateInput, ProfileUpdatePayload
from member_hub.graphql.keys import member_id_of
from member_hub.graphql.loading import words_of_answer
from member_hub.graphql.member import Member
from member_hub.graphql.member_codes import MemberCodeIssuePayload, member_code_issue
from member_hub.graphql.minor_approvals import (
    MinorApprovalGrantPayload,
    MinorApprovalRevokePayload,
    minor_approval_grant,
    minor_approval_revoke,
)
from member_hub.graphql.objecting import ObjectionPayload, objection_lift, objection_place
from member_hub.graphql.phone_code import PhoneCodeSendPayload, phone_code_send
from member_hub.graphql.points_acts import PointsAdjustPayload, PointsPayload
from member_hub.graphql.points_caring import points_adjust, points_extend, points_reinstate, points_transfer
from member_hub.graphql.points_spending import (
    points_capture,
    points_earn,
    points_hold,
    points_redeem,
    points_release,
    points_reverse,
)
from member_hub.graphql.problems import UserError
from member_hub.graphql.query import Info, wanted_of
from member_hub.graphql.recording import ActivityRecordPayload, OrderRecordPayload, activity_record, order_record
from member_hub.graphql.requested import IdempotencyKey, request_key
from member_hub.graphql.revealing import MemberRevealPayload, RevealApprovePayload, member_reveal, reveal_approve
from member_hub.graphql.selection import Wanted
from member_hub.graphql.sending import AuthoriseSendPayload, authorise_send
from member_hub.graphql.serving_notices import (
    NoticePublishPayload,
    NoticeServedPayload,
    notice_publish,
    notice_served,
)
from member_hub.graphql.tag_types import TagPayload
from member_hub.graphql.tagging import TaggingPayload, tag_approve, tag_assign, tag_define, tag_remove
from member_hub.graphql.tier_placing import TierPlacePayload, tier_place
from member_hub.graphql.tier_rules import TierRulesPayload, tier_rules_approve, tier_rules_propose
from member_hub.ids import MemberId
from member_hub.members.reading import ids_of_person
from member_hub.profiles import Stated, Written

Work = Callable[[Tx], Awaitable[Written]]


async def _member_enrol(
    info: Info,
    input: Annotated[MemberEnrolInput, strawberry.argument(description="The account.")],  # noqa: A002 - CONTRACT's name
    idempotency_key: IdempotencyKey,
) -> MemberEnrolPayload:
    asking, enrolment = info.context, input.read()
    _note_sent(asking, enrolment.stated)
    asking.trail.fields.add(f"{Guard.ACCOUNTS}:WRITE")
    if enrolment.unionid is not None or enrolment.openid is not None:
        asking.trail.fields.add(f"{Guard.IDENTIFIERS}:WRITE")

    if enrolment.member_code is not None:
        asking.trail.looks_up(Key.MEMBER_CODE)

    async def work(tx: Tx) -> Written:
        key = request_key(info, idempotency_key)
        return await profiles.enrol(
            tx,
            asking.caller,
            asking.grant,
            asking.hub.resolver,
            loyalty=asking.hub.loyalty,
            wanted=enrolment,
            resting=asking.hub.policies.register.resting_on_consent,
            key=key,
            now=asking.now,
        )

    member, errors = await _carried_out(asking, wanted_of(info), work, by_key=True)
    return MemberEnrolPayload(member=member, user_errors=errors)


async def _profile_update(
    info: Info,
    id: Annotated[strawberry.ID, strawberry.argument(description="Whose profile.")],  # noqa: A002 - CONTRACT's name
    expected_version: Annotated[int, strawberry.argument(description="The version that was read before.")],
    input: Annotated[ProfileUpdateInput, strawberry.argument(description="What changes.")],  # noqa: A002
) -> ProfileUpdatePayload:
    asking, member_id, stated = info.context, member_id_of(id), input.read()
    _note_sent(asking, stated)

    async def work(tx: Tx) -> Written:
        if member_id is None:
            raise NotFound(field="id")
        return await profiles.update(
            tx,
            asking.caller,
            asking.grant,
            asking.hub.resolver,
            member_id,
            expected_version=expected_version,
            stated=stated,
            resting=asking.hub.policies.register.resting_on_consent,
            now=asking.now,
        )

    member, errors = await _carried_out(asking, wanted_of(info), work, by_key=False)
    if errors and member_id is not None and asking.trail.refusal != NotFound.code:
        asking.trail.member_ids.add(member_id)
    return ProfileUpdatePayload(member=member, user_errors=errors)


@strawberry.type(description="What can be changed. A refused mutation changes nothing and says why in `userErrors`.")
class Mutation:
    member_enrol: MemberEnrolPayload = strawberry.field(
        resolver=_member_enrol,
        description=(
            "Enrol a channel account: it joins the member that it belongs to, or makes a new one. The same key with "
            "the same input finds what came of it before, for seven days; with another input it is a CONFLICT."
        ),
    )
    profile_update: ProfileUpdatePayload = strawberry.field(
        resolver=_profile_update,
        description="Change fields of a profile, unless somebody else changed it since it was read.",
    )
    order_record: OrderRecordPayload = strawberry.field(
        resolver=order_record,
        description=(
            "Record lines of one order as they happen, with their points, growth and the tier after it; all or none. A "
            "line counts once by channel, order and line, whoever brings it, an import or an app: brought again it is "
            "a duplicate with the same answer, with another amount it is a CONFLICT."
        ),
    )
    activity_record: ActivityRecordPayload = strawberry.field(
        resolver=activity_record,
        description=(
            "Record how often an account did something on a day, in place of what was said before. Kept 13 months; who "
            "objected to activity evaluation grows by none of it."
        ),
    )
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
    member_code_issue: MemberCodeIssuePayload = strawberry.field(
        resolver=member_code_issue,
        description=(
            "A new member code of the member who asks, or for whom the mini-program asks: whoever serves at a till "
            "finds them by it, once, within 60 seconds. At most 10 within 5 minutes."
        ),
    )
    member_reveal: MemberRevealPayload = strawberry.field(
        resolver=member_reveal,
        description=(
            "One masked field of a member in reach, in clear, for those who may: with a fresh second factor or a "
            "second person's approval, at most 20 a day, on record with the reason."
        ),
    )
    reveal_approve: RevealApprovePayload = strawberry.field(
        resolver=reveal_approve,
        description="Let one named colleague reveal this field of this member, once, within 24 hours.",
    )
    objection_place: ObjectionPayload = strawberry.field(
        resolver=objection_place,
        description=(
            "Limit or refuse processing (PIPL 44): in force with the answer, for every app and every list, and written "
            "down outside the database first. Placing the same again changes nothing. Undone by objectionLift."
        ),
    )
    objection_lift: ObjectionPayload = strawberry.field(
        resolver=objection_lift,
        description="Take back an objection, or a part of it; only the member can, and under 14 only a guardian.",
    )
    phone_code_send: PhoneCodeSendPayload = strawberry.field(
        resolver=phone_code_send,
        description=(
            "Send a code to a phone, for the member at the till to read back; five minutes, five tries, limits per "
            "number and caller. The answer does not tell whether anybody is known with the number."
        ),
    )
    notice_publish: NoticePublishPayload = strawberry.field(
        resolver=notice_publish,
        description=(
            "Publish a notice for good, in force at once, with the lists of what is collected and shared as declared. "
            "A material change makes every earlier grant for the purposes named stale with it. The same again is the "
            "same notice."
        ),
    )
    notice_served: NoticeServedPayload = strawberry.field(
        resolver=notice_served,
        description=(
            "Put on record that a member was shown the notice in force, and what was asked with it. Nobody is asked "
            "again too soon after a refusal, whichever app asks. The same again within ten minutes is the same serving."
        ),
    )
    authorise_send: AuthoriseSendPayload = strawberry.field(
        resolver=authorise_send,
        description=(
            "Just before something is sent: which of these members may still be contacted for this purpose over this "
            "channel, and at which phone or address. True at this moment; ask again for the next message. Changes "
            "nothing, and is on record."
        ),
    )
    guardian_propose: GuardianPayload = strawberry.field(
        resolver=guardian_propose,
        description=(
            "Propose oneself as the guardian of a child under 14, with the member code that the child shows; staff for "
            "a guardian and a child in reach. Proposing again finds the same link."
        ),
    )
    guardian_confirm: GuardianPayload = strawberry.field(
        resolver=guardian_confirm,
        description=(
            "SELF: the guardian, signed in, with a verified phone that is not the child's. RELATION: staff who saw "
            "what shows the relation, and did not propose the link; where the child has a guardian, the link of that "
            "one is DISPUTED then, and this one waits, until the data protection officer decides. KEEP: the officer "
            "resolves a dispute for this link."
        ),
    )
    guardian_revoke: GuardianPayload = strawberry.field(
        resolver=guardian_revoke,
        description="End a link: the guardian, staff for them, the officer after a court or against a disputed one.",
    )
    minor_approval_grant: MinorApprovalGrantPayload = strawberry.field(
        resolver=minor_approval_grant,
        description=(
            "Let staff see minors (Minors' Online Regulation 36): a store manager the associates of a store, a region "
            "manager also the managers of its stores, the data protection officer every role but their own, and single "
            "uses. Never for oneself; at most 90 days."
        ),
    )
    minor_approval_revoke: MinorApprovalRevokePayload = strawberry.field(
        resolver=minor_approval_revoke,
        description="Take such an approval back at once; the approver, or the officer. Again changes nothing.",
    )
    points_earn: PointsPayload = strawberry.field(
        resolver=points_earn,
        description=(
            "Earn points by the programme's rules: caps of the day and the order, multipliers of campaign and "
            "tier; they are pending through the return window. What comes to no points leaves an entry of none."
        ),
    )
    points_redeem: PointsPayload = strawberry.field(
        resolver=points_redeem,
        description=("Spend active points, those first that expire first."),
    )
    points_hold: PointsPayload = strawberry.field(
        resolver=points_hold,
        description=(
            "Keep active points for a purchase in hand; they are captured or released, or active again when the "
            "time is over."
        ),
    )
    points_capture: PointsPayload = strawberry.field(
        resolver=points_capture,
        description=("Spend what is on hold, or a part of it; the rest is active again, or stays on hold."),
    )
    points_release: PointsPayload = strawberry.field(
        resolver=points_release,
        description=("End a hold; what was held is active again."),
    )
    points_reverse: PointsPayload = strawberry.field(
        resolver=points_reverse,
        description=(
            "Undo an operation by an opposite one: spent points come back to the lots that they came from, what "
            "was earned is taken back. Of an order line by its refund, in the same share as the money."
        ),
    )
    points_adjust: PointsAdjustPayload = strawberry.field(
        resolver=points_adjust,
        description=(
            "Give or take points by hand, with a reason. Above the programme's limit APPROVAL_REQUIRED comes with "
            "an approvalId: a second person approves it (actApprove), and the same is sent again with it."
        ),
    )
    points_transfer: PointsPayload = strawberry.field(
        resolver=points_transfer,
        description=(
            "Give active points of the member for whom the app asks to another member. Nothing is told of that "
            "member: whoever cannot get any is NOT_FOUND."
        ),
    )
    points_reinstate: PointsPayload = strawberry.field(
        resolver=points_reinstate,
        description=("Make expired points of a lot good again for a while."),
    )
    points_extend: PointsPayload = strawberry.field(
        resolver=points_extend,
        description=("Let a lot that is still good last longer."),
    )
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
    act_approve: ActApprovePayload = strawberry.field(
        resolver=act_approve,
        description=(
            "Approve what a colleague proposed and may not decide alone: then they carry it out, once, within 24 hours "
            "of proposing. Never one's own proposal, whatever the role. Again changes nothing."
        ),
    )
    tag_define: TagPayload = strawberry.field(
        resolver=tag_define,
        description=(
            "Propose a tag, or a new version of one; nothing changes until tagApprove. The same again is the same "
            "proposal."
        ),
    )
    tag_approve: TagPayload = strawberry.field(
        resolver=tag_approve,
        description=(
            "Put the newest version of a tag in force, by another person than proposed it; members have it with the "
            "next evaluation, which is due at once."
        ),
    )
    tag_assign: TaggingPayload = strawberry.field(
        resolver=tag_assign,
        description=(
            "Give a member a tag by hand, of those that one may read. Again, it only gets the new end. Refused where "
            "age, an objection or a missing consent is against it."
        ),
    )
    tag_remove: TaggingPayload = strawberry.field(
        resolver=tag_remove, description="Take a tag that was given by hand. Again changes nothing."
    )


def _note_sent(asking: Asking, stated: Stated) -> None:
    """The audit entry names what was to be written, whatever comes of it."""
    asking.trail.fields.update(f"member.{field}:WRITE" for field in stated.sent())
    asking.trail.fields.update(f"collected_for:{purpose}" for purpose in stated.purposes.values())


async def _carried_out(
    asking: Asking, wanted: Wanted, work: Work, *, by_key: bool
) -> tuple[Member | None, list[UserError]]:
    async def noted(tx: Tx) -> MemberId:
        written = await work(tx)
        member_id = written.member_id
        asking.trail.finds([member_id, *written.involved])
        words = await words_of_answer(asking, tx, wanted, member_id)
        for one in await ids_of_person(tx, member_id) if written.involved else (member_id,):
            asking.trail.shows_of(one, words)
        return member_id

    member_id, errors = await carried_out(asking, noted)
    return (None, errors) if member_id is None else (await reading.by_id(asking, wanted, member_id, by_key=by_key), [])
