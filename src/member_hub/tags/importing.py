"""Giving tags by import: the rows of a file, a batch at once, in a fixed number of statements.

A row names an account, and its tag stands for that account alone: whoever has the account has the tag, through every
merge and split (holder.py). Said again it changes nothing; with another end, or under a newer definition, it is renewed
and `since` stays. Whatever is not given is told by line and by one word.

Decision: age, objections, restriction and a missing consent are one word, as they are where a tag is given by hand:
which of them it was is between the member and the hub, and the file would be a way to ask for it.
Decision: an end is reckoned by the business day, so that a file brought twice on one day says the same twice. A row
without an end holds for the term of the definition, counted from the day on which it was said last.
"""

from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Row, literal, select
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.dialects.postgresql import array, insert

from member_hub.clock import SHANGHAI, business_day
from member_hub.db.base import Tx
from member_hub.db.bulk import among, parameters, values_of
from member_hub.ids import MemberId, OriginId, uuid7
from member_hub.members.reading import account_t
from member_hub.members.taggings import TagKind, member_t, tagging_t
from member_hub.tags.definitions import Definition, in_force
from member_hub.tags.evaluating import may_stand

GIVEN_BY: Final = "import"
# What differs from row to row, in the order of the rows that are written; the account stands in `origins`, alone.
_RENEWED: Final = ("since", "until", "version", "is_profiling", "restricted_by")
_COLUMNS: Final = ("member_id", "tag", "given_id", "handler", "origin_id", *_RENEWED)


@dataclass(frozen=True, slots=True, repr=False)
class Said:
    """A row of a file whose account is known: whose it is now, which tag, until when."""

    line: int
    origin_id: OriginId
    member_id: MemberId
    tag: str
    until: datetime | None


class Outcome(StrEnum):
    GIVEN = "given"
    RENEWED = "renewed"
    UNCHANGED = "unchanged"
    UNKNOWN_ACCOUNT = "unknown_account"  # of the caller: what is given here has one
    UNKNOWN_TAG = "unknown_tag"
    NOT_BY_IMPORT = "not_by_import"
    BAD_UNTIL = "bad_until"
    BARRED = "barred"
    REPEATED = "repeated"

    @property
    def zh(self) -> str:
        return _TEXTS[self][0]

    @property
    def en(self) -> str:
        return _TEXTS[self][1]


_TEXTS: Final = {
    Outcome.GIVEN: ("已打标", "tags given"),
    Outcome.RENEWED: ("已更新期限或定义版本", "renewed"),
    Outcome.UNCHANGED: ("无变化", "unchanged"),
    Outcome.UNKNOWN_ACCOUNT: ("没有此账号。", "There is no such account."),
    Outcome.UNKNOWN_TAG: ("没有此标签，或尚未批准。", "There is no such tag, or it is not approved yet."),
    Outcome.NOT_BY_IMPORT: ("该标签不以导入方式打标。", "This tag is not given by import."),
    Outcome.BAD_UNTIL: (
        "到期日无效：须为将来的日期或带时区的时间，且不超过标签的期限。",
        "The end is not valid: a day or a moment with its zone, in the future, within the term of the tag.",
    ),
    Outcome.BARRED: (
        "该会员不能使用此标签：年龄、会员的反对、限制或缺少同意不允许。",
        "The member cannot have it: the age, an objection, a restriction or a missing consent is against it.",
    ),
    Outcome.REPEATED: ("文件中已有同一账号与标签，以先出现的为准。", "The file says it before: the first row counts."),
}
STANDING: Final = frozenset({Outcome.GIVEN, Outcome.RENEWED, Outcome.UNCHANGED})


@dataclass(frozen=True, slots=True)
class Told:
    """What became of one row; `definition` where the tag stands now."""

    said: Said
    outcome: Outcome
    definition: Definition | None = None


async def give_imported(
    tx: Tx, rows: Sequence[Said], *, before: AbstractSet[tuple[OriginId, str]], now: datetime
) -> list[Told]:
    """Give the tags of a batch, in its order; the caller keeps the accounts where they are.

    `before`: what stands by earlier rows of the same file; a row that says it again is REPEATED, the first one counts.
    """
    handlers = await _held(tx, {one.member_id for one in rows})
    definitions = await in_force(tx, set(handlers.values())) if handlers else {}
    used = {
        (handler, one.tag): definitions[handler][one.tag]
        for one in rows
        if (handler := handlers.get(one.member_id)) is not None and one.tag in definitions[handler]
    }
    possible = await _possible(tx, handlers, used, now)
    stored = await _stored(tx, rows)
    told: list[Told] = []
    done, written = set(before), []
    for one in rows:
        definition = used.get((handlers.get(one.member_id, ""), one.tag))
        outcome, ends_at = _judged(one, definition, possible, now)
        if outcome in STANDING and (one.origin_id, one.tag) in done:
            outcome = Outcome.REPEATED
        elif outcome in STANDING:
            assert definition is not None
            done.add((one.origin_id, one.tag))
            row = stored.get((one.origin_id, one.tag))
            outcome, values = _renewed(definition, ends_at, row, now)
            given_id = row.given_id if row is not None else uuid7()
            if outcome is not Outcome.UNCHANGED:
                written.append((one.member_id, one.tag, given_id, handlers[one.member_id], one.origin_id, *values))
        told.append(Told(one, outcome, definition if outcome in STANDING else None))
    if written:
        await tx.execute(_WRITE, parameters(_COLUMNS, written))
    return told


