"""The sealer: one at a time, every entry under exactly one seal, whatever dies when."""

import asyncio
import hashlib
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from member_hub.audit import SealsBehind, heads, sealing
from member_hub.audit.merkle import root_of
from member_hub.audit.seal import Head
from member_hub.db import transaction
from member_hub.ids import uuid7
from tests.audit.logs import NOW, Log


async def covered(log: Log) -> list[tuple[object, int]]:
    """Every entry that stands under a seal, once per seal."""
    found = []
    for part in await log.rows("audit_seal_part"):
        found += [(part.writer, number) for number in range(part.first, part.last + 1)]
    return sorted(found, key=str)


async def written(log: Log) -> list[tuple[object, int]]:
    return sorted(((row.writer, row.sequence) for row in await log.rows("audit_entry")), key=str)


async def test_a_seal_covers_what_all_writers_committed(log: Log) -> None:
    other = log.again()
    await log.write(3)
    await other.write(2)

    assert await log.seal() == 1
    assert await log.seal() == 0

    (seal,) = await log.rows("audit_seal")
    assert (seal.number, seal.entries, seal.sealed_at, seal.previous) == (1, 5, NOW, bytes(32))
    assert await covered(log) == await written(log)


async def test_each_seal_holds_the_digest_of_the_one_before(log: Log) -> None:
    for _ in range(3):
        await log.write()
        await log.seal()

    first, second, third = sorted(await log.rows("audit_seal"), key=lambda row: row.number)
    assert (second.previous, third.previous) == (first.digest, second.digest)
    assert log.keys.signed(third.digest, third.signature)
    assert not log.keys.signed(first.digest, third.signature)


async def test_subjects_lead_from_a_member_to_every_entry(log: Log) -> None:
    one, other = uuid7(), uuid7()
    await log.write(2, member_ids=[one, other])
    await log.write(1, member_ids=[other])
    await log.seal()

    subjects = await log.rows("audit_subject")

    assert sorted(row.sequence for row in subjects if row.member_id == one) == [1, 2]
    assert sorted(row.sequence for row in subjects if row.member_id == other) == [1, 2, 3]


async def test_sealers_side_by_side_seal_everything_once(log: Log) -> None:
    logs = [log, log.again(), log.again()]

    async def work(one: Log) -> None:
        for _ in range(10):
            await one.write(2, member_ids=[uuid7()])
            await one.seal()

    await asyncio.gather(*(work(one) for one in logs))
    await log.seal()

    assert await covered(log) == await written(log)
    assert len(await written(log)) == 60
    report = await log.report()
    assert (report.findings, report.entries, report.unsealed, report.unexported) == ([], 60, 0, 0)


async def test_a_seal_has_limits_and_the_rest_comes_with_the_next(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "ENTRIES_MAX", 4)
    await log.write(10)

    assert await log.seal() == 3

    assert [row.entries for row in await log.rows("audit_seal")] == [4, 4, 2]
    assert await log.findings() == []


async def test_a_seal_names_so_many_members_at_most(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "SUBJECTS_MAX", 5)
    await log.write(4, member_ids=[uuid7(), uuid7()])

    assert await log.seal() == 2

    assert len(await log.rows("audit_subject")) == 8
    assert await log.findings() == []


async def test_a_chain_with_a_gap_stands_in_nobodys_way(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "ENTRIES_MAX", 4)
    await log.write(12)
    await log.superuser("DELETE FROM hub.audit_entry WHERE sequence = 2")
    other = log.again()
    await other.write(3)

    await log.seal()
    await other.write(1)
    await log.seal(NOW + timedelta(seconds=60))

    report = await log.report()
    assert (report.entries, report.unsealed) == (1 + 4, 10)
    assert log.sealer.lag_s(NOW + timedelta(seconds=60)) == 60.0


async def test_an_entry_of_a_long_past_month_is_found_by_a_thorough_pass(log: Log) -> None:
    await log.write(happened_at=NOW - timedelta(days=400))

    assert await log.sealer.run(NOW) == 0
    assert await log.sealer.run(NOW, thorough=True) == 1
    assert await log.findings() == []


async def test_a_request_over_midnight_of_the_first_continues_its_months_chain(log: Log) -> None:
    late = NOW + timedelta(hours=5)
    for moment in (NOW, late, NOW, late):
        await log.write(happened_at=moment)
    await log.seal(late)

    found = {(row.month.isoformat(), row.sequence) for row in await log.rows("audit_entry")}
    assert found == {("2026-12-01", 1), ("2026-12-01", 2), ("2027-01-01", 1), ("2027-01-01", 2)}
    assert await log.findings() == []


async def test_a_write_in_a_month_without_a_partition_does_not_fail(log: Log) -> None:
    await log.write(happened_at=NOW + timedelta(days=4000))
    await log.seal()

    assert await log.findings() == []


