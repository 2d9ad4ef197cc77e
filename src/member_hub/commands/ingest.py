"""member-hub ingest: import a channel file."""

from __future__ import annotations

import gc
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from member_hub.commands.opening import audit, run

if TYPE_CHECKING:
    from member_hub.ingest.running import Progress
    from member_hub.ingest.summary import Summary
    from member_hub.runtime import Runtime

SOURCES = ("website", "app", "store", "orders", "activity")
EVERY_S = 1.0


@click.command()
@click.argument("source", type=click.Choice(SOURCES))
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@click.option("--mapping", "mapping_file", type=click.Path(path_type=Path), help="Columns of another brand (TOML).")
@click.option("--dry-run", is_flag=True, help="Do everything, show the summary, keep nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the summaries as JSON.")
def ingest(*, source: str, files: tuple[Path, ...], mapping_file: Path | None, dry_run: bool, as_json: bool) -> None:
    """Import files of a SOURCE: website, app, store, orders or activity. 导入渠道文件。

    Interrupted, the same command goes on where it was. Bad rows go to quarantine and stop nothing
    (member-hub quarantine list). A dry run holds the members that it touches locked until it ends.
    """
    summaries = run(lambda hub: ingest_files(hub, [(source, file) for file in files], mapping_file, dry_run=dry_run))
    if as_json:
        import orjson

        click.echo(orjson.dumps([s.as_json() for s in summaries], option=orjson.OPT_INDENT_2).decode())
        return
    for file, summary in zip(files, summaries, strict=True):
        click.echo(as_text(file.name, summary, dry_run=dry_run))


async def ingest_files(
    hub: Runtime, files: list[tuple[str, Path]], mapping_file: Path | None = None, *, dry_run: bool = False
) -> list[Summary]:
    """Import files one after the other, with progress on the terminal."""
    from member_hub.ingest import mapping
    from member_hub.ingest.running import Ingester
    from member_hub.ingest.words import Source

    # What start-up has made stays: the collector need not look through it again and again, a quarter of the time.
    gc.collect()
    gc.freeze()
    ingester = Ingester(hub.database, hub.vault, hub.resolver, hub.organisation, hub.clock, hub.loyalty, hub.audit)
    summaries = []
    for source, file in files:
        shown = ProgressLine(file.name)
        columns = mapping.load(Source(source), mapping_file)
        await audit(hub, f"ingest {source}{' --dry-run' if dry_run else ''}")
        summaries.append(await ingester.ingest(file, columns, dry_run=dry_run, on_progress=shown))
        shown.end()
    gc.unfreeze()
    return summaries


class ProgressLine:
    """One line on the terminal's error stream: share, rows per second, time left; at most once a second."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._is_shown = sys.stderr.isatty()
        self._began_at = self._told_at = time.monotonic()
        self._first: int | None = None

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if self._first is None:
            self._first = progress.position
        if now - self._told_at < EVERY_S:
            return
        self._told_at = now
        seconds = now - self._began_at
        rate = progress.rows / seconds
        done = progress.position / max(progress.total, 1)
        speed = (progress.position - self._first) / seconds
        left = f"{(progress.total - progress.position) / speed:.0f} s left" if speed else "…"
        text = f"{self._name}: {done:4.0%}, {rate:,.0f} rows/s, {left}"
        click.echo(f"\r\x1b[K{text}" if self._is_shown else text, err=True, nl=not self._is_shown)

    def end(self) -> None:
        if self._is_shown:
            click.echo("\r\x1b[K", err=True, nl=False)


def as_text(name: str, summary: Summary, *, dry_run: bool = False) -> str:
    """The closing summary for people; every row read stands in one of its lines."""
    from member_hub.ingest.reasons import Reason
    from member_hub.ingest.summary import READ, TEXTS

    lines = [f"{name}{' (dry run: nothing was kept)' if dry_run else ''}"]
    for key, (zh, en) in TEXTS.items():
        if summary.counts[key] or key == READ:
            lines.append(f"  {summary.counts[key]:>9,}  {en} {zh}")
    for reason, number in summary.quarantined.items():
        lines.append(f"  {number:>9,}  quarantined 已隔离: {reason}. {Reason(reason).en} {Reason(reason).zh}")
    for reason, number in summary.dropped.items():
        lines.append(f"  {number:>9,}  value not taken over 未采用的值: {reason}")
    for column, number in summary.left_out.items():
        lines.append(f"  {number:>9,}  not stored 未保存的列: {column}")
    if summary.missing:
        lines.append(f"             not in the file 文件中没有的列: {', '.join(summary.missing)}")
    lines.append("  every row is accounted for" if summary.adds_up else "  THE COUNTS DO NOT ADD UP")
    return "\n".join(lines)
