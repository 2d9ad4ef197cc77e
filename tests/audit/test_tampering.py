"""Whoever may do anything to the database is found out, and the place is named."""

from collections.abc import Sequence
from uuid import UUID

import pytest
from sqlalchemy.exc import IntegrityError

from member_hub.audit.entry import digest_of
from member_hub.ids import uuid7
from tests.audit.logs import Log

MONTH = "month 2026-12"


async def test_a_log_that_nobody_touched_is_whole(log: Log) -> None:
    await log.write(3, member_ids=[uuid7()])
    await log.seal()
    await log.again().write(2)
    await log.seal()
    await log.write(1)

    report = await log.report()

    assert (report.findings, report.entries, report.seals, report.unsealed, report.unexported) == ([], 5, 2, 1, 0)


@pytest.mark.parametrize(
    "change",
    [
        "outcome = 'missed'",
        "caller = 'S-2'",
        "member_ids = '{}'",
        "fields = array['member.phone:CLEAR']",
        "happened_at = happened_at + interval '1 microsecond'",
        "purpose = 'customer_support'",
        "digest = sha256(digest)",
        "previous = sha256(digest)",
    ],
)
async def test_an_altered_entry_is_found(log: Log, change: str) -> None:
    writer = await log.write(5, member_ids=[uuid7()])
    await log.seal()

    await log.superuser(f"UPDATE hub.audit_entry SET {change} WHERE sequence = 3")

    assert await log.findings() == [f"altered: {MONTH}, writer {writer}, entry 3 (seal 1)"]


async def test_an_entry_that_is_not_sealed_yet_cannot_be_altered_either(log: Log) -> None:
    writer = await log.write(3)

    await log.superuser("UPDATE hub.audit_entry SET outcome = 'missed' WHERE sequence = 2")

    assert await log.findings() == [f"forged: {MONTH}, writer {writer}, entry 2"]


@pytest.mark.parametrize(("condition", "gap"), [("= 3", "3"), ("in (2, 3)", "2 to 3"), ("> 3", "4 to 5")])
async def test_removed_entries_are_found(log: Log, condition: str, gap: str) -> None:
    writer = await log.write(5)
    await log.seal()

    await log.superuser(f"DELETE FROM hub.audit_entry WHERE sequence {condition}")

    assert await log.findings() == [f"missing: {MONTH}, writer {writer}, entry {gap} (seal 1)"]


async def test_an_entry_removed_before_it_was_sealed_is_found_and_never_sealed_over(log: Log) -> None:
    writer = await log.write(5)
    await log.superuser("DELETE FROM hub.audit_entry WHERE sequence = 3")

    await log.seal()

    report = await log.report()
    assert [str(one) for one in report.findings] == [f"missing: {MONTH}, writer {writer}, entry 3"]
    assert (report.entries, report.unsealed) == (2, 2)


async def test_a_writer_removed_whole_is_found_as_one_gap(log: Log) -> None:
    other = log.again()
    await log.write(2)
    gone = await other.write(2)
    await log.seal()
    await other.write(1)
    await log.seal()

    await log.superuser("DELETE FROM hub.audit_entry WHERE writer = :gone", gone=gone)
    await log.superuser("DELETE FROM hub.audit_subject WHERE writer = :gone", gone=gone)

    assert await log.findings() == [f"missing: {MONTH}, writer {gone}, entry 1 to 3 (seal 1)"]


async def test_a_month_removed_whole_is_found(log: Log) -> None:
    writer = await log.write(4)
    await log.seal()

    await log.superuser("TRUNCATE hub.audit_entry")

    assert await log.findings() == [f"missing: {MONTH}, writer {writer}, entry 1 to 4 (seal 1)"]


async def test_entries_that_changed_places_are_found(log: Log) -> None:
    writer = await log.write(5)
    await log.seal()

    for before, after in ((2, 99), (4, 2), (99, 4)):
        await log.superuser(f"UPDATE hub.audit_entry SET sequence = {after} WHERE sequence = {before}")

    assert await log.findings() == [
        f"moved: {MONTH}, writer {writer}, entry 2, was 4 (seal 1)",
        f"moved: {MONTH}, writer {writer}, entry 4, was 2 (seal 1)",
    ]


COPY = """
INSERT INTO hub.audit_entry SELECT {month}, {writer}, {sequence}, happened_at, request_id, caller_kind, 'S-9', role,
       purpose, operation, outcome, fields, member_ids, {previous}, sha256(digest)
  FROM hub.audit_entry WHERE sequence = 3
"""
HERE = {"month": "month", "writer": "writer", "sequence": "sequence", "previous": "digest"}
STRANGER = UUID("01a00000-0000-7000-8000-000000000001")


