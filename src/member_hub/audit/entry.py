"""One audit entry: what it says, and how it vouches for itself and all before it. Pure.

Decision: an entry's digest is a HMAC-SHA256 under a key of the key folder rather than plain SHA-256. A plain chain can
be continued or recomputed by anybody who may write to the database, so that the entries since the last seal, and
entries of an invented writer, would be beyond proof. Price: who checks entries needs the key folder (roots, seals and
signatures check without it), and a hub that loses its audit key cannot prove its old entries any more.
"""

import hmac
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import UUID

import orjson

from member_hub.ids import uuid7
from member_hub.privacy import Purpose

FIELDS_MAX = 200
MEMBER_IDS_MAX = 1_000
SYSTEM = "SYSTEM"
COMMAND_LINE = "command line"
FIRST_PREVIOUS: Final = bytes(32)

_TEXTS: Final = ("caller_kind", "caller", "role", "purpose", "operation", "outcome")


@dataclass(frozen=True, slots=True)
class Entry:
    """One request: who, as what, why, what, about whom. Never a value.

    `fields` name guarded fields with their state ("member.phone:MASKED"); `outcome` is ok, missed or a refusal's code.
    """

    caller_kind: str
    caller: str
    role: str
    purpose: str
    operation: str
    outcome: str
    request_id: UUID
    happened_at: datetime
    fields: Sequence[str] = ()
    member_ids: Sequence[UUID] = ()

    @classmethod
    def of_command(
        cls,
        operation: str,
        *,
        fields: Collection[str] = (),
        member_ids: Collection[UUID] = (),
        outcome: str = "ok",
        caller: str = COMMAND_LINE,
        purpose: Purpose = Purpose.SYSTEM_OPERATION,
        now: datetime,
    ) -> "Entry":
        """What the hub, or somebody with its keys and database, did: without a role of the register."""
        return cls(
            caller_kind=SYSTEM,
            caller=caller,
            role="system",
            purpose=purpose,
            operation=operation,
            outcome=outcome,
            request_id=uuid7(),
            happened_at=now,
            fields=tuple(fields),
            member_ids=tuple(member_ids),
        )


@dataclass(frozen=True, slots=True)
class Tip:
    """How far a chain goes."""

    sequence: int = 0
    digest: bytes = FIRST_PREVIOUS


def check(entry: Entry) -> None:
    """A request that names more than can be put on record has to be refused earlier, by its own limits."""
    if len(entry.fields) > FIELDS_MAX or len(entry.member_ids) > MEMBER_IDS_MAX:
        raise ValueError("An audit entry of more fields or members than one request can name.")


def month_of(moment: datetime) -> date:
    return moment.astimezone(UTC).date().replace(day=1)


def row_of(entry: Entry, writer: UUID, before: Tip, key: bytes) -> dict[str, Any]:
    """The row that follows `before` in the writer's chain of that month."""
    row: dict[str, Any] = {name: getattr(entry, name) for name in (*_TEXTS, "request_id", "happened_at")}
    row |= {
        "month": month_of(entry.happened_at),
        "writer": writer,
        "sequence": before.sequence + 1,
        "fields": sorted(set(entry.fields)),
        "member_ids": sorted(set(entry.member_ids)),
        "previous": before.digest,
    }
    return row | {"digest": digest_of(row, key)}


def digest_of(row: Mapping[str, Any], key: bytes, *, sequence: int | None = None) -> bytes:
    """The digest that an entry with this content has, here or at another place of its chain."""
    said = {name: row[name] for name in _TEXTS}
    said |= {
        "month": row["month"].isoformat(),
        "writer": str(row["writer"]),
        "sequence": row["sequence"] if sequence is None else sequence,
        "request_id": str(row["request_id"]),
        "happened_at": row["happened_at"].astimezone(UTC).isoformat(timespec="microseconds"),
        "fields": list(row["fields"]),
        "member_ids": [str(member_id) for member_id in row["member_ids"]],
        "previous": row["previous"].hex(),
    }
    return hmac.digest(key, orjson.dumps(said, option=orjson.OPT_SORT_KEYS), "sha256")
