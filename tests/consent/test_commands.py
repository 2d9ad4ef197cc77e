"""`member-hub consent` as processes: what they print, how they end, what goes on record; and a really restored hub."""

import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest
from sqlalchemy import insert, text

from member_hub.consent.history.recording import NewEvent
from member_hub.consent.history.signing import ReceiptKey, verified
from member_hub.consent.history.standing import Slot
from member_hub.consent.tables import NoticeText, Objection
from member_hub.consent.words import Act, ConsentState
from member_hub.crypto import LedgerKind, Note
from member_hub.crypto.ledger import LEDGER_FILE
from member_hub.db import transaction
from member_hub.db.bulk import table_of
from member_hub.db.embedded import Server
from member_hub.ids import MemberId, OriginId, uuid7
from member_hub.members.tables import AgeBand, Channel
from tests.conftest import Run, admin
from tests.consent.deciding import aged, bits, happen, inform, publish, said
from tests.graphql.world import open_world
from tests.hub import NOW
from tests.rights import files
from tests.rights.conftest import COMMAND, Installed, installed

__all__ = ["installed"]

S = ConsentState
BIT = 3
PUSH = Slot("marketing", "", "app_push")


@dataclass
class Decided:
    """A member of an installed hub who said yes to marketing by push."""

    installed: Installed
    member: MemberId
    origins: list[OriginId]
    notice: UUID

    def said(self, act: Act, to: ConsentState, **more: Any) -> NewEvent:
        first, *others = self.origins
        about: dict[str, Any] = {"slot": PUSH, "notice_id": self.notice, "also": frozenset(others), **more}
        return said(self.member, first, act, to, **about)

    async def happen(self, *events: NewEvent) -> None:
        await happen(self.installed.world, *events)  # type: ignore[arg-type] - a world has what a hub has here

    async def stands(self) -> list[tuple[str, str]]:
        rows = await self.installed.world.rows("hub.consent_current")
        return [(row.channel, row.state) for row in rows if row.member_id == self.member]

    async def bits(self) -> tuple[int, int]:
        found = await bits(self.installed.world, self.member)  # type: ignore[arg-type]
        return found[0], found[1]

    async def audited(self, operation: str) -> list[tuple[str, list[str], list[UUID]]]:
        rows = [row for row in await self.installed.world.rows("hub.audit_entry") if row.operation == operation]
        return [(row.outcome, row.fields, row.member_ids) for row in sorted(rows, key=lambda row: row.happened_at)]


async def forget(installed: Installed) -> None:
    """Nobody decided anything; also the histories, as only the owner of the database can, and the ledger."""
    (installed.world.settings.ledger_dir / LEDGER_FILE).write_bytes(b"")
    tables = (
        "consent_event, hub.consent_head, hub.consent_current, vault.consent_contact, hub.objection, hub.notice, "
        "hub.notice_text"
    )
    async with installed.world.database.owner.begin() as tx:
        await tx.execute(text(f"TRUNCATE hub.{tables}, hub.notice_served, hub.consent_gate, hub.ledger_head"))
        await tx.execute(text("UPDATE hub.member SET consent_bits = 0, restriction_bits = 0, privacy_epoch = 0"))


@pytest.fixture
def decided(installed: Installed, run: Run) -> Iterator[Decided]:
    run(forget(installed))  # what the files brought
    made: Decided = run(_decided(installed))
    yield made
    run(forget(installed))


async def _decided(installed: Installed) -> Decided:
    world: Any = installed.world
    member = await world.member_of(Channel.WEBSITE, files.WEBSITE)
    notice = await publish(world, "general-1", gates={("marketing", ""): BIT})
    await inform(world, member, notice)
    await aged(world, member, AgeBand.ADULT)
    origins = sorted(account.origin_id for account in await world.accounts() if account.member_id == member)
    made = Decided(installed, member, [OriginId(one) for one in origins], notice)
    await made.happen(made.said(Act.GRANT, S.GRANTED))
    return made


