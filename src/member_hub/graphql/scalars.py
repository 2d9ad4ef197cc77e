"""Scalars that say exactly what they take: moments with an offset, written as UTC; amounts of money as whole fen."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NewType, TypeVar

import strawberry
from strawberry.types.scalar import ScalarDefinition


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _read(text: object) -> datetime:
    """Raises ValueError without the text: the error reaches logs and answers."""
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
        if moment is not None and moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass  # not raised from here: the error below must not have this one as its context
    raise ValueError("A moment looks like 2026-11-22T08:00:00+08:00.")


DATE_TIME: ScalarDefinition = strawberry.scalar(
    name="DateTime",
    description="A moment with its offset from UTC (RFC 3339), answered in UTC: 2026-11-22T00:00:00Z.",
    specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
    serialize=_written,
    parse_value=_read,
)

T = TypeVar("T")
Fen = NewType("Fen", int)

FEN: ScalarDefinition = strawberry.scalar(
    name="Fen",
    description="An amount of money in fen (1/100 yuan), a whole number; may be larger than an Int.",
    serialize=int,
)


def given(value: T | None) -> T | None:
    """What was sent; None where it was left out. Left out and null mean the same everywhere here."""
    return None if value is strawberry.UNSET else value


SCALARS: Mapping[object, ScalarDefinition] = {datetime: DATE_TIME, Fen: FEN}
