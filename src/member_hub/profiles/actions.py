"""Enrolling a channel account, and updating a profile: both are statements that resolution takes in at once.

Whatever is refused raises, and the caller's transaction takes everything back with it.

Decision: an update is recorded as a statement of one of the member's own channel accounts, so it has an origin, shows
in the provenance, and goes where the account goes. It is the website account where there is one, else the app's, else
a card: what is typed there counts as the member's own word, and an address of the app never as a whole one
(identity/facts.py). Price: the provenance names that channel whoever typed it (the audit log knows), and the account
counts as seen now.

Decision: without a member code, staff who enrol somebody of another store make a new member beside the old one, and a
pair for review. Telling them that the phone is known would tell it of anybody. Whoever shows a code has said who they
are: then the account joins that member, or is refused (presence.py). Price: a member without the app is enrolled twice,
and united by somebody who reviews pairs.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from member_hub import counting, idempotency, till
from member_hub.access import Caller, Grant, Key
from member_hub.counting import Loyalty
from member_hub.db.base import Tx
from member_hub.errors import NotFound
from member_hub.idempotency import RequestKey
from member_hub.identity import actions as claims
from member_hub.identity.kinds import ClaimKind
from member_hub.identity.statements import AccountStatement, own_kind
from member_hub.ids import MemberId
from member_hub.members.queries import lock_members
from member_hub.members.reading import Visible, find
from member_hub.merging import OutcomeKind, Resolution, Resolver
from member_hub.orders.actions import Orders
from member_hub.privacy import ProfileField, Purpose
from member_hub.profiles import presence, rules
from member_hub.profiles.collecting import refuse_unconsented
from member_hub.profiles.queries import held_verified, speakers_of, speaking
from member_hub.profiles.refusals import (
    AlreadyEnrolled,
    MayNotServe,
    NotThePresented,
    Outranked,
    Refusals,
    VersionConflict,
)
from member_hub.profiles.rules import CONTACTS, Enrolment, Stated


@dataclass(frozen=True, slots=True)
class Written:
    """Whose profile it is now, and every member whom the statement joined, merged or split: for the audit entry."""

    member_id: MemberId
    involved: frozenset[MemberId] = frozenset()


async def enrol(
    tx: Tx,
    caller: Caller,
    grant: Grant,
    resolver: Resolver,
    *,
    loyalty: Loyalty,
    wanted: Enrolment,
    resting: Collection[Purpose],
    key: RequestKey,
    now: datetime,
) -> Written:
    """Enrol a channel account: it joins the member it belongs to, or makes one. Once per key: a retry finds the same.

    Raises Refusals for what is wrong with the input, AlreadyEnrolled for a known account, KeyReused for another
    request under the key, NotFound where the account belongs to somebody out of the caller's reach. With a member
    code: NotFound for one that is not good, NotThePresented where what is stated speaks against who shows it, CardsFull
    where that member has no room for it; a refusal leaves the code good.
    """
    done = await idempotency.begin(tx, resolver.vault, key, now=now)
    if done is not None:
        return Written(await _in_reach(tx, _visible(caller, grant, resolver, now), done))
    said = rules.statement(wanted, caller, grant, resolver.organisation, now=now)
    visible = _visible(caller, grant, resolver, now)
    till_view = _visible(caller, grant.at_till() or grant, resolver, now)
    presented = await _presented(tx, caller, grant, resolver, code=wanted.member_code, within=till_view)
    stated = [said]
    for member_id in presented:
        stated = await presence.stated(tx, resolver.vault, member_id, said, code=wanted.member_code or "", now=now)
    tried = await _tried(tx, resolver, stated, now=now)
    in_reach = await _stays_in_reach(tx, visible, tried, presented=presented)
    if in_reach:  # as it stands before this birthday, which might make an adult of somebody
        target = tried.outcomes[0].member_id
        await refuse_unconsented(tx, target, wanted.stated.purposes, resting=resting, now=now)
    for member_id in presented:
        await presence.refuse_another(tx, resolver, member_id, said)
    stated[0] = replace(stated[0], is_vouched=in_reach and not presented)
    resolution = await resolver.resolve(tx, stated, caused_by=_by(caller), now=now)
    outcome = resolution.outcomes[0]
    for member_id in presented:
        await _refuse_apart(tx, till_view, member_id, outcome.member_id)
    await _count_released(tx, resolver, resolution, loyalty, now)
    member_id = await _in_reach(tx, visible, outcome.member_id)
    await refuse_unconsented(tx, member_id, wanted.stated.purposes, resting=resting, now=now)
    await idempotency.finish(tx, resolver.vault, key, member_id)
    return Written(member_id, resolution.involved)


async def _count_released(tx: Tx, resolver: Resolver, done: Resolution, loyalty: Loyalty, now: datetime) -> None:
    """What has waited for the account, and the balance that it brings, as an import would."""
    orders = Orders(resolver.vault, resolver.organisation)
    released = await orders.release_waiting(tx, done.arrived, counted_at=now)
    caller, origins = counting.hub_caller(), list(done.arrived.values())
    await counting.count_openings(tx, caller, origins, needs=loyalty, now=now)
    await counting.count_lines(tx, caller, released.orders, needs=loyalty, now=now)
    await counting.count_activity(tx, released.activity, needs=loyalty, now=now)


def _visible(caller: Caller, grant: Grant, resolver: Resolver, now: datetime) -> Visible:
    recipient = resolver.catalogue.recipient_of(caller)
    told = resolver.catalogue.told_of(recipient)
    return Visible.to(caller, grant, resolver.organisation, recipient=recipient, told=told, now=now)


async def _in_reach(tx: Tx, visible: Visible, member_id: MemberId) -> MemberId:
    """The root of the member; a retry may come from somebody who reaches less than the first request did."""
    found = await find(tx, visible, [member_id], by_key=True)
    if member_id not in found:
        raise NotFound(field="account")
    return MemberId(found[member_id].member_id)


async def _presented(
    tx: Tx, caller: Caller, grant: Grant, resolver: Resolver, *, code: str | None, within: Visible
) -> frozenset[MemberId]:
    """The one who shows the code; nobody where none is shown."""
    if code is None:
        return frozenset()
    if not grant.may_look_up(Key.MEMBER_CODE):
        raise MayNotServe(field="memberCode")
    redeemed = await till.redeem(tx, resolver.vault, caller.handler, [code])
    found = await find(tx, within, list(redeemed.values()), by_key=True)
    if not found:
        raise NotFound(field="memberCode")
    return frozenset(MemberId(row.member_id) for row in found.values())


async def _refuse_apart(tx: Tx, till_view: Visible, presented: MemberId, joined: MemberId) -> None:
    """What no evidence overrides: two who are never to be one, or another handler's."""
    found = await find(tx, till_view, [presented], by_key=True)
    if presented not in found or found[presented].member_id != joined:
        raise NotThePresented(field="memberCode")


