"""Claiming a key before the work and keeping what came of it, in the transaction of the work itself.

Two requests with one key at the same moment: the second waits for the first one's commit and gets its answer. What was
refused leaves nothing behind, so the same key may try again. Only digests are kept: a key that somebody made from a
phone number, and the values of a request, are in no table.

Decision: a key is forgotten when both clocks say that it is time, the hub's and the database's. A process whose clock
jumps ahead would otherwise forget every key at once, and whatever is sent again would be done again.
Price: a hub that runs ahead of its database keeps keys for as much longer.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, bindparam, delete, func, not_, select, update
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.sql.dml import ReturningInsert

from member_hub.crypto import Vault
from member_hub.db.base import Tx
from member_hub.db.bulk import table_of
from member_hub.errors import BadInput, Conflict
from member_hub.idempotency.tables import DoneRequest
from member_hub.ids import MemberId

# Longer than anything is accepted late: what happened seven days and some minutes ago, or on a day that began nearly
# eight days ago (tests/graphql/test_keys_kept.py). A key that ends before that lets the same request in once more.
KEPT = timedelta(days=8)
KEY_CHARS_MAX = 100
FORGET_MAX = 100  # expired rows removed per request
FORGET_EVERY = 16  # of requests that keep an answer, where each statement counts; by the first byte of the digest

SOURCE = "idempotency"

done_t = table_of(DoneRequest)


def _is_over(now: datetime | ColumnElement[datetime]) -> ColumnElement[bool]:
    """By both clocks."""
    return done_t.c.expires_at <= func.least(now, func.now())


def _claiming(statement: Insert) -> ReturningInsert[tuple[str, bytes]]:
    keys = ("caller", "key_digest")
    fresh = {column.name: statement.excluded[column.name] for column in done_t.c if column.name not in keys}
    is_over = _is_over(statement.excluded.done_at)
    taken_over = statement.on_conflict_do_update(index_elements=list(keys), set_=fresh, where=is_over)
    return taken_over.returning(done_t.c.caller, done_t.c.key_digest)


KEY: Final = [column.name for column in done_t.c if column is not done_t.c.result_number]  # which `finish` writes
CLAIM: Final = _claiming(insert(done_t).values({n: bindparam(f"claim_{n}", type_=done_t.c[n].type) for n in KEY}))


def claim_each(rows: Select[Any]) -> ReturningInsert[tuple[str, bytes]]:
    """CLAIM for each row that another part of the statement finds, with the columns of KEY; a key once among them."""
    return _claiming(insert(done_t).from_select(KEY, rows))


class KeyReused(Conflict):
    zh = "该幂等键已用于另一请求。"
    en = "This idempotency key was used for another request."


class BadKey(BadInput):
    zh = "幂等键须为 1 至 100 个可见字符。"
    en = "An idempotency key has 1 to 100 visible characters."


@dataclass(frozen=True, slots=True, repr=False)
class RequestKey:
    """Who asks, under which key, for what. `request` is the request as it was sent, in canonical form."""

    caller: str
    key: str
    request: bytes

    def __post_init__(self) -> None:
        if not 0 < len(self.key) <= KEY_CHARS_MAX or not self.key.isprintable() or self.key != self.key.strip():
            raise BadKey(field="idempotencyKey")


@dataclass(frozen=True, slots=True)
class Done:
    """What was done under a key: to whom, and by what its answer is found."""

    member_id: MemberId
    result_id: UUID


@dataclass(frozen=True, slots=True)
class FirstTime:
    """When a request was done, and what its answer is found by, as `finish` was told."""

    done_at: datetime
    result_id: UUID | None
    result_number: int | None

    @property
    def result(self) -> tuple[UUID, int]:
        """Raises KeyReused where nothing was told, as the hub did before it told such."""
        if self.result_id is None or self.result_number is None:
            raise KeyReused(field="idempotencyKey")
        return self.result_id, self.result_number


async def begin(tx: Tx, vault: Vault, wanted: RequestKey, *, now: datetime) -> MemberId | None:
    """Claim the key until the transaction ends; None: the work is to be done, and `finish` told what came of it.

    A member id: it was done before. Raises KeyReused where the key stands for another request.
    """
    if (await tx.execute(CLAIM, claiming(vault, wanted, None, now=now))).first() is None:
        return MemberId((await _done(tx, vault, wanted)).member_id)
    await forget_expired(tx, now=now)
    return None


async def claim(tx: Tx, vault: Vault, wanted: RequestKey, result: Done, *, now: datetime) -> Done | None:
    """The same in one statement, for work that names its result beforehand; there is nothing to finish.

    Done: it was done before, and the first answer is to be given again. Raises KeyReused.
    """
    claimed = (await tx.execute(CLAIM, claiming(vault, wanted, result, now=now))).first() is not None
    return await claimed_or_done(tx, vault, wanted, claimed=claimed, now=now)


def claiming(vault: Vault, wanted: RequestKey, result: Done | None, *, now: datetime) -> dict[str, Any]:
    """The parameters of CLAIM, for whoever makes it a part of a statement of its own."""
    return {f"claim_{name}": value for name, value in key_row(vault, wanted, result, now=now).items()}


def key_row(vault: Vault, wanted: RequestKey, result: Done | None, *, now: datetime) -> dict[str, Any]:
    """The columns of KEY, for `claim_each`."""
    return {
        "caller": wanted.caller,
        "key_digest": _key_digest(vault, wanted),
        "request_digest": vault.message_digest(wanted.request),
        "member_id": result.member_id if result else None,
        "result_id": result.result_id if result else None,
        "done_at": now,
        "expires_at": now + KEPT,
    }


async def claimed_or_done(tx: Tx, vault: Vault, wanted: RequestKey, *, claimed: bool, now: datetime) -> Done | None:
    """What `claim` answers, once CLAIM has been carried out."""
    if not claimed:
        done = await _done(tx, vault, wanted)
        if done.result_id is None:
            raise KeyReused(field="idempotencyKey")
        return Done(MemberId(done.member_id), done.result_id)
    await forget_now_and_then(tx, _key_digest(vault, wanted), now=now)
    return None


async def forget_now_and_then(tx: Tx, key_digest: bytes, *, now: datetime) -> None:
    """For whoever carries CLAIM out by itself: one request in sixteen clears away what has expired."""
    if key_digest[0] % FORGET_EVERY == 0:
        await forget_expired(tx, now=now)


async def finish(
    tx: Tx, vault: Vault, wanted: RequestKey, member_id: MemberId, result: tuple[UUID, int] | None = None
) -> None:
    """Remember what came of the request whose key `begin` claimed in this transaction.

    `result`: what its answer is found by, and how many entries of that it told of.
    """
    result_id, number = result or (None, None)
    found_by = {"member_id": member_id, "result_id": result_id, "result_number": number}
    await tx.execute(update(done_t).where(_is(vault, wanted)).values(found_by))


async def first_time(tx: Tx, vault: Vault, wanted: RequestKey) -> FirstTime:
    """Of the request that stands under the key. Raises KeyReused where it was another one."""
    row = await _done(tx, vault, wanted)
    return FirstTime(row.done_at, row.result_id, row.result_number)


async def stood(tx: Tx, vault: Vault, wanted: RequestKey, *, now: datetime) -> Done | None:
    """What this very request came to, where it was done and is not forgotten; claims nothing."""
    same = and_(_is(vault, wanted), done_t.c.request_digest == vault.message_digest(wanted.request))
    row = (await tx.execute(select(done_t).where(same, not_(_is_over(now))))).one_or_none()
    return None if row is None or row.result_id is None else Done(MemberId(row.member_id), row.result_id)


async def _done(tx: Tx, vault: Vault, wanted: RequestKey) -> Row[Any]:
    """What stands under the key. Raises KeyReused where it was another request."""
    done = (await tx.execute(select(done_t).where(_is(vault, wanted)))).one()
    if done.request_digest != vault.message_digest(wanted.request):
        raise KeyReused(field="idempotencyKey")
    return done


def _is(vault: Vault, wanted: RequestKey) -> ColumnElement[bool]:
    return and_(done_t.c.caller == wanted.caller, done_t.c.key_digest == _key_digest(vault, wanted))


def _key_digest(vault: Vault, wanted: RequestKey) -> bytes:
    return vault.message_key(SOURCE, wanted.key)


async def forget_expired(tx: Tx, *, now: datetime, at_most: int = FORGET_MAX) -> int:
    """Some of what has expired; how many. Skips what others hold."""
    old = (
        select(done_t.c.caller, done_t.c.key_digest)
        .where(_is_over(now))
        .limit(at_most)
        .with_for_update(skip_locked=True)
        .cte("old")
    )
    same = and_(done_t.c.caller == old.c.caller, done_t.c.key_digest == old.c.key_digest)
    return int((await tx.execute(delete(done_t).where(same))).rowcount)
