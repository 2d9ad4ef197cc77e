"""What a right code opens: a member who holds the number still, one who proves a second thing, or a new one.

Context: a carrier gives a number to somebody else 90 days after it was given up. Decision: whoever proves a number
opens with it only what was verified with it within these 90 days, and a member only where all that it has hangs
together by more than an old number (identity/matching/proving.py). Else a second thing that the holder has is asked
for, and opens what hangs together with it; and who has none begins anew: an account of the website channel in a name
space of its own, whose claim says since when the number is theirs (`begins_at`). That claim is all there is: the
partition releases the number from its former holder and keeps the two apart, whatever is imported later and in
whatever order. Nobody is told which of the three it will be: a number that nobody has and one that was given out again
are asked the same question.
Price: a member who was long away and has nothing at hand begins a second membership, which staff see as a candidate.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import delete, insert, select, update

from member_hub import telling
from member_hub.db.base import Tx
from member_hub.db.bulk import table_of
from member_hub.identity import actions as claims
from member_hub.identity import normalise
from member_hub.identity.kinds import ClaimKind, ClaimStatus
from member_hub.identity.rules import opened_with
from member_hub.identity.speaking import Speaker
from member_hub.identity.statements import AccountStatement, StatedIdentifier
from member_hub.ids import MemberId, OriginId, uuid7
from member_hub.members.tables import Channel
from member_hub.merging import Resolver
from member_hub.sign_in import codes, queries
from member_hub.sign_in.queries import Holding
from member_hub.sign_in.refusals import CodeWrong
from member_hub.sign_in.rules import ORDER_IS_RECENT, SESSION_LIVES, is_fresh
from member_hub.sign_in.tables import CODE_RETENTION_DAYS, Session
from member_hub.telling import Kind, ToTell

NAMESPACE: Final = "sign_in"  # of the accounts that begin here; no file and no app names it
CAUSED_BY: Final = "sign-in"
FORGET_MAX: Final = 100  # sessions long over that are removed per session begun

session_t = table_of(Session)


class Second(StrEnum):
    """What may be asked for beside the code; spelled as in the request."""

    CARD = "card"
    UNIONID = "unionid"
    ORDER_NO = "orderNo"


@dataclass(frozen=True, slots=True, repr=False)
class Wanted:
    """What somebody with a right code asks for; `phone` in E.164, `attempt` as the request for the code answered."""

    phone: str
    attempt: UUID
    second: tuple[Second, str] | None = None
    starts_new: bool = False


@dataclass(frozen=True, slots=True)
class Opened:
    """A session that began, who lost the number by it, and the tasks of telling whoever has to be told."""

    session_id: UUID
    member_id: MemberId
    is_new: bool
    expires_at: datetime
    released: Sequence[MemberId]
    tasks: Sequence[UUID]


@dataclass(frozen=True, slots=True)
class Guessed:
    """The second thing was not the holder's, or too many were none before: counted, and refused once that is kept."""


@dataclass(frozen=True, slots=True, repr=False)
class Sought:
    """A number in hand, locked, with the accounts that state it, and the code that was right for it."""

    phone: str
    token: bytes
    code_id: UUID
    held: Sequence[Holding]
    now: datetime


@dataclass(frozen=True, slots=True)
class Known:
    """A member whom the number leads to: the accounts that are opened with it, and those of them that state it."""

    member_id: MemberId
    holdings: Sequence[Holding]
    opened: Collection[OriginId]
    is_whole: bool  # nothing of the member stays closed
    is_by_second: bool = False


async def open_session(
    tx: Tx, resolver: Resolver, wanted: Wanted, code_id: UUID, *, now: datetime
) -> Opened | Guessed | None:
    """Begin a session with a right code and use the code up. None: a second thing or a new start has to be chosen, and
    nothing changed.

    Guessed: the second thing is not the holder's; one is tried per code, and few in a month.
    Raises CodeWrong where the code was used meanwhile; nothing changes then.
    """
    token = resolver.vault.token(ClaimKind.PHONE, "", wanted.phone)
    await claims.lock(tx, [token])
    held = await queries.holdings(tx, token) or await queries.holdings(
        tx, token, statuses=[ClaimStatus.SHARED], namespace=NAMESPACE
    )
    sought = Sought(wanted.phone, token, code_id, held, now)
    known = await _still_holding(tx, resolver, sought)
    if known is None and wanted.second is not None:
        known = await _proven(tx, resolver, sought, wanted.second) if await codes.may_guess(tx, token) else None
        if known is None:
            return await _guessed(tx, sought)
    if known is None and not wanted.starts_new:
        return None
    if not await codes.use(tx, code_id):
        raise CodeWrong
    if known is not None:
        return await _as_known(tx, resolver, sought, known)
    return await _anew(tx, resolver, sought)


