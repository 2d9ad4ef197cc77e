"""The copy of everything held about a person (PIPL 45): complete, readable, and nobody else's."""

from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from member_hub.crypto import CannotOpen
from member_hub.errors import NotFound
from member_hub.ids import MemberId, uuid7
from member_hub.members.tables import Channel
from member_hub.privacy import DataClass, Form, declaration
from member_hub.rights.actions import UNOPENED
from member_hub.tables import METADATA
from tests.rights import files
from tests.rights.world import PERSONAL_TABLES, Source, World

Copy = Mapping[str, Any]
NOT_READABLE = {"vault.identity_token", "vault.identity_hint"}  # tokens, whose values stand in the claims


def values(copy: Copy, table: str, column: str) -> list[Any]:
    return sorted(row[column] for row in copy["held"].get(table, []) if column in row)


async def hers(world: World) -> MemberId:
    return await world.member_of(Channel.WEBSITE, files.WEBSITE)


async def test_the_copy_has_a_part_of_every_table_in_which_something_can_be_held(world: World) -> None:
    copy = await world.export(await hers(world))

    assert set(copy["held"]) == set(PERSONAL_TABLES) - NOT_READABLE


async def test_every_value_of_the_files_is_in_the_copy_as_it_was_given(world: World) -> None:
    copy = await world.export(await hers(world))

    [golden] = [row for row in copy["held"]["hub.member"] if row["status"] == "active"]
    assert {name: golden[name] for name in ("name", "phone", "email", "birthday", "gender", "address")} == {
        "name": files.NAME,
        "phone": f"+86{files.PHONE}",
        "email": files.EMAIL,
        "birthday": "1990-04-12",
        "gender": "F",
        "address": f"山东省青岛市市南区{files.STREET}",
    }
    assert values(copy, "hub.channel_account", "account") == [
        files.CARD,
        files.USER_ID,
        files.LATE_USER_ID,
        files.WEBSITE,
    ]
    assert values(copy, "hub.channel_account", "opening") == [
        '{"at":"2025-12-06T02:30:00.000000+00:00","balance":1280,"tier":"核心"}'
    ]
    claims = {(row["kind"], row["value"]) for row in copy["held"]["hub.identity_claim"]}
    assert claims == {
        ("account", files.WEBSITE),
        ("account", files.USER_ID),
        ("account", files.LATE_USER_ID),
        ("card", files.CARD),
        ("device", files.TABLET),
        ("email", files.EMAIL),
        ("email", files.OLD_EMAIL),
        ("openid", files.OPENID),
        ("openid", "oXguxiaolan0000000000000002"),
        ("phone", f"+86{files.PHONE}"),
        ("unionid", files.UNIONID),
    }
    assert values(copy, "hub.order_line", "order_no") == ["O90000001", "O90000002", "O90000003", "O90000004"]
    assert values(copy, "hub.order_line", "amount_fen") == [-9900, 15990, 26800, 49900]
    assert values(copy, "hub.member_store", "store") == ["SH007"]
    assert {row["kind"]: row["count"] for row in copy["held"]["hub.activity"]} == {"visit": 2, "check_in": 1}


async def test_what_was_said_about_consent_and_what_still_waits_is_opened(world: World) -> None:
    copy = await world.export(await hers(world))

    said = [orjson.loads(row["statement"]) for row in copy["held"]["hub.consent_line"]]
    assert sorted((one["purpose"], one["granted"]) for one in said) == [
        ("marketing_sms", False),
        ("marketing_sms", True),
        ("service_terms", True),
    ]
    [waiting] = [orjson.loads(row["payload"]) for row in copy["held"]["hub.waiting_line"]]
    assert (waiting["order_no"], waiting["account"]) == ("O90000006", files.LATE_USER_ID)


async def test_refused_rows_that_are_about_her_are_in_the_copy_and_those_of_others_are_not(world: World) -> None:
    copy = await world.export(await hers(world))

    raw = [orjson.loads(row["raw"]) for row in copy["held"]["hub.quarantine"]]
    assert [row.get("account") or row.get("email") or row.get("key") for row in raw] == [
        files.WEBSITE,
        files.EMAIL,
        files.CARD,
    ]