async def _tried(tx: Tx, resolver: Resolver, stated: Sequence[AccountStatement], *, now: datetime) -> Resolution:
    """What would become of the statements; taken back."""
    attempt = await tx.begin_nested()
    tried = await resolver.resolve(tx, stated, caused_by="an enrolment, tried", now=now)
    await attempt.rollback()
    return tried


async def _stays_in_reach(tx: Tx, visible: Visible, tried: Resolution, *, presented: frozenset[MemberId]) -> bool:
    """Whether all whom the statements would join were in the caller's reach before it.

    Who shows a member code counts as reached. Else what is merely typed in it may not unite: a stranger's phone, typed
    in with a card that nobody has, would bring the stranger into the caller's store. Raises AlreadyEnrolled for a known
    account, and NotFound where anybody out of reach is involved: a phone of somebody in reach, typed in beside a
    stranger's card, must not tell that the card is known.
    """
    reached = (await find(tx, visible, sorted(tried.involved))).keys() | (presented & tried.involved)
    if tried.outcomes[0].kind is OutcomeKind.UPDATED:
        raise AlreadyEnrolled(field="account") if reached == tried.involved else NotFound(field="account")
    return reached == tried.involved


async def update(
    tx: Tx,
    caller: Caller,
    grant: Grant,
    resolver: Resolver,
    member_id: MemberId,
    *,
    expected_version: int,
    stated: Stated,
    resting: Collection[Purpose],
    now: datetime,
) -> Written:
    """Change fields of a profile, if it is still at the version that the caller has seen.

    Whoever changes a member holds the tokens of all its accounts (merging/gathering.py), so from the lock on the
    version stands still.
    Raises NotFound (also for a member out of reach), Refusals, VersionConflict, and Outranked where a value would be
    held without being shown.
    """
    visible = _visible(caller, grant, resolver, now)
    seen = await _reached(tx, visible, member_id)
    values = rules.read_update(stated, caller, grant, now=now)
    speaker = speaking(await speakers_of(tx, resolver.vault, seen.member_id))
    await claims.lock(tx, [resolver.vault.token(own_kind(speaker.channel), speaker.namespace, speaker.account)])
    held = await _reached(tx, visible, member_id)
    if held.version != expected_version:
        raise VersionConflict(held.version)
    await refuse_unconsented(tx, held.member_id, stated.purposes, resting=resting, now=now)
    verified = await held_verified(tx, held.member_id)
    _refuse_outranked(resolver, verified, values, stated)
    begins_at = None if _holds_phone(resolver, verified, values) else now
    contacts = rules.contacts(values, stated, begins_at=begins_at, now=now)
    said = speaker.says(contacts, rules.profile_values(values, stated), now=now)
    resolution = await resolver.resolve(tx, [said], caused_by=_by(caller), now=now)
    target = resolution.outcomes[0].member_id
    await refuse_unconsented(tx, target, stated.purposes, resting=resting, now=now)
    await _refuse_without_effect(tx, resolver, target, values)
    return Written(target, resolution.involved)


