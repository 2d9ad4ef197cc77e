"""minorApprovalGrant and minorApprovalRevoke: a responsible manager lets staff see minors, for a term or once."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import strawberry

from member_hub import revealing
from member_hub.access import Operation, RoleKind, RowScope
from member_hub.db.base import Tx
from member_hub.errors import BadInput, NotFound
from member_hub.graphql.asking import Asking
from member_hub.graphql.changing import carried_out
from member_hub.graphql.keys import member_id_of
from member_hub.graphql.problems import UserError
from member_hub.graphql.scalars import given
from member_hub.members import approvals
from member_hub.members.approvals import ApprovalKind, Granted

Info = strawberry.Info[Asking, None]

strawberry.enum(
    ApprovalKind,
    name="MinorApprovalKind",
    description=(
        "STANDING: a role may see minors, in a store where the role has stores, for a term. SINGLE_USE: one colleague "
        "may do one thing with one member once, in addition."
    ),
)


@strawberry.enum(description="What takes an approval for a single use where the member is a minor.")
class MinorOperation(StrEnum):
    MEMBER_REVEAL = Operation.MEMBER_REVEAL.value


class NoSuchRole(BadInput):
    zh = "不是员工角色。"
    en = "This is no role of staff."


class StoreAndRole(BadInput):
    zh = "该角色须指明本处理者的一家门店；没有门店的角色不得指明。"
    en = "A role with stores takes one of the handler's stores; a role without takes none."


class SingleUseNeeds(BadInput):
    zh = "单次批准须指明会员、操作与同事，且不指明门店；长期批准不得指明前三项。"
    en = (
        "An approval for a single use names member, operation and colleague and no store; a standing one none of those."
    )


@strawberry.input(description="Who may see minors.")
class MinorApprovalGrantInput:
    kind: ApprovalKind = strawberry.field(description="For a term, or once.")
    role: str = strawberry.field(description="The role of those who may, as in the register.")
    days: int = strawberry.field(description="How long, at most 90.")
    store: str | None = strawberry.field(default=strawberry.UNSET, description="STANDING: in which store.")
    member: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description="SINGLE_USE: whose data.")
    operation: MinorOperation | None = strawberry.field(default=strawberry.UNSET, description="SINGLE_USE: what.")
    granted_to: str | None = strawberry.field(
        default=strawberry.UNSET, description="SINGLE_USE: staff number of the colleague; never one's own."
    )


@strawberry.type(description="What became of an approval to see minors.")
class MinorApprovalGrantPayload:
    id: strawberry.ID | None = strawberry.field(description="Of the approval, to take it back by; null if refused.")
    expires_at: datetime | None = strawberry.field(description="Until when it holds; null if refused.")
    user_errors: list[UserError] = strawberry.field(description="Why it was refused; empty: it was done.")


@strawberry.type(description="What became of taking an approval back.")
class MinorApprovalRevokePayload:
    user_errors: list[UserError] = strawberry.field(description="Why it was refused; empty: it holds no more.")


async def minor_approval_grant(
    info: Info,
    input: Annotated[MinorApprovalGrantInput, strawberry.argument(description="The approval.")],  # noqa: A002
) -> MinorApprovalGrantPayload:
    asking = info.context

    async def work(tx: Tx) -> Granted:
        _check_role(asking, input.role)
        asking.trail.fields |= {f"kind:{input.kind.value}", f"for_role:{input.role}"}
        if input.kind is ApprovalKind.STANDING:
            return await _standing(asking, tx, input)
        return await _single_use(asking, tx, input)

    granted, errors = await carried_out(asking, work)
    if granted is None:
        return MinorApprovalGrantPayload(id=None, expires_at=None, user_errors=errors)
    return MinorApprovalGrantPayload(
        id=strawberry.ID(str(granted.approval_id)), expires_at=granted.expires_at, user_errors=[]
    )


async def minor_approval_revoke(
    info: Info,
    id: Annotated[strawberry.ID, strawberry.argument(description="Of the approval.")],  # noqa: A002
) -> MinorApprovalRevokePayload:
    asking = info.context

    async def work(tx: Tx) -> bool:
        try:
            approval_id = UUID(id)
        except ValueError:
            raise NotFound(field="id") from None
        await approvals.revoke(tx, asking.caller, approval_id, now=asking.now)
        asking.trail.finds([])
        return True

    _, errors = await carried_out(asking, work)
    return MinorApprovalRevokePayload(user_errors=errors)


async def _standing(asking: Asking, tx: Tx, asked: MinorApprovalGrantInput) -> Granted:
    caller, organisation, store = asking.caller, asking.hub.organisation, given(asked.store)
    if any(given(one) is not None for one in (asked.member, asked.operation, asked.granted_to)):
        raise SingleUseNeeds(field="kind")
    _check_store(asking, asked.role, store)
    regions = (organisation.stores_of(region) for region in caller.regions)
    granted = await approvals.grant_standing(
        tx,
        caller,
        role=asked.role,
        store=store,
        stores=caller.stores.union(*regions),
        days=asked.days,
        days_max=asking.hub.catalogue.numbers.approval_days_max,
        now=asking.now,
    )
    asking.trail.finds([])
    if store is not None:
        asking.trail.fields.add(f"store:{store}")
    return granted


async def _single_use(asking: Asking, tx: Tx, asked: MinorApprovalGrantInput) -> Granted:
    operation, named, colleague = given(asked.operation), given(asked.member), given(asked.granted_to)
    if operation is None or named is None or colleague is None or given(asked.store) is not None:
        raise SingleUseNeeds(field="kind")
    granted_to = revealing.staff_number_of(colleague)
    asking.trail.fields.add(f"granted_to:{granted_to}")
    if (member_id := member_id_of(named)) is None:
        raise NotFound(field="member")
    granted = await approvals.grant_single_use(
        tx,
        asking.caller,
        member_id,
        role=asked.role,
        operation=Operation(operation.value),
        granted_to=granted_to,
        days=asked.days,
        days_max=asking.hub.catalogue.numbers.approval_days_max,
        now=asking.now,
    )
    asking.trail.finds([member_id])
    return granted


def _check_role(asking: Asking, name: str) -> None:
    role = asking.hub.policies.register.roles.get(name)
    if role is None or role.kind is not RoleKind.STAFF:
        raise NoSuchRole(field="role")


def _check_store(asking: Asking, role: str, store: str | None) -> None:
    """A store exactly where the role sees the members of its stores, and one of the caller's handler."""
    grants = asking.hub.policies.grants.values()
    has_stores = any(grant.role == role and grant.rows_stated is RowScope.OWN_STORES for grant in grants)
    known = asking.hub.organisation.stores.get(store) if store is not None else None
    if has_stores != (store is not None) or (store is not None and known is None):
        raise StoreAndRole(field="store")
    if known is not None and known.handler != asking.caller.handler:
        raise StoreAndRole(field="store")
