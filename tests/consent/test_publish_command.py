"""`member-hub consent publish`, the notices of the demo, and what doctor says of them."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row, text

from member_hub import organisation, resources
from member_hub.access import register
from member_hub.commands.publishing import publish_of_demo
from member_hub.consent.notice import files, lists, notices
from member_hub.consent.words import NoticeFamily
from member_hub.db import Database, transaction
from member_hub.doctor import Verdict, examine
from member_hub.organisation import PolicyError
from member_hub.settings import Mode, Settings
from member_hub.tables import METADATA
from tests.conftest import Run
from tests.graphql.world import NOW, World, open_world
from tests.ingest.commands import Commands

SHIPPED = resources.folder("policies") / "cn" / "notices"
REGISTER = organisation.load(resources.folder("policies") / "organisation.toml")
PURPOSES = register.check(organisation.read_toml(resources.folder("policies") / register.FILE))
GOOD = (SHIPPED / "members-2026-11.toml").read_text("utf-8")


def call(commands: Commands, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """A process that has loaded nothing yet."""
    program = "import sys; from member_hub.cli import main; sys.argv[0] = 'member-hub'; main()"
    environ = {**os.environ, **commands.environ}
    return subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False, env=environ
    )


def on_record(commands: Commands, run: Run) -> list[tuple[str, str, list[str]]]:
    rows: list[Row[tuple[str, str, list[str]]]] = run(commands.hub.rows("hub.audit_entry"))
    rows = [row for row in rows if row.operation == "consent publish"]
    return [(row.caller, row.outcome, row.fields) for row in sorted(rows, key=lambda row: row.happened_at)]


def test_a_file_is_published_once_and_on_record(commands: Commands, run: Run) -> None:
    file = str(SHIPPED / "members-2026-11.toml")

    first, again = call(commands, "consent", "publish", file, "--json"), call(commands, "consent", "publish", file)

    assert (first.returncode, first.stderr) == (0, "")
    said = json.loads(first.stdout)
    assert (said["name"], said["family"], said["is_new"]) == ("members-2026-11", "general", True)
    assert again.stdout.startswith("Was published before: members-2026-11 (general), in force since ")
    assert on_record(commands, run) == [("command line", "ok", ["notice:members-2026-11"])]
    texts = run(commands.hub.rows("hub.notice_text"))
    assert [(one.locale, one.collected) for one in texts] == [
        (locale, lists.collected(METADATA, PURPOSES, locale)) for locale in ("en", "zh")
    ]


def test_what_is_refused_ends_with_its_code_and_is_on_record(commands: Commands, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "notice.toml"
    file.write_text(GOOD.replace('"marketing", ', '"member_service", '), "utf-8")

    done = call(commands, "consent", "publish", str(file), "--json")

    assert done.returncode == 1
    assert json.loads(done.stdout)["refused"]["code"] == "CONSENT_NOT_THE_BASIS"
    assert done.stderr.startswith("member-hub: This purpose does not rest on consent")
    assert on_record(commands, run) == [("command line", "CONSENT_NOT_THE_BASIS", ["notice:members-2026-11"])]
    assert run(commands.hub.rows("hub.notice")) == []


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (("material = false", 'material = "no"'), "'material' is true or false"),
        (("changed = []", ""), "the key 'changed' is missing"),
        (("changed = []", "changed = []\nmore = 1"), "unknown key 'more'"),
        (('handler = "brand"', 'handler = "sister"'), "'sister' is not registered"),
        (('family = "general"', 'family = "generic"'), "'generic' is not registered"),
        (('"publication"', '"2026-11-01"'), "'publication', or a moment like 2024-01-01T00:00:00+08:00"),
        (("[en]", "[fr]"), "unknown key 'fr'"),
        (('body = """', 'body_file = "../secret"\nother = """'), "[zh] unknown key 'other'"),
    ],
)
def test_a_file_is_read_strictly(tmp_path: Path, wrong: tuple[str, str], reason: str) -> None:
    file = tmp_path / "notice.toml"
    file.write_text(GOOD.replace(*wrong, 1), "utf-8")

    with pytest.raises(PolicyError) as refused:
        files.load(file, REGISTER)

    assert reason in refused.value.reason
    assert refused.value.file == "notice.toml"


def test_a_body_may_stand_beside_the_file_and_nowhere_else(tmp_path: Path) -> None:
    file, body = tmp_path / "notice.toml", tmp_path / "zh.md"
    start, rest = GOOD.split('body = """', 1)[0], GOOD[GOOD.index("[en]") :]
    body.write_text("正文一\n\n正文二\n", "utf-8")
    file.write_text(f'{start}body_file = "zh.md"\n\n{rest}', "utf-8")
    assert files.load(file, REGISTER).texts["zh"].body == "正文一\n\n正文二\n"

    file.write_text(f'{start}body_file = "../zh.md"\n\n{rest}', "utf-8")
    with pytest.raises(PolicyError, match="a file beside this one"):
        files.load(file, REGISTER)


