"""Counting what waits, by the clock: whoever fails stops nobody and comes again, and a round has its limit."""

import pytest
from sqlalchemy import text

from member_hub.counting import backfill
from member_hub.db import transaction
from member_hub.ids import MemberId
from member_hub.ingest.words import Source
from member_hub.jobs import Done, Job, rounds, run_at_once
from member_hub.members.tables import Channel
from tests.graphql.world import StandingClock
from tests.hub import NOW, Hub, order, website

PEOPLE = 5


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfill, "BATCH", 2)


def counting(hub: Hub) -> Job:
    (job,) = rounds.counting_jobs(hub)  # type: ignore[arg-type] (it takes no more of it)
    return job


async def said(hub: Hub, statement: str) -> None:
    async with transaction(hub.database.login) as tx:
        await tx.execute(text(statement))


async def frozen_with_lines(hub: Hub) -> list[MemberId]:
    """Members who bought, brought something back and were active while nothing could be counted;
    all of it can be now. In the order in which the lines of all are gone over."""
    accounts = [f"W{n}" for n in range(PEOPLE)]
    await hub.deliver(Source.WEBSITE, *(website(one, "2025-01-01") for one in accounts))
    await said(hub, "update hub.member set status = 'frozen'")
    await hub.deliver(Source.ORDERS, *(order(one, f"O-{one}", "10.00", at="2026-11-03") for one in accounts))
    back = [order(one, f"R-{one}", "-4.00", at="2026-11-04", refund_of=f"O-{one}/1") for one in accounts]
    await hub.deliver(Source.ORDERS, *back)
    await hub.deliver(Source.ACTIVITY, *(f"website,{one},2026-11-05,check_in,1" for one in accounts))
    await said(hub, "update hub.member set status = 'active'")
    return sorted([await hub.member_of(Channel.WEBSITE, one) for one in accounts])


async def grown(hub: Hub) -> dict[MemberId, list[int]]:
    rows = await hub.rows("hub.growth_entry")
    return {who: sorted(r.amount for r in rows if r.member_id == who) for who in {r.member_id for r in rows}}


async def test_members_whose_counting_fails_hold_up_nobody_and_come_again(
    hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    members = await frozen_with_lines(hub)
    broken = members[:3]  # more than a batch, and the first
    no = " and ".join(f"member_id <> '{one}'" for one in broken)
    await said(hub, f"alter table hub.growth_entry add constraint no check ({no})")
    job = counting(hub)

    first, second = await job.work(NOW), await job.work(NOW)

    all_of_it = sorted([10, -4, await of_activity(hub, members[-1])])
    assert (first, second) == (Done(6, failed=6), Done(0, failed=6))  # a refund waits for its line
    assert await grown(hub) == dict.fromkeys(members[3:], all_of_it)
    assert {r.member_id for r in await hub.rows("hub.order_line") if r.counted_at is None} == set(broken)
    assert "rows that wait could not be counted, of account" in caplog.text
    assert "O-W" not in caplog.text  # no order number

    await said(hub, "alter table hub.growth_entry drop constraint no")

    assert await job.work(NOW) == Done(9)
    assert await grown(hub) == dict.fromkeys(members, all_of_it)
    assert await job.work(NOW) == Done()


async def test_a_round_ends_at_its_limit_and_the_next_goes_on_behind_what_has_to_wait(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "COUNTING_MAX", 2)
    members = await frozen_with_lines(hub)
    for one in members[:4]:  # their activity is in front, and has to wait on
        await said(hub, f"update hub.member set status = 'frozen' where member_id = '{one}'")
    job = counting(hub)

    done = [await job.work(NOW)]
    while done[-1].has_more:
        done.append(await job.work(NOW))
        assert len(done) < 10

    assert sum(one.count for one in done) == 3
    assert len(done) > 2
    assert list(await grown(hub)) == members[4:]


async def test_an_operator_gets_to_the_end_behind_whatever_has_to_wait(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill, "BATCH", 1)
    monkeypatch.setattr(rounds, "COUNTING_MAX", 1)
    members = await frozen_with_lines(hub)
    for one in members[:4]:  # more rounds that come to nothing than a job has that gets nowhere
        await said(hub, f"update hub.member set status = 'frozen' where member_id = '{one}'")

    (ran,) = [one async for one in run_at_once([counting(hub)], StandingClock(NOW))]

    assert (ran.done, ran.has_more, ran.is_well) == (3, False, True)
    assert list(await grown(hub)) == members[4:]


async def of_activity(hub: Hub, member: MemberId) -> int:
    (row,) = [r for r in await hub.rows("hub.growth_entry") if r.member_id == member and r.source == "activity"]
    return int(row.amount)
