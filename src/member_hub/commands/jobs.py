"""member-hub jobs: do at once what the served hub does by the clock."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from member_hub.commands.opening import run as opened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from member_hub.jobs import Job, Ran
    from member_hub.runtime import Runtime


@click.group()
def jobs() -> None:
    """What runs by the clock in the served hub. 定时任务。"""


@jobs.command()
@click.option("--only", multiple=True, metavar="NAME", help="Only the job of this name; may be given several times.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def run(*, only: tuple[str, ...], as_json: bool) -> None:
    """Do everything that is due now, each job until nothing of it is left; exit 1 if one failed (the others still run).

    Safe beside a served hub, in two processes, twice, and after it was killed.
    """
    import orjson

    from member_hub.jobs import every_job, named, run_at_once

    async def work(hub: Runtime) -> Sequence[Ran]:
        wanted = named(every_job(hub), only)
        return [ran async for ran in run_at_once(wanted, hub.clock, on_round=_progress)]

    done = opened(work)
    is_well = all(ran.is_well for ran in done)
    if as_json:
        said = {"ok": is_well, "jobs": [asdict(ran) | {"ok": ran.is_well} for ran in done]}
        click.echo(orjson.dumps(said, option=orjson.OPT_INDENT_2).decode())
    else:
        for ran in done:
            click.echo(_line(ran))
    sys.exit(0 if is_well else 1)


@jobs.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def list_(*, as_json: bool) -> None:
    """The jobs, in the order in which `jobs run` does them, and how often the served hub does each."""
    import orjson

    from member_hub.jobs import every_job

    async def work(hub: Runtime) -> Sequence[Job]:
        return every_job(hub)

    found = [
        {"name": job.name, "lane": job.lane.value, "every_s": int(job.every.total_seconds())} for job in opened(work)
    ]
    if as_json:
        click.echo(orjson.dumps({"jobs": found}, option=orjson.OPT_INDENT_2).decode())
        return
    for one in found:
        click.echo(f"{one['name']:28} {one['lane']:8} every {one['every_s'] or 'few'} seconds")


def _progress(job: Job, rounds: int, count: int) -> None:
    """For people who wait; of a job that is done in one round nothing is said before its line."""
    if rounds > 1:
        click.echo(f"{job.name}: {count} done so far", err=True)


def _line(ran: Ran) -> str:
    verdict = "ok" if ran.is_well else "FAILED"
    said = [f"{ran.done} done"]
    if ran.failed:
        said.append(f"{ran.failed} failed")
    if ran.has_more:
        said.append("more is due")
    if ran.error:
        said.append(ran.error)
    return f"{verdict:6} {ran.job}: {', '.join(said)} ({ran.seconds:.1f} s)"
