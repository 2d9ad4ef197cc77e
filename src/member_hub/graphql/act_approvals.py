"""actApprove and actApprovals: the second person for what one must not decide alone, and what waits for one.

Decision: whoever may not see what an act is about does not approve it either: nobody answers for what they cannot read.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import strawberry
from sqlalchemy import Row

from member_hub import approving
from member_hub.access import Guard, Verdict
from member_hub.approving import ApprovalState, ProposedAct
from member_hub.approving.queries import about_whom, open_page, position_of
from member_hub.approving.rules import state_of
from member_hub.approving.tables import ActApproval as Stored
from member_hub.consent.deciding.holding import locked_in_reach
from member_hub.db.base import Tx
from member_hub.db.bulk import table_of
from member_hub.errors import Forbidden, NotFound, Refused
from member_hub.graphql.asking import Asking
from member_hub.graphql.building import global_id
from member_hub.graphql.changing import carried_out
from member_hub.graphql.enums import FieldState
from member_hub.graphql.guarded import guarded
from member_hub.graphql.paging import After, PageInfo, proposal_cursor, proposal_position, slice_of
from member_hub.graphql.problems import UserError
from member_hub.graphql.scalars import Points, given
from member_hub.ids import MemberId

Info = strawberry.Info[Asking, None]
_t = table_of(Stored).c

strawberry.enum(ProposedAct, description="What takes a second person.")
strawberry.enum(
    ApprovalState,
    name="ActApprovalState",
    description="WAITING for a second person; APPROVED, and not used yet; USED; EXPIRED unused.",
)


class NotShown(Forbidden):
    zh = "当前角色与处理目的不能查看该操作的内容，因此不能批准。"
    en = "This role and purpose may not see what the act is about, and so does not approve it."


@strawberry.type(description="One act on one member that somebody proposed, whole: what does not belong to it is null.")
class ActApproval:
    id: strawberry.ID = strawberry.field(description="To approve it by, and to carry it out with.")
    act: ProposedAct = strawberry.field(description="Which act.")
    state: ApprovalState = strawberry.field(description="Where it stands.")
    member: strawberry.ID = strawberry.field(description="Whom it is about.")
    amount: Points | None = strawberry.field(
        description="Points to be given; negative: to be taken.", directives=[guarded(_t.amount)]
    )
    tier: str | None = strawberry.field(description="The tier to be placed in.", directives=[guarded(_t.tier)])
    floor: str | None = strawberry.field(
        description="Below which tier the member is not to fall.", directives=[guarded(_t.floor)]
    )
    until: datetime | None = strawberry.field(
        description="Until when the placement is to hold.", directives=[guarded(_t.until)]
    )
    reason: str = strawberry.field(description="Why, in a word of the act.", directives=[guarded(_t.reason)])
    proposed_by: str = strawberry.field(description="Staff number of the one who asks.")
    proposed_at: datetime = strawberry.field(description="When.")
    approved_by: str | None = strawberry.field(description="Staff number of the one who approved; null: nobody yet.")
    approved_at: datetime | None = strawberry.field(description="When.")
    expires_at: datetime = strawberry.field(description="Until when it can be approved and carried out.")


@strawberry.type(description="A proposal in its place in the list.")
class ActApprovalEdge:
    cursor: str = strawberry.field(description="Opaque position, for `after`.")
    node: ActApproval = strawberry.field(description="The proposal.")


@strawberry.type(description="A page of open proposals, the newest first.")
class ActApprovalConnection:
    state: FieldState = strawberry.field(
        description="CLEAR; or DENIED where the caller may not see what the acts are about, and then the page is empty."
    )
    edges: list[ActApprovalEdge] = strawberry.field(description="The proposals of this page.")
    page_info: PageInfo = strawberry.field(description="Where this page stands.")


@strawberry.type(description="What became of approving.")
class ActApprovePayload:
    expires_at: datetime | None = strawberry.field(
        description="Until when the one who proposed it may carry it out, once; null if refused."
    )
    user_errors: list[UserError] = strawberry.field(description="Why it was refused; empty: it is approved.")


async def act_approve(
    info: Info,
    approval_id: Annotated[strawberry.ID, strawberry.argument(description="Of the proposal.")],
) -> ActApprovePayload:
    asking = info.context

    async def work(tx: Tx) -> datetime:
        if asking.grant.read(Guard.LOYALTY) is not Verdict.CLEAR:
            raise NotShown(field="approvalId")
        wanted = uuid_of(approval_id, refusal=NotFound(field="approvalId"))
        named = await about_whom(tx, wanted)
        root = await locked_in_reach(tx, asking.visible, named, field="approvalId", is_shared=True)
        asking.trail.member_ids.add(root)  # from here on the trail knows whom a refusal is about
        ends = await approving.approve(tx, asking.caller, root, wanted, now=asking.now)
        asking.trail.finds([root])
        return ends

    ends, errors = await carried_out(asking, work)
    return ActApprovePayload(expires_at=ends, user_errors=errors)


async def act_approvals(
    info: Info,
    first: Annotated[int, strawberry.argument(description="How many, 1 to 100.")],
    after: After = strawberry.UNSET,
) -> ActApprovalConnection:
    asking, vault = info.context, info.context.hub.vault
    asked = slice_of(first=first, after=given(after), last=None, before=None)
    at = proposal_position(vault, asked.cursor)
    verdict = asking.grant.read(Guard.LOYALTY)
    asking.trail.shows(Guard.LOYALTY, verdict)
    rows: Sequence[Row[Any]] = ()
    has_more = False
    if verdict is Verdict.CLEAR:
        async with asking.snapshot.reading() as tx:
            rows, has_more = await open_page(tx, asking.visible, count=asked.count, after=at, now=asking.now)
    asking.trail.finds({row.member_id for row in rows})
    edges = [
        ActApprovalEdge(cursor=proposal_cursor(vault, position_of(row)), node=_shown(row, asking.now)) for row in rows
    ]
    return ActApprovalConnection(
        state=FieldState.CLEAR if verdict is Verdict.CLEAR else FieldState.DENIED,
        edges=edges,
        page_info=PageInfo(
            has_next_page=has_more,
            has_previous_page=asked.cursor is not None,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else None,
        ),
    )


def uuid_of(text: str, *, refusal: Refused) -> UUID:
    """Raises the refusal for what is no id: nothing is known under it."""
    try:
        return UUID(text)
    except ValueError:
        raise refusal from None


def _shown(row: Row[Any], now: datetime) -> ActApproval:
    return ActApproval(
        id=strawberry.ID(str(row.approval_id)),
        act=ProposedAct(row.act),
        state=state_of(row, now=now),
        member=global_id(MemberId(row.member_id)),
        amount=Points(row.amount) if row.amount is not None else None,
        tier=row.tier,
        floor=row.floor,
        until=row.until,
        reason=row.reason,
        proposed_by=row.proposed_by,
        proposed_at=row.proposed_at,
        approved_by=row.approved_by,
        approved_at=row.approved_at,
        expires_at=row.expires_at,
    )
