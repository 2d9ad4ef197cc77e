"""Pages by position (Relay): opaque, authenticated cursors, and how many of what to give.

A cursor says where in the list to go on, and is encrypted (AES-GCM) for its list and filter, so that nobody reads
one or makes one up; it is good in every process of the hub. It gives no right: the reach of the caller is part of every
statement.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

import orjson
import strawberry
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from member_hub.approving.queries import ProposalPosition
from member_hub.audit.queries import Position as AuditPosition
from member_hub.consent.history.queries import EventPosition
from member_hub.crypto import Vault
from member_hub.errors import BadInput
from member_hub.graphql.scalars import given
from member_hub.ids import MemberId
from member_hub.members.approval_queries import ApprovalPosition
from member_hub.members.listing import Position
from member_hub.orders.queries import LinePosition
from member_hub.points.listing import EntryPosition

PAGE_MAX = 100
ORDERS_PAGE = 20  # where the caller does not say
CURSOR_CHARS_MAX = 1_000
NONCE_BYTES = 12

# The arguments of a list, the same in every one.
First = Annotated[int | None, strawberry.argument(description="How many from the front, 1 to 100.")]
After = Annotated[str | None, strawberry.argument(description="Go on after this cursor.")]
Last = Annotated[int | None, strawberry.argument(description="How many from the end, 1 to 100.")]
Before = Annotated[str | None, strawberry.argument(description="End before this cursor.")]


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether the list goes on after this page.")
    has_previous_page: bool = strawberry.field(description="Whether there is something before this page.")
    start_cursor: str | None = strawberry.field(description="Position of the first item.")
    end_cursor: str | None = strawberry.field(description="Position of the last item.")


class BadCursor(BadInput):
    zh = "游标无效，请从头读取。"
    en = "This cursor is not valid here; read the list from its beginning."


@dataclass(frozen=True, slots=True)
class Slice:
    """`count` items after (backwards: before) a position."""

    count: int
    cursor: str | None
    backwards: bool


def slice_of(*, first: int | None, after: str | None, last: int | None, before: str | None) -> Slice:
    """Exactly one of `first` and `last`, 1 to 100, with the cursor that belongs to it. Raises BadInput."""
    if (first is None) == (last is None):
        raise BadInput("Give exactly one of first and last.", zh="须且只须给出 first 或 last。", field="first")
    backwards = first is None
    if (after if backwards else before) is not None:
        raise BadInput(
            "after goes with first, before with last.", zh="after 配合 first，before 配合 last。", field="after"
        )
    return Slice(
        _count(last if backwards else first, "last" if backwards else "first"),
        before if backwards else after,
        backwards,
    )


def orders_count(first: int | None) -> int:
    return ORDERS_PAGE if first is None else _count(first, "first")


def _count(stated: int | None, field: str) -> int:
    if stated is None or not 1 <= stated <= PAGE_MAX:
        raise BadInput(f"A page has 1 to {PAGE_MAX} items.", zh=f"每页 1 至 {PAGE_MAX} 条。", field=field)
    return stated


@dataclass(frozen=True, slots=True)
class Listing:
    """Which list a cursor belongs to, and what that list is narrowed by; who reads it does not matter."""

    name: str
    narrowed_by: bytes = b""

    @classmethod
    def of(cls, name: str, narrowing: object = None) -> "Listing":
        """`narrowing`: the input object that was sent; what is left out and what is null are the same."""
        names = [one.name for one in fields(narrowing)] if is_dataclass(narrowing) else []
        stated = {each: given(getattr(narrowing, each)) for each in names}
        said = {each: value for each, value in stated.items() if value is not None}
        return cls(name, orjson.dumps(said, option=orjson.OPT_SORT_KEYS) if said else b"")


ORDERS: Final = Listing("orders")
LOOKS: Final = Listing("looks")
POINTS: Final = Listing("points")
PROPOSALS: Final = Listing("actApprovals")
RULES: Final = Listing("tierRules")


def member_cursor(vault: Vault, of: Listing, at: Position) -> str:
    return _sealed(vault, of, [at.joined_at.isoformat(), str(at.member_id)])


def member_position(vault: Vault, of: Listing, cursor: str | None) -> Position | None:
    """Raises BadCursor for anything that `member_cursor` did not give for the same list."""
    if cursor is None:
        return None
    joined_at, member_id = _opened(vault, of, cursor)
    return Position(datetime.fromisoformat(joined_at), MemberId(UUID(member_id)))


def line_cursor(vault: Vault, at: LinePosition) -> str:
    return _sealed(vault, ORDERS, [at.ordered_at.isoformat(), at.channel, at.order_no, str(at.line_no)])


def line_position(vault: Vault, cursor: str | None) -> LinePosition | None:
    """Raises BadCursor for anything that `line_cursor` did not give."""
    if cursor is None:
        return None
    ordered_at, channel, order_no, line_no = _opened(vault, ORDERS, cursor)
    return LinePosition(datetime.fromisoformat(ordered_at), channel, order_no, int(line_no))


def entry_cursor(vault: Vault, at: EntryPosition) -> str:
    return _sealed(vault, POINTS, [at.recorded_at.isoformat(), str(at.member_id), str(at.sequence)])


def entry_position(vault: Vault, cursor: str | None) -> EntryPosition | None:
    """Raises BadCursor for anything that `entry_cursor` did not give."""
    if cursor is None:
        return None
    recorded_at, member_id, sequence = _opened(vault, POINTS, cursor)
    return EntryPosition(datetime.fromisoformat(recorded_at), UUID(member_id), int(sequence))


def audit_cursor(vault: Vault, of: Listing, at: AuditPosition) -> str:
    return _sealed(vault, of, [at.happened_at.isoformat(), str(at.writer), str(at.sequence)])


def audit_position(vault: Vault, of: Listing, cursor: str | None) -> AuditPosition | None:
    """Raises BadCursor for anything that `audit_cursor` did not give for the same list."""
    if cursor is None:
        return None
    happened_at, writer, sequence = _opened(vault, of, cursor)
    return AuditPosition(datetime.fromisoformat(happened_at), UUID(writer), int(sequence))


def event_cursor(vault: Vault, member_id: MemberId, at: EventPosition) -> str:
    return _sealed(
        vault, _history(member_id), [at.occurred_at.isoformat(), at.recorded_at.isoformat(), str(at.event_id)]
    )


def event_position(vault: Vault, member_id: MemberId, cursor: str | None) -> EventPosition | None:
    """Raises BadCursor for anything that `event_cursor` did not give for the same member."""
    if cursor is None:
        return None
    occurred_at, recorded_at, event_id = _opened(vault, _history(member_id), cursor)
    return EventPosition(datetime.fromisoformat(occurred_at), datetime.fromisoformat(recorded_at), UUID(event_id))


def approval_cursor(vault: Vault, narrowing: Sequence[str | None], at: ApprovalPosition) -> str:
    return _sealed(vault, _approvals(narrowing), [at.approved_at.isoformat(), str(at.approval_id)])


def approval_position(vault: Vault, narrowing: Sequence[str | None], cursor: str | None) -> ApprovalPosition | None:
    """Raises BadCursor for anything that `approval_cursor` did not give for the same list."""
    if cursor is None:
        return None
    approved_at, approval_id = _opened(vault, _approvals(narrowing), cursor)
    return ApprovalPosition(datetime.fromisoformat(approved_at), UUID(approval_id))


def proposal_cursor(vault: Vault, at: ProposalPosition) -> str:
    return _sealed(vault, PROPOSALS, [at.proposed_at.isoformat(), str(at.approval_id)])


def proposal_position(vault: Vault, cursor: str | None) -> ProposalPosition | None:
    """Raises BadCursor for anything that `proposal_cursor` did not give."""
    if cursor is None:
        return None
    proposed_at, approval_id = _opened(vault, PROPOSALS, cursor)
    return ProposalPosition(datetime.fromisoformat(proposed_at), UUID(approval_id))


def rules_cursor(vault: Vault, version: int) -> str:
    return _sealed(vault, RULES, [str(version)])


def rules_position(vault: Vault, cursor: str | None) -> int | None:
    """Raises BadCursor for anything that `rules_cursor` did not give."""
    return None if cursor is None else int(_opened(vault, RULES, cursor)[0])


def _approvals(narrowing: Sequence[str | None]) -> Listing:
    return Listing("minorApprovals", orjson.dumps(list(narrowing)))


def _history(member_id: MemberId) -> Listing:
    return Listing("consents", member_id.bytes)


def _sealed(vault: Vault, of: Listing, parts: list[str]) -> str:
    """The nonce is a keyed digest of what is sealed: one position always gives one cursor, and no nonce comes again
    with anything else."""
    said = orjson.dumps(parts)
    nonce = vault.message_key(f"cursor/{of.name}", (of.narrowed_by + b"\0" + said).hex())[:NONCE_BYTES]
    sealed = nonce + _cipher(vault, of).encrypt(nonce, said, of.narrowed_by)
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def _opened(vault: Vault, of: Listing, cursor: str) -> list[str]:
    if len(cursor) > CURSOR_CHARS_MAX or not cursor.isascii():
        raise BadCursor
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        said = _cipher(vault, of).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], of.narrowed_by)
    except (binascii.Error, InvalidTag, ValueError):
        raise BadCursor from None
    parts: list[str] = orjson.loads(said)
    return parts


def _cipher(vault: Vault, of: Listing) -> AESGCM:
    """Under a key made from that of message ids, in a name space of its own: ingest has no source of this name."""
    return AESGCM(vault.message_key("cursor key", of.name))
