"""Counting members in one statement: groups under the minimum never leave the database."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, FromClause, Integer, Text, and_, cast, column, func, literal, select
from sqlalchemy import text as raw
from sqlalchemy.dialects.postgresql import ARRAY, BIT

from member_hub.crypto import Vault
from member_hub.db.base import Tx
from member_hub.db.bulk import among
from member_hub.errors import Refused
from member_hub.members.reading import is_living, member_t
from member_hub.members.tables import Channel
from member_hub.organisation import Organisation
from member_hub.reports.disclosure import MINIMUM_GROUP, lot_of, told
from member_hub.reports.grid import Dimension, Table

GROUPS_MAX = 1_000
_CHINA = timedelta(hours=8)  # China has had one time and no summer time since 1991
_RANDOM_HEX = 12  # the last 48 bits of an id (UUIDv7) are random


class TooManyGroups(Refused):
    code = "QUERY_TOO_COMPLEX"
    zh = f"分组超过 {GROUPS_MAX} 个，请缩小范围。"
    en = f"There are more than {GROUPS_MAX} groups; narrow the question."


@dataclass(frozen=True, slots=True)
class Group:
    """`facts` are what its members have in common; None: not known of them. `count` is what disclosure.py tells."""

    facts: Mapping[Dimension, str | None]
    count: int


async def count_members(tx: Tx, vault: Vault, organisation: Organisation, asked: Table, *, handler: str) -> list[Group]:
    """The living members of one handler, counted by the table's dimensions; small groups are left out.

    Raises TooManyGroups beyond GROUPS_MAX.
    """
    rows = (await tx.execute(_statement(organisation, asked, handler))).all()
    if len(rows) > GROUPS_MAX:
        raise TooManyGroups
    groups = []
    for row in rows:
        *facts, size, fingerprint = row
        count = told(size, lot_of(vault, size, fingerprint))
        if count is not None:
            groups.append(Group(dict(zip(asked.grouped, facts, strict=True)), count))
    return groups


def _statement(organisation: Organisation, asked: Table, handler: str) -> Any:
    regions, channels = _regions(organisation), _channels()
    columns: dict[Dimension, ColumnElement[Any]] = {
        Dimension.STORE: member_t.c.home_store,
        Dimension.REGION: regions.c.region,
        Dimension.CHANNEL: channels.c.channel,
        Dimension.GENDER: member_t.c.gender,
        Dimension.JOINED_MONTH: func.to_char(func.timezone(_CHINA, member_t.c.joined_at), "YYYY-MM"),
    }
    source: FromClause = member_t
    if Dimension.REGION in asked.dimensions:
        source = source.outerjoin(regions, regions.c.store == member_t.c.home_store)
    if Dimension.CHANNEL in asked.dimensions:
        source = source.join(channels, member_t.c.channels.op("&")(channels.c.bit) != 0)
    size = func.count()
    grouped = [columns[dimension].label(dimension.value) for dimension in asked.grouped]
    places = [raw(str(number)) for number in range(1, len(grouped) + 1)]
    return (
        select(*grouped, size, func.bit_xor(_random_bits()))
        .select_from(source)
        .where(member_t.c.handler == handler, is_living(), _picked(asked, organisation, columns))
        .group_by(*places)
        .having(size >= MINIMUM_GROUP)
        .order_by(*places)
        .limit(GROUPS_MAX + 1)
    )


def _random_bits() -> ColumnElement[Any]:
    tail = func.right(cast(member_t.c.member_id, Text), _RANDOM_HEX)
    return cast(cast(func.concat("x", tail), BIT(_RANDOM_HEX * 4)), BigInteger)


def _picked(
    asked: Table, organisation: Organisation, columns: Mapping[Dimension, ColumnElement[Any]]
) -> ColumnElement[bool]:
    by = asked.narrowed
    parts: list[ColumnElement[bool]] = []
    if by.home_store is not None:
        parts.append(member_t.c.home_store == by.home_store)
    if by.region is not None:
        parts.append(among(member_t.c.home_store, sorted(organisation.stores_of(by.region))))
    if by.channel is not None:
        parts.append(columns[Dimension.CHANNEL] == by.channel.value)
    if by.gender is not None:
        parts.append(member_t.c.gender == by.gender)
    if by.joined_from is not None:
        parts.append(member_t.c.joined_at >= by.joined_from)
    if by.joined_to is not None:
        parts.append(member_t.c.joined_at < by.joined_to)
    return and_(literal(value=True), *parts)


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
