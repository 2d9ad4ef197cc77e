"""The desk where members sign in: each request from what was sent to what is answered, in its own transactions.

A try is committed before anything is decided with it; nothing is sent while a transaction is open; whatever the
answer, it is on record first. Known and unknown numbers go through the same steps and get the same answers.
"""

import logging
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from member_hub.access import CallerKind, MemberTokens, TokenClaims, Unauthenticated
from member_hub.access.member_tokens import ROLE
from member_hub.audit import AuditLog, Entry
from member_hub.clock import Clock
from member_hub.db.base import snapshot, transaction
from member_hub.db.contention import patiently
from member_hub.db.engines import Database
from member_hub.errors import HubError
from member_hub.ids import MemberId
from member_hub.merging import Resolver
from member_hub.privacy import Purpose
from member_hub.sign_in import actions, codes, queries, rules
from member_hub.sign_in.actions import Guessed, Opened, Wanted
from member_hub.sign_in.codes import Subject
from member_hub.sign_in.posting import Post, holders
from member_hub.sign_in.refusals import CodeNotSent, CodesSpent, CodeWrong
from member_hub.sign_in.rules import CodePurpose
from member_hub.telling import Kind, Notices, Sender
from member_hub.throttling import Occasions, Throttled

_log = logging.getLogger(__name__)
ANONYMOUS = "anonymous"  # whoever has not signed in yet


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
    codes_per_hour: int
    turned_away: Occasions = field(default_factory=Occasions)

    @property
    def post(self) -> Post:
        return Post(self.database, self.resolver.vault, self.sender, self.codes_per_hour)

    @property
    def notices(self) -> Notices:
        return Notices(self.database, self.resolver.vault, self.clock, self.sender)

    async def send_code(self, phone: str, visit: Visit) -> UUID:
        """Send a sign-in code; its id, with which alone it is tried. Raises TooManyCodes, CodeNotSent; whether the
        number is known shows in neither."""
        async with self._on_record("signInCode", visit) as about:
            posted = await self.post.issue(phone, CodePurpose.SIGN_IN, address=visit.address)
            about.member_ids = posted.holders
        try:
            await self.post.hand_over(posted, Kind.SIGN_IN_CODE, visit.language)
        except CodeNotSent as refusal:
            await self._write("signInCode", visit, refusal.code, about)
            raise
        return posted.issued.code_id

    async def start(self, wanted: Wanted, code: str, visit: Visit) -> Started | None:
        """A session for a right code. None: a second thing, or a new start, has to be chosen; that was one try.

        Raises CodeWrong, for whatever reason the code opens nothing, and TooManyTries for too many from one address.
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
            await codes.count_try(tx, vault, address=visit.address)
            about.member_ids = await holders(tx, subject)
            code_id = await codes.attempt(tx, vault, subject, code, asked_for=wanted.attempt)
        if code_id is None or not asked.is_reachable:
            raise CodeWrong
        right, said = code_id, replace(wanted, phone=asked.spelled)

        async def attempt() -> Opened | Guessed | None:
            async with transaction(self.database.app) as tx:
                opened = await actions.open_session(tx, self.resolver, said, right, now=self.clock.now())
                if isinstance(opened, Opened):
                    await self._record_opened(opened, visit, about)
                return opened

        found = await patiently(attempt)
        if isinstance(found, Guessed):
            raise CodeWrong
        return found

    async def _record_opened(self, opened: Opened, visit: Visit, about: About) -> None:
        """Inside the transaction, last: no session begins and no number is released without being on record."""
        opening = replace(about, caller=str(opened.member_id), member_ids=[opened.member_id])
        if opened.released:
            await self._write("phoneRelease", visit, "ok", replace(opening, member_ids=opened.released))
        await self._write("signInSession", visit, "ok", opening)
        about.is_written = True

    async def turn_away(self, operation: str, refusal: Throttled, visit: Visit) -> None:
        """Put a request on record that was refused before it was read; one row per address and minute."""
        if self.turned_away.is_first((operation, visit.address)):
            await self._write(operation, visit, refusal.code, About(fields=()))

    @asynccontextmanager
    async def _on_record(self, operation: str, visit: Visit) -> AsyncIterator[About]:
        """What happens in the block is on record when it ends, also where it was refused or failed.

        What was put on record and did not come to pass gets a second entry that says so. What the limits refuse leaves
        one entry per address and minute, so that a flood leaves a row and not a flood.
        """
        about = About()
        try:
            yield about
        except Throttled as refusal:
            if isinstance(refusal, CodesSpent) and self.turned_away.is_first(CodesSpent):
                _log.error("The hub has sent its %s codes of this hour; nobody gets one.", self.codes_per_hour)
            if self.turned_away.is_first((operation, visit.address)):
                await self._write(operation, visit, refusal.code, about)
            raise
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
