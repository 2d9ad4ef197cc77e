"""member-hub keys: renew the keys of what is held about somebody, and those that sign tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from member_hub.commands.opening import audit, run
from member_hub.commands.rights import put_on_record

if TYPE_CHECKING:
    from member_hub.runtime import Runtime


@click.group()
def keys() -> None:
    """The keys under which personal data is sealed. 密钥。"""


@keys.command()
@click.argument("member")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def rekey(*, member: str, as_json: bool) -> None:
    """Seal what is held about MEMBER and their accounts under new keys and destroy the old ones. Audited."""
    import orjson

    from member_hub.db import transaction
    from member_hub.db.contention import patiently
    from member_hub.ids import parse_member_id
    from member_hub.privacy import Purpose
    from member_hub.rights import hold_person, renew_keys

    member_id = parse_member_id(member)

    async def work(hub: Runtime) -> int:
        async def attempt() -> int:
            async with transaction(hub.database.app) as tx:
                held = hold_person(tx, hub.vault, member_id)
                person = await put_on_record(hub, "keys rekey", member_id, held, purpose=Purpose.SYSTEM_OPERATION)
                return await renew_keys(tx, hub.vault, person)

        return await patiently(attempt)

    count = run(work)
    click.echo(orjson.dumps({"resealed": count}).decode() if as_json else f"{count} values sealed under new keys.")


@keys.command()
@click.argument("which", type=click.Choice(["sign-in"]))
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def rotate(*, which: str, as_json: bool) -> None:
    """Sign members' tokens with a new key from now on; those of the key before hold until the next rotation. Audited.

    Running processes follow by themselves. Rotating twice ends every session's token.
    """
    import orjson

    from member_hub.access import member_tokens

    async def work(hub: Runtime) -> int:
        await audit(hub, f"keys rotate {which}")
        return member_tokens.rotate(hub.settings.key_dir)

    number = run(work)
    click.echo(orjson.dumps({"key": number}).decode() if as_json else f"Tokens are signed by key {number} from now on.")
