"""memberReveal and revealApprove: one masked field in clear, for a reason, and the second person who allows it.

The right, the reach, the second factor or approval, the day's limit and the audit entry are one transaction. The value
is read when that has been committed: a reveal that is on record and then shows nothing is the safe side to err on.
"""

from datetime import datetime
from typing import Annotated

import strawberry

from member_hub import revealing
from member_hub.consent.deciding.holding import locked_in_reach
from member_hub.db.base import Tx
from member_hub.errors import BadInput, Forbidden, NotFound
from member_hub.graphql import reading
from member_hub.graphql.asking import Asking
from member_hub.graphql.changing import carried_out
from member_hub.graphql.guarded import GuardedText
from member_hub.graphql.keys import member_id_of
from member_hub.graphql.problems import UserError, user_errors
from member_hub.graphql.query import Info
from member_hub.graphql.scalars import given
from member_hub.graphql.selection import Wanted
from member_hub.ids import MemberId
from member_hub.privacy import ProfileField
from member_hub.revealing import RevealReason


class NotRevealable(Forbidden):
    zh = "当前角色与处理目的不能查看该字段的明文。"
    en = "This role and purpose may not have this field revealed."


class NobodyReveals(BadInput):
    zh = "策略不允许任何人查看该字段的明文，无从批准。"
    en = "The policy lets nobody have this field revealed, so there is nothing to approve."


@strawberry.type(description="What became of a reveal.")
class MemberRevealPayload:
    value: GuardedText | None = strawberry.field(
        description="The field, CLEAR (or ABSENT) in this one answer; null if refused. Guarded as the field itself is."
    )
    user_errors: list[UserError] = strawberry.field(description="Why it was refused; empty: it was done.")


@strawberry.type(description="What became of an approval.")
class RevealApprovePayload:
    expires_at: datetime | None = strawberry.field(description="Until when the colleague may, once; null if refused.")
    user_errors: list[UserError] = strawberry.field(description="Why it was refused; empty: it was done.")


async def member_reveal(
    info: Info,
    id: Annotated[strawberry.ID, strawberry.argument(description="Whose field.")],  # noqa: A002
    field: Annotated[ProfileField, strawberry.argument(description="Which field; masked for this caller otherwise.")],
    reason: Annotated[RevealReason, strawberry.argument(description="Why; it goes on record.")],
    reference: Annotated[
        str | None,
        strawberry.argument(
            description=(
                "Ticket number: 1 to 40 letters, digits, hyphens; at most 6 letters or 8 digits in a row, 12 digits in "
                "all, nothing like a telephone number or a birthday. It goes on record."
            )
        ),
    ] = strawberry.UNSET,
) -> MemberRevealPayload:
    asking, guard = info.context, f"member.{field}"
    asking.trail.fields |= {f"{guard}:REVEAL", f"reason:{reason.name}"}

    async def work(tx: Tx) -> MemberId:
        if not asking.grant.may_reveal(guard):
            raise NotRevealable(field="field")
        if (number := revealing.reference_of(given(reference))) is not None:
            asking.trail.fields.add(f"reference:{number}")
        member_id = await _reached(asking, tx, id)
        by = await revealing.permit(tx, asking.caller, member_id, field=field, now=asking.now)
        asking.trail.fields.add(f"approved_by:{by.approved_by}" if by.approved_by else "second_factor")
        if by.minor_approved_by is not None:
            asking.trail.fields.add(f"minor_approved_by:{by.minor_approved_by}")
        asking.trail.finds([member_id])
        return member_id

    member_id, errors = await carried_out(asking, work)
    if member_id is None:
        return MemberRevealPayload(value=None, user_errors=errors)
    only = frozenset({field})
    once = asking.grant.revealing(guard)
    member = await reading.by_id(asking, Wanted(fields=only, opened=only), member_id, grant=once)
    if member is None:  # gone since
        return MemberRevealPayload(value=None, user_errors=user_errors(NotFound(field="id"), asking.language))
    return MemberRevealPayload(value=getattr(member, field.value), user_errors=[])


async def reveal_approve(
    info: Info,
    id: Annotated[strawberry.ID, strawberry.argument(description="Whose field.")],  # noqa: A002
    field: Annotated[ProfileField, strawberry.argument(description="Which field the colleague may see.")],
    granted_to: Annotated[str, strawberry.argument(description="Staff number of the colleague; never one's own.")],
) -> RevealApprovePayload:
    asking, guard = info.context, f"member.{field}"
    asking.trail.fields.add(f"{guard}:APPROVE")

    async def work(tx: Tx) -> datetime:
        if not any(grant.may_reveal(guard) for grant in asking.hub.policies.grants.values()):
            raise NobodyReveals(field="field")
        colleague = revealing.staff_number_of(granted_to)
        asking.trail.fields.add(f"granted_to:{colleague}")
        member_id = await _reached(asking, tx, id)
        ends = await revealing.approve(tx, asking.caller, member_id, field=field, granted_to=colleague, now=asking.now)
        asking.trail.finds([member_id])
        return ends

    ends, errors = await carried_out(asking, work)
    return RevealApprovePayload(expires_at=ends, user_errors=errors)


async def _reached(asking: Asking, tx: Tx, text: str) -> MemberId:
    """The root behind an id in ordinary reach, held as it is; who was only presented at a till is not. Raises NotFound.

    From here on the trail knows whom a refusal is about.
    """
    root = await locked_in_reach(tx, asking.visible, member_id_of(text), field="id", is_shared=True)
    asking.trail.member_ids.add(root)
    return root
