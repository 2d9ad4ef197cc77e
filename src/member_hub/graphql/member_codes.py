"""memberCodeIssue: the code that a member shows at the till, asked for by the member or by the mini-program."""

from datetime import datetime

import strawberry

from member_hub import till
from member_hub.db.base import Tx
from member_hub.graphql.changing import carried_out
from member_hub.graphql.problems import UserError
from member_hub.graphql.query import Info
from member_hub.till import IssuedCode
from member_hub.till.rules import grouped


@strawberry.type(description="A member code, to be shown at once; it is given out this one time and not kept.")
class MemberCode:
    code: str = strawberry.field(description="16 characters for a QR or bar code; nothing personal is in them.")
    display: str = strawberry.field(description="The same in groups of four, to be read out or typed.")
    expires_at: datetime = strawberry.field(
        description="Until when it finds the member: 60 seconds, by the hub's clock."
    )


@strawberry.type(description="What became of asking for a member code.")
class MemberCodeIssuePayload:
    member_code: MemberCode | None = strawberry.field(description="The code; null if refused.")
    user_errors: list[UserError] = strawberry.field(description="Why it was refused; empty: it was done.")


async def member_code_issue(info: Info) -> MemberCodeIssuePayload:
    asking = info.context
    caller = asking.caller

    async def work(tx: Tx) -> IssuedCode:
        issued = await till.issue(tx, asking.hub.vault, asking.visible, caller.member_id or caller.on_behalf_of)
        asking.trail.finds([issued.member_id])
        return issued

    issued, errors = await carried_out(asking, work)
    if issued is None:
        return MemberCodeIssuePayload(member_code=None, user_errors=errors)
    shown = MemberCode(code=issued.text, display=grouped(issued.text), expires_at=issued.expires_at)
    return MemberCodeIssuePayload(member_code=shown, user_errors=[])
