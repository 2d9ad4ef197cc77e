"""A seal: which entries it covers, how it vouches for the seals before it, and its line outside the database. Pure."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import UUID

import orjson

from member_hub.audit.entry import FIRST_PREVIOUS, Tip
from member_hub.audit.merkle import root_of


@dataclass(frozen=True, slots=True)
class Part:
    """The entries `first` to `last` of one chain; `digest` is that of the last."""

    month: date
    writer: UUID
    first: int
    last: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class Seal:
    """`entries` counts what `root` is over; `expired` names months whose retention is over from here on."""

    number: int
    sealed_at: datetime
    previous: bytes
    entries: int
    root: bytes
    parts: Sequence[Part]
    expired: Sequence[date]
    key_id: str

    @property
    def digest(self) -> bytes:
        said = {
            "number": self.number,
            "sealed_at": _moment(self.sealed_at),
            "previous": self.previous.hex(),
            "entries": self.entries,
            "root": self.root.hex(),
            "parts": [[p.month.isoformat(), str(p.writer), p.first, p.last, p.digest.hex()] for p in self.parts],
            "expired": [month.isoformat() for month in self.expired],
            "key_id": self.key_id,
        }
        return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).digest()


@dataclass(frozen=True, slots=True)
class Head:
    """What is known of a seal outside the database."""

    number: int
    digest: bytes
    sealed_at: datetime
    key_id: str
    signature: bytes

    @property
    def line(self) -> bytes:
        said = {
            "number": self.number,
            "seal": self.digest.hex(),
            "sealed_at": _moment(self.sealed_at),
            "key_id": self.key_id,
            "signature": self.signature.hex(),
        }
        return orjson.dumps(said, option=orjson.OPT_SORT_KEYS)

    @classmethod
    def of_line(cls, line: bytes) -> "Head":
        """Raises ValueError for what is not such a line."""
        try:
            said: dict[str, Any] = orjson.loads(line)
            head = cls(
                said["number"],
                bytes.fromhex(said["seal"]),
                datetime.fromisoformat(said["sealed_at"]),
                said["key_id"],
                bytes.fromhex(said["signature"]),
            )
            is_ours = head.line == line
        except (TypeError, KeyError, AttributeError, OverflowError):
            raise ValueError("This is no line of an audit head.") from None
        if not is_ours:
            raise ValueError("This is no line of an audit head.")
        return head


NO_SEAL: Final = Tip(0, FIRST_PREVIOUS)


def sealed(
    before: Tip,
    parts: Sequence[Part],
    digests: Sequence[bytes],
    *,
    expired: Sequence[date] = (),
    key_id: str,
    now: datetime,
) -> Seal:
    """The seal that follows `before` (a seal's number and digest) over entries with these digests."""
    return Seal(before.sequence + 1, now, before.digest, len(digests), root_of(digests), parts, expired, key_id)


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
