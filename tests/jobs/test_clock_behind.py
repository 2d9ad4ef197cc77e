"""A clock that is behind what was decided before: `jobs run` says so and decides nothing, and so does the doctor."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from member_hub.db import transaction
from tests.jobs.conftest import Installed
from tests.tiers.desk import Desk

BEHIND = "The clock of this machine is behind what was recorded or decided before."


def clock(hub: Installed) -> dict[str, Any]:
    (found,) = [one for one in json.loads(hub.call("doctor", "--json").stdout)["checks"] if one["name"] == "clock"]
    return {name: found[name] for name in ("verdict", "says")}


def reviewed(hub: Installed) -> tuple[int, str | None]:
    done = hub.call("jobs", "run", "--json", "--only", "tier review")
    return done.returncode, json.loads(done.stdout)["jobs"][0]["error"]


async def test_jobs_and_doctor_tell_of_a_clock_that_is_behind(installed: Installed) -> None:
    assert reviewed(installed) == (0, None)
    desk = Desk(installed.desk.database, installed.desk.vault)
    desk.clock.at = datetime.now(UTC) + timedelta(minutes=30)
    member = await desk.member()
    await desk.grow(member, 50)
    await desk.review(member)

    assert reviewed(installed) == (1, BEHIND)
    said = "behind what was decided before: points, orders and activity are refused (CLOCK_JUMPED), and jobs wait"
    assert clock(installed) == {"verdict": "fail", "says": said}

    async with transaction(installed.desk.database.owner) as tx:
        await tx.execute(text("update hub.tier_change set changed_at = changed_at - interval '1 hour'"))
    assert reviewed(installed) == (0, None)
    assert clock(installed) == {"verdict": "ok", "says": "not behind what was decided before"}
