"""Writing the audit log: every accepted entry is on disk, gap-free per writer, or its reader is refused."""

import asyncio
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.exc import DBAPIError

from member_hub.audit import AuditKeys, AuditLog, AuditUnavailable, Entry
from member_hub.audit import actions as audit_actions
from member_hub.db import Database, transaction
from member_hub.ids import uuid7
from tests.audit.logs import NOW, audit_t, entry


async def rows(database: Database) -> list[Any]:
    async with transaction(database.audit) as tx:
        return list(await tx.execute(select(audit_t).order_by(audit_t.c.writer, audit_t.c.sequence)))


@pytest.fixture
def commits(database: Database) -> Iterator[list[str]]:
    seen: list[str] = []
    engine = database.audit.sync_engine

    def note(_connection: Any) -> None:
        seen.append("commit")

    event.listen(engine, "commit", note)
    yield seen
    event.remove(engine, "commit", note)


async def test_an_entry_is_written_as_it_is_given(database: Database, keys: AuditKeys) -> None:
    members = sorted([uuid7(), uuid7()])
    given = entry(fields=("member.phone:MASKED", "member.name:CLEAR"), member_ids=members[::-1])

    await AuditLog(database, keys).write(given)

    (row,) = await rows(database)
    assert (row.month.isoformat(), row.sequence, row.happened_at) == ("2026-12-01", 1, NOW)
    assert (row.fields, row.member_ids) == (["member.name:CLEAR", "member.phone:MASKED"], members)
    assert (row.caller_kind, row.caller, row.role, row.purpose, row.operation, row.outcome, row.request_id) == (
        "STAFF",
        "S-1",
        "store_manager",
        "member_service",
        "member",
        "ok",
        given.request_id,
    )


async def test_entries_that_come_together_are_committed_together(
    database: Database, keys: AuditKeys, commits: list[str]
) -> None:
    log = AuditLog(database, keys)

    await asyncio.gather(*(log.write(entry()) for _ in range(100)))

    written = await rows(database)
    assert [row.sequence for row in written] == list(range(1, 101))
    assert len({row.writer for row in written}) == 1
    assert len(commits) <= 3  # of the log; the last one is the reading above


async def test_each_process_writes_a_sequence_of_its_own(database: Database, keys: AuditKeys) -> None:
    one, other = AuditLog(database, keys), AuditLog(database, keys)

    await asyncio.gather(one.write(entry()), other.write(entry()), one.write(entry()))

    found: dict[UUID, list[int]] = {}
    for row in await rows(database):
        found.setdefault(row.writer, []).append(row.sequence)
    assert sorted(found.values()) == [[1], [1, 2]]


async def test_what_cannot_be_written_is_refused_and_leaves_no_gap(database: Database, keys: AuditKeys) -> None:
    log = AuditLog(database, keys)
    await log.write(entry())
    await owner_says(database, "ALTER TABLE hub.audit_entry RENAME TO audit_away")

    for _ in range(2):
        with pytest.raises(AuditUnavailable):
            await log.write(entry(operation="lost"))

    await owner_says(database, "ALTER TABLE hub.audit_away RENAME TO audit_entry")
    await log.write(entry(operation="found"))
    written = await rows(database)
    assert sorted((row.operation, row.sequence) for row in written) == [("found", 1), ("member", 1)]
    assert len({row.writer for row in written}) == 2


async def test_a_full_queue_refuses_at_once(
    database: Database, keys: AuditKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_actions, "WAITING_MAX", 3)
    log = AuditLog(database, keys)

    done = await asyncio.gather(*(log.write(entry()) for _ in range(5)), return_exceptions=True)

    assert [type(each) for each in done] == [type(None)] * 3 + [AuditUnavailable] * 2
    assert len(await rows(database)) == 3


async def test_more_than_a_batch_is_written_in_batches(
    database: Database, keys: AuditKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_actions, "BATCH_MAX", 2)
    log = AuditLog(database, keys)

    await asyncio.gather(*(log.write(entry()) for _ in range(5)))

    assert [row.sequence for row in await rows(database)] == [1, 2, 3, 4, 5]


async def test_a_reader_who_goes_away_does_not_keep_others_waiting(database: Database, keys: AuditKeys) -> None:
    log = AuditLog(database, keys)
    gone = asyncio.create_task(log.write(entry(operation="gone")))
    stays = asyncio.create_task(log.write(entry(operation="stays")))
    await asyncio.sleep(0)
    gone.cancel()

    await stays

    assert sorted(row.operation for row in await rows(database)) == ["gone", "stays"]


async def test_closing_waits_for_what_was_accepted(database: Database, keys: AuditKeys) -> None:
    log = AuditLog(database, keys)
    waiting = asyncio.create_task(log.write(entry()))
    await asyncio.sleep(0)

    await log.close()

    assert len(await rows(database)) == 1
    await waiting


@pytest.mark.parametrize("changed", [{"fields": ["x"] * 201}, {"member_ids": [uuid7()] * 1001}])
async def test_an_entry_has_limits(database: Database, keys: AuditKeys, changed: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="more fields or members"):
        await AuditLog(database, keys).write(entry(**changed))


@pytest.mark.parametrize("statement", ["UPDATE hub.audit_entry SET outcome = 'x'", "DELETE FROM hub.audit_entry"])
async def test_nobody_of_the_hub_can_alter_an_entry(database: Database, keys: AuditKeys, statement: str) -> None:
    await AuditLog(database, keys).write(entry())

    for engine in (database.app, database.audit):
        with pytest.raises(DBAPIError, match="permission denied"):
            async with transaction(engine) as tx:
                await tx.execute(text(statement))

    assert [row.outcome for row in await rows(database)] == ["ok"]


async def test_the_app_role_cannot_read_the_log(database: Database) -> None:
    with pytest.raises(DBAPIError, match="permission denied"):
        async with transaction(database.app) as tx:
            await tx.execute(select(audit_t))


def test_a_command_is_on_record_as_the_system() -> None:
    made = Entry.of_command("identity export", fields=("member.accounts:CLEAR",), now=NOW)

    assert (made.caller_kind, made.caller, made.role, made.purpose, made.outcome) == (
        "SYSTEM",
        "command line",
        "system",
        "system_operation",
        "ok",
    )


async def owner_says(database: Database, statement: str) -> None:
    async with transaction(database.owner) as tx:
        await tx.execute(text(statement))
