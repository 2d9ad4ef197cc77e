"""What an import says it did: every row of the file is exactly one thing, and what was refused can be looked at."""

from pathlib import Path

from member_hub.commands.ingest import as_text
from member_hub.db import transaction
from member_hub.ingest import quarantine
from member_hub.ingest.reasons import Reason
from member_hub.ingest.words import Source
from member_hub.members.tables import Channel
from tests.hub import Hub, app, card, order, tally, verified, website

MING = {"name": "张晓明", **verified("2025-01-01", "13911110001")}


async def refused(hub: Hub) -> list[tuple[int, str, Reason]]:
    async with transaction(hub.database.app) as tx:
        return [(row.line, row.source, row.reason) for row in await quarantine.find(tx)]


async def test_website_rows_become_members_updates_repetitions_and_refusals(hub: Hub) -> None:
    first = website("W1", "2025-01-01", **MING)
    summary = await hub.deliver(
        Source.WEBSITE,
        first,
        first,  # the very same delivery
        website("W1", "2025-06-01", name="张晓明", phone="无"),  # junk is dropped, the row stands
        website("W2", "2025-02-01", **MING),  # one person with two accounts
        '{"message_id": "cut',
        website("", "2025-03-01"),
        first | {"name": "李四"},  # one delivery id, another content
        website("W3", "2025-04-01", address={"city": "上海市", "receiver": "李四"}, remark="孕妇"),
        website("W4", "2025-04-01") | {"updated_at": "2025-02-30"},
    )

    assert summary.adds_up
    assert tally(summary) == {
        "read": 9,
        "new_members": 2,
        "attached": 1,
        "updated": 1,
        "duplicate_deliveries": 1,
        "malformed": 1,
        "missing_key": 1,
        "conflicting_repeat": 1,
        "impossible_time": 1,
    }
    assert summary.dropped == {"phone_junk": 1}
    assert summary.left_out == {"address.receiver": 1, "remark": 1}
    assert await refused(hub) == [
        (5, "website", Reason.MALFORMED),
        (6, "website", Reason.MISSING_KEY),
        (7, "website", Reason.CONFLICTING_REPEAT),
        (9, "website", Reason.IMPOSSIBLE_TIME),
    ]
    assert (await hub.picture()).numbers() == {frozenset({"W1", "W2"}), frozenset({"W3"})}


async def test_merging_splitting_and_review_are_counted_beside_the_rows(hub: Hub) -> None:
    """W1 and A1 turn out to be one; then C1 is only perhaps W1's; then W2 verified A1's phone long after."""
    await hub.deliver(Source.WEBSITE, website("W1", "2025-01-01", **MING))
    await hub.deliver(Source.APP, app("A1", "2025-01-02", unionid="o6_one", openid="oX1"))

    merged = await hub.deliver(
        Source.APP, app("A1", "2025-01-03", unionid="o6_one", openid="oX1", mobile="13911110001")
    )
    review = await hub.deliver(Source.STORE, card("C1", "2025-02-01", name="李四", phone="13911110001"))

    assert tally(merged) == {"read": 1, "updated": 1, "merged": 1}
    assert tally(review) == {"read": 1, "new_members": 1, "for_review": 1}
    assert merged.adds_up
    assert review.adds_up


async def test_orders_are_applied_wait_repeat_and_are_refused(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, website("W1", "2025-01-01"))

    summary = await hub.deliver(
        Source.ORDERS,
        order("W1", "O1", "10.00"),
        order("W1", "O1", "10.00"),
        order("W1", "O1", "11.00"),
        order("W9", "O2", "20.00"),
        order("W1", "O3", "-1.00"),
        order("W1", "O4", "5.00", line="x"),
        order("C1", "O5", "5.00", store="SH999"),
        "O6,1,website",
    )
    later = await hub.deliver(Source.WEBSITE, website("W9", "2025-01-01"))

    assert summary.adds_up
    assert tally(summary) == {
        "read": 8,
        "applied": 1,
        "waiting": 1,
        "lines_counted": 1,
        "points_earned": 10,
        "duplicate_deliveries": 1,
        "conflicting_repeat": 1,
        "bad_amount": 1,
        "bad_key": 1,
        "bad_store": 1,
        "wrong_columns": 1,
    }
    assert tally(later) == {
        "read": 1,
        "new_members": 1,
        "no_longer_waiting": 1,
        "lines_counted": 1,
        "points_earned": 20,
    }


