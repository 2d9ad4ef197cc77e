"""Which groups are counted: the cells of one fixed grid, each a combination of one to three facts.

A narrowing is no second way to cut: it picks cells of the grid, so it counts as a dimension; a region beside a store
picks stores, and is no dimension of its own. Times of joining are
whole months and can only be narrowed where they are grouped by: "joined before the 5th" less "before the 4th" would
be one day.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from member_hub.clock import SHANGHAI
from member_hub.errors import BadInput
from member_hub.members.tables import Channel

DIMENSIONS_MAX: Final = 3
MONTH: Final = "%Y-%m"

Facts = tuple[str | None, ...]  # in the order of the dimensions they belong to; None: not known of the members


class Dimension(StrEnum):
    STORE = "store"
    REGION = "region"
    CHANNEL = "channel"
    GENDER = "gender"
    JOINED_MONTH = "joined_month"


Cut = tuple[Dimension, ...]  # sorted


class BadGrid(BadInput):
    zh = "统计的分组或筛选不在允许的范围内。"
    en = "Figures are not cut this way."


@dataclass(frozen=True, slots=True)
class Narrowed:
    """By what the groups are picked; None does not pick."""

    home_store: str | None = None
    region: str | None = None
    channel: Channel | None = None
    gender: str | None = None
    joined_from: datetime | None = None
    joined_to: datetime | None = None

    @property
    def dimensions(self) -> frozenset[Dimension]:
        stated = {
            Dimension.STORE: self.home_store,
            Dimension.REGION: self.region,
            Dimension.CHANNEL: self.channel,
            Dimension.GENDER: self.gender,
            Dimension.JOINED_MONTH: self.joined_from or self.joined_to,
        }
        return frozenset(dimension for dimension, value in stated.items() if value is not None)


@dataclass(frozen=True, slots=True)
class Table:
    """One question that the grid can answer."""

    grouped: tuple[Dimension, ...]
    narrowed: Narrowed

    @property
    def dimensions(self) -> frozenset[Dimension]:
        return frozenset(self.grouped) | self.narrowed.dimensions

    @property
    def cut(self) -> Cut:
        """By what members have to be counted, so that every group is one cell."""
        by_store = {Dimension.REGION} if Dimension.STORE in self.dimensions else set()
        return tuple(sorted(self.dimensions - by_store))

    def group_of(self, cell: Mapping[Dimension, str | None]) -> Facts | None:
        """The facts by which the cell is grouped, given all of it, its region included; None: it is not picked."""
        return tuple(cell[dimension] for dimension in self.grouped) if self._picks(cell) else None

    def _picks(self, cell: Mapping[Dimension, str | None]) -> bool:
        by, month = self.narrowed, cell.get(Dimension.JOINED_MONTH)
        exactly = {
            Dimension.STORE: by.home_store,
            Dimension.REGION: by.region,
            Dimension.CHANNEL: by.channel,
            Dimension.GENDER: by.gender,
        }
        return (
            all(value is None or cell[dimension] == value for dimension, value in exactly.items())
            and (by.joined_from is None or (month is not None and month >= _month(by.joined_from)))
            and (by.joined_to is None or (month is not None and month < _month(by.joined_to)))
        )


def table(grouped: Sequence[Dimension], narrowed: Narrowed) -> Table:
    """Raises BadGrid, naming the field, for what would not be cells of the grid."""
    if not 1 <= len(grouped) <= DIMENSIONS_MAX or len(set(grouped)) != len(grouped):
        raise BadGrid("Group by one to three different things.", zh="须按一至三个不同的维度分组。", field="groupBy")
    found = Table(tuple(grouped), narrowed)
    if len(found.cut) > DIMENSIONS_MAX:
        raise BadGrid(
            "What is grouped by and narrowed by comes to three things at most.",
            zh="分组与筛选的维度合计不得超过三个。",
            field="filter",
        )
    for name, moment in (("joinedFrom", narrowed.joined_from), ("joinedTo", narrowed.joined_to)):
        if moment is not None:
            _check_month(moment, grouped, f"filter.{name}")
    return found


def _month(moment: datetime) -> str:
    return moment.astimezone(SHANGHAI).strftime(MONTH)


def _check_month(moment: datetime, grouped: Sequence[Dimension], field: str) -> None:
    if Dimension.JOINED_MONTH not in grouped:
        raise BadGrid(
            "Times of joining narrow only what is grouped by JOINED_MONTH.",
            zh="仅在按 JOINED_MONTH 分组时可按入会时间筛选。",
            field=field,
        )
    local = moment.astimezone(SHANGHAI)
    if (local.day, local.hour, local.minute, local.second, local.microsecond) != (1, 0, 0, 0, 0):
        raise BadGrid(
            "Give the beginning of a month in China: 2026-11-01T00:00:00+08:00.",
            zh="须为北京时间某月的起点，如 2026-11-01T00:00:00+08:00。",
            field=field,
        )
