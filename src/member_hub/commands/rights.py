"""member-hub rights: the copy and the erasure of a person, for all that exists."""

from __future__ import annotations

from collections.abc import Awaitable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from member_hub.commands.opening import run

if TYPE_CHECKING:
    from member_hub.audit.looks import Look
    from member_hub.ids import MemberId
    from member_hub.privacy import Person, Purpose
    from member_hub.rights import Erasure
    from member_hub.runtime import Runtime


@click.group()
def rights() -> None:
    """What members may ask for under PIPL. 个人权利请求。"""


@rights.command("export")
@click.argument("member")
@click.option("--out", type=click.Path(path_type=Path), help="Write here (mode 0600) instead of printing.")
@click.option("--json", is_flag=True, expose_value=False, help="What it prints is JSON in any case.")
def export_(*, member: str, out: Path | None) -> None:
    """Print a copy of everything held about MEMBER (an id, also a merged one): PIPL Art. 45. Audited."""
    import orjson

    from member_hub.db import snapshot
    from member_hub.holders import HOLDERS
    from member_hub.ids import parse_member_id
    from member_hub.privacy import Purpose
    from member_hub.private import create_file
    from member_hub.rights import export, find_person

    member_id = parse_member_id(member)
    if out is not None and not out.absolute().parent.is_dir():
        raise click.BadParameter("There is no such folder.", param_hint="--out")

    async def work(hub: Runtime) -> dict[str, Any]:
        async with snapshot(hub.database.app) as tx:
            asked = find_person(tx, hub.vault, member_id)
            everything = ("everything:CLEAR",)
            person = await put_on_record(
                hub, "rights export", member_id, asked, purpose=Purpose.RIGHTS_HANDLING, fields=everything
            )
            copied = await export(tx, hub.vault, HOLDERS, person)
        return copied | {"access_history": await _access_history(hub, person)}

    text = orjson.dumps(run(work), option=orjson.OPT_INDENT_2, default=str)
    if out is None:
        click.echo(text.decode())
        return
    try:
        create_file(out, text)
    except OSError as error:
        raise click.ClickException(f"{out.name} cannot be written ({error.strerror}).") from error
    click.echo(f"Written to {out.name}.", err=True)


async def _access_history(hub: Runtime, person: Person) -> list[dict[str, Any]]:
    """Who looked, as the member may know it; the log belongs to a database role of its own, so no holder reads it."""
    from member_hub.audit import looks, queries

    by = queries.Filter(member_ids=person.member_ids, but_kind=looks.MEMBER_KIND)
    async with hub.audit.reading() as tx:
        rows = await queries.every(tx, by, now=hub.clock.now())
    return [_labelled(hub, looks.look_of(row)) for row in rows]


def _labelled(hub: Runtime, look: Look) -> dict[str, Any]:
    from member_hub.audit import looks
    from member_hub.revealing import reason_named

    register = hub.policies.register
    zh, en = looks.role_label(register, look)
    purpose = register.purposes[look.purpose] if look.purpose else None
    return {
        "happened_at": look.happened_at,
        "caller_kind": look.caller_kind,
        "role": {"zh": zh, "en": en},
        "purpose": {"zh": purpose.zh, "en": purpose.en} if purpose else None,
        "kinds": list(look.kinds),
        "fields": [{"field": one.field, "use": one.use} for one in look.fields],
        "refused": look.is_refused,
        "reason": reason_named(look.reason),
    }


@rights.command()
@click.argument("member")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def erase(*, member: str, yes: bool, as_json: bool) -> None:
    """Erase MEMBER (an id, also a merged one) for good: PIPL Art. 47. It cannot be undone. Audited."""
    import orjson

    from member_hub.db import transaction
    from member_hub.db.contention import patiently
    from member_hub.holders import HOLDERS
    from member_hub.ids import parse_member_id
    from member_hub.privacy import Purpose
    from member_hub.rights import erase as erase_
    from member_hub.rights import hold_person

    member_id = parse_member_id(member)
    if not yes:
        click.confirm("Everything held about this person will be gone for good. Go on?", abort=True, err=True)

    async def work(hub: Runtime) -> Erasure:
        async def attempt() -> Erasure:
            async with transaction(hub.database.app) as tx:
                held = hold_person(tx, hub.vault, member_id)
                person = await put_on_record(hub, "rights erase", member_id, held, purpose=Purpose.RIGHTS_HANDLING)
                return await erase_(tx, hub.vault, hub.ledger, HOLDERS, person, now=hub.clock.now())

        return await patiently(attempt)

    done = run(work)
    if as_json:
        click.echo(orjson.dumps(done, option=orjson.OPT_INDENT_2, default=str).decode())
        return
    click.echo(f"Erased. {done.keys} keys destroyed, {sum(done.rows.values())} rows; ledger entry {done.ledger_seq}.")


async def put_on_record(
    hub: Runtime,
    operation: str,
    member_id: MemberId,
    asked: Awaitable[Person],
    *,
    purpose: Purpose,
    fields: tuple[str, ...] = (),
) -> Person:
    """The person asked for, once it is on record who asked; asking for nobody is on record, too."""
    from member_hub.audit import Entry
    from member_hub.errors import NotFound

    now = hub.clock.now()
    try:
        person = await asked
    except NotFound as refused:
        missed = Entry.of_command(operation, purpose=purpose, member_ids=(member_id,), outcome=refused.code, now=now)
        await hub.audit.write(missed)
        raise
    await hub.audit.write(
        Entry.of_command(operation, purpose=purpose, fields=fields, member_ids=person.member_ids, now=now)
    )
    return person
