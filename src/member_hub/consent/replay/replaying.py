"""Applying the consent lines that waited for their text: after it was published, in batches, as often as one likes.

Decision: members are locked without waiting for anybody. Who is busy is left for the next round, so that a replay
neither gets into an import's way nor deadlocks with one. Price: a replay goes over what was busy again.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Column, Row, and_, func, select, tuple_

from member_hub.clock import Clock
from member_hub.consent.catalogue import Catalogue
from member_hub.consent.children.ages import last_days_as_child
from member_hub.consent.history.reading import events_of_accounts
from member_hub.consent.history.recording import record
from member_hub.consent.history.settling import settle
from member_hub.consent.replay.filing import NOTHING_FILED, Filed, filed, notices_of
from member_hub.consent.replay.lines import Reading, Teller, events_of, is_ready, read_back
from member_hub.consent.tables import ConsentLine, Notice
from member_hub.crypto import CannotOpen, Item, Vault, sealed_row
from member_hub.db.base import Tx, snapshot, transaction
from member_hub.db.bulk import among, table_of, update_rows
from member_hub.db.engines import Database
from member_hub.identity.kinds import ClaimKind
from member_hub.identity.statements import StatedConsent
from member_hub.identity.tables import IdentityClaim, IdentityHint
from member_hub.ids import MemberId, OriginId
from member_hub.members.tables import ChannelAccount, Member
from member_hub.privacy import DataClass

BATCH_LINES: Final = 500
LATECOMERS: Final = timedelta(minutes=30)  # no batch of an import is under way for so long
PASSES_MAX: Final = 3  # over what was busy

line_t = table_of(ConsentLine)
account_t = table_of(ChannelAccount)
member_t = table_of(Member)
claim_t = table_of(IdentityClaim)
hint_t = table_of(IdentityHint)
_KEY: Final = ("member_id", "origin_id", "line_digest")


@dataclass(frozen=True, slots=True)
class Replayed:
    """How far a replay has come; `waiting` lines still wait for their text, `busy` ones for somebody else's work."""

    applied: int = 0
    waiting: int = 0
    busy: int = 0


OnBatch = Callable[[Filed], Awaitable[None]]
_After = tuple[OriginId, bytes]


async def _unheard(_filed: Filed) -> None:
    """Nobody asked to hear."""


async def replay(
    database: Database,
    vault: Vault,
    catalogue: Catalogue,
    clock: Clock,
    *,
    on_progress: Callable[[Replayed], None] = lambda _: None,
    on_batch: OnBatch = _unheard,
) -> Replayed:
    """Apply every waiting line whose text is known, a transaction for each BATCH_LINES.

    Killed in between it is done again and goes on: what is applied waits no more. `on_batch` is awaited before the
    commit, to put on record what happens.
    """
    done, after = Replayed(), None
    for _ in range(PASSES_MAX):
        applied, done, after = done.applied, Replayed(done.applied), None
        while True:
            async with transaction(database.app) as tx:
                step = await _step(tx, vault, catalogue, after, clock.now())
                if step.filed.members:
                    await on_batch(step.filed)
            done = Replayed(
                done.applied + step.done.applied, done.waiting + step.done.waiting, done.busy + step.done.busy
            )
            on_progress(done)
            if (after := step.last) is None:
                break
        if not done.busy or done.applied == applied:
            break
    return done


@dataclass(frozen=True, slots=True)
class _Step:
    done: Replayed
    filed: Filed
    last: _After | None  # None: nothing comes after


@dataclass(frozen=True, slots=True, repr=False)
class _Waiting:
    row: Row[Any]
    said: StatedConsent


async def _step(tx: Tx, vault: Vault, catalogue: Catalogue, after: _After | None, now: datetime) -> _Step:
    """One batch of waiting lines, in the order of their accounts."""
    rows = await _page(tx, after)
    last = (OriginId(rows[-1].origin_id), bytes(rows[-1].line_digest)) if len(rows) == BATCH_LINES else None
    lines = await _opened(tx, vault, rows)
    notices = await notices_of(tx, {(line.row.handler, line.said.notice) for line in lines})
    ready = [line for line in lines if is_ready(line.said, line.row.handler, notices)]
    taken = await _taken(tx, ready)
    done = await _apply(tx, vault, taken, Reading(notices, catalogue, now))
    return _Step(Replayed(len(taken), len(rows) - len(ready), len(ready) - len(taken)), done, last)


