"""Giving and ending rule tags and computed tags, in batches: one statement for all tags of all members of a batch.

A tag is given where its condition holds and nothing stands against it: the member lives and is not restricted, an
objection (profiling, the tag's purpose, everything), an age that is unknown or under 14, a missing consent where the
purpose rests on one. All of it is checked in the statement that gives, the member rows being held FOR SHARE meanwhile:
an objection that comes at the same moment waits, and then ends what was given before it. What holds no more ends in the
same statement. `since` stays as long as a tag holds with the same value.

Decision: a round goes over all members of a handler once per business day, batch by batch, each a transaction of its
own; the row of the round is held by whoever works on it, so that two processes share no batch and a killed one goes on
where it was. Quantiles are computed at the start of a round and hold until the next. Decision: the audit log has one
entry per round and tag code, and not one per member and day: the tagging itself says since when and by which version.
"""

import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from typing import Any, Final

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    DateTime,
    Integer,
    Select,
    Text,
    and_,
    bindparam,
    case,
    cast,
    delete,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
    type_coerce,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.dialects.postgresql import UUID as PgUuid

from member_hub.db.apart import apart
from member_hub.db.base import Tx
from member_hub.db.bulk import among, insert_rows, plan_anew, table_of
from member_hub.ids import MemberId
from member_hub.members.row_gate import consent_stands
from member_hub.members.tables import Member, MemberStatus
from member_hub.members.taggings import BY_THE_HUB, PROFILED, RESTING_ON_CONSENT, tagging_t
from member_hub.organisation import Organisation
from member_hub.tags.compiling import compiled
from member_hub.tags.conditions import figures_in
from member_hub.tags.definitions import Definition, evaluated, in_force
from member_hub.tags.figures import FigureSource
from member_hub.tags.keeping import keep_given
from member_hub.tags.programme import Numbers
from member_hub.tags.sources import Setting, Thresholds, figures_of
from member_hub.tags.tables import TagDue
from member_hub.tags.thresholds import thresholds_of

BATCH: Final = 2_000  # members whose rows are held for the length of one statement
PUT_OFF: Final = timedelta(hours=1)  # until a member whose evaluation failed has another turn
GIVEN_BY: Final = "tags"
_GONE: Final = (MemberStatus.MERGED.value, MemberStatus.ERASED.value)
_NOT_PROFILED: Final = (*_GONE, MemberStatus.RESTRICTED.value)
_WANTED: Final = ("member_id", "tag", "value", "until", "version", "restricted_by")

member_t, due_t = table_of(Member), table_of(TagDue)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Programme:
    """What evaluating needs of the process; one for each."""

    numbers: Numbers
    organisation: Organisation

    def setting(self, now: datetime) -> Setting:
        regions = {name: store.region for name, store in self.organisation.stores.items()}
        return Setting(self.numbers, regions, now)


@dataclass(frozen=True, slots=True)
class Evaluated:
    """Of how many members how many taggings were given or changed, and how many ended; `failed` members come again."""

    members: int = 0
    given: int = 0
    ended: int = 0
    failed: int = 0

    @property
    def looked_at(self) -> int:
        return self.members + self.failed

    def beside(self, other: "Evaluated") -> "Evaluated":
        return Evaluated(
            self.members + other.members,
            self.given + other.given,
            self.ended + other.ended,
            self.failed + other.failed,
        )


async def evaluate(tx: Tx, programme: Programme, member_ids: Collection[MemberId], *, now: datetime) -> Evaluated:
    """Bring the rule and computed tags of these roots up to date, at most BATCH; on demand, at any time of the day."""
    assert len(member_ids) <= BATCH
    await plan_anew(tx)
    by_handler = await _held(tx, member_ids)
    done = Evaluated()
    for handler, members in by_handler.items():
        all_of_them = (await in_force(tx, [handler]))[handler].values()
        definitions, setting = evaluated(all_of_them), programme.setting(now)
        done = done.beside(Evaluated(ended=await keep_given(tx, all_of_them, members, now=now)))
        thresholds = await thresholds_of(tx, handler, definitions, setting)
        done = done.beside(await evaluate_batch(tx, definitions, members, setting, thresholds))
    return done