def test_what_somebody_decided_is_shown_and_on_record(decided: Decided, run: Run) -> None:
    done = decided.installed.call("consent", "show", str(decided.member), "--json")

    assert (done.returncode, done.stderr) == (0, "")
    told = orjson.loads(done.stdout)
    (current,) = told["current"]
    assert (current["slot"], current["state"], current["actor"]) == ("marketing.app_push", "granted", "member")
    assert [(one["act"], one["state_to"]) for one in told["history"]] == [("grant", "granted")]
    assert (told["chain_intact"], told["is_whole"]) == (True, True)
    person = run(decided.installed.world.person(decided.member))
    assert run(decided.audited("consent show"))[-1] == ("ok", ["member.consents:CLEAR"], sorted(person.member_ids))
    plain = decided.installed.call("consent", "show", str(decided.member))
    shown = plain.stdout.split(" events, ")[0].splitlines()[:-1]
    assert shown
    assert len(set(shown)) == len(shown)
    assert all(" force, since " in line for line in shown)
    assert "marketing.app_push" in plain.stdout


def test_asking_for_nobody_is_refused_and_on_record(decided: Decided, run: Run) -> None:
    done = decided.installed.call("consent", "show", str(uuid7()))

    assert (done.returncode, done.stdout) == (1, "")
    assert run(decided.audited("consent show"))[-1][0] == "NOT_FOUND"


def test_an_export_is_one_signed_private_file_that_is_checked_offline(decided: Decided, tmp_path: Path) -> None:
    file, installed = tmp_path / "consent.json", decided.installed
    done = installed.call("consent", "export", str(decided.member), "--output", str(file))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "Written to consent.json: 1 events.\n")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600

    said = verified(file.read_bytes(), ReceiptKey.open(installed.world.settings.key_dir).public)
    assert (said["@type"], said["member_id"], len(said["history"])) == ("ConsentExport", str(decided.member), 1)
    (receipt,) = said["receipts"]
    assert (receipt["@type"], receipt["record_id"]) == ("ConsentReceipt", said["history"][0]["record_id"])

    public = installed.call("consent", "key").stdout.strip()
    elsewhere = tmp_path / "no keys here"
    good = installed.call("consent", "verify", str(file), "--public", public, "--json", key_dir=elsewhere)
    assert (good.returncode, orjson.loads(good.stdout)) == (0, {"ok": True, "type": "ConsentExport"})
    assert not elsewhere.exists()
    file.write_bytes(file.read_bytes().replace(b'"granted"', b'"refused"'))
    bad = installed.call("consent", "verify", str(file))
    assert (bad.returncode, bad.stdout) == (1, "NOT GENUINE: this is not what was signed.\n")
    unknown = installed.call("consent", "verify", str(file), key_dir=elsewhere)
    assert (unknown.returncode, elsewhere.exists()) == (1, False)


def test_an_export_overwrites_nothing(decided: Decided, tmp_path: Path) -> None:
    file = tmp_path / "consent.json"
    file.write_text("mine")

    done = decided.installed.call("consent", "export", str(decided.member), "--output", str(file))

    assert (done.returncode, file.read_text()) == (1, "mine")


def replayed(decided: Decided) -> dict[str, Any]:
    done = decided.installed.call("consent", "replay", "--json")
    assert done.returncode == 0, done.stderr
    counts: dict[str, Any] = orjson.loads(done.stdout)
    return counts


