"""What a compact token states, read strictly and before anything is believed: its parts, and its claims by kind.

One token has one spelling here (canonical base64url, every JSON name once), so no two readers of it can differ.
"""

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NoReturn
from uuid import UUID

from member_hub.access.refusals import Unauthenticated
from member_hub.ids import MemberId

TOKEN_CHARS_MAX = 16_384
TEXT_CHARS_MAX = 100
LIST_MAX = 500


@dataclass(frozen=True, slots=True)
class Stated:
    """Header and claims as somebody wrote them; nothing of it is verified."""

    header: Mapping[str, object]
    claims: Mapping[str, object]


def read(token: str) -> Stated:
    """Raises Unauthenticated for whatever is not three canonical parts of at most 16 KiB, two of them JSON objects."""
    if len(token) > TOKEN_CHARS_MAX:
        raise Unauthenticated
    parts = token.split(".", 3)
    if len(parts) != 3:
        raise Unauthenticated
    header, claims, _signature = (_bytes(part) for part in parts)
    return Stated(_object(header), _object(claims))


def text(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= TEXT_CHARS_MAX or not value.isprintable():
        raise Unauthenticated
    return value


def texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > LIST_MAX:
        raise Unauthenticated
    return tuple(text(item) for item in value)


def member_id(value: object) -> MemberId:
    return MemberId(uuid(value))


def uuid(value: object) -> UUID:
    try:
        return UUID(text(value))
    except ValueError:
        raise Unauthenticated from None


def moment(value: object) -> datetime:
    if not isinstance(value, int) or isinstance(value, bool):
        raise Unauthenticated
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, OSError, ValueError):
        raise Unauthenticated from None


def _bytes(part: str) -> bytes:
    """Decoding skips what is no base64 and ignores unused bits; encoding again shows whether anything was there."""
    try:
        decoded = urlsafe_b64decode(part + "=" * (-len(part) % 4))
        canonical = urlsafe_b64encode(decoded).rstrip(b"=").decode("ascii")
    except (binascii.Error, ValueError):
        raise Unauthenticated from None
    if canonical != part:
        raise Unauthenticated
    return decoded


def _object(content: bytes) -> Mapping[str, object]:
    try:
        found = json.loads(content.decode("utf-8"), object_pairs_hook=_each_once, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Unauthenticated from None
    if not isinstance(found, dict):
        raise Unauthenticated
    return found


def _each_once(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _no_constant(_name: str) -> NoReturn:
    raise ValueError("NaN and Infinity are no JSON")
