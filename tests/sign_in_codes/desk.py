"""A hub with nobody in it, a message service that keeps what it was handed, and people who sign in over HTTP."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import httpx2
from sqlalchemy import delete, func, select, update

from member_hub.access import DevelopmentTokens
from member_hub.crypto import Ledger
from member_hub.db import Database, snapshot, transaction
from member_hub.db.bulk import table_of
from member_hub.holders import HOLDERS, holders_by
from member_hub.identity.kinds import ClaimKind
from member_hub.identity.queries import find_members
from member_hub.identity.statements import AccountStatement
from member_hub.identity.tables import IdentityClaim, IdentityHint
from member_hub.ids import MemberId
from member_hub.rights import erase, export, find_person, hold_person
from member_hub.runtime import open_runtime
from member_hub.settings import Settings
from member_hub.sign_in.tables import OneTimeCode, SecondTry, Session, SignInTry
from member_hub.telling import Message, Notices, NotSent
from member_hub.telling.tables import NoticeTask
from member_hub.web import make_app
from tests.graphql.world import NOW, StandingClock, World

PHONE = "13912345671"
E164 = "+8613912345671"
OTHER = "13912345672"
ME = "{ me { id phone { value } orders(first: 5) { edges { node { orderNo } } } } }"

code_t, session_t, task_t = (table_of(m) for m in (OneTimeCode, Session, NoticeTask))
try_t, second_t = table_of(SignInTry), table_of(SecondTry)
claim_t, hint_t = table_of(IdentityClaim), table_of(IdentityHint)


@dataclass
class MessageService:
    """Takes messages, or refuses them."""

    taken: list[Message] = field(default_factory=list)
    is_open: bool = True

    async def send(self, message: Message) -> None:
        if not self.is_open:
            raise NotSent
        self.taken.append(message)

    def code(self) -> str:
        return self.taken[-1].values["code"]


@dataclass
class Front(World):
    """The world, with the message service and the sign-in endpoints."""

    service: MessageService
    attempt: str = "01a20187-881a-7a16-9fe9-d894b9601c0c"  # as the last code's answer said

    async def resolve(self, *statements: AccountStatement) -> list[MemberId]:
        """Members move in, and have been told what moving in has them told (tests/telling/test_moving_in.py)."""
        before = {row.task_id for row in await self.rows(NoticeTask)}
        members = await super().resolve(*statements)
        async with transaction(self.hub.database.app) as tx:
            await tx.execute(delete(task_t).where(task_t.c.task_id.not_in(before)))
        return members

    async def say(self, path: str, sent: object, **headers: str) -> httpx2.Response:
        """A session is asked for with the last attempt, unless another is said."""
        if path == "session" and isinstance(sent, dict):
            sent = {"attempt": self.attempt, **sent}
        answer = await self.client.post(f"/sign-in/{path}", json=sent, headers=headers)
        if path == "code" and answer.status_code == 200:
            self.attempt = answer.json()["attempt"]
        return answer

    async def code_for(self, phone: str = PHONE) -> str:
        answer = await self.say("code", {"phone": phone})
        assert answer.status_code == 200, answer.text
        return self.service.code()

    async def session(self, phone: str = PHONE, **more: object) -> dict[str, Any]:
        """A session with a code asked for now; whatever it is answered by."""
        answer = await self.say("session", {"phone": phone, "code": await self.code_for(phone), **more})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def me(self, token: str, query: str = ME) -> httpx2.Response:
        return await self.client.post("/graphql", json={"query": query}, headers={"Authorization": f"Bearer {token}"})

    async def whoami(self, token: str) -> dict[str, Any] | None:
        answer = (await self.me(token)).json()
        assert "errors" not in answer, answer
        found: dict[str, Any] | None = answer["data"]["me"]
        return found

    async def hub_notices(self) -> int:
        """What runs by the clock tells whom it can; how many."""
        return await Notices(self.hub.database, self.hub.vault, self.clock, self.service).tell_waiting()

    async def later(self, **by: int) -> None:
        """Time goes by for codes and tries: their rows move back, for their clock is the database's."""
        ago = timedelta(**by)
        moved = {name: code_t.c[name] - ago for name in ("created_at", "expires_at")}
        async with transaction(self.hub.database.app) as tx:
            await tx.execute(update(code_t).values(moved))
            for tries in (try_t, second_t):
                await tx.execute(update(tries).values(tried_at=tries.c.tried_at - ago))

    async def rows(self, model: type[Any]) -> Sequence[Any]:
        async with transaction(self.hub.database.app) as tx:
            return (await tx.execute(select(table_of(model)))).all()

    async def finds(self, phone: str = E164) -> MemberId | None:
        token = (ClaimKind.PHONE, self.hub.vault.token(ClaimKind.PHONE, "", phone))
        async with transaction(self.hub.database.app) as tx:
            return (await find_members(tx, [token])).get(token)

    async def claims(self, member_id: MemberId, phone: str = E164) -> list[tuple[str, Any]]:
        """Status and time of verification of what a member states about a phone."""
        token = self.hub.vault.token(ClaimKind.PHONE, "", phone)
        statement = (
            select(claim_t.c.status, claim_t.c.verified_at)
            .join(hint_t, hint_t.c.claim_id == claim_t.c.claim_id)
            .where(hint_t.c.token == token, claim_t.c.member_id == member_id)
        )
        async with transaction(self.hub.database.app) as tx:
            return [(status, at) for status, at in await tx.execute(statement)]

    async def count(self, model: type[Any]) -> int:
        async with transaction(self.hub.database.app) as tx:
            return int((await tx.execute(select(func.count()).select_from(table_of(model)))).scalar_one())

    async def erase(self, member_id: MemberId) -> None:
        ledger = Ledger.open(self.hub.settings.ledger_dir)
        async with transaction(self.hub.database.app) as tx:
            person = await hold_person(tx, self.hub.vault, member_id)
            await erase(tx, self.hub.vault, ledger, HOLDERS, person, now=self.clock.now())

    async def copied(self, member_id: MemberId) -> set[str]:
        """The tables of which a copy of what is held has rows."""
        async with snapshot(self.hub.database.app) as tx:
            person = await find_person(tx, self.hub.vault, member_id)
            return set((await export(tx, self.hub.vault, HOLDERS, person))["held"])

    async def trail(self) -> list[tuple[str, str, list[Any]]]:
        """Operation, outcome and members of every entry, in order."""
        return [(row.operation, row.outcome, row.member_ids) for row in await self.audited()]


@asynccontextmanager
async def open_front(
    database: Database, settings: Settings, *, with_sender: bool = True, address: str = "198.51.100.7"
) -> AsyncIterator[Front]:
    clock, service = StandingClock(NOW), MessageService()
    async with open_runtime(settings, clock, database, holders_by(clock)) as opened:
        hub = replace(opened, sender=service if with_sender else None)
        transport = httpx2.ASGITransport(make_app(hub), client=(address, 40_000))
        async with httpx2.AsyncClient(transport=transport, base_url="http://hub") as client:
            yield Front(hub, clock, DevelopmentTokens.open(settings), client, service)


def codes_of(answer: httpx2.Response) -> list[str]:
    return [error["extensions"]["code"] for error in answer.json()["errors"]]


def as_said(answer: httpx2.Response) -> tuple[int, Mapping[str, Any], list[tuple[str, str]]]:
    """All that an answer says, but for its request id and what is random."""
    body = answer.json()
    del body["extensions"]["requestId"]
    body.pop("attempt", None)  # random
    return answer.status_code, body, sorted((k, v) for k, v in answer.headers.items() if k != "x-request-id")
