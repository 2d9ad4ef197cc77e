"""Gifts for reaching a tier: which gift, the tier's rules say; here it is issued, once for each tier in its period.

Whoever reaches a higher tier in the same period gets what is missing to that one's quantity, and the whole is good as
long as what came last. Price: what had run out unused is good again with it.

What is earned waits in hub.tier_rise from the transaction that decided it until the one that looked at it for a gift:
each decision is read once, however late it committed, and one that fails stops no other and waits for the next run.
Only what was earned counts: no placing by hand, no merge, and no tier that is lower than the one before. Who earns a
tier of their own while placed at it, or above, has its gift then.

Decision: whoever may have nothing in that minute (frozen, restricted, objecting to the service) is given it when they
may again, as long as it would have been good had they got it at once: most such questions are soon answered. What
waited is good as long as any other from the day on which it is given, and counts in that period. Price: each run reads
again what waits.

Decision: what the hub finds when it first looks at members who were there before brings no gift: they reached their
tier long ago, and nobody promised one. So in the first two days after the first run a gift takes an earlier decision
about the member, or a member who joined since, to the second, since files tell no more. Price: a true promotion of an
old member in these two days brings none.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, and_, delete, exists, func, literal, or_, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from member_hub import tiers
from member_hub.audit import AuditLog, Entry
from member_hub.benefits.clockwork import BATCH, BATCHES_MAX, CALLER, COLUMNS, OPERATION, Given, hub_caller, round_t
from member_hub.benefits.rules import EVER, Benefit, BenefitRules, good_until, year_of
from member_hub.benefits.tables import Entitlement
from member_hub.benefits.using import issued_by, member_t, own_origins
from member_hub.benefits.words import Period, Source
from member_hub.db.apart import apart
from member_hub.db.base import Tx, transaction
from member_hub.db.bulk import among, insert_rows, parameters, table_of, update_rows, values_of
from member_hub.db.engines import Database
from member_hub.ids import MemberId, uuid7
from member_hub.members.bits import restriction_mask
from member_hub.members.reading import is_living
from member_hub.members.tables import MemberStatus
from member_hub.privacy import Purpose
from member_hub.tiers import Programme, TierRules
from member_hub.tiers.tables import TierChange, TierRise

SETTLING: Final = timedelta(days=2)

change_t = table_of(TierChange)
rise_t = table_of(TierRise)
KEY: Final = (rise_t.c.member_id, rise_t.c.change_id)
Position = tuple[UUID, UUID]
Due = Mapping[tuple[MemberId, str], tuple[Benefit, int]]  # of whom and which gift: so many
START: Final[Position] = (UUID(int=0), UUID(int=0))
_DONE: Final = values_of(KEY)
# The rise of one's own tier, which a placement may cover; what was decided before it was logged tells the tier itself.
_RISE: Final = (
    func.coalesce(change_t.c.facts["own_from"].astext, change_t.c.from_tier).label("from_tier"),
    func.coalesce(change_t.c.facts["own_to"].astext, change_t.c.to_tier).label("to_tier"),
)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Had:
    """Which entitlement counts, and the most that any of the period has granted."""

    counting: UUID
    most: int


@dataclass(frozen=True, slots=True)
class _Part:
    """Of some decisions: who was given something, and which ones wait until their member may have it."""

    given: Sequence[MemberId]
    waiting: Sequence[Row[Any]]


@dataclass(frozen=True, slots=True)
class Gifts:
    """What one process issues for promotions."""

    database: Database
    audit: AuditLog
    rules: BenefitRules
    programme: Programme

    async def run(self, now: datetime) -> Given:
        """Issue what promotions have brought since the last run. Again: nothing."""
        done, after = Given(), START
        for _ in range(BATCHES_MAX):
            some, after = await self._batch(after, now)
            done = done.beside(some)
            if not some.has_more:
                return replace(done, has_more=False)
        return done

    async def _batch(self, after: Position, now: datetime) -> tuple[Given, Position]:
        """What one batch came to, and behind which decision to go on."""
        async with transaction(self.database.app) as tx:
            began_at = await _turn(tx, now)
            changes = await _changes(tx, began_at, after)
            levels = (await tiers.in_force(tx, self.programme, now=now)).rules

            async def work(part: Sequence[Row[Any]]) -> _Part:
                return await self._give(tx, part, levels, now)

            parts, failed = await apart(tx, [row for row in changes if row.is_new], work, on_failed=_tell)
            given = [member_id for part in parts for member_id in part.given]
            again = [*failed, *(row for part in parts for row in part.waiting)]
            await _forget(tx, changes, again)
            if given:
                said = [f"reason:{Source.PROMOTION}", "member.loyalty:WRITE"]
                entry = Entry.of_command(OPERATION, fields=said, member_ids=given, caller=CALLER, now=now)
                await self.audit.write(entry)
        last = (changes[-1].member_id, changes[-1].change_id) if changes else after
        done = len(changes) - len(again)
        return Given(len(given), len(failed), has_more=len(changes) == BATCH, looked_at=done), last

    async def _give(self, tx: Tx, changes: Sequence[Row[Any]], levels: TierRules, now: datetime) -> _Part:
        """Each change may bring its gift, and of a period the greatest is there once."""
        wanted = [(row, gift) for row in changes if (gift := self._gift(row, levels, now))]
        living = await _living(tx, sorted({row.root for row, _ in wanted}))
        waiting = [
            row for row, gift in wanted if living.get(row.root) is False and now < good_until(gift, row.changed_at)
        ]
        due: dict[tuple[MemberId, str], tuple[Benefit, int]] = {}
        for row, gift in wanted:
            if living.get(row.root):
                _, most = due.get((row.root, gift.code), (gift, 0))
                due[row.root, gift.code] = gift, max(most, gift.quantity[row.to_tier])
        return _Part(await _issue(tx, due, now) if due else [], waiting)

    def _gift(self, row: Row[Any], levels: TierRules, now: datetime) -> Benefit | None:
        gift = self.rules.definitions.get(levels.level(row.to_tier).gift or "")
        if gift is None or gift.source is not Source.PROMOTION or not gift.is_open(now):
            return None
        is_higher = levels.rank(row.to_tier) > levels.rank(row.from_tier)
        return gift if is_higher and row.to_tier in gift.quantity else None


async def _turn(tx: Tx, now: datetime) -> datetime:
    """When the first run of all was; held, so that processes take turns."""
    first = insert(round_t).values(source=Source.PROMOTION, month=EVER, began_at=now)
    await tx.execute(first.on_conflict_do_nothing())
    same = (round_t.c.source == Source.PROMOTION, round_t.c.month == EVER)
    held = (await tx.execute(select(round_t.c.began_at).where(*same).with_for_update())).one()
    began_at: datetime = held.began_at
    return began_at


async def _changes(tx: Tx, began_at: datetime, after: Position) -> Sequence[Row[Any]]:
    """What was earned and waits behind a position, a member's oldest first; `is_new`, as the decision above says."""
    earlier = change_t.alias("earlier")
    was_known = exists().where(
        earlier.c.member_id == change_t.c.member_id, earlier.c.changed_at < change_t.c.changed_at
    )
    root = func.coalesce(member_t.c.merged_into, member_t.c.member_id).label("root")
    is_new = and_(
        change_t.c.changed_at >= began_at,
        or_(
            change_t.c.changed_at > began_at + SETTLING,
            was_known,
            member_t.c.joined_at >= began_at.replace(microsecond=0),
        ),
    )
    waiting = (
        select(rise_t)
        .where(tuple_(*KEY) > tuple_(*(literal(part, rise_t.c.member_id.type) for part in after)))
        .order_by(*KEY)
        .limit(BATCH)
        .cte("waiting")
    )
    of_change = (waiting.c.member_id == change_t.c.member_id, waiting.c.change_id == change_t.c.change_id)
    statement = (
        select(*waiting.c, *_RISE, change_t.c.changed_at, root, is_new.label("is_new"))
        .join(change_t, and_(*of_change))
        .join(member_t, member_t.c.member_id == change_t.c.member_id)
        .order_by(*waiting.c)
    )
    return list(await tx.execute(statement))


