"""Forgetting what only a consent justified, when that consent has ended (PIPL 15, 16, 47(1)(3); scenario S6).

    withdrawn, refused, expired, invalidated, lapsed     the values go in that transaction
    stale, within its grace                              they stay, shown to nobody, for the consent may be given anew

A purpose has ended when none of its slots stands or may still be renewed: withdrawing text messages alone leaves a
birthday that e-mail may be sent for. Called with whoever changed: it looks itself, so once too often does no harm.

What goes: the rows of `profile_value` that were collected for that purpose and have no other basis. The golden profile
is made anew from what is left, and every key that ever sealed one of the values is renewed, so that an older copy of a
row opens with no key there is: of the accounts that stated them, and of the golden profile. The outside ledger names
both first. What stays: the same value where another account of the member states it for the service; phone, e-mail and
all else the service needs; the audit log and what was sent while the consent stood, which no withdrawal undoes.

Decision: an age band that says under 14 or under 18 outlives the birthday that it rests on until a birth date says
otherwise, for any sign of a minor counts (merging/ageing.py).
Decision: a value beside these that was tampered with stops no withdrawal. It opens with no key, so nothing can be
sealed anew: then all of this is left to the job, with a warning, and the gate of every read shows the field to nobody.
"""

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, delete, select

from member_hub.clock import business_day
from member_hub.consent.catalogue import Numbers
from member_hub.consent.history.derived import Decided, derived
from member_hub.consent.notice.gates import current_gates
from member_hub.consent.tables import ConsentCurrent, Notice
from member_hub.consent.words import ANY, Actor, ConsentState
from member_hub.crypto import CannotOpen, LedgerKind, Note, Vault
from member_hub.db.base import Tx
from member_hub.db.bulk import among, table_of
from member_hub.identity.queries import load_accounts
from member_hub.identity.states import AccountState
from member_hub.ids import MemberId, OriginId
from member_hub.members.actions import Golden, update_members
from member_hub.members.queries import StoredMember, lock_members
from member_hub.members.tables import AgeBand, ChannelAccount, ProfileValue
from member_hub.merging.ageing import Ageing
from member_hub.merging.applying import class_of, golden_of
from member_hub.privacy import DataClass, ProfileField, Purpose

MEMBERS_MAX: Final = 500  # of one call
FIELD_CLASS: Final = DataClass.CONTACT  # under which every stated value is sealed, whatever its field

value_t = table_of(ProfileValue)
account_t = table_of(ChannelAccount)
current_t = table_of(ConsentCurrent)
notice_t = table_of(Notice)

_log = logging.getLogger(__name__)

