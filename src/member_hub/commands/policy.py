"""member-hub policy: check, show and explain who may do what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from member_hub.access import Policies


@click.group()
def policy() -> None:
    """Who may do what, and why. 访问策略。"""


@policy.command()
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def check(*, as_json: bool) -> None:
    """Load the policy folder strictly; a mistake is named with file, line and reason."""
    import orjson

    policies = _load()
    said = {"version": policies.version, "grants": len(policies.grants)}
    text = f"The policy is good: version {policies.version}, {len(policies.grants)} grants."
    click.echo(orjson.dumps(said).decode() if as_json else text)


@policy.command()
def show() -> None:
    """Print the matrix of roles, purposes and fields."""
    from member_hub.access import matrix

    click.echo(matrix(_load()), nl=False)


@policy.command()
@click.argument("role")
@click.argument("purpose")
@click.argument("field")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def explain(*, role: str, purpose: str, field: str, as_json: bool) -> None:
    """Say what ROLE may do with FIELD (e.g. member.phone) for PURPOSE, and with whose rows."""
    import orjson

    from member_hub.access import Action

    grant = _load().grant(role, purpose)
    said = {
        "rows": grant.rows.value,
        "no_rows_because": grant.no_rows_because.value if grant.no_rows_because else None,
        **{action.value: grant.verdict(field, action).value for action in Action},
    }
    if as_json:
        click.echo(orjson.dumps(said).decode())
        return
    for key, value in said.items():
        click.echo(f"{key:<16} {value or '-'}")


def _load() -> Policies:
    from member_hub.access import Policies, folder_of
    from member_hub.settings import Settings

    return Policies.load(folder_of(Settings.from_environ()))
