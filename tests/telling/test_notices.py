"""Who could not be told at once is told later, once, however many processes try; at last it is left to people."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from member_hub.db import transaction
from member_hub.doctor.records import notices_told
from member_hub.ids import uuid7
from member_hub.jobs import run_forever
from member_hub.jobs.notices import calling_jobs_of
from member_hub.members.tables import Channel
from member_hub.telling import Message, NotSent
from member_hub.telling.actions import PAUSES
from member_hub.telling.tables import NoticeTask
from tests.graphql.world import NOW, said
from tests.sign_in_codes.desk import E164, Front, task_t

LONG_AGO = NOW - timedelta(days=120)
LOOKS_MAX = 500


async def untold(front: Front, *, email: str | None = "zhao@brandmail.cn") -> None:
    await front.resolve(
        said(Channel.WEBSITE, "W1", at=LONG_AGO, phone=E164, phone_verified=True, email=email, name="赵启明")
    )
    code = await front.code_for()
    front.service.taken.clear()
    front.service.is_open = False
    answer = await front.say("session", {"phone": E164, "code": code, "startNew": True})
    front.service.is_open = True
    assert answer.json()["member"] == "new"


async def round_at(front: Front, at: datetime, *, times: int = 1) -> None:
    """A round of the job in so many processes at once."""
    front.clock.at = at
    jobs = [job for _ in range(times) for job in calling_jobs_of(front.hub)]
    await asyncio.gather(*(job.run_if_due(at) for job in jobs))


async def task(front: Front) -> Any:
    (row,) = await front.rows(NoticeTask)
    return row


async def test_who_could_not_be_told_is_told_in_a_later_round_and_once(front: Front) -> None:
    await untold(front)
    before = await task(front)

    await round_at(front, NOW + timedelta(minutes=1))
    after = await task(front)
    await round_at(front, NOW + timedelta(days=2))

    assert (before.tries, before.told_at, before.due_at) == (1, None, NOW + timedelta(minutes=1))
    (message,) = front.service.taken
    assert (message.template, message.to, message.message_id) == (
        "phone_released.zh", "zhao@brandmail.cn", after.task_id
    )  # fmt: skip
    assert (after.tries, after.told_at, after.told_by) == (2, NOW + timedelta(minutes=1), "email")


async def test_the_served_hub_does_it_by_the_clock(front: Front) -> None:
    await untold(front)
    front.clock.at = NOW + timedelta(minutes=1)
    stopping = asyncio.Event()
    running = asyncio.create_task(run_forever(front.hub, stopping))
    for _ in range(LOOKS_MAX):
        if front.service.taken:
            break
        await asyncio.sleep(0.01)
    stopping.set()
    await running

    assert len(front.service.taken) == 1
    assert (await task(front)).told_at is not None


async def test_a_round_before_a_task_is_due_leaves_it(front: Front) -> None:
    await untold(front)

    await round_at(front, NOW + timedelta(seconds=59))

    assert (front.service.taken, (await task(front)).tries) == ([], 1)


async def test_two_processes_tell_a_member_once(front: Front) -> None:
    await untold(front)

    await round_at(front, NOW + timedelta(minutes=1), times=4)

    assert len(front.service.taken) == 1
    assert (await task(front)).tries == 2


async def test_what_one_process_is_claiming_is_passed_over_by_another(front: Front) -> None:
    await untold(front)
    async with transaction(front.hub.database.app) as tx:
        await tx.execute(task_t.select().with_for_update())
        await asyncio.wait_for(round_at(front, NOW + timedelta(minutes=1)), 5)

    assert (front.service.taken, (await task(front)).tries) == ([], 1)


async def test_while_one_process_is_handing_over_no_other_does(front: Front) -> None:
    await untold(front)
    taking, go_on = asyncio.Event(), asyncio.Event()
    taken: list[Message] = []

    class Slow:
        async def send(self, message: Message) -> None:
            taken.append(message)
            taking.set()
            await go_on.wait()

    slow = replace(front, hub=replace(front.hub, sender=Slow()))
    first = asyncio.create_task(round_at(slow, NOW + timedelta(minutes=1)))
    await taking.wait()
    await round_at(front, NOW + timedelta(minutes=1))
    go_on.set()
    await first

    assert (len(taken), front.service.taken) == (1, [])
    assert (await task(front)).told_at is not None


async def test_each_try_waits_longer_and_after_the_last_people_have_to_tell(front: Front) -> None:
    await untold(front)
    front.service.is_open = False
    at, pauses = NOW, []
    while (due_at := (await task(front)).due_at) is not None:
        pauses.append(int((due_at - at).total_seconds()) // 60)
        at = due_at
        await round_at(front, at)
    front.service.is_open = True
    await round_at(front, at + timedelta(days=365))

    left = await task(front)
    assert pauses == [1, 10, 60, 360, 1440]
    assert (left.tries, left.told_at, left.due_at) == (len(PAUSES) + 1, None, None)
    assert front.service.taken == []
    check = await notices_told(front.hub.database)
    assert check.says == "1 times a member has still to be told something: phone_released 1 (1 left to people)"


async def test_a_round_ends_where_nothing_is_taken_and_the_rest_loses_no_try(front: Front) -> None:
    await untold(front)
    row = await task(front)
    others = [{**row._mapping, "task_id": uuid7(), "subject_ref": uuid7(), "tries": 0} for n in range(5)]
    async with transaction(front.hub.database.app) as tx:
        await tx.execute(task_t.insert(), others)
    asked: list[Message] = []

    class Shut:
        async def send(self, message: Message) -> None:
            asked.append(message)
            raise NotSent

    shut = replace(front, hub=replace(front.hub, sender=Shut()))
    await round_at(shut, NOW + timedelta(minutes=1))

    assert len(asked) == 1
    assert sum(one.tries for one in await front.rows(NoticeTask)) == 2
    await round_at(front, NOW + timedelta(minutes=20))
    assert len(front.service.taken) == 6


async def test_without_a_message_service_no_try_is_lost(front: Front) -> None:
    await untold(front)

    await round_at(replace(front, hub=replace(front.hub, sender=None)), NOW + timedelta(minutes=1))

    assert (await task(front)).tries == 1


async def test_who_has_no_address_is_left_to_people_at_once(front: Front) -> None:
    await untold(front, email=None)

    left = await task(front)
    await round_at(front, NOW + timedelta(days=2))

    assert (left.tries, left.told_at, left.due_at) == (1, None, None)
    assert (await task(front), front.service.taken) == (left, [])
