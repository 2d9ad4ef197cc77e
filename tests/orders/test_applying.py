"""Order lines and daily counts: to their account, once each; before it is known they wait for it."""

from datetime import UTC, datetime

from member_hub.ingest.summary import Count
from member_hub.ingest.words import Source
from member_hub.members.tables import Channel
from tests.hub import Hub, app, card, order, tally, website


async def stores(hub: Hub) -> dict[tuple[str, int], str | None]:
    return {(row.order_no, row.line_no): row.store for row in await hub.rows("hub.order_line")}


async def test_lines_wait_for_an_account_that_nobody_has_and_attach_when_it_comes(hub: Hub) -> None:
    waiting = await hub.deliver(Source.ORDERS, order("W1", "O1", "10.00"), order("W1", "O2", "20.00", at="2026-06-01"))
    counted = await hub.deliver(Source.ACTIVITY, "website,W1,2026-11-01,visit,3", "website,W1,2026-11-02,share,1")
    assert (tally(waiting), tally(counted)) == ({"read": 2, "waiting": 2}, {"read": 2, "waiting": 2})
    assert (await hub.picture()).people == frozenset()  # orders never make a member
    assert len(await hub.rows("hub.waiting_line")) == 4
    subjects = {row.subject_id for row in await hub.rows("hub.waiting_line")}
    assert len(subjects) == 1

    summary = await hub.deliver(Source.WEBSITE, website("W1", "2025-01-01"))

    assert summary.counts[Count.RELEASED] == 4
    assert await hub.rows("hub.waiting_line") == []
    assert not subjects & {row.subject for row in await hub.rows("vault.data_key")}
    picture = await hub.picture()
    assert {line[1:6] for line in picture.orders} == {
        ("website", "O1", 1, None, 1000),
        ("website", "O2", 1, None, 2000),
    }
    assert {(str(day), kind): n for (_, day, kind), n in picture.activity.items()} == {
        ("2026-11-01", "visit"): 3,
        ("2026-11-02", "share"): 1,
    }


async def test_lines_of_all_three_channels_are_released_by_one_batch_each(hub: Hub) -> None:
    keys = [f"{letter}{n}" for letter in "WA8" for n in range(5)]
    await hub.deliver(Source.ORDERS, *(order(key, f"O{key}") for key in keys))

    await hub.deliver(Source.WEBSITE, *(website(f"W{n}", "2025-01-01") for n in range(5)))
    await hub.deliver(Source.APP, *(app(f"A{n}", "2025-01-01", appid=f"wx_mini_{1 + n % 3}") for n in range(5)))
    await hub.deliver(Source.STORE, *(card(f"8{n}", "2025-01-01") for n in range(5)))

    picture = await hub.picture()
    assert {line[0][2]: line[2] for line in picture.orders} == {key: f"O{key}" for key in keys}
    assert picture.waiting == frozenset()


async def test_an_app_user_is_named_without_the_appid(hub: Hub) -> None:
    await hub.deliver(Source.ORDERS, order("A1", "O1"))

    await hub.deliver(Source.APP, app("A1", "2025-01-01", appid="wx_mini_3"))
    known = await hub.deliver(Source.ORDERS, order("A1", "O2"))

    assert known.counts[Count.APPLIED] == 1
    assert {line[2] for line in (await hub.picture()).orders} == {"O1", "O2"}


async def test_a_count_that_waits_is_replaced_by_the_next_and_stays_one_line(hub: Hub) -> None:
    await hub.deliver(Source.ACTIVITY, "app,A1,2026-11-01,visit,3")
    await hub.deliver(Source.ACTIVITY, "app,A1,2026-11-01,visit,5")
    assert len(await hub.rows("hub.waiting_line")) == 1

    await hub.deliver(Source.APP, app("A1", "2025-01-01"))

    assert list((await hub.picture()).activity.values()) == [5]


async def test_a_refund_takes_the_store_of_its_original_whichever_comes_first(hub: Hub) -> None:
    await hub.deliver(Source.STORE, card("81", "2025-01-01"))

    await hub.deliver(Source.ORDERS, order("81", "R1", "-4.00", refund_of="O1/1"))
    assert await stores(hub) == {("R1", 1): None}
    await hub.deliver(Source.ORDERS, order("81", "O1", "10.00", store="SH009"))
    await hub.deliver(Source.ORDERS, order("81", "O2", "10.00", store="SH008"))
    await hub.deliver(Source.ORDERS, order("81", "R2", "-10.00", refund_of="O2/1"))

    assert await stores(hub) == {("O1", 1): "SH009", ("R1", 1): "SH009", ("O2", 1): "SH008", ("R2", 1): "SH008"}


async def test_a_refund_that_waited_with_its_original_has_its_store_too(hub: Hub) -> None:
    await hub.deliver(
        Source.ORDERS, order("81", "R1", "-4.00", refund_of="O1/1"), order("81", "O1", "10.00", store="SH009")
    )

    await hub.deliver(Source.STORE, card("81", "2025-01-01"))

    assert await stores(hub) == {("O1", 1): "SH009", ("R1", 1): "SH009"}


async def test_a_repeat_with_another_amount_is_refused_and_the_first_stands(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, website("W1", "2025-01-01"))
    await hub.deliver(Source.ORDERS, order("W1", "O1", "10.00"))

    same = await hub.deliver(Source.ORDERS, order("W1", "O1", "10.0", at="2026-05-06"))
    other = await hub.deliver(Source.ORDERS, order("W1", "O1", "10.01"))

    assert tally(same) == {"read": 1, "duplicate_deliveries": 1}
    assert tally(other) == {"read": 1, "conflicting_repeat": 1}
    assert [row.amount_fen for row in await hub.rows("hub.order_line")] == [1000]


async def test_a_repeat_of_a_line_that_waits_is_judged_by_its_amount_as_well(hub: Hub) -> None:
    await hub.deliver(Source.ORDERS, order("W9", "O1", "10.00"))

    again = await hub.deliver(Source.ORDERS, order("W9", "O1", "10.00"), order("W9", "O1", "10.01"))

    assert tally(again) == {"read": 2, "duplicate_deliveries": 1, "conflicting_repeat": 1}
    assert len(await hub.rows("hub.waiting_line")) == 1


async def test_purchases_make_a_store_ones_own_with_the_time_of_the_last(hub: Hub) -> None:
    await hub.deliver(Source.STORE, card("81", "2025-01-01", store="SH001"))
    await hub.deliver(
        Source.ORDERS,
        order("81", "O1", "10.00", store="SH009", at="2026-05-05"),
        order("81", "O2", "10.00", store="SH009", at="2026-07-07"),
        order("81", "O3", "10.00", store="SH008", at="2026-06-06"),
        order("81", "R3", "-10.00", refund_of="O3/1", at="2026-08-08"),
    )
    await hub.deliver(Source.ORDERS, order("81", "O4", "10.00", store="SH009", at="2026-01-01"))

    picture = await hub.picture()
    assert {(store, at) for _, store, at, _ in picture.stores} == {
        ("SH009", datetime(2026, 7, 7, 2, 30, tzinfo=UTC)),
        ("SH008", datetime(2026, 6, 6, 2, 30, tzinfo=UTC)),
    }
    assert picture.profile(Channel.STORE, "81")["home_store"] == "SH001"
