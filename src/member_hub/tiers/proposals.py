"""Rules by version: proposed by one person, with what they would change; in force once another one approved them.

Persons are told apart by staff number, whoever signs them in (members/staff_numbers.py). A version is written once: who
wants other rules proposes another one. Rules have to keep every tier that members stand at or are placed in, when they
are proposed and when they are approved.

Decision: from one version to the next that is approved for later no tier goes: until then members could come to stand
at it, or be placed there, and would lose it on the day without grace or notice. Rules that leave one out come into
force with their approval, once nobody stands there any more. Price: before a tier goes it is made hard to reach.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row, func, insert, or_, select, union, update

from member_hub.access import Caller, Operation
from member_hub.clock import business_day, seconds_left
from member_hub.db.base import Tx
from member_hub.errors import BadInput, Conflict, Forbidden, NotFound
from member_hub.members.staff_numbers import number_in, spellings_of
from member_hub.revealing.actions import count_today
from member_hub.throttling import Throttled
from member_hub.tiers.rules.model import TierRules
from member_hub.tiers.rules.reading import values_of
from member_hub.tiers.rules.texts import RulesInvalid
from member_hub.tiers.rules.versions import Programme, in_force, rules_t, stored
from member_hub.tiers.standing.marking import standing_t

LOCK: Final = 0x74696572  # advisory: one proposal at a time takes the next version
AHEAD_MAX: Final = timedelta(days=366)
SLACK: Final = timedelta(minutes=5)  # between the clock of the one who proposes and ours
LATE_MAX: Final = timedelta(days=7)  # for the second person, after the time at which rules were to come into force
NOTE_CHARS_MAX: Final = 200
OPEN_MAX: Final = 20  # proposals that wait, and those of a day: each of them looks at every member
TO_COME_MAX: Final = 100  # approved for later
A_DAY: Final = timedelta(days=1)
TRIED_MAX: Final = 5  # proposals of one person in a day: each answer says a little about groups of the person's choice


class BadEffectiveAt(BadInput):
    code = "TIER_RULES_EFFECTIVE_AT"
    zh = "生效时间须在现在之后、一年之内。"
    en = "Rules come into force from now on, within a year."


class BadNote(BadInput):
    zh = f"说明须为 1 至 {NOTE_CHARS_MAX} 个字符。"
    en = f"The note has 1 to {NOTE_CHARS_MAX} characters."


class OwnRules(Forbidden):
    code = "SECOND_PERSON_REQUIRED"
    zh = "不能批准本人提出的规则。"
    en = "Nobody approves rules that they proposed."


class RulesOverdue(Conflict):
    zh = f"该规则的生效时间已过去 {LATE_MAX.days} 天以上，或已有更新的版本获批；请重新提出。"
    en = (
        f"These rules were to come into force more than {LATE_MAX.days} days ago, or newer ones are approved: "
        "propose them anew."
    )


class TooManyOpen(Conflict):
    zh = "待批准的规则过多，或一天之内提出过多。"
    en = "Too many proposals of rules are open, or were made within a day."


class TooManyTried(Throttled):
    zh = "今日提出等级规则的次数已达上限。"
    en = "The daily limit of proposing rules of tiers is reached."


@dataclass(frozen=True, slots=True)
class Rules:
    """A version as it stands."""

    version: int
    rules: Any
    note: str
    backtest: Any
    proposed_by: str
    proposed_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    effective_at: datetime


async def propose(
    tx: Tx,
    caller: Caller,
    rules: TierRules,
    *,
    programme: Programme,
    note: str,
    effective_at: datetime,
    trying: Callable[[], Awaitable[Mapping[str, Any]]],
    now: datetime,
) -> Rules:
    """The rules are tried once nothing else is against them; what `trying` tells is what is kept.

    That they fit has been seen to (benefits/tier_rules.py).

    Raises BadEffectiveAt, BadNote, RulesInvalid, TooManyOpen, TooManyTried.
    """
    if not now - SLACK <= effective_at <= now + AHEAD_MAX:
        raise BadEffectiveAt(field="effectiveAt")
    if not 0 < len(note.strip()) <= NOTE_CHARS_MAX:
        raise BadNote(field="note")
    if effective_at > now + SLACK:
        await _loses_nobody(tx, programme, rules, at=effective_at, now=now)
    await _not_too_many(tx, now)
    if not await count_today(tx, caller, Operation.TIER_RULES_PROPOSE, business_day(now), at_most=TRIED_MAX):
        raise TooManyTried(seconds_left(now))
    tried = await trying()
    await tx.execute(select(func.pg_advisory_xact_lock(LOCK)))
    await _not_too_many(tx, now)
    version = int(await tx.scalar(select(func.coalesce(func.max(rules_t.c.version), 0))) or 0) + 1
    statement = insert(rules_t).values(
        version=version,
        rules=values_of(rules),
        note=note.strip(),
        backtest=tried,
        proposed_by=caller.subject,
        proposed_at=now,
        effective_at=max(effective_at, now),
    )
    return _read((await tx.execute(statement.returning(*rules_t.c))).one())


async def approve(tx: Tx, caller: Caller, version: int, *, programme: Programme, now: datetime) -> Rules:
    """Put a version in force from its time on. Again by anybody changes nothing.

    Raises NotFound, OwnRules, RulesInvalid, RulesOverdue where its time is over, or a newer version approved already.
    """
    await tx.execute(select(func.pg_advisory_xact_lock(LOCK)))
    row = (await tx.execute(select(rules_t).where(rules_t.c.version == version))).one_or_none()
    if row is None:
        raise NotFound(field="version")
    if row.approved_at is not None:
        return _read(row)
    newer = select(func.count()).where(rules_t.c.version > version, rules_t.c.approved_at.is_not(None))
    if now > row.effective_at + LATE_MAX or await tx.scalar(newer):
        raise RulesOverdue(field="version")
    await keeps_tiers(tx, stored(row.rules))
    await _loses_nobody(tx, programme, stored(row.rules), at=max(row.effective_at, now), now=now)
    another = number_in(rules_t.c.proposed_by).not_in(spellings_of(caller.subject))
    approved = (
        update(rules_t)
        .where(rules_t.c.version == version, rules_t.c.approved_at.is_(None), another)
        .values(approved_by=caller.subject, approved_at=now, effective_at=func.greatest(rules_t.c.effective_at, now))
    )
    done = (await tx.execute(approved.returning(*rules_t.c))).one_or_none()
    if done is None:
        raise OwnRules(field="version")
    return _read(done)


async def keeps_tiers(tx: Tx, rules: TierRules) -> None:
    """Raises RulesInvalid where members stand at a tier, or are placed in one, that these rules do not have."""
    held: Sequence[Any] = (
        await tx.scalars(union(*(select(standing_t.c[name]).distinct() for name in ("own_tier", "floor", "protected"))))
    ).all()
    missing = sorted(set(filter(None, held)) - rules.ranks.keys())
    if missing:
        raise RulesInvalid(
            f"Members stand at a tier that is missing: {', '.join(missing)}.",
            zh=f"缺少会员现有的等级：{'、'.join(missing)}。",
            field="rules",
        )


async def _loses_nobody(tx: Tx, programme: Programme, rules: TierRules, *, at: datetime, now: datetime) -> None:
    """Of the versions to come, this one at its time among them, none leaves out a tier of the one before it."""
    to_come = (
        select(rules_t.c.rules, rules_t.c.effective_at)
        .where(rules_t.c.approved_at.is_not(None), rules_t.c.effective_at > now)
        .order_by(rules_t.c.effective_at, rules_t.c.version)
        .limit(TO_COME_MAX)
    )
    ahead = [(row.effective_at, stored(row.rules)) for row in await tx.execute(to_come)]
    ahead = sorted([*ahead, (at, rules)], key=lambda one: one[0])  # the newer one behind others of its moment
    before = rules if at <= now else (await in_force(tx, programme, now=now)).rules
    for _, following in ahead:
        missing = sorted(before.ranks.keys() - following.ranks.keys())
        if missing:
            raise RulesInvalid(
                f"Until then members may come to stand at a tier that is missing: {', '.join(missing)}.",
                zh=f"缺少会员在此之前可能取得的等级：{'、'.join(missing)}。",
                field="rules",
            )
        before = following


async def page(tx: Tx, *, count: int, before: int | None) -> tuple[list[Rules], bool]:
    """Versions, the newest first."""
    statement = select(rules_t).order_by(rules_t.c.version.desc()).limit(count + 1)
    if before is not None:
        statement = statement.where(rules_t.c.version < before)
    rows = (await tx.execute(statement)).all()
    return [_read(row) for row in rows[:count]], len(rows) > count


async def _not_too_many(tx: Tx, now: datetime) -> None:
    waiting = or_(rules_t.c.effective_at > now, rules_t.c.proposed_at > now - A_DAY)
    open_ = select(func.count()).where(rules_t.c.approved_at.is_(None), waiting)
    if int(await tx.scalar(open_) or 0) >= OPEN_MAX:
        raise TooManyOpen


def _read(row: Row[Any]) -> Rules:
    return Rules(
        row.version,
        row.rules,
        row.note,
        row.backtest,
        row.proposed_by,
        row.proposed_at,
        row.approved_by,
        row.approved_at,
        row.effective_at,
    )
