"""What is kept no longer goes by whole months, on record; nothing else may go."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text

from member_hub.audit import expire, retention
from member_hub.audit.retention import is_over
from member_hub.db import partitions, transaction
from member_hub.ids import uuid7
from tests.audit.logs import NOW, Log

OLD = datetime(2023, 11, 20, tzinfo=UTC)  # over on 1 December 2026
BORDER = datetime(2023, 12, 1, tzinfo=UTC)  # over on 1 January 2027


@pytest.mark.parametrize(("day", "over"), [(date(2026, 11, 30), False), (date(2026, 12, 1), True)])
def test_a_month_is_kept_for_three_full_years(day: date, *, over: bool) -> None:
    now = datetime(day.year, day.month, day.day, tzinfo=UTC)

    assert is_over(date(2023, 11, 1), now) is over


@pytest.mark.parametrize("has_partition", [True, False])
async def test_an_expired_month_goes_and_the_log_is_still_whole(log: Log, *, has_partition: bool) -> None:
    if has_partition:
        for table in ("audit_entry", "audit_subject"):
            await log.superuser(
                f"CREATE TABLE hub.{table}_2023_11 PARTITION OF hub.{table} FOR VALUES FROM ('2023-11-01')"
                " TO ('2023-12-01'); "
            )
            await log.superuser(f'ALTER TABLE hub.{table}_2023_11 OWNER TO "{log.database.role_prefix}_owner"')
    for moment in (OLD, BORDER, NOW):
        await log.write(2, happened_at=moment, member_ids=[uuid7()])
    await log.sealer.run(BORDER + timedelta(days=40), thorough=True)

    gone = await expire(log.writing, log.sealer, NOW, caller="jobs")

    assert gone == [date(2023, 11, 1)]
    rows = await log.rows("audit_entry")
    assert sorted((row.month.isoformat(), row.operation) for row in rows) == [
        ("2023-12-01", "member0"),
        ("2023-12-01", "member1"),
        ("2026-12-01", "audit expire"),
        ("2026-12-01", "member0"),
        ("2026-12-01", "member1"),
    ]
    (said,) = [row for row in rows if row.operation == "audit expire"]
    assert (said.caller_kind, said.caller, said.fields) == ("SYSTEM", "jobs", ["month:2023-11"])
    assert {row.month for row in await log.rows("audit_subject")} == {date(2023, 12, 1), date(2026, 12, 1)}
    await log.seal()
    assert await log.findings() == []


async def test_nothing_expires_twice(log: Log) -> None:
    await log.write(happened_at=OLD)
    await expire(log.writing, log.sealer, NOW, caller="jobs")
    seals = len(await log.rows("audit_seal"))

    assert await expire(log.writing, log.sealer, NOW, caller="jobs") == []

    assert len(await log.rows("audit_seal")) == seals


async def test_an_expiry_that_died_before_the_month_went_is_finished_by_the_next(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    await log.write(2, happened_at=OLD)

    async def dies(*_: object) -> None:
        raise OSError("gone")

    monkeypatch.setattr(retention.partitions, "drop_month", dies)
    with pytest.raises(OSError, match="gone"):
        await expire(log.writing, log.sealer, NOW, caller="jobs")
    monkeypatch.undo()
    assert await log.findings() == []

    assert await expire(log.writing, log.sealer, NOW, caller="jobs") == [date(2023, 11, 1)]

    rows = await log.rows("audit_entry")
    assert [row.operation for row in rows] == ["audit expire"]
    assert await log.findings() == []


async def test_a_month_that_was_dropped_without_a_word_is_missing(log: Log) -> None:
    writer = await log.write(2, happened_at=OLD)
    await log.sealer.run(NOW, thorough=True)

    await log.superuser("DELETE FROM hub.audit_entry WHERE month = '2023-11-01'")

    assert await log.findings() == [f"missing: month 2023-11, writer {writer}, entry 1 to 2 (seal 1)"]


async def test_a_month_that_was_let_go_too_early_is_found(log: Log) -> None:
    await log.write(1)
    await log.seal()

    await log.sealer.expire([date(2026, 12, 1)], NOW)

    assert await log.findings() == ["expired_early: seal 2, month 2026-12"]


async def test_a_month_that_the_default_partition_has_already_stays_there(log: Log) -> None:
    names = await partition_names(log)
    last = max(name for name in names if name.startswith("audit_entry_2"))
    year, month = int(last[-7:-3]), int(last[-2:])
    await log.superuser(f"DROP TABLE hub.{last}")
    await log.write(happened_at=datetime(year, month, 3, tzinfo=UTC))

    await partitions.make_ahead(log.database)

    assert await partition_names(log) == names - {last}
    await log.sealer.run(NOW, thorough=True)
    assert await log.findings() == []


async def partition_names(log: Log) -> set[str]:
    async with transaction(log.database.login) as tx:
        return set(await tx.scalars(text("SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r'")))


async def test_partitions_are_made_ahead_and_once(log: Log) -> None:
    await log.superuser("DROP TABLE hub.audit_entry_default")

    await partitions.make_ahead(log.database)
    await partitions.make_ahead(log.database)

    await log.write(happened_at=OLD)
    assert [row.month for row in await log.rows("audit_entry_default")] == [date(2023, 11, 1)]


def test_months_follow_each_other_over_the_year() -> None:
    assert partitions.months_from(date(2026, 11, 22), 3) == [date(2026, 11, 1), date(2026, 12, 1), date(2027, 1, 1)]
