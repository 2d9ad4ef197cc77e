"""From a condition to SQL, with bound parameters only."""

from datetime import timedelta
from typing import Any, Final

from sqlalchemy import CTE, BigInteger, ColumnElement, and_, false, func, not_, or_, type_coerce

from member_hub.members.tables import Channel
from member_hub.tags.conditions import All, AnyOf, Between, Condition, DaysAgo, Includes, Not, OneOf, Quantile
from member_hub.tags.figures import Figure, FigureKind
from member_hub.tags.sources import Setting, Thresholds

_BITS: Final = {channel.value: channel.bit for channel in Channel}


def compiled(condition: Condition, figures: CTE, setting: Setting, thresholds: Thresholds) -> ColumnElement[bool]:
    """True or false for every row: of a figure that is not there every comparison is false."""
    match condition:
        case All(parts):
            return and_(*(compiled(part, figures, setting, thresholds) for part in parts))
        case AnyOf(parts):
            return or_(*(compiled(part, figures, setting, thresholds) for part in parts))
        case Not(part):
            return not_(compiled(part, figures, setting, thresholds))
    return func.coalesce(_comparison(condition, figures, setting, thresholds), false())


def _comparison(
    condition: OneOf | Between | Includes | DaysAgo | Quantile, figures: CTE, setting: Setting, thresholds: Thresholds
) -> ColumnElement[bool]:
    figure = _column(figures, condition.figure)
    match condition:
        case OneOf(_, values):
            return figure.in_(values)
        case Between(_, least, most):
            return _within(figure, least, most)
        case Includes(_, value):
            return figure.bitwise_and(_BITS[value]) != 0
        case DaysAgo(_, least, most):
            back = [setting.today - timedelta(days=days) if days is not None else None for days in (most, least)]
            return _within(figure, *back)
        case Quantile(_, percent, is_below):
            at = thresholds.get((condition.figure.name, percent))
            if at is None:
                return false()
            return figure < at if is_below else figure >= at


def _column(figures: CTE, figure: Figure) -> ColumnElement[Any]:
    """A number of a rule is sent as a long one: one beyond the figure's own type would stop the whole round."""
    column = figures.c[figure.name]
    return type_coerce(column, BigInteger) if figure.kind is FigureKind.NUMBER else column


def _within(figure: ColumnElement[bool], least: object, most: object) -> ColumnElement[bool]:
    parts = [figure >= least] if least is not None else []
    return and_(*parts, *([figure <= most] if most is not None else []))
