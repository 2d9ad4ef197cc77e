"""member-hub identity: who is who, for checks from outside; and keeping two accounts apart."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from member_hub.commands.opening import audit, run

if TYPE_CHECKING:
    from member_hub.runtime import Runtime

CHANNELS = ("website", "app", "store")


@click.group()
def identity() -> None:
    """Which channel accounts make one member. 身份归并。"""


@identity.command("export")
@click.option("--out", type=click.Path(path_type=Path), help="Write here (mode 0600) instead of printing.")
@click.option("--json", "as_json", is_flag=True, help="JSON lines instead of CSV.")
def export_(*, out: Path | None, as_json: bool) -> None:
    """Write `channel,account,member_id` for every channel account (CSV). Audited."""
    import orjson

    from member_hub import private
    from member_hub.db import snapshot
    from member_hub.members.queries import export_accounts
    from member_hub.privacy import Purpose

    async def work(hub: Runtime, to: TextIO) -> None:
        await audit(hub, "identity export", purpose=Purpose.IDENTITY_UNIFICATION, fields=("member.accounts:CLEAR",))
        writer = csv.writer(to, lineterminator="\n")
        names = ("channel", "account", "member_id")
        if not as_json:
            writer.writerow(names)
        async with snapshot(hub.database.app) as tx:
            async for row in export_accounts(tx, hub.vault):
                if as_json:
                    to.write(orjson.dumps(dict(zip(names, row, strict=True)), default=str).decode() + "\n")
                else:
                    writer.writerow(row)

    if out is None:
        run(lambda hub: work(hub, sys.stdout))
        return
    private.create_file(out, b"")
    with out.open("w", encoding="utf-8", newline="") as file:
        run(lambda hub: work(hub, file))


@identity.command()
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="How many at most.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def candidates(*, limit: int, as_json: bool) -> None:
    """List pairs of members that may be one person: too weak to merge by themselves. The likeliest first. 待复核。"""
    import orjson

    from member_hub.db import snapshot
    from member_hub.identity.queries import open_candidates

    async def work(hub: Runtime) -> list[dict[str, object]]:
        async with snapshot(hub.database.app) as tx:
            return await open_candidates(tx, limit=limit)

    found = run(work)
    if as_json:
        click.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2, default=str).decode())
        return
    for one in found:
        click.echo("{weight_bp:>6} {reason:<14} {channel_a:<8}{member_a}  {channel_b:<8}{member_b}".format_map(one))
    click.echo(f"{len(found)} pairs.")


@identity.command("keep-apart")
@click.argument("one", metavar="CHANNEL:ACCOUNT")
@click.argument("other", metavar="CHANNEL:ACCOUNT")
@click.option(
    "--reason",
    type=click.Choice(("different_people", "member_asked")),
    default="different_people",
    show_default=True,
    help="Why.",
)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def keep_apart(*, one: str, other: str, reason: str, as_json: bool) -> None:
    """Never merge these two accounts (again); where they are one member now, they are split. Audited.

    An account is written as channel:account, e.g. store:8868331042.
    """
    import orjson

    from member_hub.members.tables import Channel
    from member_hub.merging.apart import keep_apart as keep
    from member_hub.privacy import Purpose

    (first, at_first), (second, at_second) = _account(one), _account(other)
    pair = (Channel(first), at_first), (Channel(second), at_second)

    async def work(hub: Runtime) -> bool:
        await audit(hub, "identity keep-apart", purpose=Purpose.IDENTITY_UNIFICATION)
        return await keep(hub.database, hub.resolver, *pair, reason=reason, said_by="command line", now=hub.clock.now())

    was_split = run(work)
    text = "They were one member and are two now." if was_split else "They are and stay two members."
    click.echo(orjson.dumps({"was_split": was_split}).decode() if as_json else text)


def _account(text: str) -> tuple[str, str]:
    channel, _, account = text.partition(":")
    if channel not in CHANNELS or not account:
        raise click.BadParameter("Write an account as website:…, app:… or store:….")
    return channel, account
