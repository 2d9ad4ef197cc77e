"""Whoever finds that members have to be told asks for it once, for many at once, in any process."""

import asyncio
from datetime import timedelta

import pytest

from member_hub.ids import MemberId, uuid7
from member_hub.telling import Kind
from tests.graphql.test_counts import watched
from tests.graphql.world import NOW
from tests.sign_in_codes.desk import Front
from tests.telling.members import ANOTHER, NOTICE, ask, ask_notice, member_with, run_at, sent, tasks


def somebody(number: int = 500) -> list[MemberId]:
    return [MemberId(uuid7()) for _ in range(number)]


async def test_five_hundred_are_asked_for_in_one_statement(front: Front) -> None:
    members = somebody()
    watching = watched(front)
    statements = next(watching)

    due = await ask_notice(front, *members)

    assert len(statements) == 1
    rows = await tasks(front)
    assert {row.task_id for row in rows} == set(due)
    assert {row.member_id for row in rows} == set(members)
    assert {(row.kind, row.subject_ref, row.created_at, row.due_at, row.tries, row.told_at) for row in rows} == {
        ("privacy_notice", NOTICE, NOW, NOW, 0, None)
    }
    next(watching, None)


async def test_asking_twice_is_asking_once_while_a_task_is_open(front: Front) -> None:
    (member,) = somebody(1)
    for ref in (NOTICE, None):
        first = await ask(front, *3 * [(member, Kind.PRIVACY_NOTICE, ref)])
        again = await ask(front, (member, Kind.PRIVACY_NOTICE, ref), at=NOW + timedelta(days=1))

        assert (len(first), again) == (1, [])

    assert [(row.subject_ref, row.created_at, row.due_at) for row in await tasks(front)] == [
        (NOTICE, NOW, NOW),
        (None, NOW, NOW),
    ]


async def test_another_notice_another_kind_and_another_member_are_tasks_of_their_own(front: Front) -> None:
    one, two = somebody(2)
    rows = [
        (one, Kind.PRIVACY_NOTICE, NOTICE),
        (one, Kind.PRIVACY_NOTICE, ANOTHER),
        (one, Kind.GUARDIAN_ASKED, NOTICE),
        (two, Kind.PRIVACY_NOTICE, NOTICE),
    ]

    assert len(await ask(front, *rows)) == 4
    assert {(row.member_id, row.kind, row.subject_ref) for row in await tasks(front)} == set(rows)


async def test_two_importers_that_ask_for_the_same_members_at_once_make_one_task_each(front: Front) -> None:
    members = somebody()

    found = await asyncio.gather(
        ask_notice(front, *members), ask_notice(front, *reversed(members)), ask_notice(front, *members[::2])
    )

    assert sum(len(due) for due in found) == len(await tasks(front)) == 500


async def test_a_member_who_was_told_may_be_told_again(front: Front) -> None:
    member = await member_with(front, email="zhao@brandmail.cn")
    await ask_notice(front, member)
    await run_at(front, NOW)

    (again,) = await ask_notice(front, member, at=NOW + timedelta(days=400))
    await run_at(front, NOW + timedelta(days=400))

    assert [message.message_id == again for message in front.service.taken] == [False, True]


async def test_who_was_left_to_people_is_tried_again_when_asked_for_again(front: Front) -> None:
    """The first file brought a card, and a later one the address."""
    member = await member_with(front)
    (task_id,) = await ask_notice(front, member)
    await run_at(front, NOW)
    (left,) = await tasks(front)
    await member_with(front, email="zhao@brandmail.cn", at=NOW)

    later = NOW + timedelta(days=3)
    assert await ask_notice(front, member, at=later) == [task_id]
    (due,) = await tasks(front)
    await run_at(front, later)

    assert (left.tries, left.due_at) == (1, None)
    assert (due.tries, due.due_at, due.created_at) == (0, later, NOW)
    assert sent(front) == [("email", "zhao@brandmail.cn", "privacy_notice.zh")]


@pytest.mark.parametrize("kind", [Kind.SIGN_IN_CODE, Kind.TILL_CODE])
async def test_a_code_is_no_task(front: Front, kind: Kind) -> None:
    with pytest.raises(ValueError, match="no task"):
        await ask(front, (somebody(1)[0], kind, None))

    assert await tasks(front) == []
