"""member-hub consent publish: putting a notice in force, by a file; and those that come with the product."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from member_hub.commands.opening import run

if TYPE_CHECKING:
    from member_hub.consent.notice.files import NoticeFile
    from member_hub.consent.notice.published import PublishedNotice
    from member_hub.runtime import Runtime


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print the notice as JSON.")
def publish(*, file: Path, as_json: bool) -> None:
    """Publish the notice of FILE (TOML) for good; the same file again is the same notice. Audited. 发布告知书。"""
    import orjson

    from member_hub.consent.notice import files
    from member_hub.errors import Refused

    async def work(hub: Runtime) -> PublishedNotice:
        return await publish_notice(hub, files.load(file, hub.organisation))

    try:
        notice = run(work)
    except Refused as refused:
        if as_json:
            said = {"code": refused.code, "field": refused.field, "text": refused.text_en}
            click.echo(orjson.dumps({"refused": said}).decode())
        raise
    if as_json:
        shown = {
            "notice_id": str(notice.notice_id),
            "handler": notice.handler,
            "family": notice.family.value,
            "name": notice.name,
            "effective_at": notice.effective_at.isoformat(),
            "is_new": notice.is_new,
        }
        click.echo(orjson.dumps(shown).decode())
        return
    done = "Published" if notice.is_new else "Was published before"
    click.echo(f"{done}: {notice.name} ({notice.family}), in force since {notice.effective_at.isoformat()}.")


async def publish_notice(hub: Runtime, file: NoticeFile) -> PublishedNotice:
    """Publish what a file says, on record before it is committed; a refusal is on record, too, and raised."""
    from member_hub.consent.notice import notices
    from member_hub.db import transaction
    from member_hub.errors import Refused

    try:
        async with transaction(hub.database.app) as tx:
            notice = await notices.publish(
                tx,
                hub.catalogue,
                hub.policies.register,
                handler=file.handler,
                family=file.family,
                name=file.name,
                is_material=file.is_material,
                changed=file.changed,
                texts=file.texts,
                purposes=file.purposes,
                effective_at=file.effective_at,
                published_by="command line",
                now=hub.clock.now(),
            )
            if notice.is_new:
                await _on_record(hub, notices.audit_words(notice))
    except Refused as refused:
        await _on_record(hub, [f"notice:{file.name}"], outcome=refused.code)
        raise
    return notice


async def publish_of_demo(hub: Runtime) -> None:
    """The notices that come with the product, or stand in the policy folder; what is refused is said and left out."""
    from member_hub.consent.notice import files
    from member_hub.errors import Refused

    for file in files.of_folder(hub.settings, hub.organisation):
        try:
            await publish_notice(hub, file)
        except Refused as refused:
            click.echo(f"The notice {file.name} was not published ({refused.code}): {refused.text_en}", err=True)


async def _on_record(hub: Runtime, fields: Sequence[str], *, outcome: str = "ok") -> None:
    from member_hub.audit import Entry

    await hub.audit.write(Entry.of_command("consent publish", fields=fields, outcome=outcome, now=hub.clock.now()))
