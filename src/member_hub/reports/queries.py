"""Counting members in one statement: groups under the minimum never leave the database."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, FromClause, Integer, Text, case, cast, column, func, literal, select
from sqlalchemy import text as raw
from sqlalchemy.dialects.postgresql import ARRAY, BIT

from member_hub.db.base import Tx
from member_hub.errors import Refused
from member_hub.members.reading import is_held_for, is_living, member_t
from member_hub.members.row_gate import RowGate
from member_hub.members.tables import Channel
from member_hub.organisation import Organisation
from member_hub.privacy import ProfileField
from member_hub.reports.disclosure import MINIMUM_GROUP
from member_hub.reports.grid import Cut, Dimension, Facts, Table

GROUPS_MAX = 1_000  # of one answer
CELLS_MAX = 50_000  # counted at once, and kept for a week: a few megabytes
_CHINA = timedelta(hours=8)  # China has had one time and no summer time since 1991
_RANDOM_HEX = 12  # the last 48 bits of an id (UUIDv7) are random


class TooManyGroups(Refused):
    code = "QUERY_TOO_COMPLEX"
    zh = f"分组超过 {GROUPS_MAX} 个，请缩小范围。"
    en = f"There are more than {GROUPS_MAX} groups; narrow the question."


@dataclass(frozen=True, slots=True)
class Counted:
    """One cell as it is: never shown."""

    facts: Facts
    size: int
    fingerprint: int


@dataclass(frozen=True, slots=True)
class Group:
    """`facts` are what its members have in common; None: not known of them. `count` is what disclosure.py tells."""

    facts: Mapping[Dimension, str | None]
    count: int


async def count_cells(
    tx: Tx, organisation: Organisation, cut: Cut, *, handler: str, gate: RowGate, before: datetime
) -> list[Counted]:
    """The living members of one handler who joined earlier than `before` and do not object to being counted, by the
    cut. No small cells. The gate is the reader's whole one: where it asks for consent, who gave none is not counted.

    Raises TooManyGroups beyond CELLS_MAX.
    """
    by = gate.of_figures()
    rows = (await tx.execute(_statement(organisation, cut, handler, by, before), by.parameters)).all()
    if len(rows) > CELLS_MAX:
        raise TooManyGroups
    return [Counted(tuple(facts), size, fingerprint) for *facts, size, fingerprint in rows]


def groups_of(asked: Table, cells: Iterable[tuple[Facts, int]], organisation: Organisation) -> list[Group]:
    """What is asked for, picked from all cells of its cut, in the order of what is grouped by; the unknown last.

    Raises TooManyGroups beyond GROUPS_MAX.
    """
    groups = []
    for facts, count in cells:
        group = asked.group_of(_whole(dict(zip(asked.cut, facts, strict=True)), organisation))
        if group is not None:
            groups.append((group, count))
    if len(groups) > GROUPS_MAX:
        raise TooManyGroups
    groups.sort(key=lambda found: [(fact is None, fact or "") for fact in found[0]])
    return [Group(dict(zip(asked.grouped, facts, strict=True)), count) for facts, count in groups]


def _whole(cell: dict[Dimension, str | None], organisation: Organisation) -> Mapping[Dimension, str | None]:
    """The cell with the region of its store."""
    if Dimension.STORE in cell:
        store = organisation.stores.get(cell[Dimension.STORE] or "")
        cell[Dimension.REGION] = store.region if store else None
    return cell


def _statement(organisation: Organisation, cut: Cut, handler: str, gate: RowGate, before: datetime) -> Any:
    regions, channels = _regions(organisation), _channels()
    columns: dict[Dimension, ColumnElement[Any]] = {
        Dimension.STORE: member_t.c.home_store,
        Dimension.REGION: regions.c.region,
        Dimension.CHANNEL: channels.c.channel,
        Dimension.GENDER: case((is_held_for(ProfileField.GENDER, gate.purpose), member_t.c.gender)),
        Dimension.JOINED_MONTH: func.to_char(func.timezone(_CHINA, member_t.c.joined_at), "YYYY-MM"),
    }
    source: FromClause = member_t
    if Dimension.REGION in cut:
        source = source.outerjoin(regions, regions.c.store == member_t.c.home_store)
    if Dimension.CHANNEL in cut:
        source = source.join(channels, member_t.c.channels.op("&")(channels.c.bit) != 0)
    size = func.count()
    grouped = [columns[dimension].label(dimension.value) for dimension in cut]
    places = [raw(str(number)) for number in range(1, len(grouped) + 1)]
    return (
        select(*grouped, size, func.bit_xor(random_bits()))
        .select_from(source)
        .where(member_t.c.handler == handler, is_living(), member_t.c.joined_at < before)
        .where(gate.condition())
        .group_by(*places)
        .having(size >= MINIMUM_GROUP)
        .order_by(*places)
        .limit(CELLS_MAX + 1)
    )


def random_bits() -> ColumnElement[Any]:
    tail = func.right(cast(member_t.c.member_id, Text), _RANDOM_HEX)
    return cast(cast(func.concat("x", tail), BIT(_RANDOM_HEX * 4)), BigInteger)


def _regions(organisation: Organisation) -> FromClause:
    """Store and region of the register, as a table."""
    stores = sorted(organisation.stores.values(), key=lambda store: store.name)
    codes = literal([store.name for store in stores], ARRAY(Text))
    named = literal([store.region for store in stores], ARRAY(Text))
    return (
        func.unnest(codes, named)
        .table_valued(column("store", Text), column("region", Text), name="regions")
        .render_derived()
    )


def _channels() -> FromClause:
    """A member with accounts in two channels counts in both."""
    names = literal([channel.value for channel in Channel], ARRAY(Text))
    bits = literal([channel.bit for channel in Channel], ARRAY(Integer))
    return (
        func.unnest(names, bits)
        .table_valued(column("channel", Text), column("bit", Integer), name="by_channel")
        .render_derived()
    )
