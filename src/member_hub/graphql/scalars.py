"""Scalars that say exactly what they take: moments with an offset, written as UTC; money as whole fen; whole points.

Decision: Points and Fen are read strictly, a JSON whole number and nothing else: `true`, `1.0` and `"1"` are refused
before anything is asked. That an amount is out of its range is told by its own code, so any whole number gets that far.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, NewType, TypeVar

import strawberry
from graphql import IntValueNode, ValueNode
from strawberry.types.scalar import ScalarDefinition


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


class NoTimeZone(ValueError):
    """A moment without its offset from UTC: whoever sent it may have meant another one by hours."""


def _read(text: object) -> datetime:
    """Raises ValueError, or NoTimeZone, without the text: the error reaches logs and answers."""
    moment = None
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
        if moment is not None and moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        moment = None  # not raised from here: the error below must not have this one as its context
    raise (ValueError if moment is None else NoTimeZone)("A moment looks like 2026-11-22T08:00:00+08:00.")


DATE_TIME: ScalarDefinition = strawberry.scalar(
    name="DateTime",
    description="A moment with its offset from UTC (RFC 3339), answered in UTC: 2026-11-22T00:00:00Z.",
    specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
    serialize=_written,
    parse_value=_read,
)

T = TypeVar("T")
Fen = NewType("Fen", int)
Points = NewType("Points", int)
WHOLE_MAX: Final = 2**53
Whole = NewType("Whole", int)


def _whole(value: object) -> int:
    """Raises ValueError without the value: the error reaches logs and answers."""
    if type(value) is int:
        return value
    if type(value) is float and value.is_integer() and abs(value) > WHOLE_MAX:
        return int(value)  # beyond 64 bits the reader of JSON makes a float of a whole number
    raise ValueError("It is a whole number.")


def _whole_written(node: ValueNode, _variables: dict[str, Any] | None = None) -> int:
    """The same of what stands in the document."""
    if isinstance(node, IntValueNode):
        return int(node.value)
    raise ValueError("It is a whole number.")


FEN: ScalarDefinition = strawberry.scalar(
    name="Fen",
    description="An amount of money in fen (1/100 yuan), a whole number; may be larger than an Int.",
    serialize=int,
    parse_value=_whole,
    parse_literal=_whole_written,
)

POINTS: ScalarDefinition = strawberry.scalar(
    name="Points",
    description="A number of points, whole, up to 2^53 either way; may be larger than an Int.",
    serialize=int,
    parse_value=_whole,
    parse_literal=_whole_written,
)


WHOLE: ScalarDefinition = strawberry.scalar(
    name="Whole",
    description="A whole number, up to 2^53 either way; may be larger than an Int.",
    serialize=int,
    parse_value=_whole,
    parse_literal=_whole_written,
)


def given(value: T | None) -> T | None:
    """What was sent; None where it was left out. Left out and null mean the same everywhere here."""
    return None if value is strawberry.UNSET else value


SCALARS: Mapping[object, ScalarDefinition] = {datetime: DATE_TIME, Fen: FEN, Points: POINTS, Whole: WHOLE}