async def _forget(tx: Tx, changes: Sequence[Row[Any]], again: Sequence[Row[Any]]) -> None:
    """What was looked at waits no longer; what is looked at again does."""
    kept = {row.change_id for row in again}
    done = [(row.member_id, row.change_id) for row in changes if row.change_id not in kept]
    if done:
        gone = delete(rise_t).where(*(rise_t.c[column.name] == _DONE.c[column.name] for column in KEY))
        await tx.execute(gone, parameters([column.name for column in KEY], done))


def _tell(rows: Sequence[Row[Any]], error: Exception) -> None:
    _log.error("%d gifts for promotions failed, of %s first (%s).", len(rows), rows[0].root, type(error).__name__)


async def _living(tx: Tx, roots: Sequence[MemberId]) -> dict[MemberId, bool]:
    """Who is still there, and whether something may be given to them now; held against merging and erasing."""
    may = and_(
        member_t.c.status == MemberStatus.ACTIVE,
        member_t.c.restriction_bits.bitwise_and(restriction_mask(Purpose.MEMBER_SERVICE)) == 0,
    )
    found = (
        select(member_t.c.member_id, may.label("may"))
        .where(among(member_t.c.member_id, roots), is_living())
        .order_by(member_t.c.member_id)
        .with_for_update(read=True)
    )
    return {MemberId(row.member_id): bool(row.may) for row in await tx.execute(found)} if roots else {}


