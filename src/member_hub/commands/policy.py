"""member-hub policy: check, show and explain who may do what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from member_hub.access import Facts, Grant, Guard, Key, Operation, Policies


@click.group()
def policy() -> None:
    """Who may do what, and why. 访问策略。"""


@policy.command()
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def check(*, as_json: bool) -> None:
    """Load the policy folder strictly, and hold it against its cases, matrix and apps. 检查策略。

    The loyalty programme (programme.toml) is read with it, each part. 会员计划各部分一并检查。

    A mistake is named with file, line and reason, and ends with 1. What this finds good may be put in force.
    """
    from member_hub.access import examine, folder_of
    from member_hub.consent import catalogue
    from member_hub.organisation import PolicyError
    from member_hub.runtime import ProgrammeRules
    from member_hub.settings import Settings

    settings = Settings.from_environ()
    try:
        found = examine(folder_of(settings), consent_keys=catalogue.of(settings).consent_keys)
        ProgrammeRules.load(settings)
    except PolicyError as refused:
        if as_json:
            _print({"refused": {"file": refused.file, "line": refused.line, "reason": refused.reason}})
        raise
    said = {"version": found.policies.version, "grants": len(found.policies.grants), "cases": found.cases}
    if as_json:
        findings = [{"file": one.file, "line": one.line, "reason": one.text} for one in found.findings]
        _print(said | {"findings": findings})
    else:
        for one in found.findings:
            click.echo(str(one))
    if found.findings:
        from member_hub.errors import Misconfigured

        raise Misconfigured(
            f"The policy loads, and {len(found.findings)} things beside it do not fit. "
            f"策略可以加载，但有 {len(found.findings)} 处不符。",
            remedy="Correct the policy, or what is said about it.",
        )
    if not as_json:
        click.echo("The policy is good. 策略无误。 version {version}, {grants} grants, {cases} cases.".format(**said))


@policy.command()
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def show(*, as_json: bool) -> None:
    """Print the matrix of roles, purposes and fields."""
    from member_hub.access import matrix

    policies = _load()
    if not as_json:
        click.echo(matrix(policies), nl=False)
        return
    _print([_whole(policies.grant(role, purpose)) for role, purpose in policies.register.pairs])


@policy.command()
@click.argument("role")
@click.argument("purpose")
@click.argument("field")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def explain(*, role: str, purpose: str, field: str, as_json: bool) -> None:
    """Say what ROLE may do with FIELD for PURPOSE, with whose rows, and on which legal basis. 说明。

    FIELD is a field of a member (member.phone, or phone for short), a key to look up by (key:phone), or an operation
    (operation:memberEnrol, or memberEnrol for short).
    """
    asked = _asked(field)
    policies = _load()
    _refuse_unknown(policies, role, purpose)
    grant = policies.grant(role, purpose)
    said = _rows(grant)
    if asked.field:
        said |= _actions(grant, asked.field)
    if asked.key:
        said["lookup"] = _lookup(grant, asked.key)
    if asked.operation:
        said["call"] = "clear" if grant.may(asked.operation) else "denied"
    if as_json:
        _print(said)
        return
    entry, named = policies.register.purposes[grant.purpose], policies.register.roles[role]
    for name, value in {
        "role": f"{role}  {named.zh} / {named.en}",
        "purpose": f"{purpose}  {entry.zh} / {entry.en}  {entry.article}",
        **said,
    }.items():
        click.echo(f"{name:<16} {value or '-'}")


@dataclass(frozen=True, slots=True)
class _Asked:
    field: Guard | Facts | None
    key: Key | None
    operation: Operation | None


def _asked(said: str) -> _Asked:
    """What is meant; a field that is also a key (phone) is both. Raises BadInput, naming all there is."""
    from member_hub.access import Facts, Guard, Key, Operation
    from member_hub.errors import BadInput

    fields: dict[str, Guard | Facts] = {field.value: field for field in (*Guard, *Facts)}
    keys = {f"key:{key}": key for key in Key}
    operations = {f"operation:{operation}": operation for operation in Operation}
    name = said.removeprefix("member.")
    field = fields.get(f"member.{name}")
    key = keys.get(said) or (keys.get(f"key:{name}") if field or said == name else None)
    operation = operations.get(said) or operations.get(f"operation:{said}")
    if field is None and key is None and operation is None:
        known = ", ".join((*fields, *keys, *operations))
        raise BadInput(f"There is no such field. Known are {known}.", zh=f"没有这个字段。可用的有：{known}。")
    return _Asked(field, key, operation)


def _refuse_unknown(policies: Policies, role: str, purpose: str) -> None:
    """Raises BadInput, naming the roles, or the purposes of the role, that there are."""
    from member_hub.errors import BadInput

    roles = policies.register.roles
    if role not in roles:
        known = ", ".join(roles)
        raise BadInput(f"There is no such role. Known are {known}.", zh=f"没有这个角色。可用的有：{known}。")
    purposes = [of for one, of in policies.register.pairs if one == role]
    if purpose not in purposes:
        known = ", ".join(purposes)
        raise BadInput(
            f"This role has no such purpose. Known are {known}.", zh=f"该角色没有这个处理目的。可用的有：{known}。"
        )


def _rows(grant: Grant) -> dict[str, str | None]:
    because = grant.no_rows_because
    return {
        "rows": grant.rows.value,
        "no_rows_because": because.value if because else None,
        "consent": grant.consent_key if grant.rows_with_consent else None,
    }


def _actions(grant: Grant, field: Guard | Facts) -> dict[str, str | None]:
    """What may be done with a field; looking up goes by keys, calling by operations."""
    from member_hub.access import Action, Guard

    of_facts = (Action.FILTER, Action.AGGREGATE)
    of_fields = tuple(action for action in Action if action not in (Action.LOOKUP, Action.CALL))
    actions = of_fields if isinstance(field, Guard) else of_facts
    return {action.value: grant.verdict(field, action).value for action in actions}


def _print(said: object) -> None:
    import orjson

    click.echo(orjson.dumps(said, option=orjson.OPT_INDENT_2).decode())


def _lookup(grant: Grant, key: Key) -> str:
    from member_hub.access import Verdict

    return Verdict.MATCHED.value if grant.may_look_up(key) else Verdict.DENIED.value


def _whole(grant: Grant) -> dict[str, object]:
    """All that the matrix shows of a grant."""
    from member_hub.access import Facts, Guard

    return {
        "role": grant.role,
        "purpose": grant.purpose.value,
        **_rows(grant),
        "rows_stated": grant.rows_stated.value,
        "counted": grant.aggregates,
        "fields": {field.value: _actions(grant, field) for field in (*Guard, *Facts)},
        "lookup": sorted(grant.lookup_keys),
        "call": sorted(grant.operations),
        "serves_presented": grant.serves_presented,
    }


def _load() -> Policies:
    from member_hub.access import Policies, folder_of
    from member_hub.consent import catalogue
    from member_hub.settings import Settings

    settings = Settings.from_environ()
    return Policies.load(folder_of(settings), consent_keys=catalogue.of(settings).consent_keys)
