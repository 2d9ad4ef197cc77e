"""Members with points, asked for and acted on through the API."""

import itertools
from typing import Any
from uuid import UUID

from sqlalchemy import select, update

from member_hub.db import snapshot, transaction
from member_hub.ids import MemberId
from member_hub.members.reading import member_t
from member_hub.points.words import AccountState
from member_hub.points.writing import account_t
from member_hub.tables import METADATA
from tests.graphql.world import World
from tests.points.desk import faults_of_all

POINTS = [name for name in METADATA.tables if name.startswith("hub.points_")]
BALANCE = """query ($by: MemberKey!) { member(by: $by) { points { active balance state pending held debt version
    expiringNext { at points } } } }"""
_RECEIPT = "receipt { operationId points takenBack balance version recordedAt entries { act reason points lot hold } }"
_keys = itertools.count(1)


def mutation(name: str) -> str:
    """`pointsEarn` and the like, with everything that it answers but the member."""
    approval = "approvalId" if name == "pointsAdjust" else ""
    answer = f"{_RECEIPT} {approval} userErrors {{ field code message }}"
    return f"""mutation ($input: {name[0].upper()}{name[1:]}Input!, $key: String!) {{
        {name}(input: $input, idempotencyKey: $key) {{ {answer} }} }}"""


async def act(world: World, name: str, role: str, *, key: str | None = None, about: Any = None, **stated: Any) -> Any:
    """The payload; the id of a member among `stated` as text. `about`: what the token carries."""
    told = {k: str(v) if isinstance(v, UUID) else v for k, v in stated.items()}
    variables = {"input": told, "key": key or f"k-{next(_keys)}"}
    return (await world.ask(role, mutation(name), variables=variables, **(about or {})))[name]


async def done(world: World, name: str, role: str, **stated: Any) -> Any:
    """The receipt of what was not refused."""
    payload = await act(world, name, role, **stated)
    assert payload["userErrors"] == [], payload
    return payload["receipt"]


def errors(payload: Any) -> list[tuple[str | None, str]]:
    assert payload["receipt"] is None
    return [(one["field"], one["code"]) for one in payload["userErrors"]]


async def earn(world: World, member: MemberId, amount: int, kind: str = "TASK", **stated: Any) -> Any:
    return await done(world, "pointsEarn", "app_checkout", member=member, amount=amount, kind=kind, **stated)


async def points_of(world: World, member: MemberId, role: str = "app_checkout") -> Any:
    return (await world.ask(role, BALANCE, variables={"by": {"id": str(member)}}))["member"]["points"]


async def pots(world: World, member: MemberId) -> tuple[int, int, int, int]:
    found = await points_of(world, member)
    return found["active"], found["pending"], found["held"], found["debt"]


async def everything(world: World) -> dict[str, list[Any]]:
    """Every row of points, and the keys that were claimed: what a refusal leaves as it was."""
    found = {}
    async with snapshot(world.hub.database.app) as tx:
        for name in [*POINTS, "hub.idempotency"]:
            table = METADATA.tables[name]
            found[name] = list((await tx.execute(select(table).order_by(*table.primary_key))).all())
    return found


async def freeze(world: World, member: MemberId, state: AccountState = AccountState.FROZEN) -> None:
    async with transaction(world.hub.database.app) as tx:
        await tx.execute(update(account_t).where(account_t.c.member_id == member).values(state=state))


async def turn(world: World, member: MemberId, **values: Any) -> None:
    async with transaction(world.hub.database.app) as tx:
        await tx.execute(update(member_t).where(member_t.c.member_id == member).values(values))


async def faults(world: World) -> list[Any]:
    """What the self-check of points finds."""
    return await faults_of_all(world.hub.database)
