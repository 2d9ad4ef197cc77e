"""Giving and taking tags by hand, and by import; the caller holds the member locked.

Of who is frozen or restricted no tag is given or taken by hand, a protecting one neither: whoever froze them answers
for what is said of them meanwhile, and what was wrong is put right once that is over. Imports go on.
A tag stands for the accounts that the member had when it was given, and leaves with them when they part (holder.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, delete, select, update

from member_hub.access import Caller, CallerKind, Grant, Guard, Verdict
from member_hub.db.base import Tx
from member_hub.db.bulk import among
from member_hub.errors import BadInput, Conflict, NotFound
from member_hub.ids import MemberId, uuid7
from member_hub.members.reading import account_t, handler_of
from member_hub.members.serving import refuse_inactive
from member_hub.members.taggings import TagKind, member_t, tagging_t
from member_hub.tags.definitions import Definition, in_force
from member_hub.tags.evaluating import may_stand
from member_hub.tags.queries import is_open_to
from member_hub.tags.refusals import TagNotByHand, TagNotPossible, TooManyTags

HELD_MAX: Final = 100  # tags by hand on one member
_COLUMNS: Final = (
    "member_id",
    "tag",
    "given_id",
    "handler",
    "how",
    "origins",
    "since",
    "until",
    "given_by",
    "version",
    "is_profiling",
    "restricted_by",
)


class BadUntil(BadInput):
    zh = "到期时间须在将来，且不超过标签的期限。"
    en = "A tag ends in the future, and not after the term of its definition."


@dataclass(frozen=True, slots=True)
class Given:
    """A tag that stands now; `is_new`: it did not before."""

    definition: Definition
    is_new: bool


async def assign(
    tx: Tx, caller: Caller, grant: Grant, member_id: MemberId, code: str, *, until: datetime | None, now: datetime
) -> Given:
    """Give a tag by hand. Again, it only gets the new end; `since` stays.

    Raises NotFound (also for a tag that the caller may not see), MemberNotActive, TagNotByHand, TagNotPossible,
    BadUntil, TooManyTags.
    """
    definition, handler = await _by_hand(tx, grant, member_id, code)
    ends_at = _end(definition, until, now)
    may = select(member_t.c.member_id).where(member_t.c.member_id == member_id, may_stand(definition, member_t.c, now))
    if await tx.scalar(may) is None:
        raise TagNotPossible(field="tag")
    held = select(tagging_t).where(tagging_t.c.member_id == member_id, tagging_t.c.how == TagKind.HAND.value)
    rows = (await tx.execute(held)).all()
    ours = [row for row in rows if row.tag == code and row.handler == handler]
    if any(row.until is None or row.until > now for row in ours):
        same = (*_given(member_id, code), tagging_t.c.handler == handler)
        await tx.execute(update(tagging_t).where(*same).values(until=ends_at, version=definition.version))
        return Given(definition, is_new=False)
    if len(rows) >= HELD_MAX:
        raise TooManyTags(field="tag")
    origins = await _origins(tx, member_id)
    await _clear(tx, member_id, code, given_by=[handler])
    row = (
        member_id,
        code,
        uuid7(),
        handler,
        TagKind.HAND.value,
        origins,
        now,
        ends_at,
        caller.subject if caller.kind is not CallerKind.MEMBER else "member",
        definition.version,
        definition.is_profiling,
        definition.restricted_by,
    )
    await tx.execute(tagging_t.insert().values(dict(zip(_COLUMNS, row, strict=True))))
    return Given(definition, is_new=True)


async def remove(tx: Tx, grant: Grant, member_id: MemberId, code: str) -> Definition:
    """Take a tag that was given by hand, by whichever handler before a merge; one that is not there is gone already.

    Raises NotFound, MemberNotActive, TagNotByHand.
    """
    given_by = await _givers(tx, member_id, code)
    definition, _ = await _by_hand(tx, grant, member_id, code, given_by=given_by)
    await _clear(tx, member_id, code, given_by=given_by)
    return definition


async def _by_hand(
    tx: Tx, grant: Grant, member_id: MemberId, code: str, *, given_by: Sequence[str] = ()
) -> tuple[Definition, str]:
    """As the member's handler defines it, else one of those who gave it; and that handler.

    What one may not see one cannot give or take either, and it looks as if it were not there.
    """
    handler = await handler_of(tx, member_id)
    known = await in_force(tx, [handler, *given_by]) if handler is not None else {}
    definition = next((theirs[code] for theirs in known.values() if code in theirs), None)
    if definition is None or handler is None or not may_see(definition, grant):
        raise NotFound(field="tag")
    await refuse_inactive(tx, member_id)
    if definition.kind is not TagKind.HAND:
        raise TagNotByHand(field="tag")
    return definition, handler


def may_see(definition: Definition, grant: Grant) -> bool:
    """Of a member: a tag that is listed, as far as the purpose goes."""
    return is_listed(definition, grant) and is_open_to(definition, grant.purpose, is_own=grant.is_own)


def is_listed(definition: Definition, grant: Grant) -> bool:
    """Whether one may know that there is such a tag: every tag with the right to tags, a service tag with its own."""
    guards = [Guard.TAGS, *([Guard.SERVICE_TAGS] if definition.is_service else [])]
    return any(grant.read(guard) is Verdict.CLEAR for guard in guards)


def _end(definition: Definition, until: datetime | None, now: datetime) -> datetime | None:
    latest = now + timedelta(days=definition.expires_days) if definition.expires_days is not None else None
    if until is None:
        return latest
    if until <= now or (latest is not None and until > latest):
        raise BadUntil(field="until")
    return until


async def _origins(tx: Tx, member_id: MemberId) -> list[object]:
    rows = select(account_t.c.origin_id).where(account_t.c.member_id == member_id).order_by(account_t.c.origin_id)
    found = list(await tx.scalars(rows))
    if not found:
        raise Conflict("This member has no channel account.", zh="该会员没有渠道账号。", field="member")
    return found


async def _givers(tx: Tx, member_id: MemberId, code: str) -> Sequence[str]:
    rows = select(tagging_t.c.handler).where(*_given(member_id, code)).distinct()
    return (await tx.scalars(rows.order_by(tagging_t.c.handler))).all()


async def _clear(tx: Tx, member_id: MemberId, code: str, *, given_by: Sequence[str]) -> None:
    await tx.execute(delete(tagging_t).where(*_given(member_id, code), among(tagging_t.c.handler, given_by)))


def _given(member_id: MemberId, code: str) -> tuple[ColumnElement[bool], ...]:
    return tagging_t.c.member_id == member_id, tagging_t.c.tag == code, tagging_t.c.how == TagKind.HAND.value
