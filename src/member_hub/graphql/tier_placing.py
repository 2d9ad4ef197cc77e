"""tierPlace: a member is placed by hand, by one who asks and another who approves."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from member_hub import idempotency, tiers
from member_hub.approving import Proposal, ProposedAct
from member_hub.consent.deciding.holding import locked_in_reach
from member_hub.counting import refuse_behind
from member_hub.db.base import Tx
from member_hub.graphql import reading
from member_hub.graphql.asking import Asking
from member_hub.graphql.changing import carried_out
from member_hub.graphql.keys import member_id_of
from member_hub.graphql.loading import note_answer
from member_hub.graphql.member import Member
from member_hub.graphql.problems import UserError
from member_hub.graphql.query import Info, wanted_of
from member_hub.graphql.requested import IdempotencyKey, request_key
from member_hub.graphql.scalars import given
from member_hub.graphql.second_person import approval_due, approved_by, proposed
from member_hub.ids import MemberId
from member_hub.members.serving import refuse_inactive
from member_hub.tiers import Placement, PlacingReason
from member_hub.tiers.standing.placing import checked


@strawberry.input(description="Who is placed where, until when and why.")
class TierPlaceInput:
    id: strawberry.ID = strawberry.field(description="Id of the member.")
    tier: str = strawberry.field(description="Code of the tier below which the member is not to fall.")
    until: datetime = strawberry.field(description="The last day of it, in China; after today, within two years.")
    reason: PlacingReason = strawberry.field(description="Why.")
    approval_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="Of the proposal that another person approved; null: propose it."
    )


@strawberry.type(description="What became of a placement.")
class TierPlacePayload:
    member: Member | None = strawberry.field(description="The member; null if refused.")
    approval_id: strawberry.ID | None = strawberry.field(
        description="Beside APPROVAL_REQUIRED: what another person has to approve; then send the same with it."
    )
    user_errors: list[UserError] = strawberry.field(description="Why it was refused; empty: it was done.")


async def tier_place(
    info: Info,
    input: Annotated[TierPlaceInput, strawberry.argument(description="The placement.")],  # noqa: A002 - as elsewhere
    idempotency_key: IdempotencyKey,
) -> TierPlacePayload:
    asking = info.context

    async def work(tx: Tx) -> MemberId | UUID:
        """The member who was placed, or the proposal that another person has to approve."""
        asking.trail.refusal = None
        wanted = request_key(info, idempotency_key)
        root = MemberId(await locked_in_reach(tx, asking.visible, member_id_of(input.id), field="id"))
        asking.trail.member_ids.add(root)  # from here on the trail knows whom a refusal is about
        placement = Placement(input.tier, input.until, input.reason)
        proposal = await _proposal(asking, tx, placement)
        if given(input.approval_id) is None:
            await refuse_inactive(tx, root, field="id")  # nobody is asked to approve what cannot be done
            return await proposed(asking, tx, root, proposal)
        if await idempotency.begin(tx, asking.hub.vault, wanted, now=asking.now) is None:
            by = await approved_by(asking, tx, root, proposal, given(input.approval_id), key=wanted)
            assert by is not None, "an approval was named"
            await refuse_behind(tx, now=asking.now)
            await tiers.place(
                tx,
                asking.caller,
                root,
                programme=asking.hub.tiers,
                placement=placement,
                approved_by=by,
                now=asking.now,
            )
            await idempotency.finish(tx, asking.hub.vault, wanted, root)
        asking.trail.finds([root])
        await note_answer(asking, tx, wanted_of(info), root)
        return root

    done, errors = await carried_out(asking, work)
    if done is None:
        return TierPlacePayload(member=None, approval_id=None, user_errors=errors)
    if asking.trail.refusal is not None:
        return TierPlacePayload(member=None, approval_id=strawberry.ID(str(done)), user_errors=approval_due(asking))
    member = await reading.by_id(asking, wanted_of(info), MemberId(done))
    return TierPlacePayload(member=member, approval_id=None, user_errors=[])


async def _proposal(asking: Asking, tx: Tx, placement: Placement) -> Proposal:
    """What the second person sees. Raises TierUnknown, PlacementTooLong."""
    rules = (await tiers.in_force(tx, asking.hub.tiers, now=asking.now)).rules
    until = checked(rules, placement, asking.now)
    asking.trail.fields.update((f"tier:{placement.tier}", f"reason:{placement.reason.value}"))
    return Proposal(ProposedAct.TIER_PLACE, placement.reason.value, tier=placement.tier, until=until)
