"""Benefits that the clock issues: in the month of a birthday, and of the day of joining.

Birth dates are sealed. Once a month a round opens those that are held for the service, in batches, for this rule alone;
what is left of it is an entitlement for the month, or nothing. Each day that follows looks only at members whose row
changed since: who joins, or states a birthday, in the month. Whoever has this year's already is not opened again, so a
birthday that is changed brings at most one in a calendar year.

A batch is one transaction that holds the round's row: two processes share the members out, doing it again finds
nothing to do, and what was left in the middle goes on from there. After a standstill the month that runs is made up
for; a month that is over gives nothing, because nobody could use it.

Decision: a member whose value does not open is left out and logged, and looked at again when the row changes. One
who fails otherwise stops nobody, and is looked at again in the next day's round.
"""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Row, delete, exists, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from member_hub.access import Caller, system_caller
from member_hub.audit import AuditLog, Entry
from member_hub.benefits.rules import Benefit, BenefitRules, has_anniversary, has_birthday, month_of, year_of
from member_hub.benefits.standing import held_by
from member_hub.benefits.tables import BenefitAgain, BenefitRound, Entitlement
from member_hub.benefits.using import entitlement_t, issued_by, member_t, own_origins
from member_hub.benefits.words import Source
from member_hub.clock import business_day
from member_hub.crypto import CannotOpen, Item, Vault
from member_hub.db.apart import apart
from member_hub.db.base import Tx, transaction
from member_hub.db.bulk import among, insert_rows, table_of
from member_hub.db.engines import Database
from member_hub.ids import MemberId, uuid7
from member_hub.members.bits import restriction_mask
from member_hub.members.reading import is_held_for
from member_hub.members.tables import MemberStatus
from member_hub.privacy import DataClass, ProfileField, Purpose

BATCH: Final = 500
BATCHES_MAX: Final = 200  # of one run
OVERLAP: Final = timedelta(hours=1)  # a transaction may commit that long after the time that it wrote
OPERATION: Final = "jobs benefits"
CALLER: Final = "jobs"
REASON: Final = "benefits of the month of birth"
COLUMNS: Final = (
    "member_id", "entitlement_id", "origin_id", "benefit", "source", "is_one_per_person", "period", "starts_at",
    "until", "granted", "reason", "issued_by_kind", "issued_by", "request_id", "issued_at",
)  # fmt: skip

round_t, again_t = table_of(BenefitRound), table_of(BenefitAgain)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Given:
    """To how many something was issued, how many failed and come again, whether the run came to its limit, and how much
    it has behind it for good, whatever that came to."""

    issued: int = 0
    failed: int = 0
    has_more: bool = False
    looked_at: int = field(default=0, compare=False)

    def beside(self, other: "Given") -> "Given":
        return Given(
            self.issued + other.issued,
            self.failed + other.failed,
            self.has_more or other.has_more,
            self.looked_at + other.looked_at,
        )


@dataclass(frozen=True, slots=True)
class Occasions:
    """The rounds of one process."""

    database: Database
    vault: Vault
    audit: AuditLog
    rules: BenefitRules

    async def run(self, now: datetime) -> Given:
        """Issue what is due. Again on the same day: nothing."""
        return (await self._round(Source.BIRTHDAY, now)).beside(await self._round(Source.ANNIVERSARY, now))

    async def _round(self, source: Source, now: datetime) -> Given:
        benefits = [one for one in self.rules.of_source(source) if one.is_open(now)]
        done = Given(has_more=bool(benefits))
        for _ in range(BATCHES_MAX if benefits else 0):
            some = await self._batch(source, benefits, now)
            if some is None:
                return replace(done, has_more=False)
            done = done.beside(some)
        return done

    async def _batch(self, source: Source, benefits: Sequence[Benefit], now: datetime) -> Given | None:
        """The next members of the round; None where it is over for today."""
        month = month_of(now).key
        async with transaction(self.database.app) as tx:
            at = await _turn(tx, source, month, now)
            if at is None:
                return None
            members = await _next(tx, at, source, benefits, now)

            async def work(part: Sequence[Row[Any]]) -> list[MemberId]:
                who = await self._whose(tx, source, part, month)
                return await _issue(tx, who, benefits, hub_caller(), now) if who else []

            parts, failed = await apart(tx, members, work, on_failed=_tell)
            issued = [member_id for part in parts for member_id in part]
            await _move_on(tx, at, members, {row.member_id for row in failed}, now)
            await self._on_record(source, members, issued, now)
        return Given(len(issued), len(failed), looked_at=len(members))

    async def _whose(self, tx: Tx, source: Source, members: Sequence[Row[Any]], month: date) -> list[MemberId]:
        if source is Source.ANNIVERSARY:
            return [MemberId(row.member_id) for row in members if has_anniversary(row.joined_at, month)]
        keys = await self.vault.keys_for(tx, [(row.member_id, DataClass.PROFILE) for row in members])
        items = [Item(member_t.c.birthday, row.member_id, row.birthday) for row in members]
        opened = keys.open_many(items, reason=REASON)
        for row, said in zip(members, opened, strict=True):
            if isinstance(said, CannotOpen):
                _log.error("The birth date of member %s does not open.", row.member_id)
        born = {row.member_id: _date(said) for row, said in zip(members, opened, strict=True)}
        return [MemberId(one) for one, day in born.items() if day is not None and has_birthday(day, month)]

    async def _on_record(
        self, source: Source, members: Sequence[Row[Any]], issued: Collection[MemberId], now: datetime
    ) -> None:
        """Whose birth date was looked at, and who was given something; inside the transaction, before it commits."""
        looked = [row.member_id for row in members] if source is Source.BIRTHDAY else []
        said = (
            (["member.birthday:MATCHED"], looked),
            ([f"reason:{source}", "member.loyalty:WRITE"], list(issued)),
        )
        for fields, member_ids in said:
            if member_ids:
                entry = Entry.of_command(OPERATION, fields=fields, member_ids=member_ids, caller=CALLER, now=now)
                await self.audit.write(entry)


