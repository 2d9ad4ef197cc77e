"""member-hub consent: what somebody decided, as a signed file too; checking one; putting a restored hub right."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from member_hub.commands.opening import run
from member_hub.commands.publishing import publish

if TYPE_CHECKING:
    from member_hub.consent.replay.filing import Filed
    from member_hub.ids import MemberId
    from member_hub.runtime import Runtime


@click.group()
def consent() -> None:
    """Notices, and what members decided about their information. 告知与同意。"""


consent.add_command(publish)


@consent.command()
@click.argument("member")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def show(*, member: str, as_json: bool) -> None:
    """Where the decisions of MEMBER (an id, also a merged one) stand, and all that happened to them. Audited."""
    import orjson

    told, _ = _told("consent show", member)
    if as_json:
        click.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode())
        return
    lines = (
        f"{one['slot']:40} {one['state']:16} {'in' if one['in_force'] else 'not in'} force, since {one['since']}"
        for one in told["current"]
    )
    for line in dict.fromkeys(lines):  # several contact points that stand alike are one line
        click.echo(line)
    if not told["current"]:
        click.echo("Nothing was ever decided.")
    click.echo(f"{len(told['history'])} events, the newest first:")
    for one in told["history"]:
        said = f"{one['occurred_at']} {one['slot']}: {one['act']}, {one['state_from']} -> {one['state_to']}"
        click.echo(f"  {said} by {one['actor']} ({one['method']})")
    found = {True: "The history is whole.", False: "THE HISTORY WAS TAMPERED WITH.", None: "Too long to be verified."}
    click.echo(found[told["chain_intact"]])


@consent.command()
@click.argument("member")
@click.option("--output", type=click.Path(path_type=Path), required=True, help="A new file (mode 0600).")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def export(*, member: str, output: Path, as_json: bool) -> None:
    """Write the decisions of MEMBER, all that happened to them and every receipt into one signed file. Audited."""
    import orjson

    from member_hub.private import create_file

    if not output.absolute().parent.is_dir():
        raise click.BadParameter("There is no such folder.", param_hint="--output")
    if output.exists():
        raise click.ClickException(f"{output.name} exists already; nothing is overwritten.")
    told, signed = _told("consent export", member)
    create_file(output, signed)
    events = len(told["history"])
    if as_json:
        click.echo(orjson.dumps({"events": events, "file": output.name}).decode())
    else:
        click.echo(f"Written to {output.name}: {events} events.", err=True)


@consent.command()
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def key(*, as_json: bool) -> None:
    """Print the public key that receipts and exports are signed with, for whoever shall check them."""
    import base64

    import orjson

    from member_hub.consent.history.signing import ReceiptKey
    from member_hub.settings import Settings

    found = ReceiptKey.open(Settings.from_environ().key_dir)
    text = base64.urlsafe_b64encode(found.public).decode().rstrip("=")
    said = {"kid": found.key_id, "alg": "Ed25519", "public": text}
    click.echo(orjson.dumps(said).decode() if as_json else text)


@consent.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--public", help="The public key to check with; without it, that of this hub's key folder.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def verify(*, file: Path, public: str | None, as_json: bool) -> None:
    """Check a receipt or an export offline: exit 1 unless it is, byte for byte, what was signed."""
    import orjson

    from member_hub.consent.history.signing import SIGNED_BYTES_MAX, NotGenuine, ReceiptKey, public_of, verified
    from member_hub.settings import Settings

    known = public_of(public) if public else ReceiptKey.public_in(Settings.from_environ().key_dir)
    with file.open("rb") as opened:
        content = opened.read(SIGNED_BYTES_MAX + 1)
    try:
        said = verified(content, known) if len(content) <= SIGNED_BYTES_MAX else None
    except NotGenuine:
        said = None
    about = {"ok": said is not None, "type": said.get("@type") if said else None}
    if as_json:
        click.echo(orjson.dumps(about).decode())
    else:
        click.echo(f"Genuine: {about['type']}." if said else "NOT GENUINE: this is not what was signed.")
    sys.exit(0 if said is not None else 1)


@consent.command()
@click.option("--after", "from_behind", metavar="MEMBER", help="Make projections from behind this member id on.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def replay(*, from_behind: str | None, as_json: bool) -> None:
    """Put right what a restored database forgot; make every projection anew; verify every history. Audited.

    Lines of channel files whose notice is known by now are applied, and withdrawals and objections that the ledger
    outside knows and the database does not. Doing it again changes nothing. Exit 1 where a history or a notice was
    tampered with, as it was before this.
    """
    import orjson

    from member_hub.ids import parse_member_id

    after = parse_member_id(from_behind) if from_behind else None

    async def work(hub: Runtime) -> dict[str, Any]:
        return await _replayed(hub, after)

    done = run(work)
    if as_json:
        click.echo(orjson.dumps(done).decode())
    else:
        _tell_of_replay(done)
    sys.exit(1 if done["broken"] or done["tampered_notices"] else 0)


async def _replayed(hub: Runtime, after: MemberId | None) -> dict[str, Any]:
    """What was put right, what waits still, and which histories and notices are not as they were written."""
    from member_hub import profiles
    from member_hub.audit import Entry
    from member_hub.audit.entry import COMMAND_LINE
    from member_hub.commands.opening import audit
    from member_hub.consent.history.timers import Clockwork
    from member_hub.consent.replay import catching_up, replaying, restoring
    from member_hub.privacy import Purpose

    def progress(done: int, last: MemberId) -> None:
        click.echo(f"{done} members settled, up to {last}", err=True)

    async def on_record(filed: Filed) -> None:
        said = Entry.of_command("consent replay", fields=filed.words, member_ids=filed.members, now=hub.clock.now())
        await hub.audit.write(said)

    works = Clockwork(hub.database, hub.vault, hub.catalogue, hub.audit, COMMAND_LINE)
    await audit(hub, restoring.OPERATION, purpose=Purpose.RIGHTS_HANDLING)
    texts = await restoring.tampered_notices(works)
    chains = await restoring.verify_everything(works)  # before anything is made anew that may tell of what is gone
    told = await replaying.replay(hub.database, hub.vault, hub.catalogue, hub.clock, on_batch=on_record)
    recalled = await catching_up.recall_behind(works, hub.ledger, hub.clock)
    forgotten = await profiles.forget_ended(hub, caller=COMMAND_LINE, now=hub.clock.now())
    settled = await restoring.settle_everybody(works, hub.clock, after=after, on_progress=progress)
    return {
        "lines": told.applied,
        "lines_waiting": told.waiting,
        "forgotten": forgotten,
        "withdrawals": recalled.withdrawals,
        "restrictions": recalled.restrictions,
        "settled": settled,
        "chains": chains.verified,
        "broken": chains.broken,
        "broken_members": [str(member) for member in chains.members],
        "tampered_notices": texts,
    }


def _tell_of_replay(done: dict[str, Any]) -> None:
    back = f"{done['withdrawals']} withdrawals and {done['restrictions']} restrictions put back"
    click.echo(f"{done['lines']} lines of files applied, {done['lines_waiting']} wait for their notice.")
    click.echo(f"{back}; {done['settled']} members settled; {done['chains']} histories verified.")
    for member in done["broken_members"]:
        click.echo(f"THE HISTORY OF {member} WAS TAMPERED WITH.")
    for name in done["tampered_notices"]:
        click.echo(f"THE NOTICE {name} WAS TAMPERED WITH.")


def _told(operation: str, member: str) -> tuple[dict[str, Any], bytes]:
    """What is known of a member, and the same with every receipt as a signed file; on record before it is shown."""
    from dataclasses import asdict

    from member_hub.commands.rights import put_on_record
    from member_hub.consent.history.dossier import dossier, receipts
    from member_hub.consent.history.receipts import Sources
    from member_hub.db import Base, snapshot
    from member_hub.ids import parse_member_id
    from member_hub.privacy import Purpose
    from member_hub.rights import find_person

    member_id = parse_member_id(member)

    async def work(hub: Runtime) -> tuple[dict[str, Any], bytes]:
        async with snapshot(hub.database.app) as tx:
            asked = find_person(tx, hub.vault, member_id)
            seen = ("member.consents:CLEAR",)
            person = await put_on_record(hub, operation, member_id, asked, purpose=Purpose.RIGHTS_HANDLING, fields=seen)
            found = asdict(await dossier(tx, hub.vault, person.member_id, hub.catalogue, now=hub.clock.now()))
            told = {"member_id": str(person.member_id), **found}
            sources = Sources(hub.organisation, hub.policies, hub.catalogue, Base.metadata)
            given = await receipts(tx, person.member_id, sources)
        signed = hub.receipt_key.signed(
            {"@type": "ConsentExport", "exported_at": hub.clock.now().isoformat(), **told, "receipts": given}
        )
        return told, signed

    return run(work)
