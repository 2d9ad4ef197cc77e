"""member-hub tags: giving tags by a file, and the definitions of tags."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from member_hub.commands.opening import audit, run

if TYPE_CHECKING:
    from member_hub.ingest.tag_files import TagSummary
    from member_hub.runtime import Runtime
    from member_hub.tags import Definition


@click.group()
def tags() -> None:
    """Tags on members. 会员标签。"""


@tags.command(name="import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Look at every row, show the summary, keep nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def import_(*, file: Path, dry_run: bool, as_json: bool) -> None:
    """Give the tags of FILE: CSV in UTF-8 with the columns channel, account, tag, until. 按文件打标。

    The tag has to be defined as one by import, and approved. A tag stands for the account that the row names; until is
    its last day (or a moment with its zone), or empty: as the definition says. The same file again on the same day
    changes nothing. A row that is refused stops nothing; its line number is told, and why.

    CSV 文件须为 UTF-8，列为 channel、account、tag、until(可为空:按标签定义的期限)。标签须以导入方式定义并已批准。
    同一文件当日再次导入不产生变化;被拒绝的行不影响其他行，只列出行号与原因。
    """
    summary = run(lambda hub: import_file(hub, file, dry_run=dry_run))
    if as_json:
        import orjson

        click.echo(orjson.dumps(summary.as_json() | {"dry_run": dry_run}, option=orjson.OPT_INDENT_2).decode())
        return
    click.echo(as_text(file.name, summary, dry_run=dry_run))


async def import_file(hub: Runtime, file: Path, *, dry_run: bool) -> TagSummary:
    from member_hub.commands.ingest import ProgressLine
    from member_hub.ingest.tag_files import OPERATION, TagImporter

    await audit(hub, f"{OPERATION}{' --dry-run' if dry_run else ''}")
    shown = ProgressLine(file.name)
    importer = TagImporter(hub.database, hub.vault, hub.organisation, hub.clock, hub.audit)
    summary = await importer.run(file, dry_run=dry_run, on_progress=shown)
    shown.end()
    return summary


def as_text(name: str, summary: TagSummary, *, dry_run: bool) -> str:
    from member_hub.ingest.tag_files import LINES_MAX, SHOWN

    lines = [f"{name}{' (dry run: nothing was kept 试运行:未保存任何内容)' if dry_run else ''}"]
    lines.append(f"  {summary.rows:>9,}  rows read 读取行数")
    lines += [f"  {summary.counts[one]:>9,}  {one.en} {one.zh}" for one in SHOWN if summary.counts[one]]
    for why in sorted(summary.refused):
        lines.append(f"  {summary.refused[why]:>9,}  refused 已拒绝: {why}. {why.en} {why.zh}")
        more = ", ..." if summary.refused[why] > LINES_MAX else ""
        lines.append(f"             lines 行号: {', '.join(str(line) for line in summary.lines[why])}{more}")
    return "\n".join(lines)


@tags.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
def list_(*, as_json: bool) -> None:
    """Show the definitions of tags, of each handler: in force, and proposed. 标签定义。"""

    async def work(hub: Runtime) -> dict[str, list[Definition]]:
        from member_hub.db import snapshot
        from member_hub.tags.queries import definitions_of

        await audit(hub, "tags list")
        async with snapshot(hub.database.app) as tx:
            return {handler: await definitions_of(tx, handler) for handler in sorted(hub.organisation.handlers)}

    found = run(work)
    if as_json:
        import orjson

        told = [told_of(handler, one) for handler, own in found.items() for one in own]
        click.echo(orjson.dumps({"tags": told}, option=orjson.OPT_INDENT_2).decode())
        return
    for handler, own in found.items():
        click.echo(handler)
        for one in own:
            state = "" if one.approved_by is not None else "  (proposed 待批准)"
            click.echo(f"  {one.code:24} {one.kind:9} v{one.version:<4} {one.zh} / {one.en}{state}")


def told_of(handler: str, one: Definition) -> dict[str, Any]:
    return {
        "handler": handler,
        "code": one.code,
        "version": one.version,
        "kind": one.kind.value,
        "group": one.group,
        "zh": one.zh,
        "en": one.en,
        "purpose": one.purpose.value,
        "expires_days": one.expires_days,
        "is_service": one.is_service,
        "is_restrictive": one.is_restrictive,
        "is_profiling": one.is_profiling,
        "is_built_in": one.is_builtin,
        "is_approved": one.approved_by is not None,
    }
