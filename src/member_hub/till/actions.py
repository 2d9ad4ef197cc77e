"""Issuing a member code and using it up: sixty seconds by the database's clock, once, within one handler.

What is wrong with a code makes no difference to the one who shows it: forged, expired, used, or another handler's, it
finds nobody. A code that is shown to another handler is not used up there, for its signature does not hold.
"""

import os
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hmac import compare_digest

from sqlalchemy import delete, func, insert, literal, select, update

from member_hub.crypto import IndexKind, Vault
from member_hub.db.base import Tx
from member_hub.db.bulk import among, table_of
from member_hub.errors import NotFound
from member_hub.ids import MemberId
from member_hub.members.reading import Visible, find, member_t
from member_hub.throttling import Throttled
from member_hub.till import rules
from member_hub.till.tables import MemberCode

CODE_LIVES = timedelta(seconds=60)
CODES_MAX = 10  # of one member within CODES_WITHIN: a screen that shows a fresh one every minute takes five
CODES_WITHIN = timedelta(minutes=5)
SWEPT_MAX = 100  # old codes removed per code issued
LOCK_SPACE = 0x6D63_6F64  # advisory, with a number drawn from the member id: codes of one member take turns

code_t = table_of(MemberCode)


class TooManyCodes(Throttled):
    zh = "会员码申请过于频繁，请稍后再试。"
    en = "Too many member codes in a short time; try again in a few minutes."


@dataclass(frozen=True, slots=True)
class IssuedCode:
    """A code on its way to the member; it is stored nowhere."""

    member_id: MemberId
    text: str = field(repr=False)
    expires_at: datetime


async def issue(tx: Tx, vault: Vault, visible: Visible, member_id: MemberId | None) -> IssuedCode:
    """A new code of the member. Raises NotFound for nobody in reach, TooManyCodes beyond the rate of one member.

    An earlier code keeps its minute: the member may be showing it while the screen already asks for the next.
    """
    found = await find(tx, visible, [member_id]) if member_id is not None else {}
    if member_id is None or member_id not in found:
        raise NotFound
    root = MemberId(found[member_id].member_id)
    await _refuse_too_many(tx, root)
    handler = str(await tx.scalar(select(member_t.c.handler).where(member_t.c.member_id == root)))
    number = os.urandom(rules.NUMBER_BYTES)
    code = number + _signature(vault, handler, number)
    row = {"code_digest": _digest(vault, code), "member_id": root, "issued_at": func.now()}
    expires_at = func.now() + literal(CODE_LIVES)
    statement = insert(code_t).values(**row, expires_at=expires_at).returning(code_t.c.expires_at)
    ends = (await tx.execute(statement)).scalar_one()
    await forget_codes(tx)
    return IssuedCode(root, rules.written(code), ends)


async def redeem(tx: Tx, vault: Vault, handler: str | None, codes: Collection[str]) -> dict[str, MemberId]:
    """Use up those of the codes that are good within the handler, and say whose they are; the others are left out.

    The condition stands in the statement, so of any number of tills that show one code at a time one finds the member.
    """
    genuine = {text: digest for text in codes if handler and (digest := _genuine(vault, handler, text))}
    if not genuine:
        return {}
    fresh = (
        select(code_t.c.code_digest)
        .where(
            among(code_t.c.code_digest, sorted(set(genuine.values()))),
            code_t.c.used_at.is_(None),
            code_t.c.expires_at > func.now(),
        )
        .order_by(code_t.c.code_digest)
        .with_for_update()
        .cte("fresh")
    )
    used = update(code_t).where(code_t.c.code_digest == fresh.c.code_digest).values(used_at=func.now())
    found = {row.code_digest: row.member_id for row in await tx.execute(used.returning(*code_t.c))}
    return {text: MemberId(found[digest]) for text, digest in genuine.items() if digest in found}


async def _refuse_too_many(tx: Tx, member_id: MemberId) -> None:
    turn = int.from_bytes(member_id.bytes[-4:], signed=True)
    await tx.execute(select(func.pg_advisory_xact_lock(LOCK_SPACE, turn)))
    lately = (code_t.c.member_id == member_id, code_t.c.issued_at > func.now() - literal(CODES_WITHIN))
    at = code_t.c.issued_at
    filling = select(at).where(*lately).order_by(at.desc()).offset(CODES_MAX - 1).limit(1).scalar_subquery()
    left: timedelta | None = await tx.scalar(select(filling + literal(CODES_WITHIN) - func.now()))
    if left is not None:
        raise TooManyCodes(left.total_seconds())


async def forget_codes(tx: Tx) -> int:
    """Some of what no rate counts any more; how many. Skips what others hold."""
    is_old = code_t.c.expires_at <= func.now() - literal(CODES_WITHIN)
    old = select(code_t.c.code_digest).where(is_old).limit(SWEPT_MAX).with_for_update(skip_locked=True).cte("old")
    return int((await tx.execute(delete(code_t).where(code_t.c.code_digest == old.c.code_digest))).rowcount)


def _genuine(vault: Vault, handler: str, text: str) -> bytes | None:
    """The digest under which a code would be stored; None for what was never issued for this handler."""
    code = rules.read(text)
    if code is None:
        return None
    number, signature = code[: rules.NUMBER_BYTES], code[rules.NUMBER_BYTES :]
    return _digest(vault, code) if compare_digest(signature, _signature(vault, handler, number)) else None


def _signature(vault: Vault, handler: str, number: bytes) -> bytes:
    return vault.token(IndexKind.MEMBER_CODE, f"handler {handler}", number.hex())[: rules.SIGNATURE_BYTES]


def _digest(vault: Vault, code: bytes) -> bytes:
    return vault.token(IndexKind.MEMBER_CODE, "stored", code.hex())
