"""What falls due while nobody looks: all of it, once, with the times at which it did; a broken account stops nobody."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from member_hub import points
from member_hub.db import transaction
from member_hub.errors import Unavailable
from member_hub.ids import MemberId
from member_hub.points import clockwork, store
from member_hub.points.clockwork import Settled, settle_all
from member_hub.settings import Settings
from tests.points.desk import HUB, NOW, Desk

ROOT = Path(__file__).resolve().parent.parent.parent
HELD_UNTIL = NOW + timedelta(minutes=30)
ACTIVE_FROM = datetime(2026, 3, 9, 16, tzinfo=UTC)  # the end of the seventh whole day after, in Shanghai
GONE_AT = datetime(2026, 9, 2, 16, tzinfo=UTC)  # six months on
# Settles all that is due at a moment, and says the number of each account that is done.
LOAD = """
import asyncio, sys
from datetime import datetime
from member_hub.db import Database
from member_hub.points import clockwork
from tests.points.desk import HUB

url, prefix, now = sys.argv[1:]
done = clockwork._one

async def one(database, caller, member_id, at):
    outcome = await done(database, caller, member_id, at)
    print(member_id, flush=True)
    return outcome

async def nothing(_page):
    pass

async def main():
    clockwork._one = one
    database = Database.open(url, role_prefix=prefix)
    await clockwork.settle_all(database, HUB, now=datetime.fromisoformat(now), on_page=nothing)
    await database.close()

