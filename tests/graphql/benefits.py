"""What the facts about benefits share: members at a tier, and how benefits are read, used, voided and issued."""

import itertools
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.dialects.postgresql import insert

from member_hub.db import snapshot, transaction
from member_hub.db.bulk import table_of
from member_hub.ids import MemberId
from member_hub.members.tables import Member, MemberStatus
from member_hub.tables import METADATA
from member_hub.tiers.tables import TierStanding
from tests.graphql.world import NOW, World

ENTITLEMENT = "id benefit { code nameZh nameEn source } quantity used remaining startsAt until state"
BENEFITS = f"benefits {{ {ENTITLEMENT} }}"
BY = f"query ($by: MemberKey!) {{ member(by: $by) {{ id {BENEFITS} }} }}"
USE_FIELDS = "id benefit tier store { code } usedAt voidableUntil voidedAt"
ERRORS = "userErrors { field code message }"
USE = f"""mutation ($input: BenefitUseInput!, $key: String!) {{ benefitUse(input: $input, idempotencyKey: $key) {{
    member {{ id }} entitlement {{ {ENTITLEMENT} }} use {{ {USE_FIELDS} }} {ERRORS} }} }}"""
VOID = f"""mutation ($input: BenefitVoidInput!, $key: String!) {{ benefitVoid(input: $input, idempotencyKey: $key) {{
    member {{ id }} entitlement {{ {ENTITLEMENT} }} use {{ {USE_FIELDS} }} {ERRORS} }} }}"""
ISSUE = f"""mutation ($input: BenefitIssueInput!, $key: String!) {{ benefitIssue(input: $input, idempotencyKey: $key) {{
    member {{ id }} entitlement {{ {ENTITLEMENT} }} {ERRORS} }} }}"""
RANKS = ("base", "standard", "core", "vip")
TABLES = ("hub.entitlement", "hub.benefit_use", "hub.idempotency", "hub.daily_count")
standing_t, member_t = table_of(TierStanding), table_of(Member)
_numbers = itertools.count(1)


async def place(
    world: World, member: MemberId, tier: str, *, since: datetime = NOW - timedelta(days=40), until: Any = None
) -> None:
    """As a review would leave it."""
    rank = RANKS.index(tier)
    stands = {
        "reason": "earned",
        "tier": tier,
        "own_tier": tier,
        "rank": rank,
        "own_rank": rank,
        "since": since,
        "until": until,
    }
    row = insert(standing_t).values(member_id=member, **stands)
    async with transaction(world.hub.database.app) as tx:
        await tx.execute(row.on_conflict_do_update(index_elements=["member_id"], set_=stands))


async def set_status(world: World, member: MemberId, status: MemberStatus) -> None:
    async with transaction(world.hub.database.app) as tx:
        await tx.execute(update(member_t).where(member_t.c.member_id == member).values(status=status))


async def benefits_of(world: World, member: Any, role: str = "app_checkout", **about: Any) -> dict[str, Any]:
    """By code; a benefit that is there twice is not what these tests make."""
    answer = await world.ask(role, BY, variables={"by": {"id": str(member)}}, **about)
    return {one["benefit"]["code"]: one for one in answer["member"]["benefits"]}


async def counts(world: World, member: Any) -> dict[str, tuple[int, int, str]]:
    """Quantity, used, state; by code."""
    found = await benefits_of(world, member)
    return {code: (one["quantity"], one["used"], one["state"]) for code, one in found.items()}


async def use(
    world: World, whom: Any, benefit: str = "free_shipping", *, role: str = "app_checkout", **about: Any
) -> Any:
    """The payload; `key`, `store` and `entitlement` in `about`, else a key of its own."""
    said = {"benefit": benefit, **_taken(about, "store", "entitlement")}
    if whom is not None:
        said["member"] = str(whom)
    return (await world.ask(role, USE, variables=_sent(said, about), **about))["benefitUse"]


async def void(world: World, use_id: str, *, role: str = "app_checkout", **about: Any) -> Any:
    return (await world.ask(role, VOID, variables=_sent({"use": use_id}, about), **about))["benefitVoid"]


async def issue(
    world: World,
    member: Any,
    benefit: str = "goodwill_coupon",
    *,
    role: str = "support_agent",
    reason: str = "GOODWILL",
    **about: Any,
) -> Any:
    said = {"member": str(member), "benefit": benefit, "reason": reason}
    return (await world.ask(role, ISSUE, variables=_sent(said, about), **about))["benefitIssue"]


def refusal(payload: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Where and why; and that nothing else is in the payload."""
    assert [name for name, value in payload.items() if value is not None and name != "userErrors"] == []
    return [(one["field"], one["code"]) for one in payload["userErrors"]]


async def rows(world: World, table: str) -> list[Row[Any]]:
    found = METADATA.tables[table]
    async with snapshot(world.hub.database.app) as tx:
        return list((await tx.execute(select(found).order_by(*found.primary_key))).all())


async def everything(world: World) -> dict[str, Sequence[Row[Any]]]:
    """What a refusal leaves as it was."""
    return {table: await rows(world, table) for table in TABLES}


async def last_audit(world: World) -> tuple[str, str, str, list[str], list[Any]]:
    row = (await world.audited())[-1]
    return row.role, row.operation, row.outcome, row.fields, row.member_ids


def _sent(said: Mapping[str, Any], about: dict[str, Any]) -> dict[str, Any]:
    """The variables, under the key that `about` names or one of their own."""
    return {"input": said, "key": about.pop("key", None) or f"key-{next(_numbers)}"}


def _taken(about: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: about.pop(name) for name in names if name in about}
