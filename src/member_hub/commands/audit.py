"""member-hub audit: prove that the record is whole, keep its head elsewhere, and drop what is kept no longer."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from member_hub.commands.opening import run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from member_hub.audit import Report
    from member_hub.runtime import Runtime


@click.group()
def audit() -> None:
    """Who looked at or changed what, and that nobody altered it. 审计日志。"""


@audit.command()
@click.option(
    "--head",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Lines of `export-head` that were kept elsewhere, to compare with instead of the ledger folder.",
)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def verify(*, head: Path | None, as_json: bool) -> None:
    """Recompute chains, roots, signatures and seals, compare the head outside; exit 1 if anything does not fit."""
    import orjson

    from member_hub.audit import AuditKeys, check, check_ledger

    async def work(hub: Runtime) -> Report:
        await check_ledger(hub.database, hub.settings.ledger_dir, hub.settings.key_dir)
        return await check(hub.database, AuditKeys.open(hub.settings.key_dir), hub.settings.ledger_dir, kept=head)

    report = run(work)
    if as_json:
        said = {"ok": report.is_whole, **asdict(report)}
        click.echo(orjson.dumps(said, option=orjson.OPT_INDENT_2, default=str).decode())
    else:
        for finding in report.findings:
            click.echo(str(finding))
        if report.more_findings:
            click.echo(f"and {report.more_findings} more")
        verdict = "The audit log is whole" if report.is_whole else "THE AUDIT LOG WAS TAMPERED WITH"
        click.echo(f"{verdict}: {report.entries} entries under {report.seals} seals checked.")
        click.echo(f"Not yet sealed: {report.unsealed}. Seals not yet in the head outside: {report.unexported}.")
    sys.exit(0 if report.is_whole else 1)


@audit.command()
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def seal(*, as_json: bool) -> None:
    """Seal now what is not sealed yet; the served hub does this every few seconds."""
    import orjson

    async def work(hub: Runtime) -> int:
        return await hub.sealer.run(hub.clock.now(), thorough=True)

    made = run(work)
    click.echo(orjson.dumps({"seals": made}).decode() if as_json else f"{made} seals made.")


@audit.command("export-head")
@click.option("--json", is_flag=True, expose_value=False, help="What it prints is JSON in any case.")
def export_head() -> None:
    """Print the newest signed seal as one line, to be kept off this machine; `verify --head` takes it."""
    from member_hub.audit import heads
    from member_hub.errors import NotFound

    async def work(hub: Runtime) -> bytes:
        await hub.sealer.run(hub.clock.now())
        newest = heads.last(hub.settings.ledger_dir)
        if newest is None:
            raise NotFound("Nothing is sealed yet.", zh="尚无封存。")
        return newest.line

    click.echo(run(work).decode())


@audit.command()
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def expire(*, as_json: bool) -> None:
    """Drop the months whose retention (36 months) is over; on record, and the served hub does it by itself."""
    import orjson

    from member_hub.audit import expire as expire_
    from member_hub.audit.entry import COMMAND_LINE

    async def work(hub: Runtime) -> Sequence[date]:
        return await expire_(hub.audit, hub.sealer, hub.clock.now(), caller=COMMAND_LINE)

    gone = [f"{month:%Y-%m}" for month in run(work)]
    click.echo(orjson.dumps({"expired": gone}).decode() if as_json else f"Dropped: {', '.join(gone) or 'nothing'}.")
