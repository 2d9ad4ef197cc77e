"""The desk where members sign in: each request from what was sent to what is answered, in its own transactions.

A try is committed before anything is decided with it; nothing is sent while a transaction is open; whatever the
answer, it is on record first. Known and unknown numbers go through the same steps and get the same answers.
"""

import logging
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update

from member_hub.access import CallerKind, MemberTokens, TokenClaims, Unauthenticated
from member_hub.access.member_tokens import ROLE
from member_hub.audit import AuditLog, Entry
from member_hub.clock import Clock
from member_hub.crypto import CannotOpen, Vault
from member_hub.db.base import Tx, snapshot, transaction
from member_hub.db.bulk import table_of
from member_hub.db.engines import Database
from member_hub.errors import HubError
from member_hub.ids import MemberId
from member_hub.merging import Resolver, patiently
from member_hub.privacy import Purpose
from member_hub.sign_in import actions, codes, queries, rules
from member_hub.sign_in.actions import Opened, Wanted
from member_hub.sign_in.codes import Subject
from member_hub.sign_in.posting import Post, holders
from member_hub.sign_in.refusals import CodeWrong, NotSent
from member_hub.sign_in.rules import CodePurpose
from member_hub.sign_in.sending import By, Kind, Message, Sender
from member_hub.sign_in.tables import NoticeTask

ANONYMOUS = "anonymous"  # whoever has not signed in yet
TASKS_MAX = 100  # told in one go
NOTICE_LANGUAGE = "zh"  # what a member prefers is not known here

task_t = table_of(NoticeTask)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Visit:
    """One request: from where, in which language, under which id."""

    request_id: UUID
    address: str
    language: str  # zh or en


@dataclass(frozen=True, slots=True, repr=False)
class Started:
    """What the member gets; `tasks` are still to be told to others."""

    access_token: str
    expires_at: datetime
    is_new: bool
    tasks: Sequence[UUID]


@dataclass(slots=True)
class About:
    """What is put on record about a request, gathered while it is under way."""

    caller: str = ANONYMOUS
    member_ids: Collection[MemberId] = ()
    fields: Collection[str] = ("key:phone",)
    outcome: str = "ok"
    is_written: bool = False