def test_a_restored_database_is_told_what_it_forgot(decided: Decided, server: Server, run: Run) -> None:
    world = decided.installed.world
    name, copy = world.database.name, f"{world.database.name}_backup"
    run(world.database.close())
    run(admin(server, f'CREATE DATABASE "{copy}" TEMPLATE "{name}"'))
    run(_withdraw_and_object(decided))
    assert run(decided.stands()) == [("app_push", "withdrawn")]

    run(world.database.close())
    run(admin(server, f'DROP DATABASE "{name}" WITH (FORCE)'))
    run(admin(server, f'ALTER DATABASE "{copy}" RENAME TO "{name}"'))
    assert (run(decided.stands()), run(decided.bits())[0]) == ([("app_push", "granted")], 1 << BIT)

    counts = replayed(decided)

    assert (counts["withdrawals"], counts["restrictions"], counts["broken"]) == (1, 1, 0)
    assert run(decided.stands()) == [("app_push", "withdrawn")]
    after, restrictions = run(decided.bits())
    assert after == 0
    assert restrictions != 0
    assert run(_seen(decided)) == ("WITHDRAWN", False)
    words = ["consent.withdrawn:marketing.app_push", "restrict.applied:personalisation"]
    assert run(decided.audited("consent replay"))[-1] == ("ok", words, [decided.member])

    rows = run(world.rows("hub.consent_event")), run(world.rows("hub.objection")), run(world.rows("hub.member"))
    again = replayed(decided)
    assert (again["withdrawals"], again["restrictions"]) == (0, 0)
    assert (
        run(world.rows("hub.consent_event")), run(world.rows("hub.objection")), run(world.rows("hub.member"))
    ) == rows  # fmt: skip


def test_a_restored_database_is_not_served_before_it_knows_what_it_forgot(decided: Decided, run: Run) -> None:
    """Nobody ran the replay; the start did."""
    at, subjects = NOW + timedelta(days=1), (decided.member, *decided.origins)
    decided.installed.world.ledger.append([Note(LedgerKind.WITHDRAWAL, subjects, at, ("marketing.app_push",))])
    environ = decided.installed.environ() | {"MEMBER_HUB_PORT": "0"}

    with subprocess.Popen([COMMAND, "serve"], env=environ, stdout=subprocess.PIPE, text=True) as served:
        assert served.stdout
        assert served.stdout.readline().startswith("Serving http://127.0.0.1:")
        stands = run(decided.stands())
        served.terminate()

    assert stands == [("app_push", "withdrawn")]
    (decided.installed.world.settings.ledger_dir / LEDGER_FILE).write_bytes(b"")
    refused = decided.installed.call("serve")
    assert (refused.returncode, "entries are missing" in refused.stderr) == (1, True)


async def _withdraw_and_object(decided: Decided) -> None:
    """As it is done live: the ledger first, then the database."""
    world, at = decided.installed.world, NOW + timedelta(days=1)
    subjects = (decided.member, *decided.origins)
    world.ledger.append([Note(LedgerKind.WITHDRAWAL, subjects, at, ("marketing.app_push",))])
    await decided.happen(decided.said(Act.WITHDRAW, S.WITHDRAWN, state_from=S.GRANTED, occurred_at=at))
    world.ledger.append([Note(LedgerKind.RESTRICTION, subjects, at, ("personalisation",))])
    first, *others = decided.origins
    row = {"member_id": decided.member, "objection_id": uuid7(), "origin_id": first, "also": others}
    how = {"scope": ["personalisation"], "actor": "member", "placed_by": "member", "placed_at": at}
    async with transaction(world.database.app) as tx:
        await tx.execute(insert(table_of(Objection)), row | how)


async def _seen(decided: Decided) -> tuple[str, bool]:
    """Where it stands, as the member sees it."""
    world = decided.installed.world
    async with open_world(world.database, world.settings) as api:
        found = await api.ask("member", "{ consents { channel state inForce } }", member=decided.member)
    (one,) = [each for each in found["consents"] if each["channel"] == "APP_PUSH"]
    return one["state"], one["inForce"]


def test_what_was_given_later_than_a_withdrawal_that_never_came_to_be_stands(decided: Decided, run: Run) -> None:
    """The hub died between the ledger and the commit; the member then said yes to another channel, anew."""
    at, later = NOW + timedelta(days=1), NOW + timedelta(days=2)
    subjects = (decided.member, *decided.origins)
    decided.installed.world.ledger.append([Note(LedgerKind.WITHDRAWAL, subjects, at, ("marketing",))])
    anew = decided.said(Act.GRANT, S.GRANTED, slot=Slot("marketing", "", "wechat"), occurred_at=later)
    run(happen(decided.installed.world, anew, now=later))  # type: ignore[arg-type]

    assert replayed(decided)["withdrawals"] == 1

    assert sorted(run(decided.stands())) == [("", "withdrawn"), ("app_push", "withdrawn"), ("wechat", "granted")]
    assert replayed(decided)["withdrawals"] == 0


