"""What a channel's raw gender, birth date and time mean. Nothing here raises on any input."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Final, Literal

from member_hub.clock import SHANGHAI

INTEGER_MAX = 10**20  # Python refuses to spell out endless ones
RAW_MAX = 320  # an e-mail address may have 254 characters
AGE_MAX_YEARS = 120
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
TIME_MIN: Final = datetime(2000, 1, 1, tzinfo=UTC)
TIME_AHEAD_MAX: Final = timedelta(days=1)  # clocks of channels differ

Gender = Literal["M", "F"]
_GENDERS: Final[Mapping[str, Gender]] = {
    **dict.fromkeys(("m", "male", "man", "男", "男性", "先生", "1"), "M"),
    **dict.fromkeys(("f", "female", "woman", "女", "女性", "女士", "小姐", "2"), "F"),
}
_DAY = r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?"
_CLOCK = r"(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*(Z|[+-]\d{2}:?\d{2})?"
_BIRTH = re.compile(rf"(?:{_DAY}|(\d{{4}})(\d{{2}})(\d{{2}}))(?:[T\s]\s*{_CLOCK})?", re.ASCII | re.IGNORECASE)
_MOMENT = re.compile(rf"{_DAY}(?:[T\s]\s*{_CLOCK})?", re.ASCII | re.IGNORECASE)
_SECONDS_BELOW = 100_000_000_000  # as milliseconds, all below is before 1974


def plain(raw: object) -> str | None:
    """Text of a raw value: NFKC, without invisible characters, trimmed. None where it can be no identifier."""
    if isinstance(raw, int) and not isinstance(raw, bool) and abs(raw) < INTEGER_MAX:
        raw = str(raw)
    if not isinstance(raw, str) or len(raw) > RAW_MAX:
        return None
    if raw.isascii() and raw.isprintable():
        return raw.strip()
    text = unicodedata.normalize("NFKC", raw)
    return "".join(c for c in text if c.isspace() or unicodedata.category(c)[0] != "C").strip()


def gender(raw: object) -> Gender | None:
    """M or F (1 and 2 as in GB/T 2261.1); anything else is unknown."""
    text = plain(raw)
    return _GENDERS.get(text.lower()) if text else None


def birth_date(raw: object, *, today: date) -> date | None:
    """The day of any spelling of year, month and day; None where it is impossible, to come, or over 120 years ago."""
    day = raw.date() if isinstance(raw, datetime) else raw if isinstance(raw, date) else _day(plain(raw) or "")
    return day if day is not None and _is_plausible(day, today) else None


def _is_plausible(day: date, today: date) -> bool:
    return day <= today and (today.year, today.month, today.day) <= (day.year + AGE_MAX_YEARS, day.month, day.day)


def _day(text: str) -> date | None:
    found = _BIRTH.fullmatch(text)
    if found is None:
        return None
    year, month, day = (g for g in found.groups()[:6] if g is not None)
    try:
        stated = date(int(year), int(month), int(day))
        if not found.group(11):
            return stated
        # With a zone it is a midnight that a program turned into a moment: the day is the one in China, where
        # the clocks were an hour ahead in the summers of 1986 to 1991.
        moment = _moment(stated, found.groups()[6:])
        return (moment.astimezone(SHANGHAI) + timedelta(hours=1)).date()
    except (ValueError, OverflowError):
        return None


def timestamp(raw: object, *, now: datetime) -> datetime | None:
    """An aware UTC moment: ISO 8601 and its usual spellings (without zone: Asia/Shanghai), or seconds or
    milliseconds since 1970. None where it is none, before the year 2000, or more than a day ahead."""
    try:
        moment = _read_moment(raw)
    except (ValueError, OverflowError):
        return None
    if moment is None or not TIME_MIN <= moment <= now + TIME_AHEAD_MAX:
        return None
    return moment


def _read_moment(raw: object) -> datetime | None:
    if isinstance(raw, datetime):
        return (raw if raw.tzinfo else raw.replace(tzinfo=SHANGHAI)).astimezone(UTC)
    text = plain(raw)
    if not text:
        return None
    if text.isascii() and text.isdecimal() and len(text) > 8:
        since = int(text)
        return EPOCH + (timedelta(seconds=since) if since < _SECONDS_BELOW else timedelta(milliseconds=since))
    found = _MOMENT.fullmatch(text)
    if found is None:
        return None
    year, month, day, *clock = found.groups()
    return _moment(date(int(year), int(month), int(day)), clock).astimezone(UTC)


def _moment(day: date, clock: Sequence[str | None]) -> datetime:
    hour, minute, second, fraction, zone = clock
    return datetime(
        day.year,
        day.month,
        day.day,
        int(hour or 0),
        int(minute or 0),
        int(second or 0),
        int((fraction or "0")[:6].ljust(6, "0")),
        tzinfo=_zone(zone),
    )


def _zone(said: str | None) -> timezone:
    if said is None:
        return SHANGHAI
    if said in "Zz":
        return UTC
    minutes = int(said[1:3]) * 60 + int(said[-2:])
    return timezone(timedelta(minutes=-minutes if said[0] == "-" else minutes))
