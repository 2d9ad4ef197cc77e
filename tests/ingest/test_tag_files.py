"""Tags by import: every row of a file is given, renewed, unchanged or refused by line and reason, and twice is once."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from member_hub.db import transaction
from member_hub.db.bulk import table_of
from member_hub.errors import Misconfigured
from member_hub.ingest import tag_files
from member_hub.ingest.tag_files import TagImporter
from member_hub.ingest.words import Source
from member_hub.members.bits import PROFILING, PURPOSE_BITS
from member_hub.members.tables import AgeBand, Channel, Member, MemberStatus
from member_hub.members.taggings import TagKind
from member_hub.merging.apart import keep_apart
from member_hub.privacy import DataClass, Purpose
from member_hub.tags.tables import Tag
from tests.hub import NOW, Hub, app, card, verified, website
from tests.ingest.commands import Commands

PHONE = "13911110001"
HEADER = "channel,account,tag,until"
member_t = table_of(Member)


async def defined(hub: Hub, code: str, kind: TagKind = TagKind.IMPORT, **more: Any) -> None:
    row = {
        "handler": "brand", "code": code, "version": 1, "kind": kind, "tag_group": "lists", "zh": "名单", "en": code,
        "owner": "team", "data_class": DataClass.PROFILE, "purpose": Purpose.MEMBER_SERVICE, "is_service": False,
        "is_restrictive": False, "is_profiling": False, "is_retired": False, "proposed_by": "E1", "proposed_at": NOW,
        "approved_by": "E2", "approved_at": NOW,
    }  # fmt: skip
    async with transaction(hub.database.app) as tx:
        await tx.execute(table_of(Tag).insert(), row | more)


async def set_member(hub: Hub, account: str, **values: object) -> None:
    who = await hub.member_of(Channel.WEBSITE, account)
    async with transaction(hub.database.app) as tx:
        await tx.execute(update(member_t).where(member_t.c.member_id == who).values(**values))


def written(hub: Hub, *rows: str) -> Path:
    file = hub.folder / "tags.csv"
    file.write_text("".join(f"{row}\n" for row in [HEADER, *rows]), "utf-8")
    return file


async def brought(hub: Hub, *rows: str, dry_run: bool = False) -> dict[str, Any]:
    importer = TagImporter(hub.database, hub.vault, hub.organisation, hub.clock, hub.audit)
    told = (await importer.run(written(hub, *rows), dry_run=dry_run)).as_json()
    refused = {why: said["lines"] for why, said in told.pop("refused").items()}
    return {name: number for name, number in told.items() if number} | ({"refused": refused} if refused else {})


async def taggings(hub: Hub) -> list[Any]:
    return await hub.rows("hub.tagging")


async def test_a_tag_stands_for_the_account_that_the_row_names(hub: Hub) -> None:
    await hub.deliver(Source.STORE, card("C1", "2025-01-01"))
    await hub.deliver(Source.APP, app("U1", "2025-01-01"))
    await defined(hub, "golf_club")

    told = await brought(hub, "store,C1,golf_club,2027-03-31", "app,U1,golf_club,")

    assert told == {"rows": 2, "given": 2}
    rows = {one.origins[0]: one for one in await taggings(hub)}
    of_card, of_app = rows[await hub.origin_of(Channel.STORE, "C1")], rows[await hub.origin_of(Channel.APP, "U1")]
    assert of_card.member_id == await hub.member_of(Channel.STORE, "C1")
    assert (of_card.how, of_card.given_by, of_card.since, of_card.version) == ("import", "import", NOW, 1)
    assert of_card.until == datetime(2027, 3, 31, 16, tzinfo=UTC)  # the end of that day in Shanghai
    assert (of_app.until, of_app.origins) == (None, [await hub.origin_of(Channel.APP, "U1")])
    entries = [row for row in await hub.rows("hub.audit_entry") if row.operation == "tags import"]
    assert [(row.caller, row.fields, sorted(row.member_ids)) for row in entries] == [
        ("import", ["member.tags:WRITE", "tag:golf_club"], sorted([of_card.member_id, of_app.member_id]))
    ]


async def test_the_same_file_twice_changes_nothing_and_another_end_renews(hub: Hub) -> None:
    await hub.deliver(Source.STORE, card("C1", "2025-01-01"), card("C2", "2025-01-01"))
    await defined(hub, "golf_club")
    await defined(hub, "season", expires_days=90)
    rows = ("store,C1,golf_club,2027-03-31", "store,C2,season,")
    await brought(hub, *rows)
    stood = await taggings(hub)
    entries = len(await hub.rows("hub.audit_entry"))

    assert await brought(hub, *rows) == {"rows": 2, "unchanged": 2}
    assert await taggings(hub) == stood
    assert len(await hub.rows("hub.audit_entry")) == entries

    assert await brought(hub, "store,C1,golf_club,2027-06-30") == {"rows": 1, "renewed": 1}
    [row] = [one for one in await taggings(hub) if one.tag == "golf_club"]
    [before] = [one for one in stood if one.tag == "golf_club"]
    assert (row.given_id, row.since, row.until) == (before.given_id, NOW, datetime(2027, 6, 30, 16, tzinfo=UTC))


async def test_every_bad_row_is_told_by_line_and_reason_and_stops_no_other(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, website("W1", "2025-01-01"))
    for code, kind in (("golf_club", TagKind.IMPORT), ("by_hand", TagKind.HAND)):
        await defined(hub, code, kind)
    await defined(hub, "proposed", approved_by=None, approved_at=None)
    await defined(hub, "short", expires_days=10)

    told = await brought(
        hub,
        "sofa,W1,golf_club,",
        "website,,golf_club,",
        "website,W404,golf_club,",
        "website,W1,nothing,",
        "website,W1,proposed,",
        "website,W1,by_hand,",
        "website,W1,fraud,",
        "website,W1,golf_club,2026-11-07",
        "website,W1,golf_club,soon",
        "website,W1,golf_club,2027-01-01T00:00:00",
        "website,W1,golf_club,9999-12-31",
        "website,W1,short,2026-11-30",
        "website,W1",
        'website,W1,"golf',
        "website,W1,golf_club,",
        "website,W1,golf_club,2027-01-01",
    )

    assert told == {
        "rows": 16,
        "given": 1,
        "refused": {
            "bad_channel": [2], "missing_key": [3], "unknown_account": [4], "unknown_tag": [5, 6],
            "not_by_import": [7, 8], "bad_until": [9, 10, 11, 12, 13], "wrong_columns": [14], "malformed": [15],
            "repeated": [17],
        },
    }  # fmt: skip
    assert [(one.tag, one.until) for one in await taggings(hub)] == [("golf_club", None)]


@pytest.mark.parametrize(
    "against",
    [
        {"age_band": AgeBand.UNKNOWN.value},
        {"age_band": AgeBand.CHILD.value},
        {"age_band": AgeBand.ADULT.value, "restriction_bits": PROFILING},
        {"age_band": AgeBand.ADULT.value, "restriction_bits": PURPOSE_BITS[Purpose.MEMBER_SERVICE]},
        {"age_band": AgeBand.ADULT.value, "status": MemberStatus.RESTRICTED.value},
    ],
)
async def test_what_stands_against_a_profile_bars_it_and_the_reason_does_not_say_which(
    hub: Hub, against: dict[str, Any]
) -> None:
    await hub.deliver(Source.WEBSITE, website("W1", "2025-01-01"), website("W2", "2025-01-01"))
    await defined(hub, "big_spender", is_profiling=True)
    await set_member(hub, "W2", age_band=AgeBand.ADULT.value)
    await set_member(hub, "W1", **against)

    told = await brought(hub, "website,W1,big_spender,", "website,W2,big_spender,")

    assert told == {"rows": 2, "given": 1, "refused": {"barred": [2]}}
    assert [one.member_id for one in await taggings(hub)] == [await hub.member_of(Channel.WEBSITE, "W2")]


async def test_a_tag_that_rests_on_consent_is_given_to_nobody_who_has_not_consented(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, website("W1", "2025-01-01"))
    await defined(hub, "likes_red", purpose=Purpose.PERSONALISATION)

    assert await brought(hub, "website,W1,likes_red,") == {"rows": 1, "refused": {"barred": [2]}}


async def test_the_tag_goes_where_its_account_goes(hub: Hub) -> None:
    """United by a verified phone, and kept apart again: each side has what its account was given."""
    web, wx = (Channel.WEBSITE, "W1"), (Channel.APP, "U1")
    await hub.deliver(Source.WEBSITE, website("W1", "2025-01-01", **verified("2025-01-01", PHONE)))
    await hub.deliver(Source.APP, app("U1", "2025-02-01"))
    await defined(hub, "golf_club")
    await defined(hub, "tea_club")
    rows = ("app,U1,golf_club,", "website,W1,golf_club,2027-01-01", "website,W1,tea_club,")
    await brought(hub, *rows)

    await hub.deliver(Source.APP, app("U1", "2025-03-01", mobile=PHONE))

    both = await hub.member_of(*wx)
    assert both == await hub.member_of(*web)
    assert [one.member_id for one in await taggings(hub)] == [both] * 3
    assert await brought(hub, *rows) == {"rows": 3, "unchanged": 3}

    await keep_apart(hub.database, hub.resolver, web, wx, reason="different_people", said_by="test", now=NOW)

    stands = {(one.member_id, one.tag) for one in await taggings(hub)}
    of_app, of_web = await hub.member_of(*wx), await hub.member_of(*web)
    assert of_app != of_web
    assert stands == {(of_app, "golf_club"), (of_web, "golf_club"), (of_web, "tea_club")}
    assert await brought(hub, *rows) == {"rows": 3, "unchanged": 3}


async def test_a_dry_run_says_the_same_and_keeps_nothing(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, website("W1", "2025-01-01"))
    await defined(hub, "golf_club")
    rows = ("website,W1,golf_club,", "website,W1,golf_club,", "website,W2,golf_club,")
    entries = len(await hub.rows("hub.audit_entry"))

    told = await brought(hub, *rows, dry_run=True)

    assert told == {"rows": 3, "given": 1, "refused": {"repeated": [3], "unknown_account": [4]}}
    assert await taggings(hub) == []
    assert len(await hub.rows("hub.audit_entry")) == entries


async def test_a_repeat_in_a_later_batch_is_one_too_and_lines_are_told_up_to_a_limit(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tag_files, "BATCH_MAX", 2)
    await hub.deliver(Source.WEBSITE, website("W1", "2025-01-01"))
    await defined(hub, "golf_club")

    importer = TagImporter(hub.database, hub.vault, hub.organisation, hub.clock, hub.audit)
    summary = await importer.run(written(hub, *["website,W1,golf_club,"] * 30))

    refused = {"repeated": {"rows": 29, "lines": list(range(3, 23))}}
    assert summary.as_json() == {"rows": 30, "given": 1, "renewed": 0, "unchanged": 0, "refused": refused}


async def test_a_file_that_is_too_long_or_says_other_things_is_refused_whole(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    await hub.deliver(Source.WEBSITE, website("W1", "2025-01-01"))
    await defined(hub, "golf_club")
    monkeypatch.setattr(tag_files, "ROWS_MAX", 2)
    importer = TagImporter(hub.database, hub.vault, hub.organisation, hub.clock, hub.audit)

    with pytest.raises(Misconfigured, match="more than 2 rows"):
        await importer.run(written(hub, *["website,W1,golf_club,"] * 3))
    for header in ("channel,account,tag", "channel,account,tag,untill", "channel,account,tag,until,name"):
        file = hub.folder / "other.csv"
        file.write_text(f"{header}\n" + ",".join(["x"] * len(header.split(","))) + "\n", "utf-8")
        with pytest.raises(Misconfigured, match="does not have just the columns"):
            await importer.run(file)

    assert await taggings(hub) == []


async def test_the_command_gives_tags_and_shows_no_account(commands: Commands) -> None:
    hub = commands.hub
    await hub.deliver(Source.WEBSITE, website("W20001", "2025-01-01"))
    await defined(hub, "golf_club")
    file = str(written(hub, "website,W20001,golf_club,", "website,W20002,golf_club,"))

    tried = commands.run("tags", "import", file, "--dry-run", "--json")
    assert tried.json == {
        "rows": 2, "given": 1, "renewed": 0, "unchanged": 0, "dry_run": True,
        "refused": {"unknown_account": {"rows": 1, "lines": [3]}},
    }  # fmt: skip
    done = commands.run("tags", "import", file)
    listed = commands.run("tags", "list", "--json")

    assert done.status == 0
    assert [line.split()[:2] for line in done.output.splitlines()[1:]] == [
        ["2", "rows"], ["1", "tags"], ["1", "refused"], ["lines", "行号:"],
    ]  # fmt: skip
    assert "W2000" not in done.output + done.errors
    assert [one.how for one in await taggings(hub)] == ["import"]
    own = [one for one in listed.json["tags"] if one["handler"] == "brand" and not one["is_built_in"]]
    assert [(one["code"], one["kind"], one["is_approved"]) for one in own] == [("golf_club", "import", True)]
    audited = [row for row in await hub.rows("hub.audit_entry") if row.operation.startswith("tags")]
    assert [row.operation for row in audited] == ["tags import --dry-run", "tags import", "tags import", "tags list"]