async def evaluate_due(tx: Tx, programme: Programme, *, now: datetime) -> Evaluated:
    """The members who were merged or split since; as many as a batch has, and none that anybody else is at.

    One who fails stops nobody, and is due again after PUT_OFF.
    """
    members = await _taken(tx, now)
    done, failed = await each_apart(tx, members, lambda part: evaluate(tx, programme, part, now=now))
    again = update(due_t).where(among(due_t.c.member_id, failed)).values(due_at=now + PUT_OFF)
    gone = delete(due_t).where(among(due_t.c.member_id, sorted(set(members) - set(failed))))
    for statement in (again, gone) if members else ():
        await tx.execute(statement)
    return done


async def _taken(tx: Tx, now: datetime) -> list[MemberId]:
    """Held first as members and then as due, as merging, splitting and erasing do; who is held there waits for the next
    run. So what ends here as done is what nobody can have merged or split meanwhile, and nobody waits in a circle."""
    due = select(due_t.c.member_id).where(due_t.c.due_at <= now)
    first = due.order_by(due_t.c.due_at).limit(BATCH)
    held = select(member_t.c.member_id).where(member_t.c.member_id.in_(first)).order_by(member_t.c.member_id)
    members = list(await tx.scalars(held.with_for_update(read=True, skip_locked=True)))
    if not members:
        return []
    taken = due.where(among(due_t.c.member_id, members)).order_by(due_t.c.member_id).with_for_update(skip_locked=True)
    return [MemberId(one) for one in await tx.scalars(taken)]


async def put_off(tx: Tx, members: Collection[MemberId], *, now: datetime) -> None:
    """Have these members evaluated after PUT_OFF, apart from any round; who is due already stays so."""
    if members:
        rows = [(member_id, now + PUT_OFF) for member_id in sorted(members)]
        await insert_rows(tx, TagDue, ("member_id", "due_at"), rows, on_conflict="ignore")


async def each_apart(
    tx: Tx, members: Sequence[MemberId], work: Callable[[Sequence[MemberId]], Awaitable[Evaluated]]
) -> tuple[Evaluated, list[MemberId]]:
    """Evaluate a batch so that one member who fails stops nobody else; these are logged, and returned."""
    parts, failed = await apart(tx, members, work, on_failed=_tell)
    return reduce(Evaluated.beside, parts, Evaluated(failed=len(failed))), failed


def _tell(members: Sequence[MemberId], error: Exception) -> None:
    _log.error("The tags of %d members failed, of %s first (%s).", len(members), members[0], type(error).__name__)


async def forget_expired(tx: Tx, *, now: datetime) -> int:
    """Remove tags whose time is over, as many as a batch has; nobody has seen them since."""
    key = (tagging_t.c.member_id, tagging_t.c.tag, tagging_t.c.given_id)
    over = select(*key).where(tagging_t.c.until <= now).limit(BATCH).with_for_update(skip_locked=True)
    return int((await tx.execute(delete(tagging_t).where(tuple_(*key).in_(over)))).rowcount)


async def evaluate_batch(
    tx: Tx,
    definitions: Sequence[Definition],
    members: Sequence[MemberId],
    setting: Setting,
    thresholds: Thresholds,
) -> Evaluated:
    """Members of one handler, whose rows the caller holds."""
    statement = evaluating(definitions, setting, thresholds)
    row = (await tx.execute(statement, {"ids": list(members)})).one()
    return Evaluated(len(members), int(row.given), int(row.ended))


async def _held(tx: Tx, member_ids: Collection[MemberId]) -> dict[str, list[MemberId]]:
    rows = select(member_t.c.member_id, member_t.c.handler).where(among(member_t.c.member_id, sorted(member_ids)))
    found: dict[str, list[MemberId]] = defaultdict(list)
    for row in await tx.execute(rows.order_by(member_t.c.member_id).with_for_update(read=True)):
        found[row.handler].append(MemberId(row.member_id))
    return found


