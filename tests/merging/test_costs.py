"""What merging costs members without points, tiers, tags, benefits or approvals: one question for all of these."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event

from member_hub.ingest.words import Source
from member_hub.members.tables import Channel
from tests.hub import Hub, app, card, tally, verified, website

LOYALTY = (
    "points_",
    "tier_standing",
    "tier_change",
    "growth_entry",
    "tagging",
    "tag_due",
    "entitlement",
    "act_approval",
)


@contextmanager
def statements(hub: Hub) -> Iterator[list[str]]:
    asked: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_more: object) -> None:
        asked.append(statement)

    engine = hub.database.app.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    yield asked
    event.remove(engine, "before_cursor_execute", note)


async def two_members(hub: Hub) -> None:
    """Who have nothing, and will turn out to be one."""
    phone = verified("2025-02-01", "13911110001")
    await hub.deliver(Source.WEBSITE, website("W1", "2025-02-01", **phone))
    await hub.deliver(Source.APP, app("A1", "2025-02-02", mobile="13911110002"))


async def test_two_who_have_nothing_are_asked_about_once(hub: Hub) -> None:
    await two_members(hub)

    with statements(hub) as asked:
        merged = await hub.deliver(Source.APP, app("A1", "2025-03-01", mobile="13911110001"))

    assert tally(merged) == {"read": 1, "updated": 1, "merged": 1}
    moving = asked[next(n for n, one in enumerate(asked) if "there_0" in one) :]
    ends = next(n for n, one in enumerate(moving) if "INSERT INTO hub.merge_event" in one)
    assert [one for one in moving[1:ends] if any(f"hub.{name}" in one for name in LOYALTY)] == []
    assert ends == 10
    assert await hub.rows("hub.tier_standing") == await hub.rows("hub.tag_due") == []


async def test_who_has_something_brings_it_along(hub: Hub) -> None:
    await two_members(hub)
    await hub.deliver(Source.STORE, card("C1", "2025-02-03", phone="13911110001", balance="70"))

    await hub.deliver(Source.APP, app("A1", "2025-03-01", mobile="13911110001"))

    root = await hub.member_of(Channel.APP, "A1")
    assert [(r.member_id, r.active) for r in await hub.rows("hub.points_account") if r.state == "open"] == [(root, 70)]
