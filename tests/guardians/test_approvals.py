"""Letting staff see minors: who approves for whom, for how long, and what a reveal takes of a minor."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from member_hub.db import transaction
from member_hub.db.bulk import table_of
from member_hub.members.gates import MinorApproval
from tests.graphql.revealing import ASKER, clear, counted, reveal
from tests.graphql.world import NOW, World
from tests.guardians.family import Family, member_t

GRANT = """mutation ($input: MinorApprovalGrantInput!) {
    minorApprovalGrant(input: $input) { id expiresAt userErrors { field code } } }"""
REVOKE = "mutation ($id: ID!) { minorApprovalRevoke(id: $id) { userErrors { field code } } }"
STANDING = {"kind": "STANDING", "role": "sales_associate", "store": "SH001", "days": 90}

approval_t = table_of(MinorApproval)


async def grant(world: World, role: str, stated: dict[str, Any], *, subject: str = "S-7", **about: Any) -> Any:
    """The id, and the codes of what was refused."""
    answer = await world.ask(role, GRANT, variables={"input": stated}, subject=subject, **about)
    said = answer["minorApprovalGrant"]
    return said["id"], [(e["field"], e["code"]) for e in said["userErrors"]]


async def revoke(world: World, role: str, approval: str, *, subject: str = "S-7") -> list[Any]:
    answer = await world.ask(role, REVOKE, variables={"id": approval}, subject=subject)
    return [(e["field"], e["code"]) for e in answer["minorApprovalRevoke"]["userErrors"]]


async def stored(world: World) -> list[Any]:
    """What was granted here, not what the family moved in with."""
    granted = select(approval_t).where(approval_t.c.approved_at >= NOW).order_by(approval_t.c.approved_at)
    async with transaction(world.hub.database.app) as tx:
        return list(await tx.execute(granted))


def once(family: Family, **more: Any) -> dict[str, Any]:
    stated = {"kind": "SINGLE_USE", "role": "support_agent", "days": 1, "operation": "MEMBER_REVEAL"}
    return stated | {"member": str(family.daughter), "grantedTo": ASKER} | more


@pytest.fixture
def minor(family: Family, run: Any) -> Family:
    """The daughter is known as a child."""
    run(_as_child(family))
    return family


async def _as_child(family: Family) -> None:
    async with transaction(family.world.hub.database.app) as tx:
        await tx.execute(update(member_t).where(member_t.c.member_id == family.daughter).values(age_band="child"))


@pytest.mark.parametrize(
    ("role", "stated"),
    [
        ("store_manager", STANDING),
        ("region_manager", STANDING),
        ("region_manager", STANDING | {"role": "store_manager"}),
        ("dpo", STANDING),
        ("dpo", {"kind": "STANDING", "role": "support_agent", "days": 30}),
    ],
)
async def test_a_manager_approves_for_a_term(world: World, role: str, stated: dict[str, Any]) -> None:
    approval, errors = await grant(world, role, stated)

    assert errors == []
    (row,) = await stored(world)
    assert (str(row.approval_id), row.kind, row.handler, row.role) == (approval, "standing", "brand", stated["role"])
    assert (row.store, row.approved_by) == (stated.get("store"), "S-7")
    assert (row.approved_at, row.expires_at) == (NOW, NOW + timedelta(days=stated["days"]))
    (entry,) = await world.audited()
    assert (entry.operation, entry.outcome, f"for_role:{stated['role']}" in entry.fields) == (
        "minorApprovalGrant",
        "ok",
        True,
    )


@pytest.mark.parametrize(
    ("role", "stated", "refused"),
    [
        ("store_manager", STANDING | {"role": "store_manager"}, ("role", "FORBIDDEN")),
        ("store_manager", STANDING | {"store": "SH014"}, ("store", "FORBIDDEN")),
        ("store_manager", {**STANDING, "role": "support_agent", "store": None}, ("role", "FORBIDDEN")),
        ("region_manager", STANDING | {"store": "SH014"}, ("store", "FORBIDDEN")),
        ("region_manager", {**STANDING, "role": "region_manager", "store": None}, ("role", "FORBIDDEN")),
        ("dpo", {"kind": "STANDING", "role": "dpo", "days": 1}, ("role", "FORBIDDEN")),
        ("dpo", {"kind": "STANDING", "role": "sales_associate", "days": 1}, ("store", "BAD_USER_INPUT")),
        ("dpo", STANDING | {"store": "NOWHERE"}, ("store", "BAD_USER_INPUT")),
        ("dpo", STANDING | {"role": "support_agent"}, ("store", "BAD_USER_INPUT")),
        ("dpo", STANDING | {"role": "app_crm"}, ("role", "BAD_USER_INPUT")),
        ("dpo", STANDING | {"days": 91}, ("days", "BAD_USER_INPUT")),
        ("dpo", STANDING | {"days": 0}, ("days", "BAD_USER_INPUT")),
        ("dpo", STANDING | {"grantedTo": "S-1"}, ("kind", "BAD_USER_INPUT")),
        ("dpo", {"kind": "SINGLE_USE", "role": "support_agent", "days": 1}, ("kind", "BAD_USER_INPUT")),
    ],
)
async def test_nobody_approves_beyond_their_own(
    world: World, role: str, stated: dict[str, Any], refused: tuple[str, str]
) -> None:
    assert await grant(world, role, stated) == (None, [refused])

    assert await stored(world) == []
    (entry,) = await world.audited()
    assert (entry.operation, entry.outcome) == ("minorApprovalGrant", refused[1])


@pytest.mark.parametrize("role", ["sales_associate", "support_agent", "app_crm", "member"])
async def test_who_is_approved_for_does_not_approve(world: World, role: str, family: Family) -> None:
    about = {"member": family.mother} if role == "member" else {}
    variables = {"input": STANDING}

    assert await world.refused(role, GRANT, variables=variables, **about) == ["FORBIDDEN"]
    assert await stored(world) == []


async def test_only_the_officer_approves_a_single_use_and_never_for_themselves(family: Family) -> None:
    world = family.world
    stated = once(family, role="sales_associate")
    assert await grant(world, "store_manager", stated) == (None, [("kind", "FORBIDDEN")])
    assert await grant(world, "dpo", once(family, grantedTo="corp:s-7")) == (None, [("grantedTo", "FORBIDDEN")])
    nobody = once(family, member="00000000-0000-7000-8000-000000000000")
    assert await grant(world, "dpo", nobody) == (None, [("member", "NOT_FOUND")])
    assert await stored(world) == []


async def test_an_approval_is_taken_back_by_whoever_gave_it_or_the_officer(world: World) -> None:
    approval, _ = await grant(world, "store_manager", STANDING)

    assert await revoke(world, "store_manager", approval, subject="S-8") == [("id", "NOT_FOUND")]
    assert [row.revoked_at for row in await stored(world)] == [None]
    assert await revoke(world, "store_manager", approval) == []
    world.clock.at = NOW + timedelta(hours=1)
    assert await revoke(world, "dpo", approval, subject="S-9") == []
    assert [row.revoked_at for row in await stored(world)] == [NOW]
    assert await revoke(world, "dpo", "junk") == [("id", "NOT_FOUND")]


async def test_a_minors_field_takes_an_approval_for_that_use(minor: Family) -> None:
    world = minor.world
    assert await reveal(world, minor.daughter, step_up=True) == (None, [("id", "MINOR_APPROVAL_REQUIRED")])
    assert await counted(world) == []
    (entry,) = await world.audited()
    assert (entry.outcome, entry.member_ids) == ("MINOR_APPROVAL_REQUIRED", [minor.daughter])

    await grant(world, "dpo", once(minor))
    assert await reveal(world, minor.daughter, step_up=True) == (clear("+8613812345603"), [])
    (row,) = await stored(world)
    assert row.used_at == NOW
    assert "minor_approved_by:S-7" in (await world.audited())[-1].fields
    assert await reveal(world, minor.daughter, step_up=True) == (None, [("id", "MINOR_APPROVAL_REQUIRED")])
    assert len(await counted(world)) == 1


async def test_a_second_factor_or_approval_is_needed_all_the_same(minor: Family) -> None:
    await grant(minor.world, "dpo", once(minor))

    assert await reveal(minor.world, minor.daughter) == (None, [(None, "STEP_UP_REQUIRED")])
    assert [row.used_at for row in await stored(minor.world)] == [None]


async def test_of_many_at_once_one_uses_it(minor: Family) -> None:
    await grant(minor.world, "dpo", once(minor))

    shown = await asyncio.gather(*(reveal(minor.world, minor.daughter, step_up=True) for _ in range(5)))

    assert sorted(value is not None for value, _ in shown) == [False] * 4 + [True]


@pytest.mark.parametrize(
    "other",
    [
        {"grantedTo": "S-2"},
        {"role": "store_manager"},
        {"member": "boy"},
    ],
)
async def test_an_approval_for_something_else_serves_nothing(minor: Family, other: dict[str, str]) -> None:
    stated = once(minor, **other) | ({"member": str(minor.boy)} if "member" in other else {})
    assert (await grant(minor.world, "dpo", stated))[1] == []

    assert await reveal(minor.world, minor.daughter, step_up=True) == (None, [("id", "MINOR_APPROVAL_REQUIRED")])
    assert [row.used_at for row in await stored(minor.world)] == [None]


@pytest.mark.parametrize("how", ["expired", "revoked"])
async def test_an_approval_that_is_over_serves_nothing(minor: Family, how: str) -> None:
    approval, _ = await grant(minor.world, "dpo", once(minor))
    if how == "expired":
        minor.world.clock.at = NOW + timedelta(days=1)
    else:
        await revoke(minor.world, "dpo", approval)

    assert await reveal(minor.world, minor.daughter, step_up=True) == (None, [("id", "MINOR_APPROVAL_REQUIRED")])


async def test_an_adults_field_takes_none(family: Family) -> None:
    assert await reveal(family.world, family.mother, step_up=True) == (clear("+8613812345601"), [])