def evaluating(used: Sequence[Definition], setting: Setting, thresholds: Thresholds) -> Select[Any]:
    """The statement for a batch of members (`ids`): how many taggings it gives or changes, and how many it ends."""
    ids = bindparam("ids", type_=ARRAY(PgUuid()))
    people = select(func.unnest(ids, type_=PgUuid()).label("member_id"))
    figures = figures_of(people, sources_of(used), setting, thresholds)
    wanted = union_all(*(_wanted(one, figures, setting, thresholds) for one in used)).cte("wanted")
    ended = (
        delete(tagging_t)
        .where(
            tagging_t.c.member_id == func.any(ids),
            tagging_t.c.given_id == BY_THE_HUB,
            ~select(wanted.c.tag)
            .where(wanted.c.member_id == tagging_t.c.member_id, wanted.c.tag == tagging_t.c.tag)
            .exists(),
        )
        .returning(tagging_t.c.tag)
        .cte("ended")
    )
    given = _giving(wanted, {one.code: one for one in used}, setting).cte("given")
    counts = [select(func.count()).select_from(one).scalar_subquery() for one in (given, ended)]
    return select(counts[0].label("given"), counts[1].label("ended"))


def sources_of(definitions: Iterable[Definition]) -> set[FigureSource]:
    conditions = [condition for one in definitions if (condition := one.condition) is not None]
    return {figure.source for condition in conditions for figure in figures_in(condition)}


def _wanted(one: Definition, figures: CTE, setting: Setting, thresholds: Thresholds) -> Select[Any]:
    condition = one.condition
    value: ColumnElement[Any] = literal(None, Text)
    if condition is None:
        value = cast(figures.c[one.code], Text)
    holds = compiled(condition, figures, setting, thresholds) if condition is not None else value.is_not(None)
    until = setting.midnight + timedelta(days=one.expires_days + 1) if one.expires_days is not None else None
    return select(
        figures.c.member_id,
        literal(one.code, Text).label("tag"),
        value.label("value"),
        literal(until, DateTime(timezone=True)).label("until"),
        literal(one.version, Integer).label("version"),
        literal(one.restricted_by, BigInteger).label("restricted_by"),
    ).where(may_stand(one, figures.c, setting.now), holds)


def may_stand(one: Definition, row: Any, at: datetime) -> ColumnElement[bool]:
    """Of a row with the columns of hub.member: whether the member may have the tag. One that protects anybody may have,
    restricted or not."""
    parts: list[ColumnElement[bool]] = [
        row.status.not_in(_GONE if one.is_restrictive else _NOT_PROFILED),
        row.restriction_bits.bitwise_and(one.restricted_by) == 0,
        row.age_band.in_([band.value for band in PROFILED]) if one.is_profiling else true(),
        consent_stands(row, one.purpose, at=at) if one.purpose in RESTING_ON_CONSENT else true(),
    ]
    return and_(*parts)


def _giving(wanted: CTE, used: Mapping[str, Definition], setting: Setting) -> Any:
    kinds = case({code: one.kind.value for code, one in used.items()}, value=wanted.c.tag)
    handlers = select(member_t.c.handler).where(member_t.c.member_id == wanted.c.member_id).scalar_subquery()
    rest = {
        "given_id": literal(BY_THE_HUB, PgUuid()),
        "handler": handlers,
        "how": kinds,
        "origins": type_coerce(literal([], ARRAY(PgUuid())), ARRAY(PgUuid())),
        "since": literal(setting.now, DateTime(timezone=True)),
        "given_by": literal(GIVEN_BY),
        "is_profiling": true(),
    }
    columns = [*(wanted.c[name] for name in _WANTED), *(value.label(name) for name, value in rest.items())]
    statement = insert(tagging_t).from_select([*_WANTED, *rest], select(*columns))
    fresh = {
        name: statement.excluded[name] for name in ("value", "until", "version", "restricted_by", "how", "handler")
    }
    differs = or_(*(tagging_t.c[name].is_distinct_from(value) for name, value in fresh.items()))
    is_new = or_(tagging_t.c.value.is_distinct_from(statement.excluded.value), tagging_t.c.until <= setting.now)
    since = case((is_new, statement.excluded.since), else_=tagging_t.c.since)
    keys = [column.name for column in tagging_t.primary_key]
    return statement.on_conflict_do_update(index_elements=keys, set_=fresh | {"since": since}, where=differs).returning(
        tagging_t.c.tag
    )
