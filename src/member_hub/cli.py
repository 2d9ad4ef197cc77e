"""The command line. Parts are imported inside the commands, so that `member-hub --help` answers at once.

Exit codes: 0 done, 1 refused or failed, 2 wrong usage.
"""

import importlib
import sys

import click

from member_hub.errors import HubError

# Where each command stands; its module is imported when it is called.
COMMANDS = {
    "audit": "member_hub.commands.audit:audit",
    "consent": "member_hub.commands.consent:consent",
    "demo": "member_hub.commands.demo:demo",
    "identity": "member_hub.commands.identity:identity",
    "ingest": "member_hub.commands.ingest:ingest",
    "jobs": "member_hub.commands.jobs:jobs",
    "keys": "member_hub.commands.keys:keys",
    "points": "member_hub.commands.points:points",
    "policy": "member_hub.commands.policy:policy",
    "quarantine": "member_hub.commands.quarantine:quarantine",
    "rights": "member_hub.commands.rights:rights",
    "run": "member_hub.commands.serving:run",
    "schema": "member_hub.commands.schema:schema",
    "serve": "member_hub.commands.serving:serve",
    "tags": "member_hub.commands.tags:tags",
    "tiers": "member_hub.commands.tiers:tiers",
    "token": "member_hub.commands.token:token",
}


class Commands(click.Group):
    """A group that finds its commands by COMMANDS, beside those that stand in this file."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *COMMANDS])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        module, _, name = COMMANDS[cmd_name].partition(":")
        found = getattr(importlib.import_module(module), name)
        assert isinstance(found, click.Command), f"{COMMANDS[cmd_name]} is not a command"
        return found


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="member-hub")
def cli() -> None:
    """One member profile out of website, app and store accounts."""


def main() -> None:
    """The entry point: what is refused on purpose ends in one line, not in a traceback."""
    try:
        cli(prog_name="member-hub")
    except HubError as error:
        click.echo(f"member-hub: {error}", err=True)
        sys.exit(1)


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print the checks as JSON.")
def doctor(*, as_json: bool) -> None:
    """Find what is misconfigured, and say what to do about it."""
    import asyncio

    from member_hub import doctor as doctor_
    from member_hub.settings import Settings

    checks = asyncio.run(doctor_.examine(Settings.from_environ()))
    click.echo(doctor_.as_json(checks) if as_json else doctor_.as_text(checks))
    sys.exit(0 if doctor_.is_well(checks) else 1)


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def migrate(*, as_json: bool) -> None:
    """Make the database's roles, schemas and tables, or bring them to this version.

    Then order lines, activity and opening balances that earlier versions imported are counted, once; interrupted, the
    next call goes on. 迁移数据库,并补计此前导入的订单、活跃与期初积分。
    """
    import asyncio
    import json

    from member_hub.commands.counting import count_after_migrating
    from member_hub.db import migrate
    from member_hub.db.session import connect
    from member_hub.settings import Settings

    settings = Settings.from_environ()

    async def run() -> tuple[str | None, int]:
        async with connect(settings, migrates=True) as database:
            return await migrate.current(database), await count_after_migrating(database, settings)

    at, counted = asyncio.run(run())
    if as_json:
        click.echo(json.dumps({"migration": at, "lines_counted": counted}))
        return
    click.echo(f"The database is at migration {at or 'none yet'}.")
    if counted:
        click.echo(f"Counted {counted:,} lines and balances of earlier imports. 已补计 {counted:,} 条。")


@cli.command(hidden=True)
@click.argument("idea")
def migration(idea: str) -> None:
    """Write a migration file from the difference between the newest migration and the models (for developers)."""
    import asyncio

    from member_hub.db import revision

    click.echo(f"Written, to be read before it is committed: {asyncio.run(revision.write_beside_models(idea))}")