S = ConsentState


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Which fields went, by member; empty: nothing rested on an ended consent alone."""

    fields: Mapping[MemberId, frozenset[ProfileField]] = field(default_factory=dict)
    notes: Sequence[Note] = field(default=(), compare=False)  # for the outside ledger, last before the commit

    @property
    def words(self) -> frozenset[str]:
        """For the audit entry: `member.birthday:FORGET`."""
        return frozenset(f"member.{one}:FORGET" for fields in self.fields.values() for one in fields)


async def forget_consented(
    tx: Tx,
    vault: Vault,
    member_ids: Collection[MemberId],
    purposes: Collection[Purpose] | None = None,
    *,
    numbers: Numbers,
    now: datetime,
) -> Forgotten:
    """Delete what these members (roots) gave for consented purposes that have ended, in the caller's transaction.

    `purposes`: which may have ended; None looks at all. Called behind `settle`; the caller puts the `notes` into the
    outside ledger before the commit (consent/outside.py). Where nothing is held for a consent alone it asks one
    question and writes nothing. At most MEMBERS_MAX members; they are locked here, in id order, where the caller
    does not hold them yet.
    """
    ids = sorted(set(member_ids))
    if len(ids) > MEMBERS_MAX:
        raise ValueError(f"At most {MEMBERS_MAX} members at once.")
    if not ids or not await _held(tx, ids, purposes):
        return Forgotten()
    try:
        async with tx.begin_nested():
            return await _forget(tx, vault, ids, purposes, numbers, now)
    except CannotOpen as error:
        _log.warning("%s While: forget what a consent justified.", error)
        return Forgotten()


async def _forget(  # noqa: PLR0917 - the parts of one call
    tx: Tx,
    vault: Vault,
    ids: Sequence[MemberId],
    purposes: Collection[Purpose] | None,
    numbers: Numbers,
    now: datetime,
) -> Forgotten:
    stored = await lock_members(tx, vault, ids)
    held = await _held(tx, ids, purposes)  # under the lock: what others have just written or taken counts
    standing = await _standing(tx, stored.values(), numbers, now)
    gone = [row for row in held if (row.member_id, row.collected_for) not in standing]
    if not gone:
        return Forgotten()
    await _delete(tx, gone)
    fields = _fields_by_member(gone)
    await _make_golden_anew(tx, vault, {one: stored[one] for one in fields}, numbers, now)
    renewed = _renewed(gone)
    for subject, data_class in renewed:
        await vault.rekey(tx, subject, data_class)
    return Forgotten(fields, _notes(fields, gone, renewed, now))


async def holding_for_consent(tx: Tx, *, after: MemberId | None = None, limit: int = MEMBERS_MAX) -> list[MemberId]:
    """The next members in id order who hold anything for a consent alone: for a job that looks at all of them."""
    statement = select(value_t.c.member_id).distinct().where(value_t.c.collected_for.is_not(None))
    if after is not None:
        statement = statement.where(value_t.c.member_id > after)
    found = await tx.scalars(statement.order_by(value_t.c.member_id).limit(min(limit, MEMBERS_MAX)))
    return [MemberId(one) for one in found]


async def _held(tx: Tx, ids: Sequence[MemberId], purposes: Collection[Purpose] | None) -> Sequence[Row[Any]]:
    """The rows held for a consented purpose alone."""
    columns = ("member_id", "field", "origin_id", "value_digest", "collected_for")
    statement = select(*(value_t.c[name] for name in columns)).where(
        among(value_t.c.member_id, ids), value_t.c.collected_for.is_not(None)
    )
    if purposes is not None:
        statement = statement.where(among(value_t.c.collected_for, sorted(purposes)))
    return (await tx.execute(statement)).all()


async def _standing(
    tx: Tx, members: Iterable[StoredMember], numbers: Numbers, now: datetime
) -> set[tuple[MemberId, str]]:
    """(member, purpose) where a grant to the handler itself stands, or is stale and may still be given anew."""
    handlers = {one.member_id: one.handler for one in members}
    columns = ("member_id", "purpose", "state", "actor", "since", "due_at", "ends_at")
    statement = (
        select(*(current_t.c[name] for name in columns), notice_t.c.effective_at)
        .outerjoin(notice_t, notice_t.c.notice_id == current_t.c.notice_id)
        .where(
            among(current_t.c.member_id, handlers),
            current_t.c.recipient == ANY,
            current_t.c.state.in_((S.GRANTED.value, S.STALE.value)),
        )
    )
    rows = (await tx.execute(statement)).all()
    gates = await current_gates(tx) if rows else {}
    found = set()
    for row in rows:
        gate = gates.get((handlers[row.member_id], row.purpose, ANY))
        decided = Decided(S(row.state), row.since, Actor(row.actor), row.effective_at, row.ends_at)
        # Who is old enough to give it anew is no question of whether it may be.
        real = derived(
            decided, gate_at=gate.effective_at if gate else None, age_band=AgeBand.ADULT, numbers=numbers, now=now
        )
        if real.state is S.GRANTED or (real.state is S.STALE and not (row.due_at and row.due_at <= now)):
            found.add((MemberId(row.member_id), str(row.purpose)))
    return found


async def _delete(tx: Tx, gone: Sequence[Row[Any]]) -> None:
    """Digests are no other account's: they tell the rows of these members apart."""
    statement = delete(value_t).where(
        among(value_t.c.member_id, {row.member_id for row in gone}),
        among(value_t.c.origin_id, {row.origin_id for row in gone}),
        among(value_t.c.value_digest, [row.value_digest for row in gone]),
        value_t.c.collected_for.is_not(None),
    )
    deleted = await tx.execute(statement)
    assert deleted.rowcount == len(gone)


