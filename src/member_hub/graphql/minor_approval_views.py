"""minorApprovals: the approvals to see minors, for those who may give and take them back."""

from datetime import datetime
from typing import Annotated, Any

import strawberry
from sqlalchemy import Row

from member_hub.errors import BadInput
from member_hub.graphql.asking import Asking
from member_hub.graphql.building import global_id
from member_hub.graphql.minor_approvals import MinorOperation
from member_hub.graphql.paging import After, PageInfo, approval_cursor, approval_position, slice_of
from member_hub.graphql.scalars import given
from member_hub.ids import MemberId
from member_hub.members.approval_queries import ApprovalState, approvals_page, position_of, state_of
from member_hub.members.approvals import ApprovalKind

Info = strawberry.Info[Asking, None]
TEXT_MAX = 60  # characters of a role or a store

strawberry.enum(
    ApprovalState,
    name="MinorApprovalState",
    description="Whether it holds: IN_FORCE; else what ended it: USED (for a single use), REVOKED, EXPIRED.",
)


@strawberry.type(description="An approval to see minors.")
class MinorApproval:
    id: strawberry.ID = strawberry.field(description="To take it back by.")
    state: ApprovalState = strawberry.field(description="Whether it holds.")
    kind: ApprovalKind = strawberry.field(description="For a term, or once.")
    role: str = strawberry.field(description="The role of those who may.")
    store: str | None = strawberry.field(description="In which store; null: a role without stores, or a single use.")
    member: strawberry.ID | None = strawberry.field(description="SINGLE_USE: whose data.")
    operation: MinorOperation | None = strawberry.field(description="SINGLE_USE: what.")
    granted_to: str | None = strawberry.field(description="SINGLE_USE: staff number of the colleague.")
    approved_by: str = strawberry.field(description="Staff number of the one who approved.")
    approved_at: datetime = strawberry.field(description="When.")
    expires_at: datetime = strawberry.field(description="Until when it holds, or would have held.")
    ended_at: datetime | None = strawberry.field(description="When it was used or revoked; null: neither.")


@strawberry.type(description="An approval in its place in the list.")
class MinorApprovalEdge:
    cursor: str = strawberry.field(description="Opaque position, for `after`.")
    node: MinorApproval = strawberry.field(description="The approval.")


@strawberry.type(description="A page of approvals to see minors, the newest first.")
class MinorApprovalConnection:
    edges: list[MinorApprovalEdge] = strawberry.field(description="The approvals of this page.")
    page_info: PageInfo = strawberry.field(description="Where this page stands.")


async def minor_approvals(
    info: Info,
    first: Annotated[int, strawberry.argument(description="How many, 1 to 100.")],
    after: After = strawberry.UNSET,
    role: Annotated[str | None, strawberry.argument(description="Only for this role.")] = strawberry.UNSET,
    store: Annotated[str | None, strawberry.argument(description="Only in this store.")] = strawberry.UNSET,
) -> MinorApprovalConnection:
    asking, caller = info.context, info.context.caller
    asked = slice_of(first=first, after=given(after), last=None, before=None)
    of_role, in_store = _short(given(role), "role"), _short(given(store), "store")
    vault, narrowing = asking.hub.vault, (of_role, in_store)
    regions = (asking.hub.organisation.stores_of(region) for region in caller.regions)
    at = approval_position(vault, narrowing, asked.cursor)
    async with asking.snapshot.reading() as tx:
        rows, has_more = await approvals_page(
            tx, caller, stores=caller.stores.union(*regions), role=of_role, store=in_store, count=asked.count, after=at
        )
    asking.trail.finds({row.member_id for row in rows if row.member_id is not None})
    edges = [
        MinorApprovalEdge(cursor=approval_cursor(vault, narrowing, position_of(row)), node=_shown(row, asking.now))
        for row in rows
    ]
    page = PageInfo(
        has_next_page=has_more,
        has_previous_page=asked.cursor is not None,
        start_cursor=edges[0].cursor if edges else None,
        end_cursor=edges[-1].cursor if edges else None,
    )
    return MinorApprovalConnection(edges=edges, page_info=page)


def _short(text: str | None, field: str) -> str | None:
    if text is not None and len(text) > TEXT_MAX:
        raise BadInput(f"At most {TEXT_MAX} characters.", zh=f"最多 {TEXT_MAX} 个字符。", field=field)
    return text


def _shown(row: Row[Any], now: datetime) -> MinorApproval:
    return MinorApproval(
        id=strawberry.ID(str(row.approval_id)),
        state=state_of(row, now=now),
        kind=ApprovalKind(row.kind),
        role=row.role,
        store=row.store,
        member=global_id(MemberId(row.member_id)) if row.member_id is not None else None,
        operation=MinorOperation(row.operation) if row.operation is not None else None,
        granted_to=row.granted_to,
        approved_by=row.approved_by,
        approved_at=row.approved_at,
        expires_at=row.expires_at,
        ended_at=row.revoked_at or row.used_at,
    )
