"""A mutation as it was asked for: the key that the caller chose, with the digest of all that makes it that request."""

import json
from typing import Annotated

import strawberry

from member_hub.graphql.query import Info
from member_hub.idempotency import RequestKey

IdempotencyKey = Annotated[
    str, strawberry.argument(description="1 to 100 characters; a retry sends the same key and the same input.")
]


def request_key(info: Info, key: str) -> RequestKey:
    """For whom an app asks is a part of the request: the answer of one member is never given to another.

    With the library's own writer: an amount may be larger than 64 bits, which is refused by its own code later on.
    """
    caller, root = info.context.caller, info.context.plan.roots[str(info.path.key)]
    said = [root.name, root.arguments["input"], caller.on_behalf_of]
    return RequestKey(f"{caller.kind}:{caller.subject}", key, json.dumps(said, sort_keys=True, default=str).encode())