async def _apply(tx: Tx, vault: Vault, lines: Sequence[_Waiting], reading: Reading) -> Filed:
    if not lines:
        return NOTHING_FILED
    by_account: dict[OriginId, list[_Waiting]] = {}
    for line in lines:
        by_account.setdefault(OriginId(line.row.origin_id), []).append(line)
    phones = await _phones(tx, by_account)
    history = await events_of_accounts(tx, by_account)
    members = {MemberId(line.row.member_id) for line in lines}
    young = await last_days_as_child(tx, vault, members, numbers=reading.catalogue.numbers)
    events = []
    for origin, told in by_account.items():
        row = told[0].row
        member = MemberId(row.member_id)
        teller = Teller(member, origin, row.handler, phones.get(origin, ()), young.get(member))
        events += events_of(teller, [line.said for line in told], history.get(origin, ()), reading)
    await record(tx, vault, events, now=reading.now)
    keys = [(*(getattr(line.row, name) for name in _KEY), reading.now) for line in lines]
    await update_rows(tx, ConsentLine, (*_KEY, "applied_at"), keys)
    done = filed(events)
    await settle(tx, done.members, catalogue=reading.catalogue, now=reading.now)
    return done


async def _page(tx: Tx, after: _After | None) -> Sequence[Row[Any]]:
    columns: list[Column[Any]] = [*(line_t.c[name] for name in (*_KEY, "statement")), account_t.c.handler]
    statement = select(*columns).join(
        account_t, and_(account_t.c.member_id == line_t.c.member_id, account_t.c.origin_id == line_t.c.origin_id)
    )
    order = (line_t.c.origin_id, line_t.c.line_digest)
    if after is not None:
        statement = statement.where(tuple_(*order) > after)
    return (await tx.execute(statement.where(line_t.c.applied_at.is_(None)).order_by(*order).limit(BATCH_LINES))).all()


async def _opened(tx: Tx, vault: Vault, rows: Sequence[Row[Any]]) -> list[_Waiting]:
    """A line that does not open any more stays as it is, and is logged."""
    keys = await vault.keys_for(tx, [(row.origin_id, DataClass.CONSENT) for row in rows])
    items = [
        Item(
            line_t.c.statement,
            row.origin_id,
            row.statement,
            sealed_row(ConsentLine, {"line_digest": bytes(row.line_digest)}),
        )
        for row in rows
    ]
    opened = keys.open_many(items, reason="replay consent lines")
    return [
        _Waiting(row, read_back(plain.encode()))
        for row, plain in zip(rows, opened, strict=True)
        if not isinstance(plain, CannotOpen)
    ]


async def _taken(tx: Tx, lines: Sequence[_Waiting]) -> list[_Waiting]:
    """The lines whose members could be locked, and which wait under them still."""
    if not lines:
        return []
    members = {line.row.member_id for line in lines}
    locking = select(member_t.c.member_id).where(among(member_t.c.member_id, members)).order_by(member_t.c.member_id)
    locked = set(await tx.scalars(locking.with_for_update(skip_locked=True)))
    columns = [line_t.c[name] for name in _KEY]
    still = select(*columns).where(
        among(line_t.c.member_id, locked),
        among(line_t.c.origin_id, {line.row.origin_id for line in lines}),
        line_t.c.applied_at.is_(None),
    )
    there = {tuple(row) for row in await tx.execute(still)}
    return [line for line in lines if tuple(getattr(line.row, name) for name in _KEY) in there]


async def _phones(tx: Tx, origins: Collection[OriginId]) -> Mapping[OriginId, Sequence[tuple[datetime, bytes]]]:
    statement = (
        select(claim_t.c.origin_id, claim_t.c.stated_from, hint_t.c.token)
        .join(hint_t, and_(hint_t.c.origin_id == claim_t.c.origin_id, hint_t.c.claim_id == claim_t.c.claim_id))
        .where(among(claim_t.c.origin_id, origins), claim_t.c.kind == ClaimKind.PHONE.value)
    )
    found: dict[OriginId, list[tuple[datetime, bytes]]] = {}
    for row in await tx.execute(statement):
        found.setdefault(OriginId(row.origin_id), []).append((row.stated_from, bytes(row.token)))
    return found


async def newest_publication(database: Database) -> datetime | None:
    """When a notice was published last: only then may something that waits be ready."""
    async with snapshot(database.app) as tx:
        found: datetime | None = await tx.scalar(select(func.max(table_of(Notice).c.published_at)))
        return found
