"""member-hub token: one signed token for trying things out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from member_hub.access import Ask, Policies


@click.command()
@click.option("--role", required=True, help="The acting role, e.g. sales_associate.")
@click.option("--purpose", "purposes", multiple=True, required=True, help="A purpose; may be given several times.")
@click.option("--store", "stores", multiple=True, help="A store of the holder; may be given several times.")
@click.option("--region", "regions", multiple=True, help="A region of the holder; may be given several times.")
@click.option("--member", help="The member id: who a member is, or for whom an app asks.")
@click.option("--app", help="The app of the organisation register.")
@click.option("--person", help="Staff number of the holder; without it development.ROLE. For what takes two persons.")
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
    person: str | None,
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
        subject=person,
        step_up=step_up,
    )
    policies = Policies.load(folder_of(settings))
    issued = tokens.issue(ask, policies.register, organisation.of(settings), now=Clock().now())
    _check_person(ask, policies)
    _check_reach(ask, policies)
    click.echo(orjson.dumps({"token": issued}).decode() if as_json else issued)


def _check_person(ask: Ask, policies: Policies) -> None:
    """An app is a client, whatever of it asks; a number of its own would look like a person of the staff on record."""
    from member_hub.access import RoleKind
    from member_hub.errors import BadInput

    if ask.subject is not None and policies.register.roles[ask.role].kind is not RoleKind.STAFF:
        raise BadInput("Staff alone have a staff number.", zh="仅员工角色可指定工号。", field="person")


def _check_reach(ask: Ask, policies: Policies) -> None:
    """A token that would find nobody, ever, is not what somebody asked for who wants to try something out."""
    from member_hub.access import RowScope
    from member_hub.errors import BadInput

    scopes = {
        grant.rows_stated for (role, p), grant in policies.grants.items() if role == ask.role and p in ask.purposes
    }
    if RowScope.OWN_STORES in scopes and not ask.stores:
        raise BadInput(
            "This role reaches the members of its own stores, and without one nobody: name it with --store.",
            zh="该角色只能查看本门店会员，请用 --store 指定门店。",
            field="store",
        )
    if RowScope.REGION in scopes and not ask.regions:
        raise BadInput(
            "This role reaches the members of its region, and without one nobody: name it with --region.",
            zh="该角色只能查看本区域会员，请用 --region 指定区域。",
            field="region",
        )
