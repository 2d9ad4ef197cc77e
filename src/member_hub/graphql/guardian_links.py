"""guardianLinks: which guardian's links there are, so that whoever has to take a step or end one finds its id.

Members see their own links, as the child or as the guardian; staff those of a child whom they reach, the officer those
of any child of the handler. Nobody in reach and nobody at all are both null; a link names neither of the two.
"""

from typing import Annotated

import strawberry

from member_hub.access import CallerKind
from member_hub.consent.children import links
from member_hub.db.base import Tx
from member_hub.errors import BadInput
from member_hub.graphql.asking import Asking
from member_hub.graphql.guardians import DPO, GuardianLink, link_shown
from member_hub.graphql.keys import member_id_of
from member_hub.graphql.scalars import given
from member_hub.ids import MemberId
from member_hub.members.reading import find, handler_of

Info = strawberry.Info[Asking, None]


async def guardian_links(
    info: Info,
    member: Annotated[
        strawberry.ID | None,
        strawberry.argument(description="Staff: the child. Members leave it out: their own links, on either side."),
    ] = strawberry.UNSET,
) -> list[GuardianLink] | None:
    asking, caller, named = info.context, info.context.caller, given(member)
    is_staff = caller.kind is CallerKind.STAFF
    if is_staff != (named is not None):
        zh = "员工须指明儿童；会员只能查看本人的。"
        raise BadInput("Staff name the child; members ask for their own.", zh=zh, field="member")
    async with asking.snapshot.reading() as tx:
        whose = await _child_in_reach(asking, tx, named) if named is not None else caller.member_id
        if whose is None:
            return None
        asking.count_members(1)
        asking.trail.finds([whose])
        found = await (links.of_child(tx, whose) if is_staff else links.of_either(tx, whose))
    return [link_shown(link) for link in found]


async def _child_in_reach(asking: Asking, tx: Tx, named: str) -> MemberId | None:
    asking.trail.looks_up("id")
    member_id, caller = member_id_of(named), asking.caller
    if member_id is None:
        return None
    if caller.role == DPO:
        return member_id if await handler_of(tx, member_id) == caller.handler else None
    found = await find(tx, asking.visible, [member_id])
    return MemberId(found[member_id].member_id) if member_id in found else None