def test_projections_are_made_anew(decided: Decided, run: Run) -> None:
    before = run(decided.bits())
    run(_spoil(decided))
    assert run(decided.stands()) == []

    counts = replayed(decided)

    assert counts["settled"] > 1
    assert (run(decided.stands()), run(decided.bits())) == ([("app_push", "granted")], before)


async def _spoil(decided: Decided) -> None:
    async with transaction(decided.installed.world.database.app) as tx:
        await tx.execute(text("DELETE FROM hub.consent_current"))
        await tx.execute(text("UPDATE hub.member SET consent_bits = 63"))


def test_a_history_that_was_altered_ends_in_exit_1(decided: Decided, run: Run) -> None:
    run(_alter(decided))

    done = decided.installed.call("consent", "replay", "--json")

    told = orjson.loads(done.stdout)
    assert (done.returncode, told["broken"], told["broken_members"]) == (1, 1, [str(decided.member)])


@pytest.mark.parametrize("tables", [("event",), ("event", "current"), ("event", "head")])
def test_a_history_that_was_deleted_is_missed(decided: Decided, run: Run, tables: tuple[str, ...]) -> None:
    """Also where a replay has made the projection anew, which then tells nothing any more: it looks before."""
    run(_delete(decided, tables))

    shown = decided.installed.call("consent", "show", str(decided.member))
    done = decided.installed.call("consent", "replay", "--json")
    doctor = decided.installed.call("doctor", "--json")

    assert shown.stdout.splitlines()[-1] == "THE HISTORY WAS TAMPERED WITH."
    told = orjson.loads(done.stdout)
    assert (done.returncode, told["broken"], told["broken_members"]) == (1, 1, [str(decided.member)])
    (check,) = [one for one in orjson.loads(doctor.stdout)["checks"] if one["name"] == "histories of consent"]
    assert check["verdict"] == ("ok" if "head" in tables else "fail")


def test_a_notice_that_was_altered_is_named(decided: Decided, run: Run, tmp_path: Path) -> None:
    run(_altered_text(decided))

    done = decided.installed.call("consent", "replay", "--json")
    doctor = decided.installed.call("doctor", "--json")

    assert (done.returncode, orjson.loads(done.stdout)["tampered_notices"]) == (1, ["general-1 (zh)"])
    (check,) = [one for one in orjson.loads(doctor.stdout)["checks"] if one["name"] == "texts of notices"]
    assert (check["verdict"], check["says"]) == ("fail", "not what was published: general-1 (zh)")
    file = tmp_path / "consent.json"  # a receipt in it would say what nobody was told
    exported = decided.installed.call("consent", "export", str(decided.member), "--output", str(file))
    assert (exported.returncode, file.exists()) == (1, False)


async def _altered_text(decided: Decided) -> None:
    row: dict[str, Any] = {"notice_id": decided.notice, "locale": "zh", "title": "t", "body": "b", "sha256": b"other"}
    async with transaction(decided.installed.world.database.app) as tx:
        await tx.execute(insert(table_of(NoticeText)), row | {"collected": [], "shared": []})


async def _delete(decided: Decided, tables: tuple[str, ...]) -> None:
    async with decided.installed.world.database.owner.begin() as tx:
        for table in tables:
            await tx.execute(text(f"DELETE FROM hub.consent_{table}"))


async def _alter(decided: Decided) -> None:
    async with decided.installed.world.database.owner.begin() as tx:
        await tx.execute(text("UPDATE hub.consent_event SET occurred_at = occurred_at - interval '1 day'"))
