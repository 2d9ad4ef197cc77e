"""Publishing notices: what is kept for ever, which gates open, and what is refused before anything is written."""

import asyncio
import hashlib
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import orjson
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from member_hub import resources
from member_hub.access import register as registers
from member_hub.consent import catalogue as catalogues
from member_hub.consent.catalogue import Catalogue
from member_hub.consent.notice import gates, notices
from member_hub.consent.notice.gates import FROM_THE_BEGINNING
from member_hub.consent.notice.notices import Wording
from member_hub.consent.notice.published import PublishedNotice
from member_hub.consent.notice.refusals import (
    NoticeChangeIsMaterial,
    NoticeNameTaken,
    NoticeTampered,
    NotInOrder,
    PiaMissing,
)
from member_hub.consent.notice.texts import tampered, text_of
from member_hub.consent.words import NoticeFamily
from member_hub.db import Database, snapshot, transaction
from member_hub.errors import BadInput
from member_hub.organisation import read_toml
from member_hub.privacy import Purpose

NOW = datetime(2026, 11, 8, 4, tzinfo=UTC)
HANDLER = "demo_brand"
FOLDER = resources.folder("policies")
REGISTER = registers.check(read_toml(FOLDER / registers.FILE))
CATALOGUE = catalogues.load(FOLDER / catalogues.FOLDER / catalogues.FILE)
TEXTS = {"zh": Wording("会员告知书", "正文"), "en": Wording("Notice", "Body")}
BOTH = ("marketing", "personalisation")


async def publish(database: Database, name: str, *, at: datetime = NOW, **more: Any) -> PublishedNotice:
    said = {
        "handler": HANDLER,
        "family": NoticeFamily.GENERAL,
        "is_material": bool(more.get("changed")),
        "changed": (),
        "texts": TEXTS,
        "purposes": BOTH,
        "effective_at": None,
        "published_by": "a test",
    }
    catalogue = more.pop("catalogue", CATALOGUE)
    async with transaction(database.app) as tx:
        return await notices.publish(tx, catalogue, REGISTER, name=name, now=at, **(said | more))


async def bits(database: Database, *, at: datetime = NOW) -> Mapping[tuple[str, str], tuple[int, datetime]]:
    async with snapshot(database.app) as tx:
        found = await gates.current_gates(tx)
    return {(purpose, recipient): (gate.bit, gate.effective_at) for (_, purpose, recipient), gate in found.items()}


async def counted(database: Database) -> Collection[int]:
    async with snapshot(database.app) as tx:
        return [
            (await tx.execute(text(f"SELECT count(*) FROM hub.{t}"))).scalar_one()
            for t in ("notice", "notice_text", "consent_gate")
        ]


async def test_the_first_notice_opens_a_gate_for_each_purpose_and_recipient_from_the_beginning(
    database: Database,
) -> None:
    notice = await publish(database, "members-1")

    assert await bits(database) == {
        ("marketing", ""): (0, FROM_THE_BEGINNING),
        ("marketing", "partner_brand"): (1, FROM_THE_BEGINNING),
        ("personalisation", ""): (2, FROM_THE_BEGINNING),
        ("personalisation", "overseas_partner"): (3, FROM_THE_BEGINNING),
    }
    async with snapshot(database.app) as tx:
        assert await notices.current(tx, HANDLER, NoticeFamily.GENERAL) == replace(notice, is_new=False)
        assert await notices.by_name(tx, HANDLER, "members-1") == replace(notice, is_new=False)
        assert await notices.by_id(tx, notice.notice_id) == replace(notice, is_new=False)
        assert await notices.current(tx, HANDLER, NoticeFamily.CHILDREN) is None
        assert await notices.by_name(tx, "another", "members-1") is None


async def test_a_material_change_gives_the_purpose_fresh_bits_since_its_notice_and_leaves_the_others(
    database: Database,
) -> None:
    await publish(database, "members-1")
    later = NOW + timedelta(days=1)

    await publish(database, "members-2", at=later, changed=["marketing"])

    assert await bits(database, at=later) == {
        ("marketing", ""): (4, later),
        ("marketing", "partner_brand"): (5, later),
        ("personalisation", ""): (2, FROM_THE_BEGINNING),
        ("personalisation", "overseas_partner"): (3, FROM_THE_BEGINNING),
    }
    assert await counted(database) == [2, 4, 6]


async def test_an_older_text_of_a_channel_is_on_record_and_opens_no_newer_gate(database: Database) -> None:
    await publish(database, "members-1", changed=["marketing"])
    standing = await bits(database)
    long_ago = datetime(2024, 1, 1, tzinfo=UTC)

    await publish(database, "website-2024-01", family=NoticeFamily.WEBSITE, effective_at=long_ago)

    assert await bits(database) == standing
    async with snapshot(database.app) as tx:
        found = await notices.by_name(tx, HANDLER, "website-2024-01")
        counting = await gates.current_gates(tx)
    assert found is not None
    assert found.effective_at == long_ago
    assert not notices.holds_under(found, counting[HANDLER, "marketing", ""])
    assert notices.holds_under(found, counting[HANDLER, "personalisation", ""])


async def test_the_digest_covers_title_body_and_lists_in_canonical_json(database: Database) -> None:
    notice = await publish(database, "members-1")

    async with snapshot(database.app) as tx:
        said = await text_of(tx, notice.notice_id, "zh")
    assert said is not None
    whole = {"title": said.title, "body": said.body, "collected": said.collected, "shared": said.shared}
    assert said.sha256 == hashlib.sha256(orjson.dumps(whole, option=orjson.OPT_SORT_KEYS)).digest()
    assert {"姓名", "手机号"} <= {item for entry in said.collected for item in entry["items"]}
    assert [entry["recipient"] for entry in said.shared] == ["message_service", "overseas_partner", "partner_brand"]


