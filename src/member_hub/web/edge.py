"""Around every response: a request id, headers that keep browsers from doing more than they should, one log line."""

import logging
import time
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from member_hub.ids import uuid7
from member_hub.web.figures import Figures

_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
REQUESTS_MAX = 500  # at once; more are answered 503, but for the questions whether the process lives and is ready
STRANGERS_MAX = 100  # of these, without a token or at the sign-in: who floods or dawdles there holds up nobody else
SIGN_IN = "/sign-in/"
LIVENESS_PATH, READINESS_PATH, FIGURES_PATH = "/livez", "/readyz", "/metrics"
OTHER = "other"  # a path that is none of ours may say anything, so it is neither logged nor counted

_BUSY: Final = PlainTextResponse("Too many requests at once.\n", 503, {"Connection": "close", "Retry-After": "1"})

_log = logging.getLogger(__name__)


class Edge:
    """Pure ASGI; `paths` are those that may be named."""

    def __init__(self, app: ASGIApp, figures: Figures, paths: frozenset[str]) -> None:
        self._app = app
        self._figures = figures
        self._paths = paths
        self._under_way = 0
        self._strangers = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id, began_at, status = uuid7(), time.monotonic(), 500
        scope.setdefault("state", {})["request_id"] = request_id

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = str(request_id)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        is_stranger = _is_stranger(scope)
        self._under_way += 1
        self._strangers += is_stranger
        is_too_many = self._under_way > REQUESTS_MAX or (is_stranger and self._strangers > STRANGERS_MAX)
        is_too_many &= scope["path"] not in (LIVENESS_PATH, READINESS_PATH)
        try:
            await (_BUSY if is_too_many else self._app)(scope, receive, sent)
        finally:
            self._under_way -= 1
            self._strangers -= is_stranger
            seconds = time.monotonic() - began_at
            path = scope["path"] if scope["path"] in self._paths else OTHER
            self._figures.served(path, status, seconds)
            about = {"path": path, "status": status, "duration_ms": round(seconds * 1000, 1)}
            _log.info("served", extra={"method": _method(scope), "request_id": str(request_id), **about})


def _is_stranger(scope: Scope) -> bool:
    """Whether nobody stands behind the request yet. A bad token is refused before anything is read (door.py)."""
    path = scope["path"]
    if path in (LIVENESS_PATH, READINESS_PATH, FIGURES_PATH):
        return False
    return path.startswith(SIGN_IN) or not any(name == b"authorization" for name, _ in scope["headers"])


def _method(scope: Scope) -> str:
    method = str(scope["method"])
    return method if method in ("GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE") else OTHER
