"""Codes: asking for one within the limits, trying one, using it up; all by the database's clock.

A try is one UPDATE that carries its own condition, so guesses from any number of connections are five in all. The
caller commits it before anything else is decided: what is refused later does not give the try back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Column,
    ColumnElement,
    Integer,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    true,
    update,
)

from member_hub.crypto import Vault
from member_hub.crypto.ring import IndexKind
from member_hub.db.base import Tx
from member_hub.db.bulk import table_of
from member_hub.identity.kinds import ClaimKind
from member_hub.ids import uuid7
from member_hub.sign_in.refusals import CodesSpent, TooManyCodes, TooManyTries
from member_hub.sign_in.rules import (
    BUDGET_WINDOW,
    CODE_LIVES,
    PHONE_LIMITS,
    SECOND_LIMIT,
    TRIES_MAX,
    TRY_LIMITS,
    CodePurpose,
    Limit,
    network_of,
    new_code,
    of_network,
)
from member_hub.sign_in.tables import CODE_RETENTION_DAYS, SECOND_TRY_RETENTION_DAYS, OneTimeCode, SecondTry, SignInTry

FORGET_MAX = 100  # old rows removed per code asked for
LOCK_CLASS: Final = 0x4D53  # "MS": beside identity's half of PostgreSQL's advisory lock space
LOCK_BUCKETS: Final = 4096

code_t, try_t, second_t = table_of(OneTimeCode), table_of(SignInTry), table_of(SecondTry)
_BUCKETS = func.unnest(bindparam("buckets", type_=ARRAY(Integer))).column_valued("bucket")
_LOCK = select(func.count(func.pg_advisory_xact_lock(LOCK_CLASS, _BUCKETS)))


@dataclass(frozen=True, slots=True, repr=False)
class Subject:
    """Which number, for which purpose."""

    phone_token: bytes
    purpose: CodePurpose

    @classmethod
    def of(cls, vault: Vault, phone: str, purpose: CodePurpose) -> "Subject":
        return cls(vault.token(ClaimKind.PHONE, "", phone), purpose)


@dataclass(frozen=True, slots=True, repr=False)
class Issued:
    """A code in clear, on its way to the sender; nowhere else."""

    code_id: UUID
    code: str


async def issue(
    tx: Tx,
    vault: Vault,
    subject: Subject,
    *,
    address: str,
    limits: Sequence[Limit],
    budget: int,
    is_sent: bool,
) -> Issued:
    """A new code; an earlier one of the number and purpose is void. Raises TooManyCodes, and then nothing changes.

    Requests about one number, or from one address or network, wait for each other, so that together they keep the
    limits. The `budget` is what the whole hub sends in an hour; junk, to which nothing is sent, takes nothing of it.
    """
    address_token = vault.token(IndexKind.ADDRESS, "", address)
    network = network_of(address)
    network_token = None if network is None else vault.token(IndexKind.ADDRESS, "", network)
    locked = [subject.phone_token, address_token, *([] if network_token is None else [network_token])]
    await tx.execute(_LOCK, {"buckets": _buckets(locked)})
    asked_at = code_t.c.created_at
    wait_s = await _wait_s(tx, asked_at, _is_about(subject), PHONE_LIMITS)
    wait_s = wait_s or await _wait_s(tx, asked_at, code_t.c.address_token == address_token, limits)
    if network_token is not None:
        wait_s = wait_s or await _wait_s(tx, asked_at, code_t.c.network_token == network_token, of_network(limits))
    if wait_s:
        raise TooManyCodes(wait_s)
    if wait_s := await _wait_of_s(tx, asked_at, code_t.c.is_sent, Limit(BUDGET_WINDOW, budget)):
        raise CodesSpent(wait_s)
    await forget_codes(tx)
    await tx.execute(update(code_t).where(_is_live(subject)).values(void_at=func.now()))
    issued = Issued(uuid7(), new_code())
    row = {
        "code_id": issued.code_id,
        "phone_token": subject.phone_token,
        "address_token": address_token,
        "network_token": network_token,
        "is_sent": is_sent,
        "purpose": subject.purpose,
        "code_digest": _digest(vault, subject, issued.code_id, issued.code),
        "created_at": func.now(),
        "expires_at": func.now() + CODE_LIVES,
    }
    await tx.execute(insert(code_t).values(row))
    return issued


async def void(tx: Tx, code_id: UUID) -> None:
    """The code was not sent: it opens nothing, and still counts against the limits."""
    await tx.execute(update(code_t).where(code_t.c.code_id == code_id).values(void_at=func.now()))


async def attempt(tx: Tx, vault: Vault, subject: Subject, said: str, *, asked_for: UUID | None = None) -> UUID | None:
    """Count a try; the code's id where it was right. The caller commits in any case.

    Where the code that was `asked_for` is named, no other one is tried: whoever did not ask for it uses none of its
    tries up.
    """
    named = true() if asked_for is None else code_t.c.code_id == asked_for
    statement = (
        update(code_t)
        .where(_is_live(subject), code_t.c.tries < TRIES_MAX, code_t.c.expires_at > func.now())
        .where(named)
        .values(tries=code_t.c.tries + 1)
        .returning(code_t.c.code_id, code_t.c.code_digest)
    )
    row = (await tx.execute(statement)).one_or_none()
    code_id, digest = (row.code_id, row.code_digest) if row else (uuid7(), b"")  # the same work where there is none
    is_right = compare_digest(_digest(vault, subject, code_id, said), digest)
    return code_id if is_right else None


async def count_try(tx: Tx, vault: Vault, *, address: str) -> None:
    """Count a try for the address that it comes from, whatever number it is about. Raises TooManyTries.

    Of tries that are refused so, no code loses one: nobody uses up the tries of numbers that are not theirs.
    """
    address_token = vault.token(IndexKind.ADDRESS, "", address)
    await tx.execute(_LOCK, {"buckets": _buckets([address_token])})
    if wait_s := await _wait_s(tx, try_t.c.tried_at, try_t.c.address_token == address_token, TRY_LIMITS):
        raise TooManyTries(wait_s)
    await forget_tries(tx)
    await tx.execute(insert(try_t).values(try_id=uuid7(), address_token=address_token, tried_at=func.now()))


async def may_guess(tx: Tx, phone_token: bytes) -> bool:
    """Whether a second thing may still be said with the number. The caller holds the number locked."""
    return not await _wait_of_s(tx, second_t.c.tried_at, second_t.c.phone_token == phone_token, SECOND_LIMIT)


async def count_guess(tx: Tx, phone_token: bytes) -> None:
    """A second thing was not the holder's."""
    await forget_guesses(tx)
    await tx.execute(insert(second_t).values(try_id=uuid7(), phone_token=phone_token, tried_at=func.now()))


