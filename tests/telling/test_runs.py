"""A run of the job: as many as the service takes, what presses first, and what is noted with who was told."""

import asyncio
import io
import json
import re
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from member_hub.db import transaction
from member_hub.db.base import Tx
from member_hub.doctor.records import notices_told
from member_hub.ids import MemberId, uuid7
from member_hub.telling import Console, Kind, Message, NotSent, ToldTask
from member_hub.telling import notices as running
from tests.graphql.world import NOW
from tests.sign_in_codes.desk import Front, task_t
from tests.telling.conftest import URL
from tests.telling.members import (
    ANOTHER,
    NOTICE,
    app_member,
    ask,
    ask_notice,
    everything,
    member_with,
    notices,
    run_at,
    sent,
    tasks,
)

MINUTE = timedelta(minutes=1)


class Killed(BaseException):
    """The process is gone: nothing after it runs."""


@dataclass
class Dies:
    """A message service that takes a message from a process which then is no more."""

    taken: list[Message] = field(default_factory=list)

    async def send(self, message: Message) -> None:
        self.taken.append(message)
        raise Killed


SHOWN = f"privacy_notice.zh address={URL}"


def through(front: Front, sender: Any) -> Front:
    return replace(front, hub=replace(front.hub, sender=sender))


async def crowd(front: Front, number: int) -> MemberId:
    """One member with an address, who is given so many notices: as much work as so many members."""
    member = await member_with(front, email="zhao@brandmail.cn")
    await ask(front, *((member, Kind.PRIVACY_NOTICE, uuid7()) for _ in range(number)))
    return member


def limited(monkeypatch: pytest.MonkeyPatch, *, tasks_max: int, rounds_max: int) -> None:
    monkeypatch.setattr(running, "TASKS_MAX", tasks_max)
    monkeypatch.setattr(running, "ROUNDS_MAX", rounds_max)


def test_a_run_is_of_two_thousand_at_most() -> None:
    assert (running.TASKS_MAX, running.TASKS_MAX * running.ROUNDS_MAX) == (100, 2_000)


async def test_rounds_repeat_while_the_service_takes_messages(front: Front) -> None:
    await crowd(front, 350)

    await run_at(front, NOW)

    assert len(front.service.taken) == 350
    assert {row.told_by for row in await tasks(front)} == {"email"}


