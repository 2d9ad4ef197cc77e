"""What the facts about the till share: a member shows a code, and somebody finds them by it."""

from typing import Any

from sqlalchemy import select

from member_hub.db import transaction
from member_hub.db.bulk import table_of
from member_hub.ids import MemberId
from member_hub.till.tables import MemberCode
from tests.graphql.world import World

ISSUE = """mutation {
    memberCodeIssue { memberCode { code display expiresAt } userErrors { field code message retryAfter } } }"""
PROFILE = """id status homeStore { code } version
    name { value display state } phone { value display state } email { value display state }
    birthday { value display state } gender { value display state } address { value display state }
    accounts { channel account { state } } identifiers { kind value { state } }
    provenance(field: NAME) { value { state } } orders(first: 5) { state edges { node { orderNo } } }"""
BY = f"query ($by: MemberKey!) {{ member(by: $by) {{ {PROFILE} }} }}"
code_t = table_of(MemberCode)


async def shown_by(world: World, member: MemberId, role: str = "member") -> str:
    answer = (await world.ask(role, ISSUE, member=member))["memberCodeIssue"]
    assert answer["userErrors"] == []
    return str(answer["memberCode"]["code"])


async def find(world: World, code: str, role: str = "sales_associate", **about: Any) -> Any:
    return (await world.ask(role, BY, variables={"by": {"memberCode": code}}, **about))["member"]


async def codes(world: World) -> list[Any]:
    async with transaction(world.hub.database.app) as tx:
        return list(await tx.execute(select(code_t).order_by(code_t.c.issued_at)))


async def told(world: World) -> list[tuple[Any, ...]]:
    rows = await world.audited()
    return [(row.role, row.operation, row.outcome, row.fields, row.member_ids) for row in rows]
