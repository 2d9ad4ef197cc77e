"""member-hub token: one signed token for trying things out."""

from __future__ import annotations

import click


@click.command()
@click.option("--role", required=True, help="The acting role, e.g. sales_associate.")
@click.option("--purpose", "purposes", multiple=True, required=True, help="A purpose; may be given several times.")
@click.option("--store", "stores", multiple=True, help="A store of the holder; may be given several times.")
@click.option("--region", "regions", multiple=True, help="A region of the holder; may be given several times.")
@click.option("--member", help="The member id: who a member is, or for whom an app asks.")
@click.option("--app", help="The app of the organisation register.")
@click.option("--step-up", is_flag=True, help="As after a fresh second factor.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def token(
    *,
    role: str,
    purposes: tuple[str, ...],
    stores: tuple[str, ...],
    regions: tuple[str, ...],
    member: str | None,
    app: str | None,
    step_up: bool,
    as_json: bool,
) -> None:
    """Print one development token, good for twelve hours. Production refuses it. 开发用令牌。"""
    import orjson

    from member_hub import organisation
    from member_hub.access import Ask, DevelopmentTokens, Policies, folder_of
    from member_hub.clock import Clock
    from member_hub.ids import parse_member_id
    from member_hub.settings import Settings

    settings = Settings.from_environ()
    tokens = DevelopmentTokens.open(settings)
    ask = Ask(
        role=role,
        purposes=purposes,
        stores=stores,
        regions=regions,
        member=parse_member_id(member) if member else None,
        app=app,
        step_up=step_up,
    )
    register = Policies.load(folder_of(settings)).register
    issued = tokens.issue(ask, register, organisation.of(settings), now=Clock().now())
    click.echo(orjson.dumps({"token": issued}).decode() if as_json else issued)