async def _guessed(tx: Tx, sought: Sought) -> Guessed:
    """The code is used up, the guess counts, and the holders are to be told."""
    if not await codes.use(tx, sought.code_id):
        raise CodeWrong
    await codes.count_guess(tx, sought.token)
    holders = sorted({one.member_id for one in sought.held})
    await telling.ask(tx, [ToTell(one, Kind.SECOND_THING_WRONG, sought.code_id) for one in holders], sought.now)
    return Guessed()


async def end_session(tx: Tx, session_id: UUID, *, now: datetime) -> None:
    """The token of the session is refused from now on. Twice is the same as once."""
    running = (session_t.c.session_id == session_id) & session_t.c.ended_at.is_(None)
    await tx.execute(update(session_t).where(running).values(ended_at=now))


async def _still_holding(tx: Tx, resolver: Resolver, sought: Sought) -> Known | None:
    """The member who verified the number lately, if all that they have is theirs by more than an old number."""
    fresh = [one for one in sought.held if is_fresh(one.verified_at, sought.now)]
    if not fresh:
        return None
    member_id = max(fresh, key=lambda one: one.firmness).member_id
    known = await _judged(tx, resolver, sought, member_id, {one.origin_id for one in fresh})
    return known if known.is_whole else None


async def _proven(tx: Tx, resolver: Resolver, sought: Sought, second: tuple[Second, str]) -> Known | None:
    """The one member among the holders who has the second thing, too, with what hangs together with it."""
    owners = await _owners(tx, resolver, sought, second)
    if len({member_id for member_id, _ in owners}) != 1:
        return None
    member_id = next(iter(owners))[0]
    fresh = {one.origin_id for one in sought.held if is_fresh(one.verified_at, sought.now)}
    known = await _judged(tx, resolver, sought, member_id, {origin for _, origin in owners} | fresh)
    return replace(known, is_by_second=True) if known.holdings else None


async def _judged(
    tx: Tx, resolver: Resolver, sought: Sought, member_id: MemberId, proven: Collection[OriginId]
) -> Known:
    facts = await queries.facts_of_member(tx, resolver.vault, member_id)
    opened = opened_with(facts, sought.token, proven, resolver.rules)
    holdings = [one for one in sought.held if one.member_id == member_id and one.origin_id in opened]
    return Known(member_id, holdings, opened, is_whole=len(opened) == len(facts))


async def _owners(
    tx: Tx, resolver: Resolver, sought: Sought, second: tuple[Second, str]
) -> set[tuple[MemberId, OriginId]]:
    """Who among the holders has the second thing, and through which account.

    An order number is read by staff, who may type a number of their own into a profile: it counts only beside a number
    that was verified. A card number and a unionid are masked for them.
    """
    which, said = second
    vault, channels = resolver.vault, resolver.organisation.channels
    members = {one.member_id for one in sought.held}
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
            verified = {one.member_id for one in sought.held if one.verified_at is not None}
            return await queries.buyers(tx, said.strip(), since=sought.now - ORDER_IS_RECENT, members=verified)


