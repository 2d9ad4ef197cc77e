"""member-hub quarantine: look at refused rows and try them again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import click

from member_hub.commands.ingest import SOURCES
from member_hub.commands.opening import audit, run

if TYPE_CHECKING:
    from member_hub.ingest.quarantine import Quarantined
    from member_hub.runtime import Runtime


@click.group()
def quarantine() -> None:
    """Rows that were refused, kept sealed for 30 days. 被隔离的行。"""


@quarantine.command("list")
@click.option("--source", type=click.Choice(SOURCES), help="Only of this source.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="How many at most.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def list_(*, source: str | None, limit: int, as_json: bool) -> None:
    """List refused rows with their reason, without their content."""
    from member_hub.db import transaction
    from member_hub.ingest import quarantine as rows

    async def work(hub: Runtime) -> list[Quarantined]:
        async with transaction(hub.database.app) as tx:
            return await rows.find(tx, source=source, limit=limit)

    found = run(work)
    if as_json:
        import orjson

        click.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2, default=str).decode())
        return
    for one in found:
        click.echo(f"{one.run_id} {one.line:>7} {one.source:<8} {one.reason}: {one.reason.en} {one.reason.zh}")
    click.echo(f"{len(found)} rows.")


@quarantine.command()
@click.argument("run_id", metavar="RUN", type=UUID)
@click.argument("line", type=int)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def show(*, run_id: UUID, line: int, as_json: bool) -> None:
    """Show one refused row as it came. This is a look at personal data: it is audited."""
    import orjson

    from member_hub.db import snapshot
    from member_hub.ids import RunId
    from member_hub.ingest import quarantine as rows

    async def work(hub: Runtime) -> str:
        await audit(hub, "quarantine show", fields=("quarantine.raw:CLEAR",))
        async with snapshot(hub.database.app) as tx:
            return await rows.raw(tx, hub.vault, RunId(run_id), line)

    raw = run(work)
    click.echo(orjson.dumps({"run_id": run_id, "line": line, "raw": raw}).decode() if as_json else raw)


@quarantine.command()
@click.argument("run_id", metavar="[RUN", type=UUID, required=False)
@click.argument("line", metavar="LINE]", type=int, required=False)
@click.option("--source", type=click.Choice(SOURCES), help="Try all rows of this source again.")
@click.option(
    "--with",
    "corrected",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The row corrected: an object (JSON).",
)
@click.option("--mapping", "mapping_file", type=click.Path(path_type=Path), help="Columns of another brand (TOML).")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def retry(
    *,
    run_id: UUID | None,
    line: int | None,
    source: str | None,
    corrected: Path | None,
    mapping_file: Path | None,
    as_json: bool,
) -> None:
    """Try refused rows again: one (RUN LINE), as it came or corrected, or all of a source."""
    if (line is None) == (source is None) or (corrected and line is None):
        raise click.UsageError("Give RUN and LINE, or --source; --with goes with one row.")
    from member_hub.ingest.retrying import retry as retry_rows

    raw = corrected.read_bytes() if corrected else None

    async def work(hub: Runtime) -> dict[str, int]:
        await audit(hub, "quarantine retry")
        return await retry_rows(hub, run_id=run_id, line=line, source=source, raw=raw, mapping_file=mapping_file)

    counts = run(work)
    if as_json:
        import orjson

        click.echo(orjson.dumps(counts).decode())
        return
    click.echo(f"{counts['retried']} tried, {counts['applied']} applied, {counts['refused']} refused again.")
