"""Values of figures at quantiles, over the members of a handler: quintiles for RFM, and what rules ask for.

What stands is about nobody: a few numbers per handler. They are computed at the start of a day's round; in between,
whoever needs one that is not there yet (a rule that was just approved, a handler's first evaluation) computes it.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import CTE, ColumnElement, Integer, Select, Text, and_, cast, func, literal, select, union_all
from sqlalchemy.dialects.postgresql import ARRAY

from member_hub.db.base import Tx
from member_hub.db.bulk import insert_rows, table_of
from member_hub.members.bits import PROFILING
from member_hub.members.reading import is_living
from member_hub.members.tables import Member
from member_hub.tags.conditions import quantiles_in
from member_hub.tags.definitions import Definition
from member_hub.tags.figures import FIGURES, FigureSource
from member_hub.tags.sources import QUINTILES, QUINTILES_OF, RECENCY, Setting, Thresholds, figures_of
from member_hub.tags.tables import TagThreshold

Wanted = Mapping[str, tuple[int, ...]]
_COLUMNS: Final = ("handler", "figure", "percent", "value", "computed_for")

member_t, threshold_t = table_of(Member), table_of(TagThreshold)


async def thresholds_of(
    tx: Tx, handler: str, definitions: Iterable[Definition], setting: Setting, *, anew: bool = False
) -> Thresholds:
    """Those that the definitions need; computed where they are not there, or `anew`."""
    wanted = _wanted(definitions)
    rows = select(threshold_t).where(threshold_t.c.handler == handler)
    known = {} if anew else {(row.figure, row.percent): row.value for row in await tx.execute(rows)}
    missing = {
        name: tuple(percent for percent in percents if (name, percent) not in known)
        for name, percents in wanted.items()
    }
    scores = {name: percents for name, percents in missing.items() if percents and name in QUINTILES_OF}
    others = {name: percents for name, percents in missing.items() if percents and name not in QUINTILES_OF}
    for part in (scores, others):  # a rule may ask for a quantile of a score
        if part:
            known |= await _computed(tx, handler, part, setting, known)
    return known


def _wanted(definitions: Iterable[Definition]) -> Wanted:
    asked: dict[str, set[int]] = {name: set(QUINTILES) for name in QUINTILES_OF}
    for one in definitions:
        condition = one.condition
        for name, percent in quantiles_in(condition) if condition is not None else ():
            asked.setdefault(name, set()).add(percent)
    return {name: tuple(sorted(percents)) for name, percents in sorted(asked.items())}


async def _computed(
    tx: Tx, handler: str, wanted: Wanted, setting: Setting, known: Thresholds
) -> dict[tuple[str, int], int | None]:
    rows = await tx.execute(_computing(handler, wanted, setting, known))
    values = {(row.figure, row.percent): int(row.value) for row in rows}
    found = {(name, percent): values.get((name, percent)) for name, percents in wanted.items() for percent in percents}
    stored = [(handler, name, percent, value, setting.today) for (name, percent), value in found.items()]
    await insert_rows(tx, TagThreshold, _COLUMNS, stored, on_conflict="replace")
    return found


def _computing(handler: str, wanted: Wanted, setting: Setting, known: Thresholds) -> Select[Any] | Any:
    people = select(member_t.c.member_id).where(
        member_t.c.handler == handler, is_living(), member_t.c.restriction_bits.bitwise_and(PROFILING) == 0
    )
    sources: set[FigureSource] = {FIGURES[QUINTILES_OF.get(name, name)].source for name in wanted}
    figures = figures_of(people, sources, setting, known)
    return union_all(*(_ranked(name, percents, figures) for name, percents in wanted.items()))


def _ranked(name: str, percents: tuple[int, ...], figures: CTE) -> Select[Any]:
    """The value at position ceil(percent * n / 100) of those greater than 0, sorted; recency from above."""
    value = figures.c[QUINTILES_OF.get(name, name)]
    order: ColumnElement[Any] = value.desc() if name == RECENCY else value.asc()
    ranked = (
        select(
            value.label("value"),
            func.row_number().over(order_by=order).label("number"),
            func.count().over().label("all_of_them"),
        )
        .where(value > 0)
        .subquery()
    )
    asked = func.unnest(literal(list(percents), ARRAY(Integer))).table_valued("percent", name="asked").render_derived()
    percent = cast(asked.c.percent, Integer)
    at = (percent * ranked.c.all_of_them + 99) // 100
    joined = asked.join(ranked, and_(ranked.c.number == at))
    return select(
        cast(literal(name), Text).label("figure"), percent.label("percent"), ranked.c.value.label("value")
    ).select_from(joined)
