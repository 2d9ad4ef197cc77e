"""The id of an event as it is told outside: opaque, good in an address, and enough to find the event by its key.

It carries the member id under which the event is filed, for that is where its table is looked up (Citus).
"""

import base64
import binascii
from typing import Final
from uuid import UUID

from member_hub.ids import MemberId

TYPE: Final = "ConsentEvent"
CHARS_MAX: Final = 200


def record_id_of(filed_under: UUID, event_id: UUID) -> str:
    return base64.urlsafe_b64encode(f"{TYPE}:{filed_under}:{event_id}".encode()).decode().rstrip("=")


def read_record_id(text: str) -> tuple[MemberId, UUID] | None:
    """(filed under, event id); None for what `record_id_of` did not give."""
    if not text.isascii() or len(text) > CHARS_MAX:
        return None
    try:
        said = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode("ascii")
        kind, filed_under, event_id = said.split(":")
        return (MemberId(UUID(filed_under)), UUID(event_id)) if kind == TYPE else None
    except (binascii.Error, ValueError):
        return None
