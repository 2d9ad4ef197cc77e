"""Tags for tests of the API: some definitions, giving them, and what is shown and stored then."""

import json
from typing import Any

from sqlalchemy import select

from member_hub import tags
from member_hub.db import transaction
from member_hub.graphql.building import global_id
from member_hub.members.taggings import tagging_t
from tests.graphql.world import World

DEFINE = """mutation ($input: TagDefineInput!) { tagDefine(input: $input) {
    tag { code version kind isProfiling rule approvedBy proposedBy } userErrors { field code message } } }"""
APPROVE = """mutation ($input: TagApproveInput!) { tagApprove(input: $input) {
    tag { code version approvedBy } userErrors { field code } } }"""
ASSIGN = """mutation ($input: TagAssignInput!) { tagAssign(input: $input) {
    member { id tags { code } } userErrors { field code } } }"""
REMOVE = """mutation ($input: TagRemoveInput!) { tagRemove(input: $input) {
    member { id tags { code } } userErrors { field code } } }"""
SHOW = "query ($id: ID!) { member(by: {id: $id}) { tags { code group kind value since until isService } } }"
MINE = "{ me { tags { code } } }"
GOLF = {
    "code": "likes_golf", "kind": "HAND", "group": "interests", "nameZh": "高尔夫", "nameEn": "golf", "owner": "crm",
    "dataClass": "PROFILE", "purpose": "MEMBER_SERVICE",
}  # fmt: skip
WRAP = {**GOLF, "code": "gift_wrap", "nameEn": "gift wrap", "isService": True}
REGULAR = {
    **GOLF, "code": "regular", "kind": "RULE", "dataClass": "COMMERCE",
    "rule": json.dumps({"figure": "orders_ever", "at_least": 1}),
}  # fmt: skip


async def said(world: World, role: str, query: str, about: dict[str, Any], **more: Any) -> tuple[Any, list[Any]]:
    answer = await world.ask(role, query, variables={"input": about}, **more)
    (payload,) = answer.values()
    done = payload.get("tag") or payload.get("member")
    return done, [(error["field"], error["code"]) for error in payload["userErrors"]]


async def define(world: World, *definitions: dict[str, Any]) -> None:
    for about in definitions:
        tag, errors = await said(world, "membership_manager", DEFINE, about, subject="E2001")
        assert errors == []
        which = {"code": about["code"], "version": tag["version"]}
        _, errors = await said(world, "membership_manager", APPROVE, which, subject="E2002")
        assert errors == []


async def assign(world: World, role: str, member: Any, tag: str, **more: Any) -> tuple[Any, list[Any]]:
    until = {"until": more.pop("until")} if "until" in more else {}
    return await said(world, role, ASSIGN, {"member": global_id(member), "tag": tag} | until, **more)


async def remove(world: World, role: str, member: Any, tag: str, **more: Any) -> tuple[Any, list[Any]]:
    return await said(world, role, REMOVE, {"member": global_id(member), "tag": tag}, **more)


async def shown(world: World, role: str, member: Any, **more: Any) -> list[str] | None:
    found = (await world.ask(role, SHOW, variables={"id": str(member)}, **more))["member"]
    return [tag["code"] for tag in found["tags"]] if found else None


async def evaluate(world: World, *members: Any) -> None:
    async with transaction(world.hub.database.app) as tx:
        await tags.evaluate(tx, world.hub.tags, members, now=world.clock.now())


async def stored(world: World) -> list[Any]:
    async with transaction(world.hub.database.app) as tx:
        rows = await tx.execute(select(tagging_t).order_by(tagging_t.c.member_id, tagging_t.c.tag))
        return list(rows)