async def test_a_sealer_that_dies_before_its_commit_leaves_nothing(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    await log.write(3, member_ids=[uuid7()])
    monkeypatch.setattr(sealing, "insert_rows", _dies)

    with pytest.raises(Dies):
        await log.seal()
    monkeypatch.undo()

    assert [len(await log.rows(table)) for table in ("audit_seal", "audit_seal_part", "audit_subject")] == [0, 0, 0]
    assert await log.again().seal() == 1
    assert await covered(log) == await written(log)
    assert await log.findings() == []


async def test_a_sealer_that_dies_before_the_line_outside_is_completed_by_the_next(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    await log.write(3)
    monkeypatch.setattr(heads, "append", _dies)

    with pytest.raises(Dies):
        await log.seal()
    monkeypatch.undo()

    report = await log.report()
    assert (report.findings, report.seals, report.unexported) == ([], 1, 1)
    assert await log.again().seal() == 0
    report = await log.report()
    assert (report.findings, report.seals, report.unexported) == ([], 1, 0)


class Dies(Exception):
    pass


def _dies(*_: object, **__: object) -> Any:
    raise Dies


async def test_a_line_that_was_cut_short_is_written_again(log: Log) -> None:
    for _ in range(2):
        await log.write()
        await log.seal()
    (file,) = log.folder.glob("audit-head-*")
    whole = file.read_bytes()

    for cut in (1, 40, len(whole) // 2 - 1):
        file.write_bytes(whole[:-cut])
        await log.seal()
        assert file.read_bytes() == whole
    assert await log.findings() == []


async def test_a_line_outside_that_was_altered_stops_the_sealer_and_the_check(log: Log) -> None:
    await log.write()
    await log.seal()
    (file,) = log.folder.glob("audit-head-*")
    file.write_bytes(file.read_bytes().replace(b'"number":1', b'"number": 1'))

    for asked in (log.seal, log.report):
        with pytest.raises(heads.HeadBroken, match=r"audit-head-2026-12\.jsonl is broken at line"):
            await asked()


async def test_a_database_behind_the_head_outside_is_not_sealed_over(log: Log) -> None:
    for _ in range(2):
        await log.write()
        await log.seal()
    await log.superuser("DELETE FROM hub.audit_seal_part WHERE number = 2")
    await log.superuser("DELETE FROM hub.audit_seal WHERE number = 2")

    with pytest.raises(SealsBehind, match="knows seal 2"):
        await log.seal()

    assert len(await log.rows("audit_seal")) == 1


async def test_the_lag_is_the_age_of_the_oldest_entry_without_a_seal_and_grows_while_passes_fail(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    def later(seconds: int) -> datetime:
        return NOW + timedelta(seconds=seconds)

    assert log.sealer.lag_s(later(90)) == 0.0  # nothing seals here
    await log.write(2)
    with monkeypatch.context() as failing:
        failing.setattr(sealing, "insert_rows", _dies)
        with pytest.raises(Dies):
            await log.seal(later(10))
    assert log.sealer.lag_s(later(90)) == 80.0  # not one pass came to its end
    monkeypatch.setattr(sealing, "SEALS_MAX", 0)
    await log.seal(later(90))
    assert log.sealer.lag_s(later(91)) == 91.0
    monkeypatch.undo()

    await log.seal(later(95))
    assert log.sealer.lag_s(later(97)) == 2.0

    monkeypatch.setattr(sealing, "insert_rows", _dies)
    await log.write(happened_at=later(98))
    with pytest.raises(Dies):
        await log.seal(later(99))
    assert log.sealer.lag_s(later(200)) == 105.0


@pytest.mark.parametrize("table", ["audit_entry", "audit_subject", "audit_seal", "audit_seal_part"])
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "UPDATE {} SET {} = {}", "TRUNCATE {}"])
async def test_neither_the_app_nor_the_sealer_can_alter_anything(log: Log, table: str, statement: str) -> None:
    await log.write(1, member_ids=[uuid7()])
    await log.seal()
    column = "number" if "seal" in table else "sequence"

    for engine in (log.database.app, log.database.audit, log.database.backup):
        with pytest.raises(DBAPIError, match="permission denied"):
            async with transaction(engine) as tx:
                await tx.execute(text(statement.format(f"hub.{table}", column, column)))

    assert await log.findings() == []


async def test_a_partition_cannot_be_reached_beside_its_table(log: Log) -> None:
    async with transaction(log.database.login) as tx:
        names = await tx.scalars(text("select inhrelid::regclass::text from pg_inherits where inhparent::regclass::text"
                                      " in ('hub.audit_entry', 'hub.audit_subject')"))  # fmt: skip
        partitions = sorted(names)

    assert len(partitions) == 2 * 5
    for name in partitions:
        with pytest.raises(DBAPIError, match="permission denied"):
            async with transaction(log.database.audit) as tx:
                await tx.execute(text(f"SELECT * FROM {name}"))
        async with transaction(log.database.backup) as tx:  # a dump reads partitions one by one
            assert list(await tx.execute(text(f"SELECT * FROM {name}"))) == []


def test_a_head_is_the_line_that_was_written(tmp_path: Path) -> None:
    head = Head(7, b"d" * 32, NOW, "0123456789abcdef", b"s" * 64)

    assert Head.of_line(head.line) == head
    with pytest.raises(ValueError, match="no line"):
        Head.of_line(head.line + b" ")


def test_heads_of_two_months_stand_in_two_files(tmp_path: Path) -> None:
    made = [Head(n, bytes(32), NOW + timedelta(hours=3 * n), "k", bytes(64)) for n in (1, 2, 3)]

    assert heads.append(tmp_path / "ledger", made) == 3
    assert heads.append(tmp_path / "ledger", made) == 0

    assert [f.name for f in sorted((tmp_path / "ledger").glob("audit*"))] == [
        "audit-head-2026-12.jsonl",
        "audit-head-2027-01.jsonl",
    ]
    assert [h.number for h in heads.every(tmp_path / "ledger", up_to=2)] == [1, 2]


@given(st.lists(st.binary(min_size=32, max_size=32), max_size=40))
def test_a_root_is_the_one_of_rfc_6962(leaves: list[bytes]) -> None:
    assert root_of(leaves) == _by_definition(leaves)


def _by_definition(leaves: list[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + _by_definition(leaves[:half]) + _by_definition(leaves[half:])).digest()
