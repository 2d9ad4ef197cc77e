"""What a single cell says: whole numbers, amounts, yes and no, moments and days. Nothing here raises on any cell.

A cell is text in CSV, and whatever JSON and Parquet know there: numbers, booleans, dates, decimals.
"""

import math
import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Final

from member_hub.clock import SHANGHAI
from member_hub.identity import normalise

TEXT_MAX = 200
_EXACT: Final = 2**53  # from here on a float skips whole numbers
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_AMOUNT = re.compile(r"([+-]?)([0-9]{1,9})(?:\.([0-9]{1,2}))?", re.ASCII)
_YES: Final = frozenset({"true", "1", "yes", "y", "t", "是", "已验证", "同意"})
_NO: Final = frozenset({"false", "0", "no", "n", "f", "否", "未验证", "不同意"})
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def is_blank(cell: object) -> bool:
    """Nothing stated: null, blanks, or the NaN that stands for null in files of data frames."""
    return (
        cell is None or (isinstance(cell, str) and not cell.strip()) or (isinstance(cell, float) and math.isnan(cell))
    )


def text(cell: object, most: int = TEXT_MAX) -> str | None:
    """Printable text without margins; None where there is none, or it is too long to be what was asked for."""
    if isinstance(cell, int) and not isinstance(cell, bool):
        cell = str(cell)
    if not isinstance(cell, str) or len(cell) > 2 * most:
        return None
    if not cell.isprintable():
        cell = "".join(" " if c.isspace() else c for c in cell if c.isspace() or unicodedata.category(c)[0] != "C")
    cell = cell.strip()
    return cell if 0 < len(cell) <= most else None


def whole(cell: object, *, least: int, most: int) -> int | None:
    """A whole number within limits; 12.0 is one, 1e3 and 1,000 are none."""
    if isinstance(cell, bool):
        return None
    if isinstance(cell, str):
        cell = _digits(cell)
        number = int(cell) if _WHOLE.fullmatch(cell) else None
    elif isinstance(cell, int):
        number = cell
    else:
        number = _integral(cell)
    return number if number is not None and least <= number <= most else None


def _integral(cell: object) -> int | None:
    if isinstance(cell, Decimal):
        return int(cell) if cell.is_finite() and abs(cell) < _EXACT and cell == int(cell) else None
    if isinstance(cell, float):
        return int(cell) if math.isfinite(cell) and abs(cell) < _EXACT and cell.is_integer() else None
    return None


def amount_fen(cell: object) -> int | None:
    """Yuan with at most two decimals, as fen, digit by digit: 240.18 is 24018, 240.1 is 24010; 1,2 is none.

    A JSON number is read from its shortest decimal form, which is what was written.
    """
    if isinstance(cell, bool) or not isinstance(cell, (str, int, float, Decimal)):
        return None
    found = _AMOUNT.fullmatch(_digits(cell) if isinstance(cell, str) else _decimal(cell))
    if found is None:
        return None
    sign, yuan, fraction = found.groups(default="")
    fen = int(yuan) * 100 + int(fraction.ljust(2, "0"))
    return -fen if sign == "-" else fen


def _decimal(number: float | Decimal) -> str:
    if isinstance(number, Decimal) and number.is_finite():
        exact = number.normalize()
        return f"{exact:f}" if -3 < exact.adjusted() < 12 else ""
    return repr(number)


def _digits(said: str) -> str:
    """Trimmed, with full-width digits made plain."""
    return said.strip() if said.isascii() else unicodedata.normalize("NFKC", said).strip()


def boolean(cell: object) -> bool | None:
    """Yes or no, in the usual words of files; None for anything else."""
    if isinstance(cell, bool):
        return cell
    said = text(cell)
    if said is None:
        return None
    said = said.casefold()
    return True if said in _YES else False if said in _NO else None


def moments(how: str | None, zone: timezone, *, now: datetime) -> Callable[[object], datetime | None]:
    """A reader of moments by a format (strptime, s, ms, or the usual spellings) and the zone of those without one.

    What it returns is aware, UTC, and neither before 2000 nor more than a day ahead of `now`.
    """
    if how in ("s", "ms"):
        unit = timedelta(seconds=1) if how == "s" else timedelta(milliseconds=1)
        return lambda cell: _since_epoch(cell, unit, now)
    if how is not None:
        return lambda cell: _by_format(cell, how, zone, now)

    def usual(cell: object) -> datetime | None:
        if type(cell) is str and cell[4:5] == "-":
            try:
                cell = datetime.fromisoformat(cell)
            except ValueError:
                cell = cell if zone == SHANGHAI else None
        if isinstance(cell, datetime) and cell.tzinfo is None:
            cell = cell.replace(tzinfo=zone)
        return normalise.timestamp(cell, now=now)

    return usual


def _since_epoch(cell: object, unit: timedelta, now: datetime) -> datetime | None:
    units = whole(cell, least=0, most=10**14)
    if units is None:
        return normalise.timestamp(cell, now=now) if isinstance(cell, datetime) else None
    try:
        return normalise.timestamp(_EPOCH + units * unit, now=now)
    except OverflowError:
        return None


def _by_format(cell: object, how: str, zone: timezone, now: datetime) -> datetime | None:
    stated = _strptime(cell, how)
    if stated is not None and stated.tzinfo is None:
        stated = stated.replace(tzinfo=zone)
    return normalise.timestamp(stated, now=now)


def _strptime(cell: object, how: str) -> datetime | None:
    if isinstance(cell, datetime):
        return cell
    said = text(cell)
    if said is None:
        return None
    try:
        return datetime.strptime(said, how)  # noqa: DTZ007 - the caller gives it the mapping's zone
    except ValueError:
        return None


def days(how: str | None, *, today: date) -> Callable[[object], date | None]:
    """A reader of days by a format, or in any spelling of year, month and day; none ahead of `today`."""
    if how is None:
        return lambda cell: normalise.birth_date(cell, today=today)
    return lambda cell: normalise.birth_date(cell if isinstance(cell, date) else _strptime(cell, how), today=today)