async def test_that_there_is_a_pair_is_said_and_who_the_other_one_is_is_not(world: World) -> None:
    others = {await world.origin_of(Channel.WEBSITE, files.KEPT_APART)}
    others.add(await world.origin_of(Channel.STORE, files.CARD_OF_MING))

    copy = await world.export(await hers(world))

    assert values(copy, "hub.review_candidate", "reason") == ["other_name"]
    assert values(copy, "hub.never_merge", "reason") == ["member_asked"]
    assert not {str(other) for other in others} & set(orjson.dumps(copy).decode().split('"'))


async def test_nothing_of_her_neighbours_is_in_the_copy(world: World) -> None:
    theirs = {
        *("何立", "顾明", "13633334444", "li.he.demo@163.com", files.KEPT_APART, files.TABLET_USER),
        *(files.CARD_OF_MING, "oXstranger", "O90000005", "O90000008"),
    }

    copy = orjson.dumps(await world.export(await hers(world))).decode()

    assert {value for value in theirs if value in copy} == set()


async def test_a_merged_id_gives_the_copy_of_the_member_it_was_merged_into(world: World) -> None:
    root = await hers(world)
    copy = await world.export(root)
    [merged] = copy["absorbed_ids"]

    assert await world.export(MemberId(merged)) == copy
    assert copy["member_id"] == str(root)
    assert {row["member_id"]: row["status"] for row in copy["held"]["hub.member"]} == {
        merged: "merged",
        str(root): "active",
    }


async def test_every_readable_value_has_its_label_in_both_languages(world: World) -> None:
    copy = await world.export(await hers(world))

    for table, rows in copy["held"].items():
        for name in {name for row in rows for name in row}:
            declared = declaration(METADATA.tables[table].c[name])
            if declared.form is not Form.TECHNICAL:
                assert copy["labels"][f"{table}.{name}"] == {"zh": declared.zh, "en": declared.en}


async def test_the_copy_is_plain_json(world: World) -> None:
    copy = await world.export(await hers(world))

    assert orjson.loads(orjson.dumps(copy))["member_id"] == copy["member_id"]


async def test_a_damaged_value_is_said_to_be_damaged_and_its_neighbours_are_there(world: World) -> None:
    member_id = await hers(world)
    member_t = METADATA.tables["hub.member"]
    async with world.database.app.begin() as tx:
        await tx.execute(member_t.update().where(member_t.c.member_id == member_id).values(phone=b"\x01" * 60))

    [golden] = [r for r in (await world.export(member_id))["held"]["hub.member"] if r["status"] == "active"]

    assert (golden["phone"], golden["name"]) == (UNOPENED, files.NAME)


async def test_there_is_no_copy_of_somebody_unknown(world: World) -> None:
    with pytest.raises(NotFound):
        await world.export(MemberId(uuid7()))


async def test_the_old_owner_of_a_phone_does_not_get_what_the_new_one_was_refused(world: World, tmp_path: Any) -> None:
    refused = files.website("", "2026-06-01", name="孙新", phone=files.RECYCLED, email="xin.sun.demo@163.com")
    await world.deliver(Source.WEBSITE, tmp_path, files.lines(refused | {"message_id": "m-of-sun"}))
    old = await world.member_of(Channel.WEBSITE, files.OLD_OWNER)
    new = await world.member_of(Channel.WEBSITE, files.NEW_OWNER)

    assert "hub.quarantine" not in (await world.export(old))["held"]
    assert len((await world.export(new))["held"]["hub.quarantine"]) == 1


async def test_tokens_find_nobody_whose_number_cannot_be_opened(world: World) -> None:
    """A person is found and can be erased although the number of an account is damaged."""
    member_id = await hers(world)
    before = await world.person(member_id)
    origin = await world.origin_of(Channel.APP, files.LATE_USER_ID)
    await _damage_number(world, origin)

    after = await world.person(member_id)

    assert (after.origin_ids, len(before.tokens) - len(after.tokens)) == (before.origin_ids, 1)


async def _damage_number(world: World, origin: Any) -> None:
    account_t = METADATA.tables["hub.channel_account"]
    async with world.database.app.begin() as tx:
        await tx.execute(account_t.update().where(account_t.c.origin_id == origin).values(account=b"\x01" * 60))
        keys = await world.vault.keys_for(tx, [(origin, DataClass.IDENTIFIER)])
        with pytest.raises(CannotOpen):
            keys.open(account_t.c.account, origin, b"\x01" * 60)
