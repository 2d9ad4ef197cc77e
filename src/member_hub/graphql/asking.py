"""One request on its way: who asks what, what they may see, and what goes on record.

Decision: a request is one row of the audit log as long as the same was shown of everybody in it; of a batch in which
some were shown and others withheld, those of whom the same was shown share a row, all under one request id. Members
read of these rows what was done with their data (accessHistory): one row for all told whoever was refused a message
that their phone had been shown. Price: a handful of rows for such a batch, and who counts requests counts request ids.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from member_hub.access import Caller, Grant, Verdict
from member_hub.audit import Entry
from member_hub.db.base import Tx, snapshot
from member_hub.errors import Unavailable
from member_hub.graphql.limits import TooComplex
from member_hub.graphql.problems import Language
from member_hub.graphql.selection import Plan, Root
from member_hub.graphql.turns import Turns
from member_hub.members.reading import Visible
from member_hub.runtime import Runtime

MEMBERS_MAX = 500  # loaded for one request, over all its root fields
LINES_MAX = 20_000  # order lines
ROWS_MAX = 20  # of the audit log for one request; what differs further shares the last, which then names all of it

OK, MISSED = "ok", "missed"
NOT_CONSENTED = "NOT_CONSENTED"
REQUEST = "request"  # the operation of what was refused before anybody knew what it asked

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Trail:
    """What the audit entry of the request will say; it is written once, before anything is answered."""

    operations: set[str] = field(default_factory=set)
    fields: set[str] = field(default_factory=set)
    shown: dict[UUID, frozenset[str]] = field(default_factory=dict)  # of these members alone
    member_ids: set[UUID] = field(default_factory=set)
    refusal: str | None = None
    is_found: bool = False
    is_written: bool = False

    def asks(self, roots: Iterable[Root]) -> None:
        """What is asked for, before it is known whether it may be."""
        for root in roots:
            self.operations.add(root.name)
            for key in root.keys:
                self.looks_up(key)
            for guard in root.filtered:
                self.filters(guard)

    def refuses(self, code: str, roots: Iterable[Root]) -> None:
        """Nothing is shown; which fields were asked for stands on record all the same."""
        self.refusal = code
        self.fields.update(f"{guard}:ASKED" for root in roots for guard in root.wanted.guards)

    def looks_up(self, key: str) -> None:
        self.fields.add(f"key:{key}")

    def filters(self, guard: str) -> None:
        self.fields.add(f"{guard}:FILTER")

    def counts(self, guard: str, dimension: str) -> None:
        self.fields.update((f"{guard}:AGGREGATE", f"by:{dimension}"))

    def shows(self, guard: str, verdict: Verdict) -> None:
        """Whoever it was of: for what is of one member, or of nobody yet."""
        self.fields.add(shown_as(guard, verdict))

    def shows_of(self, member_id: UUID, words: frozenset[str]) -> None:
        """What was shown, and withheld, of this member."""
        self.shown[member_id] = self.shown.get(member_id, frozenset()) | words

    def finds(self, member_ids: Iterable[UUID]) -> None:
        self.is_found = True
        self.member_ids.update(member_ids)

    @property
    def outcome(self) -> str:
        return self.refusal or (OK if self.is_found else MISSED)

    def rows(self) -> list[tuple[frozenset[str], frozenset[UUID]]]:
        """What is said about whom: at least one row, and more only where not the same was shown of everybody."""
        alike: dict[frozenset[str], set[UUID]] = defaultdict(set)
        for member_id in self.member_ids:
            alike[self.shown.get(member_id, frozenset())].add(member_id)
        rows = sorted(alike.items(), key=lambda one: sorted(one[0]))
        if len(rows) > ROWS_MAX:
            rest = rows[ROWS_MAX - 1 :]
            together = frozenset().union(*(words for words, _ in rest)), set().union(*(ids for _, ids in rest))
            rows = [*rows[: ROWS_MAX - 1], together]
        return [(frozenset(self.fields | words), frozenset(ids)) for words, ids in rows or [(frozenset(), set())]]


def shown_as(guard: str, verdict: Verdict) -> str:
    return f"{guard}:{verdict.name}"


def withheld(guard: str) -> str:
    """The field is held for another purpose alone."""
    return f"{guard}:{NOT_CONSENTED}"


class Snapshot:
    """One moment of the database for all that a request reads; begun when first used.

    Root fields run side by side and a connection answers one question at a time, so they take turns.
    """

    def __init__(self, hub: Runtime) -> None:
        self._engine = hub.database.app
        self._turn = asyncio.Lock()
        self._open = AsyncExitStack()
        self._tx: Tx | None = None
        self._is_closed = False

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Tx]:
        async with self._turn:
            if self._is_closed:
                raise Unavailable
            if self._tx is None:
                self._tx = await self._open.enter_async_context(snapshot(self._engine))
            try:
                yield self._tx
            except asyncio.CancelledError:
                # Cut off in the middle of a question: what this connection says next may be the answer to it.
                await self._tx.invalidate()
                raise

    async def close(self) -> None:
        """Only reading was done, so a failure to end it takes nothing from the answer, and never its place."""
        async with self._turn:
            self._is_closed = True
            try:
                await self._open.aclose()
            except (SQLAlchemyError, OSError) as error:
                _log.warning("A snapshot did not end as it should: %s.", type(error).__name__)


@dataclass(slots=True)
class Asking:
    """The context of every resolver."""

    hub: Runtime
    caller: Caller
    grant: Grant
    language: Language
    now: datetime
    plan: Plan
    snapshot: Snapshot
    turns: Turns
    trail: Trail = field(default_factory=Trail)
    members_loaded: int = 0
    lines_loaded: int = 0
    figures_turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def visible(self) -> Visible:
        return self.seen_by(self.grant)

    def seen_by(self, grant: Grant) -> Visible:
        """Whom the caller reaches with this grant, which is the request's own or made from it."""
        hub = self.hub
        recipient = hub.catalogue.recipient_of(self.caller)
        return Visible.to(
            self.caller,
            grant,
            hub.organisation,
            recipient=recipient,
            told=hub.catalogue.told_of(recipient),
            now=self.now,
        )

    def count_members(self, number: int) -> None:
        """Raises TooComplex where the request loads too many."""
        self.members_loaded += number
        if self.members_loaded > MEMBERS_MAX:
            raise TooComplex(
                f"A request reads at most {MEMBERS_MAX} members.", zh=f"一次请求最多读取 {MEMBERS_MAX} 名会员。"
            )

    def count_lines(self, number: int) -> None:
        self.lines_loaded += number
        if self.lines_loaded > LINES_MAX:
            raise TooComplex(
                f"A request reads at most {LINES_MAX} order lines.", zh=f"一次请求最多读取 {LINES_MAX} 条订单行。"
            )

    async def write_trail(self) -> None:
        """Put the request on record, once. Raises AuditUnavailable: then nothing may be answered."""
        if self.trail.is_written or not self.trail.operations:
            return
        await asyncio.gather(*(self.hub.audit.write(self._entry(*row)) for row in self.trail.rows()))
        self.trail.is_written = True

    def _entry(self, fields: frozenset[str], member_ids: frozenset[UUID]) -> Entry:
        caller, trail = self.caller, self.trail
        return Entry(
            caller_kind=caller.kind.value,
            caller=caller.subject,
            role=caller.role,
            purpose=caller.purpose.value,
            operation=",".join(sorted(trail.operations)),
            outcome=trail.outcome,
            request_id=caller.request_id,
            happened_at=self.now,
            fields=tuple(sorted(fields)),
            member_ids=tuple(sorted(member_ids)),
        )


def turned_away(caller: Caller, code: str, *, now: datetime, operations: Iterable[str] = ()) -> Entry:
    """The entry of a request that was refused before it was read, or made out; `operations` as far as known."""
    return Entry(
        caller_kind=caller.kind.value,
        caller=caller.subject,
        role=caller.role,
        purpose=caller.purpose.value,
        operation=",".join(sorted(operations)) or REQUEST,
        outcome=code,
        request_id=caller.request_id,
        happened_at=now,
    )
