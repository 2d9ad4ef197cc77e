"""Earnings that share a commit: each with its own key and its own refusal, none lost and none twice."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from member_hub import points
from member_hub.db.direct import Direct, Failed
from member_hub.ids import MemberId, uuid7
from member_hub.points import Asked, Earning, LotKind, Receipt, Together
from tests.points.desk import Desk, staff

YUAN_100 = Earning(LotKind.PURCHASE, 10_000)


@pytest.fixture
def groups(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many went together, each time."""
    sizes: list[int] = []
    at_once = Direct.at_once

    async def noting(self: Direct, engine: Any, several: Sequence[Any]) -> list[Any]:
        sizes.append(len(several))
        return await at_once(self, engine, several)

    monkeypatch.setattr(Direct, "at_once", noting)
    return sizes


async def _people(desk: Desk, count: int) -> list[MemberId]:
    """With an account each."""
    people = sorted([await desk.member() for _ in range(count)])
    for one in people:
        await desk.earn(one, 1)
    return people


def _buy(desk: Desk, together: Together, member_id: MemberId, asked: Asked | None = None) -> Any:
    return together.earn(staff(), member_id, asked=asked or desk.asked(), earning=YUAN_100)


async def test_those_that_come_while_one_is_written_share_the_next_commit(desk: Desk, groups: list[int]) -> None:
    people, together = await _people(desk, 5), Together(desk.database.app)

    done = await asyncio.gather(*(_buy(desk, together, people[number % 5]) for number in range(20)))

    assert groups == [16, 4]
    assert Counter(one.member_id for one in done) == dict.fromkeys(people, 4)
    for one in people:
        assert await desk.pots(one) == (1, 400, 0, 0)
        assert sorted(r.version for r in done if r.member_id == one) == [2, 3, 4, 5]
    assert await desk.faults() == []


async def test_one_that_comes_alone_waits_for_nobody(desk: Desk, groups: list[int]) -> None:
    (anna,), together = await _people(desk, 1), Together(desk.database.app)

    for _ in range(3):
        await _buy(desk, together, anna)

    assert groups == [1, 1, 1]
    assert await desk.pots(anna) == (1, 300, 0, 0)


async def test_a_refusal_is_of_one_alone(desk: Desk) -> None:
    people, together = await _people(desk, 4), Together(desk.database.app)
    frozen, newcomer, unknown = people[1], await desk.member(), MemberId(uuid7())
    await desk.do(points.freeze, frozen)
    await desk.do(points.earn, people[0], earning=YUAN_100, asked=desk.asked("k"))

    done = await asyncio.gather(
        *(_buy(desk, together, one) for one in [*people, newcomer, unknown]),
        _buy(desk, together, people[2], desk.asked("k", request=b"another")),
        return_exceptions=True,
    )

    assert [type(one).__name__ for one in done] == [
        "Receipt", "PointsFrozen", "Receipt", "Receipt", "Receipt", "NotFound", "KeyReused",
    ]  # fmt: skip
    assert await desk.pots(people[0]) == (1, 200, 0, 0)
    assert await desk.pots(frozen) == (1, 0, 0, 0)
    assert await desk.pots(people[2]) == (1, 100, 0, 0)
    assert await desk.pots(newcomer) == (0, 100, 0, 0)
    assert await desk.faults() == []


async def test_one_key_in_one_group_is_one_earning(desk: Desk) -> None:
    (anna,), together = await _people(desk, 1), Together(desk.database.app)

    done = await asyncio.gather(*(_buy(desk, together, anna, desk.asked("k")) for _ in range(8)))

    assert len({one.operation_id for one in done}) == 1
    assert done == [done[0]] * 8
    assert await desk.pots(anna) == (1, 100, 0, 0)


@pytest.mark.parametrize("was_written", [False, True])
async def test_of_a_transaction_that_failed_each_is_done_by_itself(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, was_written: bool
) -> None:
    """Whether it was written when the answer got lost, or not."""
    people, together = await _people(desk, 3), Together(desk.database.app)
    at_once = Direct.at_once

    async def failing(self: Direct, engine: Any, several: Sequence[Any]) -> list[Any]:
        if was_written:
            await at_once(self, engine, several)
        raise DBAPIError("", None, Failed(OSError()), hide_parameters=True)

    monkeypatch.setattr(Direct, "at_once", failing)
    done = await asyncio.gather(*(_buy(desk, together, people[number % 3]) for number in range(9)))

    assert len({one.operation_id for one in done}) == 9
    assert [await desk.pots(one) for one in people] == [(1, 300, 0, 0)] * 3
    assert len([row for row in await desk.rows("points_entry") if row.reason == "purchase"]) == 9
    assert await desk.faults() == []


async def test_one_that_stops_waiting_takes_nobody_with_it(desk: Desk) -> None:
    people, together = await _people(desk, 3), Together(desk.database.app)

    tasks = [asyncio.create_task(_buy(desk, together, one)) for one in people]
    await asyncio.sleep(0)
    tasks[1].cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)

    assert [type(one).__name__ for one in done] == ["Receipt", "CancelledError", "Receipt"]
    assert await desk.pots(people[0]) == await desk.pots(people[2]) == (1, 100, 0, 0)
    assert await desk.faults() == []


async def test_two_processes_on_the_same_accounts_neither_lose_nor_deadlock(desk: Desk) -> None:
    """With merged ids among them, whose roots stand in another order."""
    people = await _people(desk, 6)
    await desk.merge(people[5], people[0])
    one, other = Together(desk.database.app), Together(desk.database.app)

    done = await asyncio.gather(
        *(_buy(desk, (one, other)[number % 2], people[number * 7 % 6]) for number in range(120)),
        *(desk.do(points.earn, people[number % 6], earning=YUAN_100) for number in range(30)),
    )

    assert all(isinstance(receipt, Receipt) for receipt in done)
    assert sum([(await desk.pots(root))[1] for root in people[1:]]) == 150 * 100
    assert await desk.faults() == []
