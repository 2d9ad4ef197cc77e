"""Putting consent events on record: set-wise, chained per member by hash, the contact point apart from the event.

    hash = SHA-256(hash of the event before, 32 zero bytes for the first | canonical JSON of the event)

The JSON holds what the row holds and nothing personal: no contact point, so that its going away breaks no chain.
`previous` and `sequence` make a gap visible, the head of the chain (heads.py) an end that was cut off.
Decision: the caller holds the members locked, and no lock is taken here: every act locks its member anyway, in id order
with the others it touches, and a second order would be a deadlock.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import insert

from member_hub.consent.history.heads import BEGINNING, FIRST_PREVIOUS, Head, event_t, heads_to_follow, write_heads
from member_hub.consent.history.standing import Slot
from member_hub.consent.tables import ConsentContact, ConsentEvent
from member_hub.consent.words import Act, Actor, ConsentState, Method
from member_hub.crypto import Vault
from member_hub.db.base import Tx
from member_hub.db.bulk import insert_rows
from member_hub.ids import MemberId, OriginId, uuid7

HASHED: Final = tuple(column.name for column in event_t.c if column.name not in ("previous", "hash"))
_PLAIN: Final = tuple(column.name for column in event_t.c if column.name != "also")
_CONTACT: Final = ("member_id", "event_id", "origin_id", "kind", "version", "token")


@dataclass(frozen=True, slots=True)
class NewEvent:
    """One event to be recorded. `also`: the member's other accounts at a live act; None where one account speaks."""

    member_id: MemberId
    origin_id: OriginId
    also: frozenset[OriginId] | None
    handler: str
    slot: Slot
    contact_kind: str | None  # "phone" or "email", exactly where the slot has a contact
    act: Act
    state_from: ConsentState
    state_to: ConsentState
    actor: Actor
    acted_by: str
    method: Method
    occurred_at: datetime
    notice_id: UUID | None = None
    served_id: UUID | None = None
    is_separate: bool = False
    is_sensitive: bool = False
    is_published: bool = False
    is_abroad: bool = False
    ends_at: datetime | None = None
    request_id: UUID | None = None


async def record(tx: Tx, vault: Vault, events: Sequence[NewEvent], *, now: datetime) -> list[UUID]:
    """Append the events in this order and return their ids; at most five statements, whatever their number.

    The caller holds the members locked and settles them in the same transaction.
    """
    if not events:
        return []
    heads = await heads_to_follow(tx, vault, {event.member_id for event in events})
    rows = [_chained(event, heads, now) for event in events]
    alone = [[row[name] for name in _PLAIN] for row in rows if row["also"] is None]
    await insert_rows(tx, ConsentEvent, _PLAIN, alone)
    if together := [row for row in rows if row["also"] is not None]:
        await tx.execute(insert(event_t), together)  # an array per row does not travel in arrays per column
    await insert_rows(tx, ConsentContact, _CONTACT, _contacts(vault, events, rows))
    await write_heads(tx, vault, heads)
    return [row["event_id"] for row in rows]


def verify(events: Iterable[Mapping[Any, Any]]) -> UUID | None:
    """The first event that does not follow the one before it; None where every link holds.

    Rows of `hub.consent_event` of any number of members, each member's in order of sequence and from its first.
    """
    heads: dict[UUID, tuple[int, bytes]] = {}
    for event in events:
        sequence, previous = heads.get(event["member_id"], (0, FIRST_PREVIOUS))
        hashed = _hash(event, previous)
        if (event["sequence"], event["previous"], event["hash"]) != (sequence + 1, previous, hashed):
            return UUID(str(event["event_id"]))
        heads[event["member_id"]] = (event["sequence"], event["hash"])
    return None


def _chained(event: NewEvent, heads: dict[MemberId, Head], now: datetime) -> dict[str, Any]:
    if (event.slot.contact is None) != (event.contact_kind is None):
        raise ValueError("A contact point and its kind go together.")
    head = heads.get(event.member_id, BEGINNING)
    row = _row(event, head.sequence + 1, now)
    row |= {"previous": head.hash, "hash": _hash(row, head.hash)}
    heads[event.member_id] = head.followed_by(row["hash"])
    return row


def _row(event: NewEvent, sequence: int, now: datetime) -> dict[str, Any]:
    return {
        "member_id": event.member_id,
        "event_id": uuid7(),
        "sequence": sequence,
        "origin_id": event.origin_id,
        "also": None if event.also is None else sorted(event.also),
        "handler": event.handler,
        "purpose": event.slot.purpose,
        "recipient": event.slot.recipient,
        "channel": event.slot.channel,
        "has_contact": event.slot.contact is not None,
        "act": event.act.value,
        "state_from": event.state_from.value,
        "state_to": event.state_to.value,
        "actor": event.actor.value,
        "acted_by": event.acted_by,
        "method": event.method.value,
        "notice_id": event.notice_id,
        "served_id": event.served_id,
        "is_separate": event.is_separate,
        "is_sensitive": event.is_sensitive,
        "is_published": event.is_published,
        "is_abroad": event.is_abroad,
        "ends_at": event.ends_at,
        "occurred_at": event.occurred_at,
        "recorded_at": now,
        "request_id": event.request_id,
    }


def _hash(row: Mapping[Any, Any], previous: bytes) -> bytes:
    return hashlib.sha256(previous + canonical(row)).digest()


def canonical(row: Mapping[Any, Any]) -> bytes:
    """The event as it is hashed: keys in order, times in UTC to the microsecond."""
    return orjson.dumps({name: _written(row[name]) for name in HASHED}, option=orjson.OPT_SORT_KEYS)


def _written(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, list):
        return [str(UUID(str(one))) for one in value]
    if isinstance(value, bool | int) or value is None:
        return value
    return str(value)


def _contacts(vault: Vault, events: Sequence[NewEvent], rows: Sequence[Mapping[str, Any]]) -> list[tuple[object, ...]]:
    return [
        (row["member_id"], row["event_id"], row["origin_id"], kind, vault.token_version(kind), event.slot.contact)
        for event, row in zip(events, rows, strict=True)
        if (kind := event.contact_kind) is not None
    ]