async def use(tx: Tx, code_id: UUID) -> bool:
    """Use the code up until the transaction ends; false where somebody else has, or a newer one took its place."""
    statement = (
        update(code_t)
        .where(code_t.c.code_id == code_id, code_t.c.used_at.is_(None), code_t.c.void_at.is_(None))
        .values(used_at=func.now())
    )
    return bool((await tx.execute(statement)).rowcount)


def _is_about(subject: Subject) -> ColumnElement[bool]:
    """The number for this purpose: what is asked for at tills takes nothing from who signs in."""
    return and_(code_t.c.phone_token == subject.phone_token, code_t.c.purpose == subject.purpose)


def _is_live(subject: Subject) -> ColumnElement[bool]:
    return and_(
        _is_about(subject),
        code_t.c.used_at.is_(None),
        code_t.c.void_at.is_(None),
    )


async def _wait_s(tx: Tx, at: ColumnElement[datetime], counted: ColumnElement[bool], limits: Sequence[Limit]) -> int:
    """The seconds until the fullest window has room again; 0: now."""
    return max([await _wait_of_s(tx, at, counted, limit) for limit in limits])


async def _wait_of_s(tx: Tx, at: ColumnElement[datetime], counted: ColumnElement[bool], limit: Limit) -> int:
    """0 where there is room; else until the row that fills the window leaves it."""
    filling = (
        select(at)
        .where(counted, at > func.now() - limit.window)
        .order_by(at.desc())
        .offset(limit.most - 1)
        .limit(1)
        .scalar_subquery()
    )
    left = await tx.scalar(select(filling + limit.window - func.now()))
    return max(int(left.total_seconds()) + 1, 1) if left is not None else 0


async def forget_codes(tx: Tx) -> int:
    """Some of the codes that no limit counts any more; how many."""
    is_old = code_t.c.created_at <= func.now() - timedelta(days=CODE_RETENTION_DAYS)
    is_over = or_(code_t.c.expires_at <= func.now(), code_t.c.used_at.is_not(None))
    return await _forget(tx, code_t.c.code_id, and_(is_old, is_over))


async def forget_tries(tx: Tx) -> int:
    """The same of tries of addresses."""
    return await _forget(tx, try_t.c.try_id, try_t.c.tried_at <= func.now() - timedelta(days=CODE_RETENTION_DAYS))


async def forget_guesses(tx: Tx) -> int:
    """The same of second things that were said with a number."""
    is_old = second_t.c.tried_at <= func.now() - timedelta(days=SECOND_TRY_RETENTION_DAYS)
    return await _forget(tx, second_t.c.try_id, is_old)


async def _forget(tx: Tx, key: Column[Any], is_old: ColumnElement[bool]) -> int:
    """FORGET_MAX rows; skips what others hold."""
    old = select(key).where(is_old).limit(FORGET_MAX).with_for_update(skip_locked=True).cte("old")
    return int((await tx.execute(delete(key.table).where(key.in_(select(old.c[key.name]))))).rowcount)


def _digest(vault: Vault, subject: Subject, code_id: UUID, code: str) -> bytes:
    bound = f"{subject.purpose}:{subject.phone_token.hex()}:{code_id.hex}"
    return vault.token(IndexKind.ONE_TIME_CODE, bound, code)


def _buckets(tokens: Sequence[bytes]) -> list[int]:
    return sorted({int.from_bytes(token[:4]) % LOCK_BUCKETS for token in tokens})
