"""What a right code opens: a member who holds the number still, one who proves a second thing, or a new one.

Context: a carrier gives a number to somebody else 90 days after it was given up. Decision: whoever proves a number
opens with it only what was verified with it within these 90 days. Else a second thing that the holder has is asked
for; and who has none begins anew: an account of the website channel in a name space of its own, whose claim says since
when the number is theirs (`begins_at`). That claim is all there is: the partition releases the number from its former
holder and keeps the two apart, whatever is imported later and in whatever order. Nobody is told which of the three it
will be: a number that nobody has and one that was given out again are asked the same question.
Price: a member who was long away and has nothing at hand begins a second membership, which staff see as a candidate.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import delete, insert, select, update

from member_hub.db.base import Tx
from member_hub.db.bulk import insert_rows, table_of
from member_hub.identity import actions as claims
from member_hub.identity import normalise
from member_hub.identity.kinds import ClaimKind, ClaimStatus
from member_hub.identity.speaking import Speaker
from member_hub.identity.statements import AccountStatement, StatedIdentifier
from member_hub.ids import MemberId, uuid7
from member_hub.members.tables import Channel
from member_hub.merging import Resolver
from member_hub.sign_in import codes, queries
from member_hub.sign_in.queries import Holding
from member_hub.sign_in.refusals import CodeWrong
from member_hub.sign_in.rules import ORDER_IS_RECENT, SESSION_LIVES, is_fresh
from member_hub.sign_in.tables import CODE_RETENTION_DAYS, NoticeTask, Session

NAMESPACE: Final = "sign_in"  # of the accounts that begin here; no file and no app names it
CAUSED_BY: Final = "sign-in"
PHONE_RELEASED: Final = "phone_released"
FORGET_MAX: Final = 100  # sessions long over that are removed per session begun

session_t = table_of(Session)


class Second(StrEnum):
    """What may be asked for beside the code; spelled as in the request."""

    CARD = "card"
    UNIONID = "unionid"
    ORDER_NO = "orderNo"


@dataclass(frozen=True, slots=True, repr=False)
class Wanted:
    """What somebody with a right code asks for; `phone` in E.164."""

    phone: str
    second: tuple[Second, str] | None = None
    starts_new: bool = False


@dataclass(frozen=True, slots=True)
class Opened:
    """A session that began; `released` lost the number by it, and `tasks` are to tell them."""

    session_id: UUID
    member_id: MemberId
    is_new: bool
    expires_at: datetime
    released: Sequence[MemberId] = ()
    tasks: Sequence[UUID] = ()


async def open_session(tx: Tx, resolver: Resolver, wanted: Wanted, code_id: UUID, *, now: datetime) -> Opened | None:
    """Begin a session with a right code and use the code up. None: a second thing or a new start has to be chosen, and
    nothing changed.

    Raises CodeWrong where the code was used meanwhile, or the second thing is not the holder's; nothing changes then.
    """
    token = resolver.vault.token(ClaimKind.PHONE, "", wanted.phone)
    await claims.lock(tx, [token])
    held = await queries.holdings(tx, token) or await queries.holdings(
        tx, token, statuses=[ClaimStatus.SHARED], namespace=NAMESPACE
    )
    known = _still_holding(held, now)
    if known is None and wanted.second is not None:
        known = await _proven(tx, resolver, held, wanted.second, now)
        if known is None:
            raise CodeWrong
    if known is None and not wanted.starts_new:
        return None
    if not await codes.use(tx, code_id):
        raise CodeWrong
    if known is not None:
        return await _as_known(tx, resolver, wanted.phone, known, held=held, now=now)
    return await _anew(tx, resolver, wanted.phone, token=token, held=held, now=now)


async def end_session(tx: Tx, session_id: UUID, *, now: datetime) -> None:
    """The token of the session is refused from now on. Twice is the same as once."""
    running = (session_t.c.session_id == session_id) & session_t.c.ended_at.is_(None)
    await tx.execute(update(session_t).where(running).values(ended_at=now))


def _still_holding(held: Sequence[Holding], now: datetime) -> Holding | None:
    firmest = max(held, key=lambda one: one.firmness, default=None)
    return firmest if firmest is not None and is_fresh(firmest.verified_at, now) else None


async def _proven(
    tx: Tx, resolver: Resolver, held: Sequence[Holding], second: tuple[Second, str], now: datetime
) -> Holding | None:
    """The account that states the number of the one member among its holders who has the second thing, too."""
    owners = await _owners(tx, resolver, second, {one.member_id for one in held}, now)
    if len(owners) != 1:
        return None
    return max((one for one in held if one.member_id in owners), key=lambda one: one.firmness)


async def _owners(
    tx: Tx, resolver: Resolver, second: tuple[Second, str], members: Collection[MemberId], now: datetime
) -> set[MemberId]:
    which, said = second
    vault, channels = resolver.vault, resolver.organisation.channels
    match which:
        case Second.CARD:
            number = normalise.card(said) or ""
            cards = [vault.token(ClaimKind.CARD, brand, number) for brand in channels[Channel.STORE].namespaces]
            return await queries.owners_of_token(tx, ClaimKind.CARD, cards, members)
        case Second.UNIONID:
            platform = channels[Channel.APP].open_platform or ""
            unionid = vault.token(ClaimKind.UNIONID, platform, normalise.unionid(said) or "")
            return await queries.owners_of_token(tx, ClaimKind.UNIONID, [unionid], members)
        case Second.ORDER_NO:
            return await queries.buyers(tx, said.strip(), since=now - ORDER_IS_RECENT, members=members)


async def _as_known(
    tx: Tx, resolver: Resolver, phone: str, known: Holding, *, held: Sequence[Holding], now: datetime
) -> Opened:
    """The number is verified again through the account that states it.

    Where it had not been for long and others state it, too, theirs is not opened with it: the claim begins anew.
    """
    speaker = await queries.speaker_of(tx, resolver.vault, known)
    is_others = any(one.member_id != known.member_id for one in held)
    begins_at = now if is_others and not is_fresh(known.verified_at, now) else None
    said = _verified(speaker, phone, begins_at=begins_at, now=now)
    return await _begin(tx, await _resolved(tx, resolver, said, now), is_new=False, now=now)


async def _anew(
    tx: Tx, resolver: Resolver, phone: str, *, token: bytes, held: Sequence[Holding], now: datetime
) -> Opened:
    speaker = Speaker(Channel.WEBSITE, NAMESPACE, f"{NAMESPACE}-{uuid7().hex}", None, now, now)
    said = _verified(speaker, phone, begins_at=now, now=now)
    member_id = await _resolved(tx, resolver, said, now)
    former = {one.member_id for one in held} - {member_id}
    left = await queries.holdings(tx, token, statuses=[ClaimStatus.RELEASED], among_members=former) if former else []
    released = sorted({one.member_id for one in left})
    tasks = [uuid7() for _ in released]
    rows = [(task, member, PHONE_RELEASED, now, now) for task, member in zip(tasks, released, strict=True)]
    await insert_rows(tx, NoticeTask, ("task_id", "member_id", "kind", "created_at", "due_at"), rows)
    return await _begin(tx, member_id, is_new=True, now=now, released=released, tasks=tasks)


def _verified(speaker: Speaker, phone: str, *, begins_at: datetime | None, now: datetime) -> AccountStatement:
    return speaker.says([StatedIdentifier(ClaimKind.PHONE, "", phone, now, begins_at)], now=now)


async def _resolved(tx: Tx, resolver: Resolver, said: AccountStatement, now: datetime) -> MemberId:
    return (await resolver.resolve(tx, [said], caused_by=CAUSED_BY, now=now)).outcomes[0].member_id


async def _begin(
    tx: Tx,
    member_id: MemberId,
    *,
    is_new: bool,
    now: datetime,
    released: Sequence[MemberId] = (),
    tasks: Sequence[UUID] = (),
) -> Opened:
    opened = Opened(uuid7(), member_id, is_new, now + SESSION_LIVES, released, tasks)
    old = session_t.c.expires_at < now - timedelta(days=CODE_RETENTION_DAYS)
    over = select(session_t.c.session_id).where(old).limit(FORGET_MAX).with_for_update(skip_locked=True).cte("over")
    await tx.execute(delete(session_t).where(session_t.c.session_id.in_(select(over.c.session_id))))
    row = {
        "session_id": opened.session_id,
        "member_id": member_id,
        "started_at": now,
        "expires_at": opened.expires_at,
    }
    await tx.execute(insert(session_t).values(row))
    return opened