@pytest.mark.parametrize("is_sealed_over", [False, True])
async def test_an_entry_put_behind_the_last_one_is_found(log: Log, *, is_sealed_over: bool) -> None:
    writer = await log.write(3)
    await log.seal()

    await log.superuser(COPY.format(**HERE | {"sequence": "4"}))
    if is_sealed_over:
        await log.seal()

    kind, seal = ("altered", " (seal 2)") if is_sealed_over else ("forged", "")
    assert await log.findings() == [f"{kind}: {MONTH}, writer {writer}, entry 4{seal}"]


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ({"writer": f"'{STRANGER}'", "sequence": "1"}, f"forged: {MONTH}, writer {STRANGER}, entry 1"),
        ({"sequence": "0"}, f"forged: {MONTH}, writer WRITER, entry 0"),
        ({"month": "date '2026-11-01'", "sequence": "1"}, "forged: month 2026-11, writer WRITER, entry 1"),
    ],
)
async def test_an_entry_put_anywhere_else_is_found(log: Log, where: dict[str, str], found: str) -> None:
    writer = await log.write(3)
    await log.seal()

    await log.superuser(COPY.format(**HERE | where))

    assert await log.findings() == [found.replace("WRITER", str(writer))]


SEALS: list[tuple[str, str]] = [
    ("UPDATE hub.audit_seal SET sealed_at = sealed_at - interval '1 day' WHERE number = 2", "seal_altered: seal 2"),
    ("UPDATE hub.audit_seal SET entries = 9 WHERE number = 2", "seal_altered: seal 2"),
    ("UPDATE hub.audit_seal SET root = sha256(root) WHERE number = 2", "seal_altered: seal 2"),
    ("UPDATE hub.audit_seal SET signature = sha512(signature) WHERE number = 2", "seal_altered: seal 2"),
    ("UPDATE hub.audit_seal SET key_id = 'another' WHERE number = 2", "seal_altered: seal 2"),
    ("UPDATE hub.audit_seal SET digest = sha256(digest) WHERE number = 2", "seal_altered: seal 2"),
    ("UPDATE hub.audit_seal SET expired = array[date '2026-12-01'] WHERE number = 2", "seal_altered: seal 2"),
    ("UPDATE hub.audit_seal_part SET digest = sha256(digest) WHERE number = 2", "seal_altered: seal 2"),
    ("UPDATE hub.audit_seal_part SET first = 1 WHERE number = 2", "seal_altered: seal 2"),
    ("DELETE FROM hub.audit_seal_part WHERE number = 2", "seal_altered: seal 2"),
    ("DELETE FROM hub.audit_seal WHERE number = 2", "seal_missing: seal 2"),
    ("DELETE FROM hub.audit_seal WHERE number = 1", "seal_missing: seal 1"),
    ("DELETE FROM hub.audit_seal WHERE number in (1, 2)", "seal_missing: seal 1 to 2"),
    ("DELETE FROM hub.audit_seal WHERE number = 3", "seals_cut: seal 3"),
]


@pytest.mark.parametrize(("statement", "found"), SEALS)
async def test_a_seal_that_was_altered_or_removed_is_found(log: Log, statement: str, found: str) -> None:
    for _ in range(3):
        await log.write(2)
        await log.seal()

    await log.superuser(statement)

    assert await log.findings() == [found]


async def _cut(log: Log) -> None:
    await log.superuser("DELETE FROM hub.audit_entry WHERE sequence > 2")
    await log.superuser("DELETE FROM hub.audit_subject WHERE sequence > 2")
    await log.superuser("DELETE FROM hub.audit_seal_part WHERE number > 1")
    await log.superuser("DELETE FROM hub.audit_seal WHERE number > 1")


async def test_the_newest_entries_cut_off_with_their_seals_show_against_the_head_outside(log: Log) -> None:
    for _ in range(3):
        await log.write(2)
        await log.seal()

    await _cut(log)

    assert await log.findings() == ["seals_cut: seal 2 to 3"]


async def test_everything_cut_off_shows_against_the_head_outside(log: Log) -> None:
    await log.write(2)
    await log.seal()

    await log.superuser("TRUNCATE hub.audit_entry, hub.audit_subject, hub.audit_seal, hub.audit_seal_part")

    assert await log.findings() == ["seals_cut: seal 1"]


async def test_a_history_that_was_sealed_anew_shows_against_the_head_outside(log: Log) -> None:
    for _ in range(2):
        await log.write(2)
        await log.seal()
    (head,) = log.folder.glob("audit-head-*")
    kept = head.read_bytes()
    await _cut(log)
    head.unlink()
    forger = log.again()
    await forger.write(1)
    await forger.seal()
    assert await log.findings() == []  # who holds the keys and the folder can do this; the kept copy tells

    head.write_bytes(kept)

    assert await log.findings() == ["head_differs: seal 2"]


