"""member-hub tiers: trying rules of tiers on today's members."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from member_hub.commands.opening import audit, run

if TYPE_CHECKING:
    from member_hub.runtime import Runtime

AGAIN = "Correct it, and try it again with `member-hub tiers backtest`."


@click.group()
def tiers() -> None:
    """Growth and tiers. 成长值与等级。"""


@tiers.command()
@click.argument("rules", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the numbers as JSON.")
def backtest(*, rules: Path, as_json: bool) -> None:
    """Say whom the rules in RULES (TOML; the table [tiers]) would move, in numbers. Nothing is written. 规则回测。

    What tierRulesPropose would refuse is refused. Gifts are those of [benefits] where RULES has that table.

    MOVES is what the next review would do; EARNED is where everybody stands by what they have today.

    Rules of tiers hold for the whole organisation, and this looks at the members of every handler; the back-test that
    tierRulesPropose answers looks at those of the proposer's handler alone. 规则对全部处理者生效;本命令回测全部会员。
    """
    from member_hub import benefits, organisation, programme
    from member_hub.benefits import tier_rules
    from member_hub.db import snapshot
    from member_hub.errors import Misconfigured
    from member_hub.tiers.rules.reading import rules_of
    from member_hub.tiers.rules.texts import RulesInvalid
    from member_hub.tiers.standing.backtesting import backtest as tried

    try:
        top = organisation.read_toml(rules)
        parts = programme.read(rules) if "tiers" in top.values else {}
        wanted = rules_of(parts.get("tiers", top))
        gifts = benefits.rules_of(parts["benefits"], wanted) if "benefits" in parts else None
    except organisation.PolicyError as error:  # the file is no policy in use, so checking those would say nothing of it
        raise organisation.PolicyError(error.file, error.line, error.reason, remedy=AGAIN) from error

    async def work(runtime: Runtime) -> dict[str, Any]:
        await audit(runtime, "tiers backtest")
        async with snapshot(runtime.database.app) as tx:
            await tier_rules.fits(tx, wanted, gifts or runtime.benefits)
            return (await tried(tx, wanted, now=runtime.clock.now())).told()

    try:
        told = run(work)
    except RulesInvalid as error:
        raise Misconfigured(f"{rules.name}: {error.text_en} {error.text_zh}", remedy=AGAIN) from error
    _tell(told, as_json=as_json)


def _tell(told: dict[str, Any], *, as_json: bool) -> None:
    import orjson

    if as_json:
        click.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode())
        return
    click.echo(f"{told['members']} members. 会员数。")
    for move in told["moves"]:
        click.echo(f"  {move['from']} -> {move['to']}: {move['members']}")
    if not told["moves"]:
        click.echo("  Nobody would move. 无人变动。")
    click.echo(f"{'tier':12} {'now':>8} {'after':>8} {'earned':>8} {'share':>7} {'target':>7}")
    for one in told["pyramid"]:
        shares = f"{_percent(one['earned_bp']):>7} {_percent(one['target_bp']):>7}"
        click.echo(f"{one['tier']:12} {one['before']:>8} {one['after']:>8} {one['earned']:>8} {shares}")


def _percent(bp: int) -> str:
    return f"{bp // 100}.{bp % 100:02}%"
