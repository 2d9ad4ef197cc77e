"""Counts for operators in the text format of Prometheus: kinds and codes only, nothing about anybody."""

from collections import Counter, defaultdict
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Figures:
    """One per process; kinds, codes, paths and statuses come from closed lists, so the number of lines is bounded."""

    def __init__(self) -> None:
        self._requests: Counter[tuple[str, str]] = Counter()
        self._responses: Counter[tuple[str, int]] = Counter()
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._watched: dict[str, tuple[str, Callable[[], float]]] = {}

    def count(self, kind: str, outcome: str) -> None:
        self._requests[kind, outcome] += 1

    def served(self, path: str, status: int, seconds: float) -> None:
        self._responses[path, status] += 1
        self._seconds[path] += seconds

    def watch(self, name: str, what: str, read: Callable[[], float]) -> None:
        """A figure that is read when somebody asks."""
        self._watched[name] = what, read

    async def show(self, _request: Request) -> PlainTextResponse:
        return PlainTextResponse(self.text(), media_type=CONTENT_TYPE)

    def text(self) -> str:
        lines = ["# HELP member_hub_requests_total GraphQL requests.", "# TYPE member_hub_requests_total counter"]
        for (kind, outcome), number in sorted(self._requests.items()):
            lines.append(f'member_hub_requests_total{{kind="{kind}",outcome="{outcome}"}} {number}')
        lines += ["# HELP member_hub_http_responses_total Responses.", "# TYPE member_hub_http_responses_total counter"]
        for (path, status), number in sorted(self._responses.items()):
            lines.append(f'member_hub_http_responses_total{{path="{path}",status="{status}"}} {number}')
        lines += ["# HELP member_hub_http_seconds_total Time spent.", "# TYPE member_hub_http_seconds_total counter"]
        lines += [
            f'member_hub_http_seconds_total{{path="{path}"}} {s:.6f}' for path, s in sorted(self._seconds.items())
        ]
        for name, (what, read) in sorted(self._watched.items()):
            lines += [f"# HELP {name} {what}", f"# TYPE {name} gauge", f"{name} {read()}"]
        return "\n".join(lines) + "\n"