async def test_the_notices_of_the_demo_are_published_once(database: Database, settings: Settings) -> None:
    async with open_world(database, settings) as world:
        await publish_of_demo(world.hub)
        world.clock.at += timedelta(days=1)
        await publish_of_demo(world.hub)

        assert [(one.name, one.family, one.effective_at.isoformat()) for one in await notices_of(world)] == [
            ("website-2024-01", "website", "2023-12-31T16:00:00+00:00"),
            ("website-2025-06", "website", "2025-05-31T16:00:00+00:00"),
            ("children-2026-11", "children", NOW.isoformat()),
            ("members-2026-11", "general", NOW.isoformat()),
        ]
        async with transaction(world.hub.database.app) as tx:
            assert await notices.shortcomings(
                tx, world.hub.catalogue, world.hub.policies.register, "brand"
            ) == []  # fmt: skip
            old = await notices.by_name(tx, "brand", "website-2024-01")
            bits = (await tx.execute(text("SELECT count(*), max(effective_at) FROM hub.consent_gate"))).one()
        assert old is not None
        assert bits[0] == 4
        assert bits[1] < old.effective_at


async def test_a_demo_notice_that_is_refused_is_said_and_stops_nothing(
    database: Database, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "policies" / "cn" / "notices"
    folder.mkdir(parents=True)
    (folder / "a.toml").write_text(GOOD.replace('"marketing", ', '"member_service", '), "utf-8")
    (folder / "b.toml").write_text(GOOD.replace("members-2026-11", "members-2027-01"), "utf-8")
    async with open_world(database, settings) as world:
        theirs = replace(world.hub, settings=replace(settings, policy_dir=tmp_path / "policies"))

        await publish_of_demo(theirs)

        assert [one.name for one in await notices_of(world)] == ["members-2027-01"]
    assert "members-2026-11 was not published (CONSENT_NOT_THE_BASIS)" in capsys.readouterr().err


async def notices_of(world: World) -> list[Row[tuple[str, ...]]]:
    async with transaction(world.hub.database.app) as tx:
        return list(await tx.execute(text("SELECT * FROM hub.notice ORDER BY effective_at, name")))


def test_doctor_says_what_keeps_a_handler_from_asking(commands: Commands, run: Run, settings: Settings) -> None:
    there = replace(settings, database_url=commands.environ["MEMBER_HUB_DATABASE_URL"])

    def said() -> tuple[str, str]:
        (check,) = [check for check in run(examine(there, {})) if check.name == "privacy notice of brand"]
        return check.verdict, check.says

    assert said() == (
        Verdict.WARN,
        "no general notice is in force: nobody is informed or asked, and no consent counts",
    )
    call(commands, "consent", "publish", str(SHIPPED / "members-2026-11.toml"))
    assert said() == (Verdict.WARN, f"no notice of the family {NoticeFamily.CHILDREN} is in force")
    call(commands, "consent", "publish", str(SHIPPED / "children-2026-11.toml"))
    assert said() == (Verdict.OK, "in force, and its lists are current")


def test_doctor_says_that_nobody_is_told_where_the_notice_can_be_read_nowhere(
    commands: Commands, run: Run, settings: Settings
) -> None:
    there = replace(settings, database_url=commands.environ["MEMBER_HUB_DATABASE_URL"])

    def said(**changed: Any) -> list[str]:
        checks = run(examine(replace(there, **changed), {}))
        return [check.verdict.value for check in checks if check.name == "address of the privacy notice"]

    assert said(notice_url=None, mode=Mode.PRODUCTION) == ["warn"]
    assert said(notice_url="https://brand.example/privacy", mode=Mode.PRODUCTION) == []
    assert said(notice_url=None, port=8000) == []