async def _turn(tx: Tx, source: Source, month: date, now: datetime) -> Row[Any] | None:
    """The round of the month, held; begun anew on a new day; None where today's is finished."""
    begun = insert(round_t).values(source=source, month=month, began_at=now).on_conflict_do_nothing()
    await tx.execute(begun)
    same = (round_t.c.source == source, round_t.c.month == month)
    held = (await tx.execute(select(round_t).where(*same).with_for_update())).one()
    if held.finished_at is None:
        return held
    if business_day(held.began_at) >= business_day(now):
        return None
    anew = (
        update(round_t)
        .where(*same)
        .values(began_at=now, changed_since=held.began_at - OVERLAP, after_id=None, finished_at=None)
    )
    return (await tx.execute(anew.returning(*round_t.c))).one()


async def _next(tx: Tx, at: Row[Any], source: Source, benefits: Sequence[Benefit], now: datetime) -> Sequence[Row[Any]]:
    """Held against merging, erasing and rekeying until the batch commits; in the order in which all lock members."""
    had = exists().where(
        entitlement_t.c.member_id == member_t.c.member_id,
        among(entitlement_t.c.benefit, [one.code for one in benefits]),
        entitlement_t.c.period == year_of(now),
    )
    wanted: list[ColumnElement[bool]] = [
        member_t.c.status == MemberStatus.ACTIVE,
        member_t.c.restriction_bits.bitwise_and(restriction_mask(Purpose.MEMBER_SERVICE)) == 0,
        member_t.c.member_id > (at.after_id or UUID(int=0)),
        ~had,
    ]
    if at.changed_since is not None:
        again = select(again_t.c.member_id).where(again_t.c.source == source, again_t.c.month == at.month)
        wanted.append(or_(member_t.c.updated_at >= at.changed_since, member_t.c.member_id.in_(again)))
    if source is Source.BIRTHDAY:
        wanted += [member_t.c.birthday.is_not(None), is_held_for(ProfileField.BIRTHDAY, Purpose.MEMBER_SERVICE)]
    columns: list[ColumnElement[Any]] = [member_t.c.member_id, member_t.c.joined_at, member_t.c.birthday]
    found = select(*columns).where(*wanted).order_by(member_t.c.member_id).limit(BATCH)
    return list(await tx.execute(found.with_for_update(read=True)))


async def _issue(
    tx: Tx, who: Sequence[MemberId], benefits: Sequence[Benefit], caller: Caller, now: datetime
) -> list[MemberId]:
    """To whom anything was given. A row that is there already stays as it is."""
    held, origins, month = await held_by(tx, who, now=now), await own_origins(tx, who), month_of(now)
    by = issued_by(caller, now)
    rows = [
        (
            member_id, uuid7(), origins.get(member_id), benefit.code, benefit.source, True, year_of(now),
            month.starts_at, month.until, quantity, benefit.source, *by.values(),
        )
        for member_id in who
        for benefit in benefits
        if (quantity := benefit.quantity.get(held[member_id].tier, 0))
    ]  # fmt: skip
    await insert_rows(tx, Entitlement, COLUMNS, rows, on_conflict="ignore")
    return sorted({row[0] for row in rows})


async def _move_on(tx: Tx, at: Row[Any], members: Sequence[Row[Any]], failed: Collection[UUID], now: datetime) -> None:
    same = (round_t.c.source == at.source, round_t.c.month == at.month)
    done: dict[str, Any] = {"finished_at": now} if len(members) < BATCH else {"after_id": members[-1].member_id}
    await tx.execute(update(round_t).where(*same).values(done))
    of_source = again_t.c.source == at.source
    looked_at = among(again_t.c.member_id, [row.member_id for row in members])
    await tx.execute(delete(again_t).where(of_source, or_(looked_at, again_t.c.month < at.month)))
    rows = [(member_id, at.source, at.month) for member_id in sorted(failed)]
    await insert_rows(tx, BenefitAgain, ("member_id", "source", "month"), rows)


def _tell(rows: Sequence[Row[Any]], error: Exception) -> None:
    said = "Benefits of the month of %d members failed, of %s first (%s)."
    _log.error(said, len(rows), rows[0].member_id, type(error).__name__)


def _date(said: str | CannotOpen) -> date | None:
    try:
        return None if isinstance(said, CannotOpen) else date.fromisoformat(said)
    except ValueError:
        return None


def hub_caller() -> Caller:
    return system_caller(subject=CALLER, purpose=Purpose.SYSTEM_OPERATION, request_id=uuid7())
