"""Objections for a child: the guardian places and lifts them; a child places, and lifts none (PIPL 31, 44)."""

from typing import Any

import pytest

from tests.graphql.test_objections import lift, place, stored
from tests.graphql.world import NOW
from tests.guardians.family import TURNS, Family

SCOPE = {"profiling": True, "purposes": ["MARKETING"]}


async def placed(family: Family, role: str = "guardian", **about: Any) -> str:
    about = about or {"member": family.mother}
    objection, errors = await place(family.world, role, SCOPE, family.daughter, **about)
    assert errors == []
    return str(objection["id"])


@pytest.mark.parametrize("role", ["member", "app_mini_program"])
@pytest.mark.parametrize("by", ["guardian", "member"])
async def test_a_child_lifts_no_objection_whoever_placed_it(family: Family, role: str, by: str) -> None:
    await family.linked()
    objection = await placed(family, by, member=family.mother if by == "guardian" else family.daughter)

    refused = await lift(family.world, role, objection, member=family.daughter)
    part = await lift(family.world, role, objection, member=family.daughter, only={"profiling": True})

    assert refused == part == (None, [(None, "FORBIDDEN")])
    assert [row.lifted_at for row in await stored(family.world)] == [None]
    last = (await family.recorded("objectionLift"))[-1]
    assert (last.role, last.outcome, last.member_ids) == (role, "FORBIDDEN", [family.daughter])


async def test_the_guardian_lifts_it_and_from_fourteen_the_member(family: Family) -> None:
    await family.linked()
    _, errors = await lift(family.world, "guardian", await placed(family), family.daughter, member=family.mother)
    assert errors == []

    objection = await placed(family)
    await family.day_by_day(until=TURNS)
    _, errors = await lift(family.world, "member", objection, member=family.daughter)

    assert errors == []
    assert [row.lifted_at for row in await stored(family.world)] == [NOW, TURNS]
