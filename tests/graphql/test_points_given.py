"""Giving points to another member: what it does, and that nothing is told of who gets them."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select, text

from member_hub.db import transaction
from member_hub.graphql.building import global_id
from member_hub.ids import MemberId, uuid7
from member_hub.members.bits import restriction_mask
from member_hub.members.tables import MemberStatus
from member_hub.points.words import AccountState
from member_hub.points.writing import account_t
from member_hub.privacy import Purpose
from tests.graphql.pointing import act, done, earn, errors, everything, faults, freeze, points_of, pots, turn
from tests.graphql.world import People, World

WAITS_S = 5


async def give(world: World, giver: MemberId, to: Any, amount: int, **stated: Any) -> Any:
    return await act(
        world, "pointsTransfer", "app_mini_program", about={"member": giver}, to=to, amount=amount, **stated
    )


async def test_points_go_over_and_expire_there_when_they_would_have_here(world: World, people: People) -> None:
    await earn(world, people.whole, 500)

    receipt = await done(
        world,
        "pointsTransfer",
        "app_mini_program",
        about={"member": people.whole},
        to=global_id(people.southern),
        amount=200,
    )

    assert (receipt["points"], receipt["balance"]) == (200, 300)
    assert [(one["act"], one["reason"], one["points"]) for one in receipt["entries"]] == [("TRANSFER_OUT", "GIFT", 200)]
    got = await points_of(world, people.southern)
    assert (got["active"], got["expiringNext"]["points"]) == (200, 200)
    assert got["expiringNext"]["at"] == (await points_of(world, people.whole))["expiringNext"]["at"]
    assert await faults(world) == []
    said = {row.member_ids[0]: row.fields for row in await world.audited() if row.operation == "pointsTransfer"}
    assert said == {
        people.whole: ["member.loyalty:CLEAR", "member.loyalty:WRITE"],
        people.southern: ["member.loyalty:WRITE"],
    }


async def test_who_cannot_get_any_is_not_found_whatever_the_reason(world: World, people: People) -> None:
    await earn(world, people.whole, 500)
    await earn(world, people.southern, 500)
    await earn(world, people.visitor, 500)
    await freeze(world, people.southern)
    await freeze(world, people.visitor, AccountState.CLOSED)
    await turn(world, people.former, status=MemberStatus.FROZEN)
    before = await everything(world)

    answers = [await give(world, people.whole, to, 5) for to in (people.southern, people.visitor, people.former)]
    await turn(
        world, people.former, status=MemberStatus.ACTIVE, restriction_bits=restriction_mask(Purpose.MEMBER_SERVICE)
    )
    answers.append(await give(world, people.whole, people.former, 5))
    await turn(world, people.former, status=MemberStatus.ACTIVE, restriction_bits=0, handler="another")
    answers.append(await give(world, people.whole, people.former, 5))
    await turn(world, people.former, status=MemberStatus.ERASED)
    answers += [await give(world, people.whole, to, 5) for to in (people.former, uuid7(), "no-id")]

    answers.append(await give(world, people.whole, people.southern, 5_001))  # more than may be given, or is there
    assert [errors(one) for one in answers] == [[("to", "NOT_FOUND")]] * 9
    assert len({str(one) for one in answers}) == 1
    assert await everything(world) == before
    said = [row.member_ids for row in await world.audited() if row.operation == "pointsTransfer"]
    assert said == [[people.whole]] * 9


@pytest.mark.parametrize(
    ("state", "code"), [(AccountState.FROZEN, "POINTS_FROZEN"), (AccountState.CLOSED, "POINTS_CLOSED")]
)
async def test_what_is_wrong_with_the_giver_is_told(
    world: World, people: People, state: AccountState, code: str
) -> None:
    await earn(world, people.whole, 500)
    await freeze(world, people.whole, state)

    assert errors(await give(world, people.whole, people.southern, 5)) == [("id", code)]
    assert await pots(world, people.southern) == (0, 0, 0, 0)


async def test_limits_and_oneself(world: World, people: People) -> None:
    await earn(world, people.whole, 10_000)
    await earn(world, people.whole, 1_000, "INTERACTION")
    before = await everything(world)

    for amount, code in ((0, "BAD_USER_INPUT"), (-5, "BAD_USER_INPUT"), (2**53 + 1, "BAD_USER_INPUT")):
        assert errors(await give(world, people.whole, people.southern, amount)) == [("amount", code)]
    assert errors(await give(world, people.whole, people.southern, 5_001)) == [("amount", "POINTS_LIMIT")]
    assert errors(await give(world, people.whole, people.merged, 5)) == [("to", "BAD_USER_INPUT")]
    assert errors(await give(world, people.southern, people.whole, 5)) == [("amount", "POINTS_NOT_ENOUGH")]
    assert await everything(world) == before

    for _ in range(2):
        assert (await give(world, people.whole, people.southern, 5_000))["userErrors"] == []
    of_the_day = await give(world, people.whole, people.southern, 5)
    assert errors(of_the_day) == [("amount", "POINTS_LIMIT")]
    assert "in a day (transfer_day_max)" in of_the_day["userErrors"][0]["message"]


async def test_nobody_gives_away_the_points_of_another(world: World, people: People) -> None:
    await earn(world, people.southern, 500)

    payload = await give(world, people.whole, people.whole, 5, member=people.southern)

    assert errors(payload) == [("member", "NOT_FOUND")]
    assert await pots(world, people.southern) == (500, 0, 0, 0)


async def test_the_same_under_one_key_gives_once(world: World, people: People) -> None:
    await earn(world, people.whole, 500)

    first = await give(world, people.whole, people.southern, 100, key="k")
    again = await give(world, people.whole, people.southern, 100, key="k")
    other = await give(world, people.whole, people.visitor, 100, key="k")

    assert again == first
    assert errors(other) == [("idempotencyKey", "CONFLICT")]
    assert (await pots(world, people.whole))[0] == 400


async def test_what_was_given_is_told_again_when_the_one_who_got_it_is_gone(world: World, people: People) -> None:
    await earn(world, people.whole, 500)
    first = await give(world, people.whole, people.southern, 100, key="k")
    await turn(world, people.southern, status=MemberStatus.ERASED)

    again = await give(world, people.whole, people.southern, 100, key="k")
    more = await give(world, people.whole, people.southern, 100, key="k-2")

    assert again == first
    assert errors(more) == [("to", "NOT_FOUND")]
    outcomes = [row.outcome for row in await world.audited() if row.operation == "pointsTransfer"]
    assert outcomes == ["ok", "ok", "ok", "NOT_FOUND"]  # of the first one entry for either
    assert (await pots(world, people.whole))[0] == 400


async def test_two_who_give_to_each_other_at_once_both_do(world: World, people: People) -> None:
    await earn(world, people.whole, 500)
    await earn(world, people.southern, 500)

    came = await asyncio.gather(
        *(
            give(world, *pair, 10)
            for _ in range(10)
            for pair in ((people.whole, people.southern), (people.southern, people.whole))
        )
    )

    assert [one["userErrors"] for one in came] == [[]] * 20
    assert await pots(world, people.whole) == (500, 0, 0, 0)
    assert await faults(world) == []


async def test_a_gift_that_the_database_ended_as_a_deadlock_is_given_all_the_same(world: World, people: People) -> None:
    """Somebody else takes both accounts the other way round; the database ends the one that has waited longest."""
    giver, getter = people.whole, people.southern
    await earn(world, giver, 500)
    await earn(world, getter, 1)
    first, last = sorted((giver, getter))
    taken = select(account_t.c.member_id).with_for_update()

    async with transaction(world.hub.database.app) as tx:
        await tx.execute(taken.where(account_t.c.member_id == last))
        giving = asyncio.create_task(give(world, giver, getter, 200))
        async with asyncio.timeout(WAITS_S):
            while not await _somebody_waits(world):
                await asyncio.sleep(0.01)
        await tx.execute(taken.where(account_t.c.member_id == first))
    await giving

    assert (await pots(world, giver), await pots(world, getter)) == ((300, 0, 0, 0), (201, 0, 0, 0))
    assert [row.outcome for row in await world.audited() if row.operation == "pointsTransfer"] == ["ok"] * 2


async def _somebody_waits(world: World) -> bool:
    async with transaction(world.hub.database.app) as tx:
        waiting = text("select count(*) from pg_locks where not granted and locktype = 'transactionid'")
        return bool(await tx.scalar(waiting))
