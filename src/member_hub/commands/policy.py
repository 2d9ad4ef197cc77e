"""member-hub policy: check, show and explain who may do what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from member_hub.access import Grant, Guard, Key, Policies


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
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def show(*, as_json: bool) -> None:
    """Print the matrix of roles, purposes and fields."""
    from member_hub.access import matrix

    policies = _load()
    if not as_json:
        click.echo(matrix(policies), nl=False)
        return
    import orjson

    said = [_whole(policies.grant(role, purpose)) for role, purpose in policies.register.pairs]
    click.echo(orjson.dumps(said, option=orjson.OPT_INDENT_2).decode())


@policy.command()
@click.argument("role")
@click.argument("purpose")
@click.argument("field")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def explain(*, role: str, purpose: str, field: str, as_json: bool) -> None:
    """Say what ROLE may do with FIELD for PURPOSE, and with whose rows.

    FIELD is a field of a member (member.phone, or phone for short), or a key to look up by (key:phone).
    """
    import orjson

    guard, key = _field(field)
    grant = _load().grant(role, purpose)
    said = _rows(grant) | (_actions(grant, guard) if guard else {})
    if key:
        said["lookup"] = _lookup(grant, key)
    if as_json:
        click.echo(orjson.dumps(said).decode())
        return
    for name, value in said.items():
        click.echo(f"{name:<16} {value or '-'}")


def _field(said: str) -> tuple[Guard | None, Key | None]:
    """The guarded field and the key that are meant; a field that is also a key (phone) is both. Raises BadInput."""
    from member_hub.access import Guard, Key
    from member_hub.errors import BadInput

    guards = {guard.value: guard for guard in Guard}
    keys = {f"key:{key}": key for key in Key}
    name = said.removeprefix("member.")
    guard = guards.get(f"member.{name}")
    key = keys.get(said) or (keys.get(f"key:{name}") if guard or said == name else None)
    if guard is None and key is None:
        known = ", ".join((*guards, *keys))
        raise BadInput(f"There is no such field. Known are {known}.", zh=f"没有这个字段。可用的有：{known}。")
    return guard, key


def _rows(grant: Grant) -> dict[str, str | None]:
    because = grant.no_rows_because
    return {"rows": grant.rows.value, "no_rows_because": because.value if because else None}


def _actions(grant: Grant, guard: Guard) -> dict[str, str | None]:
    """What may be done with a field; looking up goes by keys, calling by operations."""
    from member_hub.access import Action

    of_fields = tuple(action for action in Action if action not in (Action.LOOKUP, Action.CALL))
    return {action.value: grant.verdict(guard, action).value for action in of_fields}


def _lookup(grant: Grant, key: Key) -> str:
    from member_hub.access import Verdict

    return Verdict.MATCHED.value if grant.may_look_up(key) else Verdict.DENIED.value


def _whole(grant: Grant) -> dict[str, object]:
    """All that the matrix shows of a grant."""
    from member_hub.access import Guard

    return {
        "role": grant.role,
        "purpose": grant.purpose.value,
        **_rows(grant),
        "rows_stated": grant.rows_stated.value,
        "fields": {guard.value: _actions(grant, guard) for guard in Guard},
        "lookup": sorted(grant.lookup_keys),
        "call": sorted(grant.operations),
        "serves_presented": grant.serves_presented,
    }


def _load() -> Policies:
    from member_hub.access import Policies, folder_of
    from member_hub.settings import Settings

    return Policies.load(folder_of(Settings.from_environ()))
