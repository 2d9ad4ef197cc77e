"""orderRecord: who records for whom."""

import pytest

from tests.graphql.recording import CARD, RECORD, a_member, an_order, counts, record
from tests.graphql.world import World


async def test_an_account_names_the_member_for_whoever_may_look_it_up(world: World) -> None:
    member = await a_member(world)

    receipt, errors = await record(world, an_order(account=CARD))

    assert errors == []
    assert receipt is not None
    entry = (await world.audited())[-1]
    assert entry.member_ids == [member]
    assert "key:account" in entry.fields


async def test_the_mini_program_records_for_its_own_member_and_nobody_else(world: World) -> None:
    member, other = await a_member(world), await a_member(world, "8800000002")

    own, errors = await record(world, an_order(), "app_mini_program", member=str(member))
    _, others = await record(world, an_order(other, orderNo="T9"), "app_mini_program", "k2", member=str(member))
    _, looked_up = await record(world, an_order(account=CARD, orderNo="T9"), "app_mini_program", "k3")

    assert errors == []
    assert own is not None
    assert others == [("member", "NOT_FOUND")]
    assert looked_up == [("account", "FORBIDDEN")]


@pytest.mark.parametrize("role", ["member", "sales_associate", "store_manager", "support_agent", "dpo", "auditor"])
async def test_nobody_else_records(world: World, role: str) -> None:
    member = await a_member(world)
    about = {"member": str(member)} if role == "member" else {}
    before = await counts(world)

    codes = await world.refused(role, RECORD, variables={"input": an_order(member), "key": "k"}, **about)

    assert codes == ["FORBIDDEN"]
    assert await counts(world) == before
