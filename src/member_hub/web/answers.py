"""From an answer to an HTTP response: status, media type, request id.

GraphQL over HTTP, September 2026. In GraphQL's own media type: 400 for what is no request or no GraphQL, 422 for a
document that is GraphQL and cannot be executed as it stands (validation, limits, operation, variables), 294 where data
and errors stand side by side. Decision: in plain application/json, which older clients ask for, a refused document
stays 200, as those clients and npm graphql-http's audits expect; the edition would give them 4xx. An envelope that is
no request stays 400 in both. Price: monitors see refused documents of older clients by their bodies only.
"""

from typing import Any, Final
from uuid import UUID

import orjson
from starlette.responses import Response

from member_hub.graphql import Answer
from member_hub.web.negotiation import GRAPHQL, JSON

# What a client, a proxy or a browser acts upon is told by the status, whatever media type was asked for.
_STATUSES: Final = {
    "UNAUTHENTICATED": 401,
    "PURPOSE_REQUIRED": 403,
    "PURPOSE_NOT_ALLOWED": 403,
    "FORBIDDEN": 403,
    "THROTTLED": 429,
    "UNAVAILABLE": 503,
    "INTERNAL": 500,
}

# Where the body did not come, nothing that comes later on this connection can be trusted to be a request. What may not
# be asked by GET may be by POST; where the method is none at all, the route says which there are.
_HEADERS: Final = {401: {"WWW-Authenticate": "Bearer"}, 405: {"Allow": "POST"}, 408: {"Connection": "close"}}


def respond(answer: Answer, media_type: str, request_id: UUID, *, status: int | None = None) -> Response:
    content = orjson.dumps(body_of(answer, request_id))
    found = status or status_of(answer, media_type)
    headers = {**_HEADERS.get(found, {})}
    waits = [error["extensions"]["retryAfter"] for error in answer.errors if "retryAfter" in error["extensions"]]
    if waits:
        headers["Retry-After"] = str(max(waits))
    return Response(content, found, headers, media_type=f"{media_type}; charset=utf-8")


def body_of(answer: Answer, request_id: UUID) -> dict[str, Any]:
    body: dict[str, Any] = {}
    if answer.errors:
        body["errors"] = answer.errors
    if answer.is_executed:
        body["data"] = answer.data
    body["extensions"] = {"requestId": str(request_id)}
    if answer.cost is not None:
        body["extensions"]["cost"] = answer.cost
    return body


def status_of(answer: Answer, media_type: str) -> int:
    """2xx where there is data. Whoever must act on a code sees it in the status in either media type."""
    if answer.data is not None:
        return 294 if answer.errors and media_type == GRAPHQL else 200
    if answer.needs_post:
        return 405
    for code in answer.codes:
        if code in _STATUSES:
            return _STATUSES[code]
    if media_type == JSON:
        return 200
    if answer.is_executed:
        return 294
    return 422 if answer.is_unprocessable else 400
