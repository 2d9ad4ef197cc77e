"""Revealing one masked field: who may, with what, how often, and what goes on record."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text, update

from member_hub.db import transaction
from member_hub.db.bulk import table_of
from member_hub.holders import HOLDERS
from member_hub.revealing import APPROVALS_PER_DAY, REVEALS_PER_DAY
from member_hub.revealing.tables import Approval, DailyCount
from tests.graphql.world import NOW, WHOLE, People, World

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


@pytest.mark.parametrize(
    ("role", "field", "value"),
    [
        ("support_agent", "PHONE", WHOLE["phone"]),
        ("support_agent", "EMAIL", WHOLE["email"]),
        ("support_agent", "ADDRESS", WHOLE["address"]),
        ("store_manager", "PHONE", WHOLE["phone"]),
        ("region_manager", "PHONE", WHOLE["phone"]),
    ],
)
async def test_who_may_sees_the_one_field_with_a_fresh_second_factor(
    world: World, people: People, role: str, field: str, value: str
) -> None:
    shown = await reveal(world, people.whole, field, role=role, reference="CS-20261122-001", step_up=True)

    assert shown == (clear(value), [])
    assert await counted(world) == [("memberReveal", ASKER, "2026-11-22", 1)]
    fields = [f"member.{field.lower()}:REVEAL", "reason:CALL_BACK", "reference:CS-20261122-001", "second_factor"]
    assert await told(world) == [(ASKER, "memberReveal", "ok", fields, [people.whole])]


async def test_a_merged_id_reveals_what_the_member_has(world: World, people: People) -> None:
    assert await reveal(world, people.merged, step_up=True) == (clear(WHOLE["phone"]), [])
    assert (await told(world))[0][4] == [people.whole]


async def test_what_is_not_there_is_absent(world: World, people: People) -> None:
    shown = await reveal(world, people.southern, "EMAIL", step_up=True)

    assert shown == ({"value": None, "display": None, "state": "ABSENT"}, [])


async def test_a_reveal_changes_nothing_for_the_next_look(world: World, people: People) -> None:
    await reveal(world, people.whole, step_up=True)

    query = "query ($by: MemberKey!) { member(by: $by) { phone { value display state } } }"
    found = await world.ask("support_agent", query, variables={"by": {"id": str(people.whole)}}, step_up=True)

    assert found["member"]["phone"] == {"value": None, "display": "138****5670", "state": "MASKED"}


@pytest.mark.parametrize(
    ("role", "field"),
    [
        ("support_agent", "NAME"),
        ("support_agent", "BIRTHDAY"),
        ("support_agent", "GENDER"),
        ("store_manager", "NAME"),
        ("store_manager", "ADDRESS"),
        ("region_manager", "EMAIL"),
    ],
)
async def test_a_field_that_the_policy_does_not_name_is_not_revealed(
    world: World, people: People, role: str, field: str
) -> None:
    refused = await reveal(world, people.whole, field, role=role, step_up=True)

    assert refused == (None, [("field", "FORBIDDEN")])
    assert await counted(world) == []
    fields = [f"member.{field.lower()}:REVEAL", "reason:CALL_BACK"]
    assert await told(world) == [(ASKER, "memberReveal", "FORBIDDEN", fields, [])]


@pytest.mark.parametrize(
    "role", ["sales_associate", "membership_manager", "dpo", "auditor", "app_crm", "app_checkout", "member"]
)
async def test_who_may_not_reveal_is_refused_the_operation(world: World, people: People, role: str) -> None:
    about = {"member": people.whole} if role == "member" else {}
    variables = {"id": str(people.whole), "field": "PHONE", "reason": "CALL_BACK"}

    assert await world.refused(role, REVEAL, variables=variables, step_up=True, **about) == ["FORBIDDEN"]

    assert await counted(world) == []
    assert [row[1:3] for row in await told(world)] == [("memberReveal", "FORBIDDEN")]


async def test_somebody_out_of_reach_and_nobody_are_refused_alike(world: World, people: People) -> None:
    refused = [
        await reveal(world, who, role="store_manager", step_up=True)
        for who in (people.southern, "01a200c5-38d1-7dbd-b2c1-36cadb95f292", "not an id")
    ]

    assert refused == [(None, [("id", "NOT_FOUND")])] * 3
    assert await counted(world) == []
    assert [row[2:] for row in await told(world)] == [
        ("NOT_FOUND", ["member.phone:REVEAL", "reason:CALL_BACK"], []),
    ] * 3


async def test_without_second_factor_and_approval_it_is_refused_and_not_counted(world: World, people: People) -> None:
    assert await reveal(world, people.whole) == (None, [(None, "STEP_UP_REQUIRED")])

    assert await counted(world) == []
    assert await told(world) == [
        (ASKER, "memberReveal", "STEP_UP_REQUIRED", ["member.phone:REVEAL", "reason:CALL_BACK"], [people.whole])
    ]


@pytest.mark.parametrize(
    "reference", ["", "CS 1", "张三", "CS_1", "x" * 41, "13812345670", "138-1234-5670", "T-8613812345670-1",
                  "11010519491231002X", "CS-1\n"]
)  # fmt: skip
async def test_what_could_name_somebody_is_no_reference(world: World, people: People, reference: str) -> None:
    refused = await reveal(world, people.whole, reference=reference, step_up=True)

    assert refused == (None, [("reference", "BAD_USER_INPUT")])
    assert await counted(world) == []
    (row,) = await told(world)
    assert row[2:4] == ("BAD_USER_INPUT", ["member.phone:REVEAL", "reason:CALL_BACK"])


@pytest.mark.parametrize("reason", [None, "BECAUSE", ""])
async def test_a_reason_of_the_list_is_required(world: World, people: People, reason: str | None) -> None:
    variables = {"id": str(people.whole), "field": "PHONE", "reason": reason}

    assert await world.refused("support_agent", REVEAL, variables=variables, step_up=True) == ["BAD_USER_INPUT"]

    assert await counted(world) == []


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


async def test_twenty_a_day_is_the_limit_also_for_many_at_once_and_over_roles(world: World, people: People) -> None:
    some = [reveal(world, people.whole, step_up=True) for _ in range(12)]
    others = [reveal(world, people.whole, role="store_manager", step_up=True) for _ in range(12)]

    answers = await asyncio.gather(*some, *others)

    assert [value for value, errors in answers if not errors] == [clear(WHOLE["phone"])] * REVEALS_PER_DAY
    assert [errors for _, errors in answers if errors] == [[(None, "THROTTLED")]] * 4
    assert REVEALS_PER_DAY == 20
    assert await counted(world) == [("memberReveal", ASKER, "2026-11-22", 20)]
    assert sorted(row[2] for row in await told(world)) == ["THROTTLED"] * 4 + ["ok"] * 20
    assert (await reveal(world, people.whole, subject="S-9", step_up=True))[1] == []


async def test_the_day_is_the_brands_and_the_limit_starts_anew_with_it(world: World, people: People) -> None:
    async with transaction(world.hub.database.app) as tx:
        rows = [("2026-11-22", 20), ("2026-11-20", 3)]
        for day, count in rows:
            stated = {"operation": "memberReveal", "subject": ASKER, "day": datetime.fromisoformat(day), "count": count}
            await tx.execute(count_t.insert().values(stated))
    world.clock.at = NOW.replace(hour=15, minute=59)  # 23:59 in Shanghai
    late = await reveal(world, people.whole, step_up=True)
    world.clock.at = NOW.replace(hour=16, minute=0)

    early = await reveal(world, people.whole, step_up=True)

    assert late == (None, [(None, "THROTTLED")])
    assert early[1] == []
    assert [row[2:] for row in await counted(world)] == [("2026-11-22", 20), ("2026-11-23", 1)]


async def test_what_is_throttled_uses_up_no_approval(world: World, people: People) -> None:
    await approve(world, people.whole)
    for _ in range(REVEALS_PER_DAY):
        await reveal(world, people.whole, step_up=True)

    refused = await reveal(world, people.whole)

    assert refused == (None, [(None, "THROTTLED")])
    assert [row.used_at for row in await approvals(world)] == [None]


async def test_approvals_are_limited_too(world: World, people: People) -> None:
    async with transaction(world.hub.database.app) as tx:
        stated = {"operation": "revealApprove", "subject": "S-7", "day": NOW.date(), "count": APPROVALS_PER_DAY}
        await tx.execute(count_t.insert().values(stated))

    assert await approve(world, people.whole) == (None, [(None, "THROTTLED")])
    assert await approvals(world) == []


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


async def test_what_is_not_on_record_is_not_revealed(
    world: World, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unavailable(*_: Any) -> None:
        raise ConnectionResetError

    monkeypatch.setattr("member_hub.graphql.asking.Asking.write_trail", unavailable)
    variables = {"id": str(people.whole), "field": "PHONE", "reason": "CALL_BACK"}
    answer = await world.post("support_agent", REVEAL, variables=variables, step_up=True)
    monkeypatch.undo()

    assert answer.status_code != 200
    assert WHOLE["phone"] not in answer.text
    assert await counted(world) == []


async def test_two_reveals_do_not_fit_into_one_request(world: World, people: People) -> None:
    one = f'memberReveal(id: "{people.whole}", field: PHONE, reason: CALL_BACK) {{ value {{ value }} }}'

    codes = await world.refused("support_agent", f"mutation {{ a: {one} b: {one} }}", step_up=True)

    assert codes == ["QUERY_TOO_COMPLEX"]
    assert await counted(world) == []


async def test_what_is_limited_by_the_day_says_when_the_next_one_begins(world: World, people: People) -> None:
    day = NOW.date()
    async with transaction(world.hub.database.app) as tx:
        for operation, subject, count in (
            ("memberReveal", ASKER, REVEALS_PER_DAY),
            ("revealApprove", "S-7", APPROVALS_PER_DAY),
        ):
            stated = {"operation": operation, "subject": subject, "day": day, "count": count}
            await tx.execute(count_t.insert().values(stated))
    revealing = REVEAL.replace("field code message", "code retryAfter")
    approving = APPROVE.replace("field code", "code retryAfter")
    about = {"id": str(people.whole), "field": "PHONE"}

    shown = await world.ask(
        "support_agent", revealing, variables=about | {"reason": "CALL_BACK"}, subject=ASKER, step_up=True
    )
    approved = await world.ask("membership_manager", approving, variables=about | {"to": ASKER}, subject="S-7")

    eight_hours = [{"code": "THROTTLED", "retryAfter": 8 * 3600}]  # from 16:00 in Shanghai
    assert shown["memberReveal"]["userErrors"] == approved["revealApprove"]["userErrors"] == eight_hours