async def _rewrite(log: Log, sequences: Sequence[int]) -> None:
    """What somebody can do who has stolen the audit key, too."""
    rows = {row.sequence: row._asdict() for row in await log.rows("audit_entry")}
    for sequence in sequences:
        row = rows[sequence] | {"outcome": "missed", "previous": rows[sequence - 1]["digest"]}
        rows[sequence] = row | {"digest": digest_of(row, log.keys.entries)}
        changed = {name: rows[sequence][name] for name in ("previous", "digest")}
        statement = "UPDATE hub.audit_entry SET outcome = 'missed', previous = :previous, digest = :digest"
        await log.superuser(f"{statement} WHERE sequence = {sequence}", **changed)


@pytest.mark.parametrize(
    ("sequences", "found"),
    [([3], f"unlinked: {MONTH}, writer WRITER, entry 4 (seal 1)"), ([5], "root: seal 1"), ([3, 4, 5], "root: seal 1")],
)
async def test_even_with_the_key_of_entries_a_sealed_one_cannot_be_rewritten(
    log: Log, sequences: list[int], found: str
) -> None:
    writer = await log.write(5)
    await log.seal()

    await _rewrite(log, sequences)

    assert await log.findings() == [found.replace("WRITER", str(writer))]


async def test_a_look_that_was_hidden_from_its_member_is_found(log: Log) -> None:
    await log.write(3, member_ids=[uuid7(), uuid7()])
    await log.seal()

    await log.superuser("DELETE FROM hub.audit_subject WHERE sequence = 2")

    assert await log.findings() == ["subjects: seal 1"]


SEALED_FOR_EVER = """
INSERT INTO hub.audit_seal_part (month, writer, last, first, number, digest)
SELECT month, writer, 9000000000000, 4, {number}, digest FROM hub.audit_seal_part
"""


async def _go_on(log: Log) -> None:
    await log.write(4)
    await log.seal()
    await log.superuser("UPDATE hub.audit_entry SET outcome = 'missed' WHERE sequence = 5")


async def test_a_part_of_a_seal_that_there_is_not_cannot_be_added(log: Log) -> None:
    await log.write(3)
    await log.seal()

    with pytest.raises(IntegrityError):
        await log.auditor(SEALED_FOR_EVER.format(number=9))

    await log.write(1)
    assert (await log.seal(), await log.findings()) == (1, [])


async def test_a_part_of_a_seal_that_there_is_not_is_found_and_hides_nothing(log: Log) -> None:
    writer = await log.write(3)
    await log.seal()

    await log.superuser(SEALED_FOR_EVER.format(number=9))
    await _go_on(log)

    assert await log.findings() == [
        f"forged: {MONTH}, writer {writer}, entry 5",
        f"part_forged: {MONTH}, writer {writer}, entry 4 to 9000000000000 (seal 9)",
    ]


async def test_a_part_added_to_a_seal_that_is_there_is_found_and_hides_nothing(log: Log) -> None:
    writer = await log.write(3)
    await log.seal()

    await log.auditor(SEALED_FOR_EVER.format(number=1))
    await _go_on(log)

    found = await log.findings()
    assert "seal_altered: seal 1" in found
    assert any(one.startswith(f"altered: {MONTH}, writer {writer}, entry 5") for one in found)


ADDED_SUBJECT = """
INSERT INTO hub.audit_subject (member_id, happened_at, writer, sequence, month)
SELECT :member_id, happened_at, writer, sequence, month FROM hub.audit_entry WHERE sequence = 2
"""


async def test_a_look_that_was_put_into_the_history_of_another_is_found(log: Log) -> None:
    writer = await log.write(3, member_ids=[uuid7()])
    await log.seal()

    await log.auditor(ADDED_SUBJECT, member_id=uuid7())

    assert await log.findings() == [f"subject_added: {MONTH}, writer {writer}, entry 2"]


async def test_a_look_that_was_moved_from_one_history_to_another_is_found_twice(log: Log) -> None:
    writer = await log.write(3, member_ids=[uuid7()])
    await log.seal()

    await log.superuser("UPDATE hub.audit_subject SET member_id = :other WHERE sequence = 2", other=uuid7())

    assert await log.findings() == ["subjects: seal 1", f"subject_added: {MONTH}, writer {writer}, entry 2"]


async def test_findings_are_limited_and_the_rest_is_counted(log: Log) -> None:
    await log.write(230)
    await log.seal()

    await log.superuser("DELETE FROM hub.audit_entry WHERE sequence % 2 = 1")

    report = await log.report()
    assert (len(report.findings), report.more_findings) == (100, 15)
