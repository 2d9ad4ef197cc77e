"""Revealing one masked field by a second person's approval: for whom, of what, how long, and once."""

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text, update

from member_hub.db import transaction
from member_hub.holders import HOLDERS
from tests.graphql.revealing import APPROVE, ASKER, approval_t, approvals, approve, clear, counted, reveal, told
from tests.graphql.world import WHOLE, People, World


@pytest.mark.parametrize("role", ["store_manager", "region_manager", "membership_manager"])
async def test_a_second_person_approves_one_reveal(world: World, people: People, role: str) -> None:
    ends, errors = await approve(world, people.whole, role=role)
    (row,) = await approvals(world)

    shown = await reveal(world, people.whole)
    again = await reveal(world, people.whole)

    assert errors == []
    assert datetime.fromisoformat(ends) - row.approved_at == timedelta(hours=24)
    assert (row.granted_to, row.approved_by, row.field, row.used_at) == (ASKER, "S-7", "phone", None)
    assert shown == (clear(WHOLE["phone"]), [])
    assert again == (None, [(None, "STEP_UP_REQUIRED")])
    assert await counted(world) == [
        ("memberReveal", ASKER, "2026-11-22", 1),
        ("revealApprove", "S-7", "2026-11-22", 1),
    ]
    assert [row[:4] for row in await told(world)] == [
        ("S-7", "revealApprove", "ok", [f"granted_to:{ASKER}", "member.phone:APPROVE"]),
        (ASKER, "memberReveal", "ok", ["approved_by:S-7", "member.phone:REVEAL", "reason:CALL_BACK"]),
        (ASKER, "memberReveal", "STEP_UP_REQUIRED", ["member.phone:REVEAL", "reason:CALL_BACK"]),
    ]


async def test_an_approval_holds_for_its_member_its_field_and_its_person(world: World, people: People) -> None:
    await approve(world, people.whole, "EMAIL")

    refused = [
        await reveal(world, people.whole, "PHONE"),
        await reveal(world, people.southern, "EMAIL"),
        await reveal(world, people.whole, "EMAIL", subject="S-1043"),
    ]

    assert refused == [(None, [(None, "STEP_UP_REQUIRED")])] * 3
    assert [row.used_at for row in await approvals(world)] == [None]
    assert await reveal(world, people.whole, "EMAIL") == (clear(WHOLE["email"]), [])


async def test_approvals_for_two_members_stand_beside_each_other(world: World, people: People) -> None:
    for member in (people.southern, people.whole):
        await approve(world, member)

    shown = [await reveal(world, member) for member in (people.whole, people.southern)]

    assert shown == [(clear(WHOLE["phone"]), []), (clear("+8613912345671"), [])]


async def test_with_a_second_factor_the_approval_is_kept(world: World, people: People) -> None:
    await approve(world, people.whole)

    await reveal(world, people.whole, step_up=True)

    assert [row.used_at for row in await approvals(world)] == [None]


async def test_nobody_approves_for_themselves(world: World, people: People) -> None:
    own = await approve(world, people.whole, role="store_manager", to=ASKER, subject=ASKER)
    wrong = await approve(world, people.whole, to="张三 13812345670")

    assert own == (None, [("grantedTo", "FORBIDDEN")])
    assert wrong == (None, [("grantedTo", "BAD_USER_INPUT")])
    assert await approvals(world) == []
    assert [row[2:] for row in await told(world)] == [
        ("FORBIDDEN", [f"granted_to:{ASKER}", "member.phone:APPROVE"], [people.whole]),
        ("BAD_USER_INPUT", ["member.phone:APPROVE"], []),
    ]


@pytest.mark.parametrize("to", ["corp:E1001", "shop:E1001", "shop:e1001", "E1001"])
async def test_who_is_known_to_two_issuers_does_not_approve_for_themselves(
    world: World, people: People, to: str
) -> None:
    own = await approve(world, people.whole, role="store_manager", to=to, subject="corp:E1001")
    other = await approve(world, people.whole, role="store_manager", to="corp:E1002", subject="corp:E1001")

    assert own == (None, [("grantedTo", "FORBIDDEN")])
    assert (other[0] is not None, other[1]) == (True, [])
    assert [row.granted_to for row in await approvals(world)] == ["corp:E1002"]


async def test_a_field_that_nobody_may_reveal_is_not_approved(world: World, people: People) -> None:
    assert await approve(world, people.whole, "GENDER") == (None, [("field", "BAD_USER_INPUT")])

    assert await approvals(world) == []
    assert [row[2:4] for row in await told(world)] == [("BAD_USER_INPUT", ["member.gender:APPROVE"])]


async def test_who_does_not_reach_the_member_does_not_approve(world: World, people: People) -> None:
    assert await approve(world, people.southern, role="store_manager") == (None, [("id", "NOT_FOUND")])

    assert await approvals(world) == []
    assert (await told(world))[0][2] == "NOT_FOUND"


@pytest.mark.parametrize("role", ["support_agent", "sales_associate", "dpo", "app_crm"])
async def test_who_may_not_approve_is_refused_the_operation(world: World, people: People, role: str) -> None:
    variables = {"id": str(people.whole), "field": "PHONE", "to": ASKER}

    assert await world.refused(role, APPROVE, variables=variables) == ["FORBIDDEN"]
    assert await approvals(world) == []


async def test_an_approval_ends_after_a_day_of_the_database_and_is_swept(world: World, people: People) -> None:
    await approve(world, people.whole)
    async with transaction(world.hub.database.app) as tx:
        day = text("interval '24 hours'")
        await tx.execute(update(approval_t).values(expires_at=approval_t.c.expires_at - day))

    assert await reveal(world, people.whole) == (None, [(None, "STEP_UP_REQUIRED")])

    await approve(world, people.southern)
    assert [row.member_id for row in await approvals(world)] == [people.southern]


async def test_two_reveals_at_once_share_no_approval(world: World, people: People) -> None:
    await approve(world, people.whole)

    answers = await asyncio.gather(*(reveal(world, people.whole) for _ in range(6)))

    assert sorted(len(errors) for _, errors in answers) == [0, 1, 1, 1, 1, 1]
    assert [value for value, errors in answers if not errors] == [clear(WHOLE["phone"])]
    assert (await counted(world))[0] == ("memberReveal", ASKER, "2026-11-22", 1)


async def test_an_approval_goes_with_its_member_into_a_merge_and_ends_with_a_split(
    world: World, people: People
) -> None:
    await approve(world, people.former)
    (holder,) = [holder for holder in HOLDERS if "hub.approval" in holder.tables]

    async with transaction(world.hub.database.app) as tx:
        await holder.absorb(tx, kept=people.southern, gone=people.former)
    moved = [row.member_id for row in await approvals(world)]
    async with transaction(world.hub.database.app) as tx:
        await holder.give_back(tx, kept=people.southern, back=people.former, origins=[])

    assert moved == [people.southern]
    assert await approvals(world) == []
