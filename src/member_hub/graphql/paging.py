"""Pages by position (Relay): opaque, authenticated cursors, and how many of what to give.

A cursor says where in the list to go on, and carries a keyed digest, so that nobody makes one up; it is good in every
process of the hub. It gives no right: the reach of the caller is part of every statement.
"""

import base64
import binascii
import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

import orjson
import strawberry

from member_hub.audit.queries import Position as AuditPosition
from member_hub.crypto import Vault
from member_hub.errors import BadInput
from member_hub.ids import MemberId
from member_hub.members.reading import Position
from member_hub.orders.queries import LinePosition

PAGE_MAX = 100
ORDERS_PAGE = 20  # where the caller does not say
CURSOR_CHARS_MAX = 1_000
DIGEST_BYTES = 16

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


def member_cursor(vault: Vault, at: Position) -> str:
    return _sealed(vault, "members", [at.joined_at.isoformat(), str(at.member_id)])


def member_position(vault: Vault, cursor: str | None) -> Position | None:
    """Raises BadCursor for anything that `member_cursor` did not give."""
    if cursor is None:
        return None
    joined_at, member_id = _opened(vault, "members", cursor)
    return Position(datetime.fromisoformat(joined_at), MemberId(UUID(member_id)))


def line_cursor(vault: Vault, at: LinePosition) -> str:
    return _sealed(vault, "orders", [at.ordered_at.isoformat(), at.channel, at.order_no, str(at.line_no)])


def line_position(vault: Vault, cursor: str | None) -> LinePosition | None:
    """Raises BadCursor for anything that `line_cursor` did not give."""
    if cursor is None:
        return None
    ordered_at, channel, order_no, line_no = _opened(vault, "orders", cursor)
    return LinePosition(datetime.fromisoformat(ordered_at), channel, order_no, int(line_no))


def audit_cursor(vault: Vault, of: str, at: AuditPosition) -> str:
    return _sealed(vault, of, [at.happened_at.isoformat(), str(at.writer), str(at.sequence)])


def audit_position(vault: Vault, of: str, cursor: str | None) -> AuditPosition | None:
    """Raises BadCursor for anything that `audit_cursor` did not give for the same list."""
    if cursor is None:
        return None
    happened_at, writer, sequence = _opened(vault, of, cursor)
    return AuditPosition(datetime.fromisoformat(happened_at), UUID(writer), int(sequence))


def _sealed(vault: Vault, of: str, parts: list[str]) -> str:
    said = orjson.dumps(parts)
    return base64.urlsafe_b64encode(_digest(vault, of, said) + said).decode().rstrip("=")


def _opened(vault: Vault, of: str, cursor: str) -> list[str]:
    if len(cursor) > CURSOR_CHARS_MAX or not cursor.isascii():
        raise BadCursor
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise BadCursor from None
    digest, said = raw[:DIGEST_BYTES], raw[DIGEST_BYTES:]
    if not hmac.compare_digest(digest, _digest(vault, of, said)):
        raise BadCursor
    parts: list[str] = orjson.loads(said)
    return parts


def _digest(vault: Vault, of: str, said: bytes) -> bytes:
    """Under the key of message ids, in a name space of its own: ingest has no source of this name."""
    return vault.message_key(f"cursor/{of}", said.hex())