asyncio.run(main())
"""


async def _round(desk: Desk) -> Settled:
    return await settle_all(desk.database, HUB, now=desk.clock.now(), on_page=_unheard)


async def test_an_account_of_very_many_lots_catches_up_by_parts(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "LOTS_MAX", 2)
    monkeypatch.setattr(store, "SETTLE_ROUNDS_MAX", 3)
    anna = await desk.member()
    for _ in range(15):
        await desk.earn(anna, 1)
    desk.later(days=400)
    with pytest.raises(Unavailable):  # more than one transaction does
        await desk.earn(anna, 1)

    assert await _round(desk) == Settled(1, 0)

    assert await desk.pots(anna) == (0, 0, 0, 0)
    assert {row.version for row in await desk.rows("points_entry") if row.act == "expire"} == {16, 17, 18}
    assert (await desk.earn(anna, 1)).balance == 1
    assert await desk.faults() == []


async def test_holds_over_more_lots_than_are_in_hand_end_together(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    anna = await desk.member()
    for _ in range(6):
        await desk.earn(anna, 1)
    for _ in range(2):
        await desk.do(points.hold, anna, amount=3)
    monkeypatch.setattr(store, "LOTS_MAX", 4)
    desk.later(days=8)

    assert await _round(desk) == Settled(1, 0)

    assert await desk.pots(anna) == (6, 0, 0, 0)
    assert await desk.faults() == []


async def _unheard(_page: Sequence[MemberId]) -> None:
    """Nobody listens."""


async def _world(desk: Desk, people: int) -> list[MemberId]:
    """Each bought for 100 yuan, and has 50 points of a task, 20 of them on hold."""
    members = [await desk.member() for _ in range(people)]
    for number, one in enumerate(members):
        await desk.buy(one, f"O{number}", 10_000)
        await desk.earn(one, 50)
        await desk.do(points.hold, one, amount=20)
    return members


async def test_after_months_of_standstill_everything_bears_the_time_at_which_it_fell_due(desk: Desk) -> None:
    (anna,) = await _world(desk, 1)
    before = len(await desk.rows("points_entry"))
    desk.later(days=250)

    settled = await _round(desk)

    assert settled == Settled(accounts=1)
    made = (await desk.rows("points_entry"))[before:]
    assert [(e.act, e.reason, e.amount, e.occurred_at) for e in made] == [
        ("release", "timed_out", 20, HELD_UNTIL),
        ("activate", "due", 100, ACTIVE_FROM),
        ("expire", "due", 50, GONE_AT),
    ]
    assert {e.recorded_at for e in made} == {desk.clock.at}
    assert await desk.pots(anna) == (100, 0, 0, 0)
    assert (await desk.at(anna, HELD_UNTIL)).active == 50
    assert (await desk.at(anna, ACTIVE_FROM)).active == 150
    assert (await desk.at(anna, GONE_AT - timedelta(seconds=1))).active == 150
    assert await desk.faults() == []


async def test_a_second_round_finds_nothing_due(desk: Desk) -> None:
    await _world(desk, 3)
    desk.later(days=10)
    assert await _round(desk) == Settled(accounts=3)
    there = await desk.everything()

    assert await _round(desk) == Settled()

    assert await desk.everything() == there


async def test_a_round_goes_page_by_page_and_says_when_it_stopped(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clockwork, "DUE_MAX", 2)
    monkeypatch.setattr(clockwork, "PAGES_MAX", 2)
    members = await _world(desk, 5)
    desk.later(days=10)
    told: list[MemberId] = []

    async def on_page(page: Sequence[MemberId]) -> None:
        told.extend(page)

    first = await settle_all(desk.database, HUB, now=desk.clock.now(), on_page=on_page)
    second = await settle_all(desk.database, HUB, now=desk.clock.now(), on_page=on_page)

    assert (first, second) == (Settled(accounts=4, has_more=True), Settled(accounts=1))
    assert sorted(told) == sorted(members)


async def test_an_account_that_fails_is_logged_and_stops_nobody(
    desk: Desk, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clockwork, "DUE_MAX", 2)
    members = await _world(desk, 5)
    broken = members[0]
    desk.later(days=10)
    async with transaction(desk.database.owner) as tx:  # what falls due would make pending points negative
        await tx.execute(text(f"update hub.points_account set pending = 0 where member_id = '{broken}'"))

    first = await _round(desk)
    second = await _round(desk)

    assert (first, second) == (Settled(accounts=4, failed=1), Settled(failed=1))
    assert [await desk.pots(one) for one in members[1:]] == [(150, 0, 0, 0)] * 4
    assert [record.getMessage() for record in caplog.records] == [
        f"What is due of account {broken} could not be done (AssertionError)."
    ] * 2


async def test_four_at_once_do_everything_once(desk: Desk) -> None:
    members = await _world(desk, 30)
    desk.later(days=10)

    rounds = await asyncio.gather(*(_round(desk) for _ in range(4)))

    assert sum(one.accounts for one in rounds) == 30
    assert sum(one.failed for one in rounds) == 0
    entries = await desk.rows("points_entry")
    assert sorted(e.member_id for e in entries if (e.act, e.reason) == ("activate", "due")) == sorted(members)
    assert [await desk.pots(one) for one in members] == [(150, 0, 0, 0)] * 30
    assert await desk.faults() == []


async def test_two_processes_of_which_one_is_killed_lose_and_double_nothing(desk: Desk, settings: Settings) -> None:
    members = await _world(desk, 120)
    desk.later(days=250)
    with _start(desk) as dying, _start(desk) as other:
        assert dying.stdout is not None
        for _ in range(10):
            dying.stdout.readline()
        dying.send_signal(signal.SIGKILL)
        assert dying.wait(30) == -signal.SIGKILL
        assert other.wait(60) == 0

    assert (await _round(desk)).failed == 0

    entries = [(e.act, e.reason, e.member_id) for e in await desk.rows("points_entry")]
    for done in (("release", "timed_out"), ("activate", "due"), ("expire", "due")):
        assert sorted(one for *what, one in entries if tuple(what) == done) == sorted(members)
    assert {await desk.pots(one) for one in members} == {(100, 0, 0, 0)}
    assert await desk.faults() == []


def _start(desk: Desk) -> "subprocess.Popen[str]":
    said = [desk.database.url, desk.database.role_prefix, desk.clock.at.isoformat()]
    return subprocess.Popen(
        [sys.executable, "-c", LOAD, *said],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        text=True,
        stdout=subprocess.PIPE,
    )
