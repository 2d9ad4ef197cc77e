"""What is told of a code: where it stands, what caused it, whether to send the same again, and the remedy."""

from dataclasses import dataclass
from enum import StrEnum


class Retry(StrEnum):
    NEVER = "never"  # the same request will be refused again
    CHANGED = "changed"  # after something was read or put right
    LATER = "later"  # the same request may pass after a while


class Place(StrEnum):
    ERRORS = "errors"  # of a GraphQL answer
    USER_ERRORS = "userErrors"  # of a mutation's payload
    COMMAND = "command line"


@dataclass(frozen=True, slots=True)
class Code:
    name: str
    places: tuple[Place, ...]
    retry: Retry
    cause_zh: str
    cause_en: str
    remedy_zh: str
    remedy_en: str
    status: int | None = None  # where the whole request is refused; 200 or 294 where it is one field's
