"""The self-check by the clock: everybody in turn, a little at a time, and an alarm until all is right."""

import asyncio
import logging
from datetime import timedelta

import pytest
from sqlalchemy import text

from member_hub.db import snapshot, transaction
from member_hub.ids import MemberId
from member_hub.points import watching
from member_hub.points.watching import Alarm, look, watch
from member_hub.points.words import Fault
from tests.points.desk import Desk

PATIENCE_S = 10


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slices of two accounts, two of them in a round."""
    monkeypatch.setattr(watching, "BATCH", 2)
    monkeypatch.setattr(watching, "SLICES_MAX", 2)


async def _people(desk: Desk, number: int) -> list[MemberId]:
    people = sorted([await desk.member() for _ in range(number)])
    for one in people:
        await desk.earn(one, 10)
    return people


async def _corrupt(desk: Desk, member_id: MemberId, more: int = 1) -> None:
    """As the database's owner: by the app's rights, too, nobody would notice."""
    async with transaction(desk.database.owner) as tx:
        done = await tx.execute(
            text(f"update hub.points_account set active = active + {more} where member_id = '{member_id}'")
        )
        assert done.rowcount == 1


async def test_a_pass_goes_on_over_restarts_until_everybody_was_looked_at(desk: Desk) -> None:
    await _people(desk, 9)
    alarm = Alarm()

    rounds = [await watch(desk.database, alarm, now=desk.clock.now()) for _ in range(4)]

    assert rounds == [(4, True), (4, True), (1, False), (4, True)]  # and from the first again
    (row,) = await desk.rows("points_check")
    assert (row.accounts, row.ended_at, row.looked_at) == (9, desk.clock.at, 4)
    assert alarm.accounts == 0


async def test_what_does_not_add_up_raises_the_alarm_until_it_does(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    people = await _people(desk, 5)
    await _corrupt(desk, people[3])
    alarm = Alarm()

    with caplog.at_level(logging.ERROR):
        await watch(desk.database, alarm, now=desk.clock.now())

    assert alarm.accounts == 1
    found = await desk.rows("points_finding")
    assert [(row.member_id, row.fault) for row in found] == [(people[3], Fault.LOTS), (people[3], Fault.POTS)]
    (record,) = caplog.records
    assert record.getMessage() == (
        f"The points of account {people[3]} do not add up: the account is not the sum of its lots; "
        "the account is not the sum of its entries."
    )

    await _corrupt(desk, people[3], more=-1)
    desk.later(minutes=1)
    for _ in range(2):
        await watch(desk.database, alarm, now=desk.clock.now())

    assert (alarm.accounts, await desk.rows("points_finding")) == (0, [])


async def test_a_finding_says_since_when(desk: Desk) -> None:
    (anna,) = await _people(desk, 1)
    await _corrupt(desk, anna)
    first = desk.clock.at
    await look(desk.database, now=first)
    desk.later(days=1)

    await look(desk.database, now=desk.clock.now())

    assert {row.found_at for row in await desk.rows("points_finding")} == {first}


async def test_while_one_process_looks_another_does_not(desk: Desk) -> None:
    await _people(desk, 3)
    await look(desk.database, now=desk.clock.now())

    async with transaction(desk.database.app) as tx:
        await tx.execute(text("select * from hub.points_check for update"))

        async with asyncio.timeout(PATIENCE_S):
            assert await look(desk.database, now=desk.clock.now()) is None
            assert await watch(desk.database, Alarm(), now=desk.clock.now()) == (0, False)


async def test_a_slice_that_was_interrupted_is_done_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    people = await _people(desk, 3)
    await _corrupt(desk, people[0])

    async def dies(*_: object, **__: object) -> None:
        raise TimeoutError

    with monkeypatch.context() as patch:
        patch.setattr(watching, "note", dies)
        with pytest.raises(TimeoutError):
            await look(desk.database, now=desk.clock.now())
    assert await desk.rows("points_check") == []

    await look(desk.database, now=desk.clock.now())

    assert {row.member_id for row in await desk.rows("points_finding")} == {people[0]}


async def test_acts_beside_the_check_are_no_findings(desk: Desk) -> None:
    """One moment of the database: what commits while it looks is all seen, or not at all."""
    (anna,) = await _people(desk, 1)
    async with snapshot(desk.database.app) as reading:
        await reading.execute(text("select 1 from hub.points_account"))
        await desk.earn(anna, 5)
        assert await watching.self_check(reading, [anna]) == []


async def test_the_last_whole_pass_is_known(desk: Desk) -> None:
    async with snapshot(desk.database.app) as tx:
        assert await watching.last_pass(tx) is None
    await _people(desk, 1)
    await look(desk.database, now=desk.clock.now() + timedelta(hours=1))

    async with snapshot(desk.database.app) as tx:
        assert await watching.last_pass(tx) == (desk.clock.now() + timedelta(hours=1), 1)
