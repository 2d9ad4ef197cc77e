"""Members of two handlers who became one: what each gave is judged by its own definitions, and protects both sides."""

from datetime import timedelta
from typing import Any

import pytest

from member_hub.db import snapshot, transaction
from member_hub.ids import uuid7
from member_hub.members.taggings import TagKind, tagging_t
from member_hub.privacy import DataClass, Purpose
from member_hub.tags import rounds
from member_hub.tags.queries import tags_of
from tests.tags.desk import NOW, PROGRAMME, Desk, Someone
from tests.tags.test_evaluating import defined

HAND: dict[str, Any] = {"kind": TagKind.HAND, "is_profiling": False, "data_class": DataClass.PROFILE}
PROTECTS = HAND | {"is_restrictive": True}


async def given(desk: Desk, who: Someone, tag: str, *, handler: str) -> None:
    row = {
        "member_id": who.member_id, "tag": tag, "given_id": uuid7(), "handler": handler, "how": "hand",
        "origins": list(who.origins), "since": NOW, "given_by": "E1", "version": 1, "is_profiling": False,
        "restricted_by": 0,
    }  # fmt: skip
    async with transaction(desk.database.app) as tx:
        await tx.execute(tagging_t.insert(), row)


async def shown(desk: Desk, who: Someone) -> list[str]:
    async with snapshot(desk.database.app) as tx:
        found = await tags_of(tx, [who.member_id], Purpose.MEMBER_SERVICE, is_own=True, now=desk.clock.now())
    return [one.definition.code for one in found[who.member_id] if one.how is TagKind.HAND]


async def by_the_clock(desk: Desk) -> None:
    while True:
        async with transaction(desk.database.app) as tx:
            if not await rounds.evaluate_next(tx, PROGRAMME, "brand", desk.clock):
                return


async def two(desk: Desk) -> tuple[Someone, Someone]:
    """The one of the sister brand bears a tag that protects and an ordinary one."""
    await defined(desk, "dispute", None, handler="sister_brand", **PROTECTS)
    await defined(desk, "likes_golf", None, handler="sister_brand", **HAND)
    kept, gone = await desk.member(), await desk.member(handler="sister_brand")
    for tag in ("dispute", "likes_golf"):
        await given(desk, gone, tag, handler="sister_brand")
    return kept, gone


@pytest.mark.parametrize("is_round", [False, True])
async def test_what_the_other_handler_gave_stays_after_merging(desk: Desk, *, is_round: bool) -> None:
    kept, gone = await two(desk)
    await desk.merge(kept, gone)

    await (by_the_clock(desk) if is_round else desk.evaluate(kept))

    assert await shown(desk, kept) == ["dispute", "likes_golf"]


async def test_it_ends_where_its_own_handler_ends_it(desk: Desk) -> None:
    """And not where ours has one of the same name."""
    kept, gone = await two(desk)
    await defined(desk, "likes_golf", None, **HAND)
    await given(desk, kept, "likes_golf", handler="brand")
    await desk.merge(kept, gone)
    await defined(desk, "likes_golf", None, version=2, handler="sister_brand", is_retired=True, **HAND)

    await desk.evaluate(kept)

    left = [(row.tag, row.handler) for row in await desk.taggings(kept) if row.how == "hand"]
    assert sorted(left) == [("dispute", "sister_brand"), ("likes_golf", "brand")]


async def test_a_new_version_reaches_what_its_own_handler_gave_alone(desk: Desk) -> None:
    kept, gone = await two(desk)
    await defined(desk, "likes_golf", None, **HAND)
    await given(desk, kept, "likes_golf", handler="brand")
    await desk.merge(kept, gone)
    await defined(desk, "likes_golf", None, version=2, handler="sister_brand", **HAND)

    await desk.evaluate(kept)

    versions = {row.handler: row.version for row in await desk.taggings(kept) if row.tag == "likes_golf"}
    assert versions == {"brand": 1, "sister_brand": 2}


@pytest.mark.parametrize("is_evaluated", [False, True])
async def test_what_protects_stays_on_both_sides_whichever_handler_gave_it(desk: Desk, *, is_evaluated: bool) -> None:
    kept, gone = await two(desk)
    await defined(desk, "allergy", None, **PROTECTS)
    await given(desk, kept, "allergy", handler="brand")
    await desk.merge(kept, gone)
    if is_evaluated:
        await desk.evaluate(kept)

    await desk.split(kept, gone)

    assert await shown(desk, kept) == ["allergy", "dispute"]
    assert await shown(desk, gone) == ["allergy", "dispute", "likes_golf"]
    desk.clock.at += timedelta(days=1)
    await desk.evaluate(kept, gone)
    assert await shown(desk, kept) == ["allergy", "dispute"]
    assert await shown(desk, gone) == ["allergy", "dispute", "likes_golf"]