async def test_activity_is_applied_repeated_waits_or_is_past_its_retention(hub: Hub) -> None:
    await hub.deliver(Source.APP, app("A1", "2025-01-01"))

    summary = await hub.deliver(
        Source.ACTIVITY,
        "app,A1,2026-11-01,visit,2",
        "app,A1,2026-11-01,visit,3",  # replaces the count; of the same batch the last counts
        "app,A1,2025-10-08,visit,1",  # 396 days before the standing clock's day
        "app,A1,2025-10-07,visit,1",  # 397
        "app,A9,2026-11-01,share,1",
        "app,A1,2026-11-01,dance,1",
    )
    again = await hub.deliver(Source.ACTIVITY, "app,A1,2026-11-01,visit,3", "app,A1,2026-11-01,visit,5")

    assert summary.adds_up
    assert tally(summary) == {
        "read": 6,
        "applied": 2,
        "lines_counted": 2,
        "duplicate_deliveries": 1,
        "past_retention": 1,
        "waiting": 1,
        "bad_kind": 1,
    }
    assert tally(again) == {"read": 2, "applied": 1, "lines_counted": 1, "duplicate_deliveries": 1}
    counts = {(str(day), kind): count for (_, day, kind), count in (await hub.picture()).activity.items()}
    assert counts == {("2026-11-01", "visit"): 5, ("2025-10-08", "visit"): 1}


async def test_activity_that_is_told_again_is_not_told_as_counted(hub: Hub) -> None:
    """Of a file that comes again only what has changed is; a change counts, be it that nobody grows by it."""
    await hub.deliver(Source.APP, app("A1", "2025-01-01"))
    days = [f"app,A1,2026-11-0{n},check_in,1" for n in (1, 2, 3)]

    first = await hub.deliver(Source.ACTIVITY, *days)
    same = await hub.deliver(Source.ACTIVITY, *days)
    changed = await hub.deliver(Source.ACTIVITY, *days[:2], "app,A1,2026-11-03,check_in,2")

    assert tally(first) == {"read": 3, "applied": 3, "lines_counted": 3}
    assert tally(same) == {"read": 3, "duplicate_deliveries": 3}
    assert "lines counted" not in as_text("activity.csv", same)
    assert tally(changed) == {"read": 3, "applied": 1, "lines_counted": 1, "duplicate_deliveries": 2}


async def test_a_free_remark_is_counted_and_stored_nowhere(hub: Hub) -> None:
    summary = await hub.deliver(
        Source.STORE,
        card("C1", "2025-01-01", name="李娜", remark="对花生过敏"),
        card("C2", "2025-01-01", remark="带孩子"),
        card("", "2025-01-01", name="李娜", remark="糖尿病"),  # refused: not even the quarantine has it
    )

    assert summary.left_out == {"备注": 2}
    picture = await hub.picture()
    assert "过敏" not in repr(picture)
    assert "孩子" not in repr(picture)
    async with transaction(hub.database.app) as tx:
        (row,) = await quarantine.find(tx)
        assert "糖尿病" not in await quarantine.raw(tx, hub.vault, row.run_id, row.line)


async def test_columns_that_nobody_mapped_are_counted_in_orders_and_activity_too(hub: Hub, tmp_path: Path) -> None:
    await hub.deliver(Source.WEBSITE, website("W1", "2025-01-01"))
    file = tmp_path / "more.csv"
    file.write_text("channel,account,day,kind,count,note\nwebsite,W1,2026-11-01,visit,1,hello\n", "utf-8")

    summary = await hub.ingest(Source.ACTIVITY, file)

    assert summary.left_out == {"note": 1}
    assert (await hub.picture()).person(Channel.WEBSITE, "W1") is not None


async def test_columns_that_the_file_lacks_are_named(hub: Hub, tmp_path: Path) -> None:
    file = tmp_path / "store.csv"
    file.write_text("卡号,姓名,办卡门店,办卡日期\n8800000001,张晓明,SH001,2025-01-01 10:00:00\n", "utf-8")

    summary = await hub.ingest(Source.STORE, file)

    assert tally(summary) == {"read": 1, "new_members": 1}
    assert {"手机号", "生日", "积分余额"} <= set(summary.missing)
    assert "手机号" in as_text(file.name, summary)
    assert summary.as_json()["columns_missing"] == list(summary.missing)
