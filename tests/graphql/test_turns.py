"""Many acts on one member: the others of the process are answered meanwhile, and each comes in its turn or is told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import select, text

from member_hub.db import transaction
from member_hub.graphql import turns
from member_hub.graphql.turns import AT_ONCE, NAMES_MAX, WAITING_MAX, Busy, Turns
from member_hub.ids import MemberId
from member_hub.members.reading import member_t
from member_hub.members.tables import Channel
from member_hub.points.writing import account_t
from tests.graphql.benefits import use
from tests.graphql.pointing import act, earn, errors, everything, faults, pots
from tests.graphql.recording import CARD, RECORD, a_member, an_order
from tests.graphql.world import People, World, said

MANY = 30
PAYERS = 12  # more than there are connections
ANSWER_S = 5  # of a request that waits for nobody; without turns it waits for the pool, and is refused after ten
BY = "query ($by: MemberKey!) { member(by: $by) { id points { active } } }"
REDEEM = """mutation ($input: PointsRedeemInput!, $key: String!) { pointsRedeem(input: $input, idempotencyKey: $key) {
    receipt { points } userErrors { field code message retryAfter } } }"""
WAITING = "SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted"

Act = Callable[[World, MemberId, MemberId, int], Awaitable[Any]]


@asynccontextmanager
async def busy(world: World, member: MemberId) -> AsyncIterator[None]:
    """Somebody else holds the member and the account for the length of the block, and AT_ONCE wait for that."""
    async with transaction(world.hub.database.login) as tx:
        await tx.execute(select(member_t.c.member_id).where(member_t.c.member_id == member).with_for_update())
        await tx.execute(select(account_t.c.member_id).where(account_t.c.member_id == member).with_for_update())
        yield


async def some_wait(world: World) -> int:
    """How many wait in the database, once as many do as may; those behind them have come by then."""
    async with asyncio.timeout(ANSWER_S):
        while True:
            async with transaction(world.hub.database.audit) as tx:
                number = int(await tx.scalar(text(WAITING)) or 0)
            if number >= AT_ONCE:
                await asyncio.sleep(0.2)
                return number


async def redeems(world: World, member: MemberId, _other: MemberId, number: int) -> Any:
    return (await act(world, "pointsRedeem", "app_checkout", member=member, amount=1, key=f"r-{number}"))["userErrors"]


async def pays(world: World, member: MemberId, other: MemberId, number: int) -> Any:
    about = {"member": other}
    key = f"t-{number}"
    done = await act(world, "pointsTransfer", "app_mini_program", about=about, to=member, amount=1, key=key)
    return done["userErrors"]


async def buys(world: World, member: MemberId, _other: MemberId, number: int) -> Any:
    variables = {"input": an_order(member, orderNo=f"T-{number}"), "key": f"o-{number}"}
    return (await world.ask("app_checkout", RECORD, variables=variables))["orderRecord"]["userErrors"]


async def buys_by_card(world: World, _member: MemberId, _other: MemberId, number: int) -> Any:
    variables = {"input": an_order(orderNo=f"T-{number}", account=CARD), "key": f"o-{number}"}
    return (await world.ask("app_checkout", RECORD, variables=variables))["orderRecord"]["userErrors"]


async def uses(world: World, member: MemberId, _other: MemberId, number: int) -> Any:
    return [one for one in (await use(world, member, key=f"u-{number}"))["userErrors"] if one["code"] == "THROTTLED"]


@pytest.mark.parametrize("acts", [redeems, buys, buys_by_card, uses])
async def test_while_thirty_wait_for_one_member_another_is_answered(world: World, people: People, acts: Act) -> None:
    member = await a_member(world)
    await earn(world, member, 100)
    await earn(world, people.whole, 100)

    async with busy(world, member):
        under_way = [asyncio.create_task(acts(world, member, people.whole, number)) for number in range(MANY)]
        waiting = await some_wait(world)
        async with asyncio.timeout(ANSWER_S):
            other = await world.ask("app_checkout", BY, variables={"by": {"id": str(people.visitor)}})
        assert not any(one.done() for one in under_way)

    assert waiting == AT_ONCE
    assert other["member"]["id"]
    assert [error for errors in await asyncio.gather(*under_way) for error in errors] == []
    assert await faults(world) == []


async def test_while_many_pay_one_member_another_is_answered(world: World, people: People) -> None:
    member = await a_member(world)
    payers = await world.resolve(*(said(Channel.WEBSITE, f"payer-{number}") for number in range(PAYERS)))
    for payer in payers:
        await earn(world, payer, 10)

    async with busy(world, member):
        under_way = [asyncio.create_task(pays(world, member, payer, n)) for n, payer in enumerate(payers)]
        waiting = await some_wait(world)
        async with asyncio.timeout(ANSWER_S):
            await world.ask("app_checkout", BY, variables={"by": {"id": str(people.visitor)}})

    assert waiting == AT_ONCE
    assert await asyncio.gather(*under_way) == [[]] * PAYERS
    assert await pots(world, member) == (PAYERS, 0, 0, 0)
    assert await faults(world) == []


async def test_thirty_redemptions_at_once_are_all_done_and_none_twice(world: World, people: People) -> None:
    await earn(world, people.whole, 100)

    done = await asyncio.gather(*(redeems(world, people.whole, people.whole, number) for number in range(MANY)))

    assert done == [[]] * MANY
    assert await pots(world, people.whole) == (70, 0, 0, 0)
    assert await faults(world) == []


@pytest.mark.parametrize(
    ("language", "message"),
    [
        ("zh", "该会员有多项操作正在进行，请稍后重试。"),
        ("en", "Many acts on this member are under way; retry later."),
    ],
)
async def test_whose_turn_does_not_come_in_time_is_told_when_to_come_again(
    world: World, people: People, monkeypatch: pytest.MonkeyPatch, language: str, message: str
) -> None:
    await earn(world, people.whole, 100)
    before, entries = await everything(world), len(await world.audited())
    monkeypatch.setattr(turns, "WAIT_S", 0.3)

    async with busy(world, people.whole):
        first = [asyncio.create_task(redeems(world, people.whole, people.whole, n)) for n in range(AT_ONCE)]
        await some_wait(world)
        variables = {"input": {"amount": 1, "member": str(people.whole)}, "key": "late"}
        late = (
            await world.post("app_checkout", REDEEM, variables=variables, headers={"Accept-Language": language})
        ).json()
        assert await everything(world) == before

    assert late["data"]["pointsRedeem"] == {
        "receipt": None,
        "userErrors": [{"field": None, "code": "THROTTLED", "message": message, "retryAfter": 5}],
    }
    (row,) = [row for row in (await world.audited())[entries:] if row.outcome != "ok"]
    assert (row.operation, row.outcome, row.member_ids) == ("pointsRedeem", "THROTTLED", [])
    assert await asyncio.gather(*first) == [[]] * AT_ONCE
    assert (await world.ask("app_checkout", REDEEM, variables=variables))["pointsRedeem"]["userErrors"] == []
    assert await pots(world, people.whole) == (97, 0, 0, 0)


async def test_who_names_a_member_out_of_reach_neither_waits_nor_keeps_anybody_waiting(
    world: World, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether somebody is busy is nothing that the app of another member may find out."""
    await earn(world, people.whole, 100)
    monkeypatch.setattr(turns, "WAIT_S", 0.3)
    stated = {"member": people.whole, "amount": 1}

    async with busy(world, people.whole):
        first = [asyncio.create_task(redeems(world, people.whole, people.whole, n)) for n in range(AT_ONCE)]
        await some_wait(world)
        for_another = await act(world, "pointsRedeem", "app_mini_program", about={"member": people.southern}, **stated)

    assert errors(for_another) == [("member", "NOT_FOUND")]
    assert await asyncio.gather(*first) == [[]] * AT_ONCE