async def _reached(tx: Tx, visible: Visible, member_id: MemberId) -> Row[Any]:
    found = await find(tx, visible, [member_id])
    if member_id not in found:
        raise NotFound(field="id")
    return found[member_id]


def _holds_phone(
    resolver: Resolver, held: Mapping[ClaimKind, Collection[bytes]], values: Mapping[ProfileField, str]
) -> bool:
    """Whether the number was this member's all the time: then to verify it again is no beginning."""
    phone = values.get(ProfileField.PHONE)
    return phone is not None and resolver.vault.token(ClaimKind.PHONE, "", phone) in held.get(ClaimKind.PHONE, ())


def _refuse_outranked(
    resolver: Resolver,
    held: Mapping[ClaimKind, Collection[bytes]],
    values: Mapping[ProfileField, str],
    stated: Stated,
) -> None:
    """A typed phone or address never takes the place of a verified one: the member could not be found by it again."""
    weaker = [
        Outranked(field=field.value)
        for field, kind in CONTACTS.items()
        if field in values
        and not stated.is_verified(field)
        and set(held.get(kind, ())) - {resolver.vault.token(kind, "", values[field])}
    ]
    if weaker:
        raise Refusals(weaker)


async def _refuse_without_effect(
    tx: Tx, resolver: Resolver, member_id: MemberId, values: Mapping[ProfileField, str]
) -> None:
    """What was stated is what the profile shows now, or the update did not happen."""
    stored = (await lock_members(tx, resolver.vault, [member_id]))[member_id]
    lost = [Outranked(field=field.value) for field, value in values.items() if stored.values.get(field) != value]
    if lost:
        raise Refusals(lost)


def _by(caller: Caller) -> str:
    return f"{caller.role} {caller.subject}"