async def _held(tx: Tx, member_ids: Collection[MemberId]) -> dict[MemberId, str]:
    """Their handlers. An objection that comes at the same moment waits, and then ends what was given before it."""
    rows = select(member_t.c.member_id, member_t.c.handler).where(among(member_t.c.member_id, sorted(member_ids)))
    held = rows.order_by(member_t.c.member_id).with_for_update(read=True)
    return {MemberId(row.member_id): row.handler for row in await tx.execute(held)}


async def _possible(
    tx: Tx, handlers: Mapping[MemberId, str], used: Mapping[tuple[str, str], Definition], now: datetime
) -> set[tuple[MemberId, str]]:
    """Which of them may have which of the tags by import."""
    asked = [(key, one) for key, one in used.items() if one.kind is TagKind.IMPORT]
    if not asked:
        return set()
    columns = [may_stand(one, member_t.c, now).label(f"may_{number}") for number, (_, one) in enumerate(asked)]
    rows = select(member_t.c.member_id, *columns).where(among(member_t.c.member_id, sorted(handlers)))
    return {
        (MemberId(row.member_id), one.code)
        for row in await tx.execute(rows)
        for ((handler, _), one), may in zip(asked, row[1:], strict=True)
        if may and handler == handlers[row.member_id]
    }


async def _stored(tx: Tx, rows: Sequence[Said]) -> dict[tuple[OriginId, str], Row[Any]]:
    """What imports gave before, by account and tag; of several rows (a merge unites) the one that holds longest."""
    statement = select(tagging_t).where(
        among(tagging_t.c.member_id, sorted({one.member_id for one in rows})),
        tagging_t.c.how == TagKind.IMPORT.value,
        among(tagging_t.c.tag, sorted({one.tag for one in rows})),
    )
    ordered = statement.order_by(tagging_t.c.until.asc().nulls_last(), tagging_t.c.given_id)
    return {(OriginId(origin), row.tag): row for row in await tx.execute(ordered) for origin in row.origins}


def _judged(
    one: Said, definition: Definition | None, possible: Collection[tuple[MemberId, str]], now: datetime
) -> tuple[Outcome, datetime | None]:
    if definition is None:
        return Outcome.UNKNOWN_TAG, None
    if definition.kind is not TagKind.IMPORT:
        return Outcome.NOT_BY_IMPORT, None
    latest = None
    if definition.expires_days is not None:
        midnight = datetime.combine(business_day(now), datetime.min.time(), SHANGHAI)
        latest = midnight + timedelta(days=definition.expires_days + 1)
    ends_at = latest if one.until is None else one.until
    if ends_at is not None and (ends_at <= now or (latest is not None and ends_at > latest)):
        return Outcome.BAD_UNTIL, None
    if (one.member_id, one.tag) not in possible:
        return Outcome.BARRED, None
    return Outcome.GIVEN, ends_at


def _renewed(
    definition: Definition, ends_at: datetime | None, stored: Row[Any] | None, now: datetime
) -> tuple[Outcome, tuple[Any, ...]]:
    """What becomes of it, and what stands then, in the order of _RENEWED."""
    rest = (ends_at, definition.version, definition.is_profiling, definition.restricted_by)
    if stored is None or (stored.until is not None and stored.until <= now):
        return Outcome.GIVEN, (now, *rest)
    is_same = (stored.until, stored.version, stored.is_profiling, stored.restricted_by) == rest
    return Outcome.UNCHANGED if is_same else Outcome.RENEWED, (stored.since, *rest)


def _writing() -> Any:
    columns = [account_t.c.origin_id if name == "origin_id" else tagging_t.c[name] for name in _COLUMNS]
    given = values_of(columns)
    chosen = {name: given.c[name] for name in _COLUMNS if name != "origin_id"} | {
        "origins": array[Any]([given.c.origin_id], type_=PgUuid()),
        "how": literal(TagKind.IMPORT.value),
        "given_by": literal(GIVEN_BY),
    }
    statement = insert(tagging_t).from_select(list(chosen), select(*chosen.values()))
    fresh = {name: statement.excluded[name] for name in _RENEWED}
    keys = [column.name for column in tagging_t.primary_key]
    return statement.on_conflict_do_update(index_elements=keys, set_=fresh)


_WRITE: Final = _writing()
