"""`member-hub rights` and `member-hub keys` as processes: what they print, how they end, what goes on record."""

import stat
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row

from member_hub.ids import MemberId, uuid7
from member_hub.members.tables import Channel
from tests.conftest import Run
from tests.rights import files
from tests.rights.conftest import Installed


def member(installed: Installed, run: Run, channel: Channel, account: str) -> MemberId:
    return run(installed.world.member_of(channel, account))


def on_record(installed: Installed, run: Run, request: str) -> list[Row[Any]]:
    """The audit entries about an operation, the newest last."""
    entries = run(installed.world.rows("hub.audit_entry"))
    return sorted((row for row in entries if row.operation == request), key=lambda row: row.happened_at)


def audited(installed: Installed, run: Run, request: str, *member_ids: UUID, outcome: str = "ok") -> bool:
    """Whether the newest entry says exactly this."""
    newest = on_record(installed, run, request)[-1]
    return (newest.caller_kind, newest.caller, newest.role, newest.purpose, newest.outcome) == (
        "SYSTEM",
        "command line",
        "system",
        "rights_handling" if request.startswith("rights ") else "system_operation",
        outcome,
    ) and newest.member_ids == sorted(member_ids)


def test_the_copy_is_printed_as_json_and_on_record_with_every_id(installed: Installed, run: Run) -> None:
    member_id = member(installed, run, Channel.WEBSITE, files.WEBSITE)
    person = run(installed.world.person(member_id))

    done = installed.call("rights", "export", str(member_id), "--json")

    assert (done.returncode, done.stderr) == (0, "")
    copy = orjson.loads(done.stdout)
    assert {one["kinds"][0] for one in copy.pop("access_history")} == {"copy"}  # this one
    assert copy == orjson.loads(orjson.dumps(run(installed.world.export(member_id))))
    assert audited(installed, run, "rights export", *person.member_ids)
    assert on_record(installed, run, "rights export")[-1].fields == ["everything:CLEAR"]


def test_the_copy_of_a_merged_id_goes_into_a_private_file(installed: Installed, run: Run, tmp_path: Path) -> None:
    person = run(installed.world.person(member(installed, run, Channel.WEBSITE, files.WEBSITE)))
    [merged] = person.absorbed_ids

    done = installed.call("rights", "export", str(merged), "--out", str(tmp_path / "copy.json"))

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "Written to copy.json.\n")
    assert stat.S_IMODE((tmp_path / "copy.json").stat().st_mode) == 0o600
    assert orjson.loads((tmp_path / "copy.json").read_bytes())["member_id"] == str(person.member_id)


def test_wrong_usage_and_unknown_members_are_told_apart_by_the_exit_code(installed: Installed, run: Run) -> None:
    nobody, erasures = uuid7(), on_record(installed, run, "rights erase")

    unknown = installed.call("rights", "export", str(nobody))
    no_id = installed.call("rights", "erase", "--yes", "13911112222")
    no_folder = installed.call("rights", "export", str(nobody), "--out", "/nowhere/copy.json")

    assert (unknown.returncode, unknown.stdout, unknown.stderr) == (1, "", "member-hub: Not found.\n")
    assert audited(installed, run, "rights export", nobody, outcome="NOT_FOUND")
    assert (no_id.returncode, no_id.stderr) == (1, "member-hub: This is no member id.\n")
    assert no_folder.returncode == 2
    assert "There is no such folder." in no_folder.stderr
    assert on_record(installed, run, "rights erase") == erasures


def test_without_a_yes_nothing_is_erased(installed: Installed, run: Run) -> None:
    member_id = member(installed, run, Channel.WEBSITE, files.KEPT_APART)
    erasures = on_record(installed, run, "rights erase")

    done = installed.call("rights", "erase", str(member_id))

    assert done.returncode == 1
    assert run(installed.world.person(member_id)).member_id == member_id
    assert on_record(installed, run, "rights erase") == erasures


def test_renewed_keys_are_on_record_and_everything_still_opens(installed: Installed, run: Run) -> None:
    member_id = member(installed, run, Channel.WEBSITE, files.OLD_OWNER)
    before = run(installed.world.export(member_id))

    done = installed.call("keys", "rekey", str(member_id), "--json")

    assert (done.returncode, orjson.loads(done.stdout)) == (0, {"resealed": 7})
    assert run(installed.world.export(member_id)) == before
    assert audited(installed, run, "keys rekey", member_id)

    unknown = installed.call("keys", "rekey", str(uuid7()))

    assert (unknown.returncode, unknown.stderr) == (1, "member-hub: Not found.\n")


def test_erasing_by_a_merged_id_prints_what_was_done_and_is_on_record(installed: Installed, run: Run) -> None:
    person = run(installed.world.person(member(installed, run, Channel.WEBSITE, files.WEBSITE)))
    [merged] = person.absorbed_ids
    before = installed.world.ledger.head().seq

    done = installed.call("rights", "erase", "--yes", "--json", str(merged))

    assert (done.returncode, done.stderr) == (0, "")
    told = orjson.loads(done.stdout)
    assert (told["member_id"], told["rows"]["hub.channel_account"]) == (str(person.member_id), 4)
    assert told["ledger_seq"] == before + 1
    assert audited(installed, run, "rights erase", *person.member_ids)
    assert installed.world.ledger.verify().seq == before + 2

    again = installed.call("rights", "erase", "--yes", str(merged))

    assert (again.returncode, again.stdout, again.stderr) == (1, "", "member-hub: Not found.\n")
    assert audited(installed, run, "rights erase", merged, outcome="NOT_FOUND")
    assert installed.world.ledger.verify().seq == before + 2


def test_what_was_done_is_said_in_words_too(installed: Installed, run: Run) -> None:
    member_id = member(installed, run, Channel.APP, files.TABLET_USER)
    number = installed.world.ledger.head().seq + 1

    done = installed.call("rights", "erase", "--yes", str(member_id))

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"Erased. 1 keys destroyed, 17 rows; ledger entry {number}.\n"
