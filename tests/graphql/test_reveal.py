"""Revealing one masked field: who may, with what, and what goes on record."""

from typing import Any

import pytest

from tests.graphql.revealing import ASKER, REVEAL, clear, counted, reveal, told
from tests.graphql.world import WHOLE, People, World


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