async def taken(turn: Turns, names: set[Any], log: list[Any], number: int, until: asyncio.Event) -> None:
    async with turn.of(names):
        log.append(number)
        await until.wait()


async def test_turns_come_in_the_order_in_which_they_were_asked_for_and_are_then_forgotten() -> None:
    turn, until, log = Turns(), asyncio.Event(), list[int]()
    asked = [asyncio.create_task(taken(turn, {"anna"}, log, number, until)) for number in range(10)]
    await asyncio.sleep(0.01)
    assert log == list(range(AT_ONCE))

    asked[4].cancel()  # who waits may go
    until.set()
    await asyncio.wait(asked)

    assert log == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    assert turn._queues == {}


async def test_two_who_need_the_same_two_do_not_wait_for_each_other() -> None:
    turn, until, log = Turns(), asyncio.Event(), list[int]()
    until.set()

    async with asyncio.timeout(ANSWER_S):
        await asyncio.gather(
            *(taken(turn, {"anna", "bo"} if n % 2 else {"bo", "anna"}, log, n, until) for n in range(50))
        )

    assert sorted(log) == list(range(50))


async def test_there_is_a_limit_to_who_waits() -> None:
    turn, until, log = Turns(), asyncio.Event(), list[int]()
    room = AT_ONCE + WAITING_MAX
    asked = [asyncio.create_task(taken(turn, {"anna"}, log, number, until)) for number in range(room)]
    others = [asyncio.create_task(taken(turn, {number}, log, number, until)) for number in range(NAMES_MAX - 1)]
    await asyncio.sleep(0.01)

    for name in ("anna", "one too many"):
        with pytest.raises(Busy):
            async with turn.of({name}):
                pass
    until.set()
    await asyncio.gather(*asked, *others)
    assert turn._queues == {}
