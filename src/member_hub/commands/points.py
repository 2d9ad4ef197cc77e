"""member-hub points: prove that the ledger adds up."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from member_hub.commands.opening import audit, run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from member_hub.points.checking import Finding
    from member_hub.runtime import Runtime

NAMED_MAX = 500  # findings; the audit log names whose


@click.group()
def points() -> None:
    """The ledger of points. 积分账本。"""


@points.command()
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def check(*, as_json: bool) -> None:
    """Prove from the entries that every account, lot and hold is what it says; exit 1 if one is not. Audited.

    The served hub does this all the time, a slice at a time; what is right again ends the alarm.
    """
    import orjson

    from member_hub.points import watching

    async def work(hub: Runtime) -> tuple[int, Sequence[Finding]]:
        accounts = 0
        found: list[Finding] = []
        async for one in watching.look_at_all(hub.database, now=hub.clock.now()):
            accounts += one.accounts
            found += one.found
        await audit(hub, "points check", member_ids=tuple({one.member_id for one in found[:NAMED_MAX]}))
        return accounts, found

    accounts, found = run(work)
    if as_json:
        named = [{"account": str(one.member_id), "fault": one.fault.value} for one in found[:NAMED_MAX]]
        said = {"ok": not found, "accounts": accounts, "findings": len(found), "named": named}
        click.echo(orjson.dumps(said, option=orjson.OPT_INDENT_2).decode())
    else:
        for one in found[:NAMED_MAX]:
            click.echo(f"{one.member_id}: {one.fault.says}")
        if len(found) > NAMED_MAX:
            click.echo(f"and {len(found) - NAMED_MAX} more")
        verdict = "THE LEDGER DOES NOT ADD UP" if found else "The ledger adds up"
        click.echo(f"{verdict}: {accounts} accounts looked at.")
    sys.exit(1 if found else 0)
