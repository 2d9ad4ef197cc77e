"""A run by the clock: so many batches and no more, and whoever fails stops nobody and has another turn."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from member_hub import tags
from member_hub.audit import AuditKeys, AuditLog
from member_hub.db import transaction
from member_hub.settings import Settings
from member_hub.tags import Evaluated, Ran, evaluating, rounds
from tests.conftest import Run
from tests.tags.desk import NOW, PROGRAMME, Desk, Someone

POTENTIAL = {"lifecycle_stage": "potential"}


@pytest.fixture
def audit(desk: Desk, settings: Settings, run: Run) -> Iterator[AuditLog]:
    opened = AuditLog(desk.database, AuditKeys.open(settings.key_dir))
    yield opened
    run(opened.close())


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "BATCH", 2)
    monkeypatch.setattr(evaluating, "BATCH", 2)


async def refuse(desk: Desk, table: str, condition: str) -> None:
    """Have the database refuse rows of the table."""
    async with transaction(desk.database.login) as tx:
        await tx.execute(text(f"alter table hub.{table} add constraint no check ({condition})"))


async def allow(desk: Desk, table: str) -> None:
    async with transaction(desk.database.login) as tx:
        await tx.execute(text(f"alter table hub.{table} drop constraint no"))


async def broken(desk: Desk, *people: Someone) -> None:
    await refuse(desk, "tagging", " and ".join(f"member_id <> '{one.member_id}'" for one in people))


async def of_lifecycle(desk: Desk, who: Someone) -> str | None:
    return (await desk.tags(who)).get("lifecycle_stage")


async def test_members_whose_evaluation_fails_hold_up_nobody_and_come_again(
    desk: Desk, audit: AuditLog, caplog: pytest.LogCaptureFixture
) -> None:
    people = sorted([await desk.member() for _ in range(5)], key=lambda one: one.member_id)
    await broken(desk, *people[:2])  # a whole batch of them, and the first

    ran = await tags.run(desk.database, audit, PROGRAMME, desk.clock)

    assert ran == Ran(Evaluated(3, 3, 0, failed=2), failed=2)
    assert [await desk.tags(who) for who in people] == [{}, {}, POTENTIAL, POTENTIAL, POTENTIAL]
    (done,) = [row for row in await desk.rows("tag_round") if row.handler == "brand"]
    assert (done.done_at, done.after, done.given) == (NOW, people[-1].member_id, 3)
    for who in people[:2]:
        assert f"The tags of 1 members failed, of {who.member_id} first (IntegrityError)." in caplog.text
    assert await tags.run(desk.database, audit, PROGRAMME, desk.clock) == Ran()
    desk.clock.at += evaluating.PUT_OFF
    assert await tags.run(desk.database, audit, PROGRAMME, desk.clock) == Ran(Evaluated(failed=2), failed=2)

    await allow(desk, "tagging")
    desk.clock.at += evaluating.PUT_OFF

    assert await tags.run(desk.database, audit, PROGRAMME, desk.clock) == Ran(Evaluated(2, 2, 0))
    assert [await desk.tags(who) for who in people] == [POTENTIAL] * 5
    assert await desk.rows("tag_due") == []


async def test_a_merged_member_who_fails_holds_up_neither_other_merged_ones_nor_the_round(
    desk: Desk, audit: AuditLog
) -> None:
    pairs = [(await desk.member(), await desk.member()) for _ in range(4)]
    for kept, gone in pairs:
        await desk.merge(kept, gone)
        desk.clock.at += timedelta(seconds=1)
    await broken(desk, *(kept for kept, _ in pairs[:3]))  # due longest

    ran = await tags.run(desk.database, audit, PROGRAMME, desk.clock)

    # The last one twice: merged, and in the round of the day.
    assert ran == Ran(Evaluated(2, 1, 0, failed=6), failed=6)
    assert [await of_lifecycle(desk, kept) for kept, _ in pairs] == [None, None, None, "potential"]
    assert {row.member_id for row in await desk.rows("tag_due")} == {kept.member_id for kept, _ in pairs[:3]}


async def test_a_run_ends_at_its_limit_and_says_that_there_is_more(
    desk: Desk, audit: AuditLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "BATCHES_MAX", 2)
    people = [await desk.member() for _ in range(9)]

    ran = [await tags.run(desk.database, audit, PROGRAMME, desk.clock) for _ in range(4)]

    assert [(one.evaluated.members, one.has_more) for one in ran] == [(4, True), (4, True), (1, False), (0, False)]
    assert [await desk.tags(who) for who in people] == [POTENTIAL] * 9


async def test_tags_that_are_over_go_in_runs_of_so_many(
    desk: Desk, audit: AuditLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(9):
        await desk.member()
    await tags.run(desk.database, audit, PROGRAMME, desk.clock)
    async with transaction(desk.database.login) as tx:
        await tx.execute(text("update hub.tagging set until = :now"), {"now": NOW})
    monkeypatch.setattr(rounds, "BATCHES_MAX", 2)

    ran = [await tags.run(desk.database, audit, PROGRAMME, desk.clock) for _ in range(4)]

    assert [(one.expired, one.has_more) for one in ran] == [(4, True), (4, True), (1, False), (0, False)]


async def test_a_handler_whose_round_fails_holds_up_no_other(desk: Desk, audit: AuditLog) -> None:
    brand = PROGRAMME.organisation.handlers["brand"]
    register = replace(PROGRAMME.organisation, handlers={"brand": brand, "other": brand})
    people = [await desk.member(handler=handler) for handler in ("brand", "other")]
    await refuse(desk, "tag_threshold", "handler <> 'brand'")

    ran = await tags.run(desk.database, audit, replace(PROGRAMME, organisation=register), desk.clock)

    assert ran == Ran(Evaluated(1, 1, 0), failed=1)
    assert [await of_lifecycle(desk, who) for who in people] == [None, "potential"]