async def test_a_run_ends_at_its_limit_and_the_next_one_goes_on(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    limited(monkeypatch, tasks_max=3, rounds_max=2)
    await crowd(front, 8)

    await run_at(front, NOW)
    first = len(front.service.taken)
    await run_at(front, NOW + MINUTE)

    assert (first, len(front.service.taken)) == (6, 8)
    assert {row.tries for row in await tasks(front)} == {1}


async def test_who_has_no_way_does_not_end_a_run(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    limited(monkeypatch, tasks_max=3, rounds_max=4)
    nobody = await member_with(front, 1)
    await ask(front, *((nobody, Kind.PRIVACY_NOTICE, uuid7()) for _ in range(7)))
    await ask_notice(front, await member_with(front, 2, email="zhao@brandmail.cn"), at=NOW + MINUTE)

    await run_at(front, NOW + MINUTE)

    assert len(front.service.taken) == 1


async def test_a_service_that_takes_nothing_ends_the_run_without_a_try_lost(front: Front) -> None:
    await crowd(front, 250)
    asked: list[Message] = []

    class Full:
        async def send(self, message: Message) -> None:
            asked.append(message)
            if len(asked) > 120:
                raise NotSent

    await run_at(through(front, Full()), NOW)

    assert len(asked) == 121
    rows = await tasks(front)
    assert (sum(row.tries for row in rows), sum(row.told_at is not None for row in rows)) == (121, 120)


async def test_a_service_that_refuses_the_last_of_a_round_ends_the_run_too(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited(monkeypatch, tasks_max=3, rounds_max=3)
    await crowd(front, 9)
    asked: list[Message] = []

    class Full:
        async def send(self, message: Message) -> None:
            asked.append(message)
            if len(asked) > 2:
                raise NotSent

    await run_at(through(front, Full()), NOW)

    assert len(asked) == 3


async def test_what_presses_waits_for_one_round_and_not_for_a_first_import(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody signed in with a second thing while members are given the notice that came with the files."""
    limited(monkeypatch, tasks_max=3, rounds_max=3)
    member = await crowd(front, 9)
    asked: list[str] = []

    class Busy:
        async def send(self, message: Message) -> None:
            asked.append(message.kind)
            if len(asked) == 2:
                await ask(front, (member, Kind.ACCOUNT_OPENED, NOTICE))

    await run_at(through(front, Busy()), NOW)

    assert asked == 3 * ["privacy_notice"] + ["account_opened"] + 5 * ["privacy_notice"]


async def test_a_long_run_ends_when_the_hub_does(front: Front) -> None:
    await crowd(front, 5)

    told = await notices(front).tell_waiting(lambda: len(front.service.taken) == 2)

    assert told == len(front.service.taken) == 2
    assert sorted(row.tries for row in await tasks(front)) == [0, 0, 0, 1, 1]


async def test_several_processes_tell_each_member_once(front: Front) -> None:
    await crowd(front, 40)
    told: list[ToldTask] = []

    async def on_told(_tx: Tx, task: ToldTask) -> None:
        told.append(task)

    await asyncio.gather(*(notices(front, on_told=on_told).tell_waiting() for _ in range(4)))

    everyone = {row.task_id for row in await tasks(front)}
    assert sorted(message.message_id for message in front.service.taken) == sorted(everyone)
    assert sorted(task.task_id for task in told) == sorted(everyone)


async def test_whoever_runs_the_job_notes_who_was_told_in_the_same_transaction(front: Front) -> None:
    member = await everything(front)
    (task_id,) = await ask_notice(front, member)
    seen: list[tuple[ToldTask, Any]] = []

    async def on_told(tx: Tx, task: ToldTask) -> None:
        seen.append((task, await tx.scalar(select(task_t.c.told_at).where(task_t.c.task_id == task.task_id))))

    await notices(front, on_told=on_told).tell_waiting()

    assert seen == [
        (ToldTask(task_id, member, Kind.PRIVACY_NOTICE, NOTICE, front.service.taken[0].by, NOW), NOW)
    ]  # fmt: skip


async def test_what_cannot_be_noted_was_not_told_and_comes_again_under_the_same_id(front: Front) -> None:
    await ask_notice(front, await everything(front))

    async def fails(_tx: Tx, _task: ToldTask) -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await notices(front, on_told=fails).tell_waiting()
    (before,) = await tasks(front)
    await run_at(front, NOW + MINUTE)

    assert (before.told_at, before.told_by, before.due_at) == (None, None, NOW + MINUTE)
    assert [message.message_id for message in front.service.taken] == 2 * [before.task_id]


async def test_a_process_killed_after_handing_over_tells_again_under_the_same_id_and_notes_it_once(
    front: Front,
) -> None:
    await ask_notice(front, await everything(front))
    dies, told = Dies(), []

    async def on_told(_tx: Tx, task: ToldTask) -> None:
        told.append(task.task_id)

    with pytest.raises(Killed):
        await notices(through(front, dies), on_told=on_told).tell_waiting()
    assert await notices(front, on_told=on_told).tell_waiting() == 0
    front.clock.at = NOW + MINUTE
    assert await notices(front, on_told=on_told).tell_waiting() == 1

    assert [m.message_id for m in front.service.taken] == [m.message_id for m in dies.taken] == told
    assert [(row.tries, row.told_at) for row in await tasks(front)] == [(2, NOW + MINUTE)]


async def test_who_was_erased_while_the_message_went_out_is_noted_nowhere(front: Front) -> None:
    member = await everything(front)
    await ask_notice(front, member)
    told: list[ToldTask] = []

    class Slow:
        async def send(self, _message: Message) -> None:
            await front.erase(member)

    async def on_told(_tx: Tx, task: ToldTask) -> None:
        told.append(task)

    await notices(through(front, Slow()), on_told=on_told).tell_waiting()

    assert (told, list(await tasks(front))) == ([], [])


async def test_the_console_shows_twenty_notices_of_a_run_and_how_many_more_went(front: Front) -> None:
    screen = io.StringIO()
    await ask(front, (await crowd(front, 27), Kind.GUARDIAN_ASKED, NOTICE))

    await run_at(through(front, Console(screen)), NOW)

    lines = screen.getvalue().splitlines()
    assert lines[0].endswith(": guardian_asked.zh")
    assert [line.partition(": ")[2] for line in lines[1:21]] == 20 * [SHOWN]
    assert lines[21:] == ["[development only] and 7 more of privacy_notice"]
    assert len({row.task_id for row in await tasks(front) if row.told_at}) == 28


async def test_twenty_notices_are_shown_without_a_word_about_more(front: Front) -> None:
    screen = io.StringIO()
    await crowd(front, 20)

    await run_at(through(front, Console(screen)), NOW)
    await ask_notice(front, await app_member(front), at=NOW)
    await run_at(through(front, Console(screen)), NOW)

    assert [line.partition(": ")[2] for line in screen.getvalue().splitlines()] == 21 * [SHOWN]


async def test_doctor_says_by_kind_who_is_left_to_people(front: Front) -> None:
    nobody, somebody = await member_with(front, 1), await app_member(front, 2)
    front.service.is_open = False
    await ask(
        front,
        (nobody, Kind.PRIVACY_NOTICE, NOTICE),
        (somebody, Kind.PRIVACY_NOTICE, NOTICE),
        (nobody, Kind.PRIVACY_NOTICE, ANOTHER),
        (nobody, Kind.IDENTITIES_UNITED, None),
    )
    await run_at(front, NOW)
    front.clock.at = NOW + timedelta(days=3)
    await notices(front).tell_waiting()

    check = await notices_told(front.hub.database)

    assert check.verdict == "warn"
    assert check.says == (
        "4 times a member has still to be told something: "
        "identities_united 1 (1 left to people), privacy_notice 3 (2 left to people)"
    )


async def test_with_everybody_told_doctor_is_content(front: Front) -> None:
    await ask_notice(front, await everything(front))
    await run_at(front, NOW)

    check = await notices_told(front.hub.database)

    assert (check.verdict, check.says) == ("ok", "every member has been told")
    assert len(sent(front)) == 1


async def test_a_due_task_is_found_by_its_index_however_many_wait(front: Front) -> None:
    """A hundred thousand wait after a first import, and each of them is looked for."""
    filling = text(
        "INSERT INTO hub.notice_task (task_id, member_id, kind, created_at, due_at)"
        " SELECT gen_random_uuid(), gen_random_uuid(), 'privacy_notice', now(), now() - n * interval '1 second'"
        " FROM generate_series(1, 20000) n"
    )
    looking = (
        "EXPLAIN (FORMAT JSON) SELECT task_id FROM hub.notice_task WHERE kind IN ({kinds}) AND told_at IS NULL"
        " AND due_at <= now() ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED"
    )
    async with transaction(front.hub.database.app) as tx:
        await tx.execute(filling)
        plans = [
            json.dumps(await tx.scalar(text(looking.format(kinds=", ".join(f"'{kind}'" for kind in kinds)))))
            for kinds in (*((kind,) for kind in running.BULK), running.PRESSING)
        ]

    assert [re.findall(r'"Index Name": "(\w+)"', plan) for plan in plans] == 3 * [["ix_notice_task_due"]]
    assert [plan for plan in plans[:2] if "Sort" in plan] == []