@pytest.mark.parametrize(
    "how",
    [
        "body = 'everything is allowed'",
        "title = 'Another'",
        "collected = '[]'",
        'shared = shared || \'[{"recipient": "x"}]\'',
        "sha256 = '\\x00'",
    ],
)
async def test_a_text_that_was_altered_is_read_by_nobody_and_named(database: Database, how: str) -> None:
    notice = await publish(database, "members-1")
    async with database.owner.begin() as tx:
        await tx.execute(text(f"UPDATE hub.notice_text SET {how} WHERE locale = 'zh'"))

    async with snapshot(database.app) as tx:
        with pytest.raises(NoticeTampered):
            await text_of(tx, notice.notice_id, "zh")
        assert await text_of(tx, notice.notice_id, "en") is not None
        assert await tampered(tx) == ["members-1 (zh)"]
        said = await notices.shortcomings(tx, CATALOGUE, REGISTER, HANDLER)
    assert "the text of members-1 is not what was published" in said


async def test_the_same_name_again_is_the_same_notice_or_taken(database: Database) -> None:
    first = await publish(database, "members-1")
    before = await counted(database)

    again = await publish(database, "members-1", at=NOW + timedelta(days=1))
    with pytest.raises(NoticeNameTaken):
        await publish(database, "members-1", texts=TEXTS | {"en": Wording("Notice", "Another body")})

    assert (again.notice_id, again.is_new) == (first.notice_id, False)
    assert await counted(database) == before


async def test_lists_that_changed_for_a_consented_purpose_are_no_trifle(database: Database) -> None:
    await publish(database, "members-1")
    before = await counted(database)
    partner = replace(CATALOGUE.recipients["partner_brand"], method_zh="每日整批提供")
    changed = replace(CATALOGUE, recipients=MappingProxyType({**CATALOGUE.recipients, "partner_brand": partner}))
    later = NOW + timedelta(days=1)

    for more in ({}, {"changed": ["personalisation"]}):
        with pytest.raises(NoticeChangeIsMaterial):
            await publish(database, "members-2", at=later, catalogue=changed, **more)
    assert await counted(database) == before

    assert (await publish(database, "members-2", at=later, catalogue=changed, changed=["marketing"])).is_new


def without_assessment() -> Catalogue:
    terms = replace(CATALOGUE.purposes[Purpose.MARKETING], assessment=None)
    return replace(CATALOGUE, purposes=MappingProxyType({**CATALOGUE.purposes, Purpose.MARKETING: terms}))


@pytest.mark.parametrize(
    ("refusal", "more"),
    [
        (PiaMissing, {"catalogue": without_assessment()}),
        (BadInput, {"purposes": ["member_service"]}),
        (BadInput, {"purposes": ["anything"]}),
        (BadInput, {"texts": {"zh": TEXTS["zh"]}}),
        (BadInput, {"texts": TEXTS | {"zh": Wording("", "正文")}}),
        (BadInput, {"texts": TEXTS | {"zh": Wording("字" * 201, "正文")}}),
        (BadInput, {"texts": TEXTS | {"en": Wording("Notice", "x" * 100_001)}}),
        (BadInput, {"texts": TEXTS | {"en": Wording("Notice", "hid\u202eden")}}),
        (BadInput, {"effective_at": NOW + timedelta(seconds=1)}),
        (BadInput, {"effective_at": NOW - timedelta(seconds=1)}),
        (BadInput, {"changed": ["marketing"], "is_material": False}),
        (BadInput, {"changed": ["marketing"], "purposes": ["personalisation"]}),
        (BadInput, {"changed": ["marketing"], "family": NoticeFamily.WEBSITE}),
        (BadInput, {"name": "Members 2026"}),
    ],
)
async def test_a_notice_that_is_not_right_is_refused_and_nothing_is_written(
    database: Database, refusal: type[Exception], more: dict[str, Any]
) -> None:
    said = {"name": "members-1"} | more
    with pytest.raises(refusal):
        await publish(database, **said)

    assert await counted(database) == [0, 0, 0]


async def test_two_notices_of_a_family_never_begin_at_one_moment(database: Database) -> None:
    await publish(database, "members-1")

    with pytest.raises(NotInOrder):
        await publish(database, "members-2", changed=["marketing"])

    assert await counted(database) == [1, 2, 4]


async def test_two_who_publish_at_the_same_moment_take_turns(database: Database) -> None:
    same = await asyncio.gather(publish(database, "members-1"), publish(database, "members-1"))
    later = NOW + timedelta(days=1)
    changes = (publish(database, f"members-{n}", at=later, changed=["marketing"]) for n in (2, 3))
    others = await asyncio.gather(*changes, return_exceptions=True)

    assert {one.notice_id for one in same} == {same[0].notice_id}
    assert sorted(one.is_new for one in same) == [False, True]
    assert sorted(type(one).__name__ for one in others) == ["NotInOrder", "PublishedNotice"]
    assert await counted(database) == [2, 4, 6]
    assert sorted(bit for bit, _ in (await bits(database, at=later)).values()) == [2, 3, 4, 5]


@pytest.mark.parametrize("table", ["notice", "notice_text"])
@pytest.mark.parametrize("statement", ["UPDATE hub.{} SET notice_id = notice_id", "DELETE FROM hub.{}"])
async def test_the_database_refuses_to_change_what_is_published(database: Database, table: str, statement: str) -> None:
    await publish(database, "members-1")

    with pytest.raises(DBAPIError, match="permission denied"):
        async with transaction(database.app) as tx:
            await tx.execute(text(statement.format(table)))

    assert await counted(database) == [1, 2, 4]
