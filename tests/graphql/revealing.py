"""Revealing one masked field, for tests: asking for it, approving it, and what is counted."""

from typing import Any

from sqlalchemy import select

from member_hub.db import transaction
from member_hub.db.bulk import table_of
from member_hub.revealing.tables import Approval, DailyCount
from tests.graphql.world import World

REVEAL = """mutation ($id: ID!, $field: ProfileField!, $reason: RevealReason!, $reference: String) {
    memberReveal(id: $id, field: $field, reason: $reason, reference: $reference) {
        value { value display state } userErrors { field code message } } }"""
APPROVE = """mutation ($id: ID!, $field: ProfileField!, $to: String!) {
    revealApprove(id: $id, field: $field, grantedTo: $to) { expiresAt userErrors { field code } } }"""
ASKER = "S-1042"
approval_t, count_t = table_of(Approval), table_of(DailyCount)


async def reveal(
    world: World,
    member: Any,
    field: str = "PHONE",
    *,
    role: str = "support_agent",
    reason: str = "CALL_BACK",
    reference: str | None = None,
    subject: str = ASKER,
    **about: Any,
) -> Any:
    """The answer: the value, and the codes of what was refused."""
    variables = {"id": str(member), "field": field, "reason": reason, "reference": reference}
    answer = await world.ask(role, REVEAL, variables=variables, subject=subject, **about)
    said = answer["memberReveal"]
    return said["value"], [(e["field"], e["code"]) for e in said["userErrors"]]


async def approve(
    world: World,
    member: Any,
    field: str = "PHONE",
    *,
    to: str = ASKER,
    role: str = "membership_manager",
    subject: str = "S-7",
) -> Any:
    variables = {"id": str(member), "field": field, "to": to}
    said = (await world.ask(role, APPROVE, variables=variables, subject=subject))["revealApprove"]
    return said["expiresAt"], [(e["field"], e["code"]) for e in said["userErrors"]]


async def counted(world: World) -> list[tuple[Any, ...]]:
    async with transaction(world.hub.database.app) as tx:
        rows = await tx.execute(select(count_t).order_by(*count_t.primary_key))
        return [(row.operation, row.subject, row.day.isoformat(), row.count) for row in rows]


async def approvals(world: World) -> list[Any]:
    async with transaction(world.hub.database.app) as tx:
        return list(await tx.execute(select(approval_t).order_by(approval_t.c.approved_at)))


async def told(world: World) -> list[tuple[Any, ...]]:
    rows = await world.audited()
    return [(row.caller, row.operation, row.outcome, row.fields, row.member_ids) for row in rows]


def clear(value: str) -> dict[str, Any]:
    return {"value": value, "display": value, "state": "CLEAR"}
