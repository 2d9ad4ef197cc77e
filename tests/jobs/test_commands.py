"""`member-hub jobs` and `member-hub points check`, as an operator calls them."""

import json
import signal
from collections.abc import Sequence
from typing import Any

from sqlalchemy import text

from member_hub import points
from member_hub.db import transaction
from member_hub.ids import MemberId
from tests.jobs.conftest import Installed
from tests.points.desk import NOW

JOBS = [
    "audit months",
    "coming of age",
    "guardians",
    "consent clock",
    "fields without consent",
    "consent lines that waited",
    "consent bits",
    "counting",
    "points due",
    "points self-check",
    "tier thresholds",
    "tier review",
    "tier notices",
    "tags",
    "benefits of the month",
    "gifts for promotions",
    "old activity",
    "old proposals",
    "old waiting lines",
    "old quarantine",
    "old sign-ins",
    "old member codes",
    "old approvals",
    "old keys",
    "notices",
    "audit seals of all months",
    "audit seals",
]


def run_of(hub: Installed, *words: str) -> tuple[int, dict[str, Any]]:
    done = hub.call("jobs", "run", "--json", *words)
    said = json.loads(done.stdout)
    return done.returncode, said | {"jobs": {one["job"]: one for one in said["jobs"]}}


async def members_with_points(hub: Installed, number: int) -> Sequence[MemberId]:
    """Of March: what they bought for is active by now, and what they did has expired."""
    hub.desk.clock.at = NOW
    members = [await hub.desk.member() for _ in range(number)]
    for one in members:
        await hub.desk.buy(one, f"O-{one}", 10_000)
        await hub.desk.earn(one, 50)
        await hub.desk.do(points.hold, one, amount=20)
    hub.desk.later(days=260)
    return members


async def corrupt(hub: Installed, member_id: MemberId, more: int) -> None:
    async with transaction(hub.desk.database.owner) as tx:
        done = await tx.execute(
            text(f"update hub.points_lot set remaining = remaining + {more}, earned = earned + {more} "
                 f"where member_id = '{member_id}' and remaining > 0")
        )  # fmt: skip
        assert done.rowcount == 1


def test_jobs_list_names_every_job_in_order(installed: Installed) -> None:
    listed = json.loads(installed.call("jobs", "list", "--json").stdout)["jobs"]

    assert [one["name"] for one in listed] == JOBS
    assert {"name": "points due", "lane": "loyalty", "every_s": 60} in listed


async def test_jobs_run_does_everything_that_is_due_and_twice_is_once(installed: Installed) -> None:
    members = await members_with_points(installed, 3)

    status, first = run_of(installed)

    assert (status, first["ok"], list(first["jobs"])) == (0, True, JOBS)
    assert first["jobs"]["points due"]["done"] == 3
    assert first["jobs"]["points self-check"]["done"] == 3
    assert [await installed.desk.pots(one) for one in members] == [(100, 0, 0, 0)] * 3
    there = await installed.desk.rows("points_entry")
    assert run_of(installed)[1]["jobs"]["points due"]["done"] == 0
    assert await installed.desk.rows("points_entry") == there
    (entry,) = [row for row in await audited(installed) if row.operation == "jobs points"]
    assert (entry.caller, entry.member_ids) == ("jobs", sorted(members))


async def test_killed_in_the_middle_and_beside_another_everything_is_done_once(installed: Installed) -> None:
    members = await members_with_points(installed, 60)
    before = await settled(installed, members)
    assert before == 0
    with installed.start("jobs", "run", "--json", "--only", "points due") as killed:
        for _ in range(2000):
            if killed.poll() is not None or await settled(installed, members):
                break
        killed.send_signal(signal.SIGKILL)
    both = [installed.start("jobs", "run", "--json", "--only", "points due") for _ in range(2)]
    for one in both:
        one.communicate()

    assert [one.returncode for one in both] == [0, 0]
    assert await settled(installed, members) == 60
    entries = [row for row in await installed.desk.rows("points_entry") if row.member_id in members]
    for done in (("release", "timed_out"), ("activate", "due"), ("expire", "due")):
        assert sorted(row.member_id for row in entries if (row.act, row.reason) == done) == sorted(members)
    assert await installed.desk.faults() == []


async def test_a_job_that_fails_exits_1_and_the_others_run(installed: Installed) -> None:
    (anna,) = await members_with_points(installed, 1)
    async with transaction(installed.desk.database.login) as tx:
        await tx.execute(text("ALTER TABLE hub.consent_gate RENAME TO gate_away"))
    try:
        status, said = run_of(installed)
    finally:
        async with transaction(installed.desk.database.login) as tx:
            await tx.execute(text("ALTER TABLE hub.gate_away RENAME TO consent_gate"))

    assert (status, said["ok"]) == (1, False)
    assert [name for name, one in said["jobs"].items() if not one["ok"]] == ["consent bits"]
    assert said["jobs"]["consent bits"]["error"] == "ProgrammingError"
    assert await installed.desk.pots(anna) == (100, 0, 0, 0)


def test_only_the_jobs_that_are_named_run(installed: Installed) -> None:
    status, said = run_of(installed, "--only", "points due", "--only", "audit seals")
    unknown = installed.call("jobs", "run", "--only", "tea")

    assert (status, list(said["jobs"])) == (0, ["points due", "audit seals"])
    assert unknown.returncode == 1
    assert "There is no job of this name: tea. There are: audit months," in unknown.stderr


async def test_points_check_names_what_does_not_add_up_and_doctor_says_so(installed: Installed) -> None:
    (anna,) = await members_with_points(installed, 1)
    assert run_of(installed)[0] == 0
    assert installed.call("points", "check").returncode == 0
    await corrupt(installed, anna, 1)

    checked = installed.call("points", "check", "--json")

    said = json.loads(checked.stdout)
    assert (checked.returncode, said["ok"], said["findings"]) == (1, False, 2)
    assert said["named"] == [{"account": str(anna), "fault": "lot"}, {"account": str(anna), "fault": "lots"}]
    assert f"The points of account {anna} do not add up" in checked.stderr
    assert (await audited(installed))[-1].operation == "points check"
    assert (await audited(installed))[-1].member_ids == [anna]
    ledger = doctor(installed)
    assert (ledger["verdict"], ledger["says"]) == (
        "fail",
        "1 account does not add up: a fault of the program, or somebody's hand in the tables",
    )

    await corrupt(installed, anna, -1)
    status, ran = run_of(installed, "--only", "points self-check")

    assert (status, ran["jobs"]["points self-check"]["done"]) == (0, len(await installed.desk.rows("points_account")))
    assert doctor(installed)["verdict"] == "ok"


def doctor(hub: Installed) -> dict[str, Any]:
    checks = json.loads(hub.call("doctor", "--json").stdout)["checks"]
    (found,) = [check for check in checks if check["name"] == "points ledger"]
    assert isinstance(found, dict)
    return found


async def settled(hub: Installed, members: Sequence[MemberId]) -> int:
    entries = await hub.desk.rows("points_entry")
    return sum((row.act, row.reason) == ("expire", "due") and row.member_id in members for row in entries)


async def audited(hub: Installed) -> list[Any]:
    async with transaction(hub.desk.database.audit) as tx:
        return list(await tx.execute(text("select * from hub.audit_entry order by happened_at, sequence")))