async def _issue(tx: Tx, due: Due, now: datetime) -> list[MemberId]:
    """To whom it came to anything more than they had."""
    origins, by = await own_origins(tx, sorted({root for root, _ in due})), issued_by(hub_caller(), now)
    had = await _had(tx, due, now)
    fresh = [
        (
            root, uuid7(), origins.get(root), code, Source.PROMOTION, True, _period(gift, now), now,
            good_until(gift, now), quantity, Source.PROMOTION, *by.values(),
        )
        for (root, code), (gift, quantity) in due.items()
        if (root, code) not in had
    ]  # fmt: skip
    more = {key: had[key] for key, (_, quantity) in due.items() if key in had and quantity > had[key].most}
    await insert_rows(tx, Entitlement, COLUMNS, fresh, on_conflict="ignore")
    await update_rows(
        tx,
        Entitlement,
        ("member_id", "entitlement_id", "granted", "until"),
        [(key[0], one.counting, due[key][1], good_until(due[key][0], now)) for key, one in more.items()],
    )
    return sorted({MemberId(row[0]) for row in fresh} | {MemberId(root) for root, _ in more})


async def _had(tx: Tx, due: Due, now: datetime) -> dict[tuple[MemberId, str], _Had]:
    """What is there in the period already, whether or not it counts since a merge."""
    table = table_of(Entitlement)
    theirs = and_(among(table.c.member_id, {root for root, _ in due}), table.c.source == Source.PROMOTION)
    columns = [table.c[name] for name in ("member_id", "entitlement_id", "benefit", "period", "granted", "folded_into")]
    had: dict[tuple[MemberId, str], _Had] = {}
    for row in await tx.execute(select(*columns).where(theirs)):
        key = row.member_id, row.benefit
        if key in due and row.period == _period(due[key][0], now):
            before = had.get(key)
            most = row.granted if before is None else max(row.granted, before.most)
            had[key] = _Had(row.folded_into or row.entitlement_id, most)
    return had


def _period(gift: Benefit, now: datetime) -> date:
    return EVER if gift.period is Period.ONCE else year_of(now)