def _fields_by_member(gone: Iterable[Row[Any]]) -> dict[MemberId, frozenset[ProfileField]]:
    found: dict[MemberId, set[ProfileField]] = defaultdict(set)
    for row in gone:
        found[MemberId(row.member_id)].add(ProfileField(row.field))
    return {member: frozenset(fields) for member, fields in found.items()}


async def _make_golden_anew(
    tx: Tx, vault: Vault, stored: Mapping[MemberId, StoredMember], numbers: Numbers, now: datetime
) -> None:
    """As resolving does (merging/applying.py). Whom the accounts belong to rests on nothing that went: what is held
    for a consent alone unites nobody."""
    accounts = await _accounts(tx, vault, stored)
    ageing = Ageing(business_day(now), numbers)
    changed = [
        golden
        for member_id, was in stored.items()
        if (golden := golden_of(member_id, accounts[member_id], ageing, [was.age_band])).values != was.values
        or golden.consented_fields != was.consented_fields
    ]
    wanted = {(one.member_id, class_of(f)) for one in changed for f in one.values if f is not ProfileField.GENDER}
    keys = await vault.keys_for(tx, wanted, create=True)
    await update_members(tx, keys, [(one, _next_version(stored, one)) for one in changed], now=now)


async def _accounts(tx: Tx, vault: Vault, ids: Collection[MemberId]) -> dict[MemberId, list[AccountState]]:
    origins = await tx.scalars(select(account_t.c.origin_id).where(among(account_t.c.member_id, ids)))
    found: dict[MemberId, list[AccountState]] = defaultdict(list)
    for account in (await load_accounts(tx, vault, [OriginId(one) for one in origins])).values():
        assert account.member_id is not None
        found[account.member_id].append(account)
    return found


def _next_version(stored: Mapping[MemberId, StoredMember], golden: Golden) -> int:
    return stored[golden.member_id].version + 1


def _renewed(gone: Iterable[Row[Any]]) -> list[tuple[UUID, DataClass]]:
    """The golden profile's too where it shows something else now: it may have shown what went before."""
    wanted = {(UUID(str(row.origin_id)), FIELD_CLASS) for row in gone}
    for row in gone:
        if row.field != ProfileField.GENDER:
            wanted.add((UUID(str(row.member_id)), class_of(ProfileField(row.field))))
    return sorted(wanted)


def _notes(
    fields: Mapping[MemberId, Collection[ProfileField]],
    gone: Sequence[Row[Any]],
    renewed: Sequence[tuple[UUID, DataClass]],
    now: datetime,
) -> list[Note]:
    """Which fields were taken from whom, and which keys were renewed for it: a vault restored from before has to lose
    them again."""
    notes = []
    for one in sorted(frozenset[ProfileField]().union(*fields.values())):
        members = {UUID(str(row.member_id)) for row in gone if row.field == one}
        origins = {UUID(str(row.origin_id)) for row in gone if row.field == one}
        notes.append(Note(LedgerKind.CORRECTION, tuple(sorted(members | origins)), now, (one.value,)))
    for data_class in sorted({data_class for _, data_class in renewed}):
        subjects = tuple(subject for subject, of in renewed if of is data_class)
        notes.append(Note(LedgerKind.REKEY, subjects, now, (data_class.value,)))
    return notes
