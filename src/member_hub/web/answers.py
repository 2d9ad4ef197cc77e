"""From an answer to an HTTP response: status, media type, request id."""

from typing import Any, Final
from uuid import UUID

import orjson
from starlette.responses import Response

from member_hub.graphql import Answer
from member_hub.web.negotiation import JSON

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

# Where the body did not come, nothing that comes later on this connection can be trusted to be a request.
_HEADERS: Final = {401: {"WWW-Authenticate": "Bearer"}, 408: {"Connection": "close"}}


def respond(answer: Answer, media_type: str, request_id: UUID, *, status: int | None = None) -> Response:
    content = orjson.dumps(body_of(answer, request_id))
    found = status or status_of(answer, media_type)
    headers = _HEADERS.get(found, {})
    return Response(content, found, headers, media_type=f"{media_type}; charset=utf-8")


def body_of(answer: Answer, request_id: UUID) -> dict[str, Any]:
    body: dict[str, Any] = {}
    if answer.errors:
        body["errors"] = answer.errors
    if answer.is_executed:
        body["data"] = answer.data
    body["extensions"] = {"requestId": str(request_id)}
    return body


def status_of(answer: Answer, media_type: str) -> int:
    """200 where there is data; a refused request is 400 in GraphQL's own media type and 200 in plain JSON, as ever."""
    if answer.data is not None:
        return 200
    for code in answer.codes:
        if code in _STATUSES:
            return _STATUSES[code]
    return 200 if media_type == JSON else 400
