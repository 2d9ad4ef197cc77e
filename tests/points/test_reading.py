"""What is read of points: balances of many, entries by page."""

from datetime import timedelta

from sqlalchemy import event

from member_hub import points
from member_hub.db import snapshot
from member_hub.points.listing import entries_of_each, position_of
from member_hub.points.queries import balances
from tests.points.desk import Desk


async def test_a_balance_tells_what_expires_next(desk: Desk) -> None:
    anna = await desk.member()
    await desk.earn(anna, 10, occurred_at=desk.clock.now() - timedelta(days=2))
    await desk.earn(anna, 20)
    await desk.earn(anna, 30)
    lots = await desk.rows("points_lot")

    balance = await desk.balance(anna)
    assert (balance.expires_next_at, balance.expires_next) == (min(lot.expires_at for lot in lots), 10)
    await desk.do(points.hold, anna, amount=15, lasts=timedelta(days=7))
    balance = await desk.balance(anna)

    assert (balance.expires_next_at, balance.expires_next) == (max(lot.expires_at for lot in lots), 45)
    assert (balance.pots.active, balance.pots.held, balance.pots.balance) == (45, 15, 45)


async def test_balances_of_many_take_as_many_statements_as_those_of_two(desk: Desk) -> None:
    people = [await desk.member() for _ in range(12)]
    for number, one in enumerate(people):
        await desk.buy(one, f"O{number}", 10_000)
        await desk.earn(one, 50)
        await desk.do(points.hold, one, amount=50)
    desk.later(days=10)

    counts = []
    for some in (people[:2], people):
        statements: list[object] = []
        engine = desk.database.app.sync_engine

        def count(*said: object, into: list[object] = statements) -> None:
            into.append(said)

        async with snapshot(desk.database.app) as tx:
            event.listen(engine, "before_cursor_execute", count)
            found = await balances(tx, some, now=desk.clock.now())
            event.remove(engine, "before_cursor_execute", count)
        assert {(b.pots.active, b.pots.pending, b.pots.held) for b in found.values()} == {(150, 0, 0)}
        counts.append(len(statements))
    assert counts == [6, 6]


async def test_entries_are_paged_newest_first(desk: Desk) -> None:
    anna, twin = await desk.member(), await desk.member()
    for number in range(5):
        await desk.earn((anna, twin)[number % 2], 10 + number)
        desk.later(seconds=1)
    await desk.merge(anna, twin)

    seen, after, more = [], None, True
    async with snapshot(desk.database.app) as tx:
        whole, _ = (await entries_of_each(tx, [anna], count=100, after=None))[anna]
        while more:
            page, more = (await entries_of_each(tx, [anna], count=3, after=after))[anna]
            seen += page
            after = position_of(page[-1])

    assert seen == list(whole)
    assert [e.recorded_at for e in seen] == sorted((e.recorded_at for e in seen), reverse=True)
    assert [e.amount for e in seen if e.act == "earn"] == [14, 13, 12, 11, 10]