async def _as_known(tx: Tx, resolver: Resolver, sought: Sought, known: Known) -> Opened:
    """The number is verified again through every account that states it and is opened, so that none is asked about
    again.

    Where it had not been for long and others state it, too, or part of the member is not opened, theirs is not opened
    with it: the claim begins anew, and the partition takes them apart.
    """
    is_others = any(one.member_id != known.member_id for one in sought.held)
    is_old = not any(is_fresh(one.verified_at, sought.now) for one in known.holdings)
    begins_at = sought.now if (is_others and is_old) or not known.is_whole else None
    firmest = sorted(known.holdings, key=lambda one: one.firmness, reverse=True)
    speakers = [await queries.speaker_of(tx, resolver.vault, one) for one in firmest]
    said = [_verified(speaker, sought.phone, begins_at=begins_at, now=sought.now) for speaker in speakers]
    attempt = await tx.begin_nested()
    member_id = await _resolved(tx, resolver, said, sought.now)
    if begins_at is None and not await _is_opened(tx, resolver, sought, member_id, known):
        await attempt.rollback()
        return await _as_known(tx, resolver, sought, replace(known, is_whole=False))
    await attempt.commit()
    if not await _is_opened(tx, resolver, sought, member_id, known):
        raise CodeWrong
    return await _begin(tx, sought, member_id, is_new=False, is_by_second=known.is_by_second)


async def _is_opened(tx: Tx, resolver: Resolver, sought: Sought, member_id: MemberId, known: Known) -> bool:
    """Whether the member as it is now has nothing but what was opened: verifying a number may have joined others."""
    return (await _judged(tx, resolver, sought, member_id, known.opened)).is_whole


async def _anew(tx: Tx, resolver: Resolver, sought: Sought) -> Opened:
    now = sought.now
    speaker = Speaker(Channel.WEBSITE, NAMESPACE, f"{NAMESPACE}-{uuid7().hex}", None, now, now)
    member_id = await _resolved(tx, resolver, [_verified(speaker, sought.phone, begins_at=now, now=now)], now)
    return await _begin(tx, sought, member_id, is_new=True)


async def _released(tx: Tx, sought: Sought, member_id: MemberId) -> list[MemberId]:
    """Who held the number until now and does not any more; each is to be told."""
    origins = {one.origin_id for one in sought.held}
    left = (
        await queries.holdings(tx, sought.token, statuses=[ClaimStatus.RELEASED], among_origins=origins)
        if origins
        else []
    )
    return sorted({one.member_id for one in left} - {member_id})


def _verified(speaker: Speaker, phone: str, *, begins_at: datetime | None, now: datetime) -> AccountStatement:
    return speaker.says([StatedIdentifier(ClaimKind.PHONE, "", phone, now, begins_at)], now=now)


async def _resolved(tx: Tx, resolver: Resolver, said: Sequence[AccountStatement], now: datetime) -> MemberId:
    return (await resolver.resolve(tx, said, caused_by=CAUSED_BY, now=now)).outcomes[0].member_id


async def _begin(tx: Tx, sought: Sought, member_id: MemberId, *, is_new: bool, is_by_second: bool = False) -> Opened:
    now, released = sought.now, await _released(tx, sought, member_id)
    tasks = await _to_tell(tx, sought, released, [member_id] if is_by_second else [])
    opened = Opened(uuid7(), member_id, is_new, now + SESSION_LIVES, released, tasks)
    await forget_sessions(tx, now=now)
    row = {
        "session_id": opened.session_id,
        "member_id": member_id,
        "started_at": now,
        "expires_at": opened.expires_at,
    }
    await tx.execute(insert(session_t).values(row))
    return opened


async def forget_sessions(tx: Tx, *, now: datetime) -> int:
    """Some of those that are long over; how many. Skips what others hold."""
    old = session_t.c.expires_at < now - timedelta(days=CODE_RETENTION_DAYS)
    over = select(session_t.c.session_id).where(old).limit(FORGET_MAX).with_for_update(skip_locked=True).cte("over")
    gone = await tx.execute(delete(session_t).where(session_t.c.session_id.in_(select(over.c.session_id))))
    return int(gone.rowcount)


async def _to_tell(tx: Tx, sought: Sought, released: Sequence[MemberId], opened: Sequence[MemberId]) -> list[UUID]:
    """About the code that was used: what comes of another one is told again, even where this is not told yet."""
    told = [(one, Kind.PHONE_RELEASED) for one in released] + [(one, Kind.ACCOUNT_OPENED) for one in opened]
    return await telling.ask(tx, [ToTell(one, kind, sought.code_id) for one, kind in told], sought.now)