@dataclass(frozen=True, slots=True)
class Desk:
    """One per process. `sender` is None where production has none: then nobody signs in by code."""

    database: Database
    resolver: Resolver
    audit: AuditLog
    clock: Clock
    tokens: MemberTokens
    sender: Sender | None

    @property
    def post(self) -> Post:
        return Post(self.database, self.resolver.vault, self.sender)

    async def send_code(self, phone: str, visit: Visit) -> None:
        """Send a sign-in code. Raises TooManyCodes, NotSent; whether the number is known shows in neither."""
        async with self._on_record("signInCode", visit) as about:
            posted = await self.post.issue(phone, CodePurpose.SIGN_IN, address=visit.address)
            about.member_ids = posted.holders
        try:
            await self.post.hand_over(posted, Kind.SIGN_IN_CODE, visit.language)
        except NotSent as refusal:
            await self._write("signInCode", visit, refusal.code, about)
            raise

    async def start(self, wanted: Wanted, code: str, visit: Visit) -> Started | None:
        """A session for a right code. None: a second thing, or a new start, has to be chosen; that was one try.

        Raises CodeWrong, for whatever reason the code opens nothing.
        """
        async with self._on_record("signInSession", visit) as about:
            self.post.require()
            if wanted.second is not None:
                about.fields = ("key:phone", f"key:{wanted.second[0]}")
            opened = await self._open(wanted, code, visit, about)
            if opened is None:
                about.outcome = "missed"
                return None
        token = self.tokens.issue(
            opened.member_id, opened.session_id, expires_at=opened.expires_at, now=self.clock.now()
        )
        return Started(token, opened.expires_at, opened.is_new, opened.tasks)

    async def claims(self, token: str, now: datetime) -> TokenClaims:
        """The verified claims of a member's token whose session runs. Raises Unauthenticated.

        Reads, never writes. A merged member's session acts for the one they were merged into.
        """
        verified = self.tokens.verify(token, now)
        async with snapshot(self.database.app) as tx:
            member_id = await queries.acting_member(tx, UUID(verified.token_id), now=now)
        if member_id is None:
            raise Unauthenticated
        return replace(verified, subject=str(member_id), member_id=member_id)

    async def end(self, token: str, visit: Visit) -> None:
        """End the session of the token. Raises Unauthenticated where it does not run."""
        async with self._on_record("signInEnd", visit) as about:
            about.fields = ()
            claims = await self.claims(token, self.clock.now())
            about.caller, about.member_ids = claims.subject, [MemberId(UUID(claims.subject))]
            async with transaction(self.database.app) as tx:
                await actions.end_session(tx, UUID(claims.token_id), now=self.clock.now())

    async def _open(self, wanted: Wanted, code: str, visit: Visit, about: About) -> Opened | None:
        asked = rules.asked(wanted.phone)
        vault = self.resolver.vault
        subject = Subject.of(vault, asked.spelled, CodePurpose.SIGN_IN)
        async with transaction(self.database.app) as tx:
            about.member_ids = await holders(tx, subject)
            code_id = await codes.attempt(tx, vault, subject, code)
        if code_id is None or not asked.is_reachable:
            raise CodeWrong
        right, said = code_id, replace(wanted, phone=asked.spelled)

        async def attempt() -> Opened | None:
            async with transaction(self.database.app) as tx:
                opened = await actions.open_session(tx, self.resolver, said, right, now=self.clock.now())
                if opened is not None:
                    await self._record_opened(opened, visit, about)
                return opened

        return await patiently(attempt)

    async def _record_opened(self, opened: Opened, visit: Visit, about: About) -> None:
        """Inside the transaction, last: no session begins and no number is released without being on record."""
        opening = replace(about, caller=str(opened.member_id), member_ids=[opened.member_id])
        if opened.released:
            await self._write("phoneRelease", visit, "ok", replace(opening, member_ids=opened.released))
        await self._write("signInSession", visit, "ok", opening)
        about.is_written = True

    async def tell(self, tasks: Collection[UUID]) -> int:
        """Tell members what these tasks are about, by e-mail or through their app; returns how many were told.

        Who cannot be reached so stays to be told by people.
        """
        done = 0
        for task_id in tasks:
            done += await self._tell_one(task_id)
        return done

    async def tell_waiting(self) -> int:
        """The same for the tasks that wait longest, TASKS_MAX at most: for whatever runs by the clock."""
        waiting = select(task_t.c.task_id).where(task_t.c.told_at.is_(None)).order_by(task_t.c.created_at)
        async with snapshot(self.database.app) as tx:
            tasks = list(await tx.scalars(waiting.limit(TASKS_MAX)))
        return await self.tell(tasks)

    async def _tell_one(self, task_id: UUID) -> bool:
        async with snapshot(self.database.app) as tx:
            message = await _notice(tx, self.resolver.vault, task_id)
        if message is None:
            return False
        try:
            await self.post.require().send(message)
        except NotSent:
            _log.warning("A member could not be told, task %s.", task_id)
            return False
        async with transaction(self.database.app) as tx:
            told = {"told_at": self.clock.now(), "told_by": message.by}
            await tx.execute(update(task_t).where(task_t.c.task_id == task_id).values(told))
        return True

    @asynccontextmanager
    async def _on_record(self, operation: str, visit: Visit) -> AsyncIterator[About]:
        """What happens in the block is on record when it ends, also where it was refused or failed.

        What was put on record and did not come to pass gets a second entry that says so.
        """
        about = About()
        try:
            yield about
        except Exception as error:
            outcome = error.code if isinstance(error, HubError) else HubError.code
            await self._write(operation, visit, outcome, about)
            raise
        if not about.is_written:
            await self._write(operation, visit, about.outcome, about)

    async def _write(self, operation: str, visit: Visit, outcome: str, about: About) -> None:
        await self.audit.write(
            Entry(
                caller_kind=CallerKind.MEMBER,
                caller=about.caller,
                role=ROLE,
                purpose=Purpose.MEMBER_SERVICE,
                operation=operation,
                outcome=outcome,
                request_id=visit.request_id,
                happened_at=self.clock.now(),
                fields=tuple(about.fields),
                member_ids=tuple(about.member_ids),
            )
        )


async def _notice(tx: Tx, vault: Vault, task_id: UUID) -> Message | None:
    """The message of a task that is still to be done; None where there is no way but the lost number."""
    found = select(task_t.c.member_id).where(task_t.c.task_id == task_id, task_t.c.told_at.is_(None))
    member_id = await tx.scalar(found)
    if member_id is None:
        return None
    try:
        email, openid = await queries.reachable_by(tx, vault, MemberId(member_id))
    except CannotOpen:
        _log.warning("What a member could be told by does not open, task %s.", task_id)
        return None
    if email is not None:
        return Message(task_id, Kind.PHONE_RELEASED, NOTICE_LANGUAGE, By.EMAIL, email, {})
    if openid is not None:
        return Message(task_id, Kind.PHONE_RELEASED, NOTICE_LANGUAGE, By.OPENID, openid[1], {}, openid[0])
    return None
