"""Random, time-ordered ids (UUIDv7, RFC 9562): never derived from an identifier, never reused."""

import base64
import os
import time
from typing import NewType
from uuid import UUID

from member_hub.errors import BadInput

MemberId = NewType("MemberId", UUID)
OriginId = NewType("OriginId", UUID)
RunId = NewType("RunId", UUID)

MEMBER_TYPE = "Member"


def parse_member_id(text: str) -> MemberId:
    """A member id as people have it: a UUID, or the id that GraphQL gives. Raises BadInput."""
    try:
        return MemberId(UUID(text))
    except ValueError:
        pass
    try:
        kind, _, plain = base64.b64decode(text, validate=True).decode("ascii").partition(":")
        if kind == MEMBER_TYPE:
            return MemberId(UUID(plain))
    except ValueError:
        pass
    raise BadInput("This is no member id.", zh="这不是有效的会员编号。", field="id")


def uuid7() -> UUID:
    """A UUIDv7: 48 bits of milliseconds, 74 random bits. (`uuid.uuid7` comes with Python 3.14.)"""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds & ((1 << 48) - 1)) << 80 | int.from_bytes(os.urandom(10))
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)
