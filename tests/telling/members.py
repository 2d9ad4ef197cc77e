"""Members to be told something, and a run of the job that tells them."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from member_hub import telling
from member_hub.db import transaction
from member_hub.ids import MemberId
from member_hub.jobs.notices import calling_jobs_of
from member_hub.members.tables import Channel
from member_hub.telling import Kind, Notices, ToTell
from tests.graphql.world import NOW, said
from tests.sign_in_codes.desk import E164, Front, task_t

NOTICE, ANOTHER = UUID(int=1), UUID(int=2)


async def member_with(front: Front, number: int = 1, **more: Any) -> MemberId:
    """One with a website account; without an address unless one is said."""
    (found,) = await front.resolve(said(Channel.WEBSITE, f"W{number}", **more))
    return found


async def app_member(front: Front, number: int = 1, **more: Any) -> MemberId:
    (found,) = await front.resolve(
        said(Channel.APP, f"A{number}", openid=f"oXaaaaaaaaaaaaaaaaaaaaaa{number:04}", **more)
    )
    return found


async def everything(front: Front) -> MemberId:
    """A member who can be reached in each way."""
    (found, _) = await front.resolve(
        said(Channel.WEBSITE, "W1", phone=E164, phone_verified=True, email="zhao@brandmail.cn"),
        said(Channel.APP, "A1", phone=E164, phone_verified=True, openid="oXaaaaaaaaaaaaaaaaaaaaaa0001"),
    )
    return found


async def ask(front: Front, *rows: tuple[MemberId, Kind, UUID | None], at: datetime = NOW) -> list[UUID]:
    async with transaction(front.hub.database.app) as tx:
        return await telling.ask(tx, [ToTell(*row) for row in rows], at)


async def ask_notice(front: Front, *members: MemberId, at: datetime = NOW) -> list[UUID]:
    return await ask(front, *((one, Kind.PRIVACY_NOTICE, NOTICE) for one in members), at=at)


async def run_at(front: Front, at: datetime, *, times: int = 1) -> None:
    """A run of the job in so many processes at once."""
    front.clock.at = at
    jobs = [job for _ in range(times) for job in calling_jobs_of(front.hub)]
    await asyncio.gather(*(job.run_if_due(at) for job in jobs))


def notices(front: Front, **more: Any) -> Notices:
    return Notices(front.hub.database, front.hub.vault, front.clock, front.hub.sender, **more)


async def tasks(front: Front) -> Sequence[Any]:
    async with transaction(front.hub.database.app) as tx:
        return (await tx.execute(select(task_t).order_by(task_t.c.created_at, task_t.c.task_id))).all()


def sent(front: Front) -> list[tuple[str, str, str]]:
    return [(message.by.value, message.to, message.template) for message in front.service.taken]
