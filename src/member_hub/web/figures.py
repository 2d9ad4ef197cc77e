"""Counts for operators in the text format of Prometheus: kinds and codes only, nothing about anybody."""

from collections import Counter, defaultdict
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Figures:
    """One per process; kinds, codes, paths and statuses come from closed lists, so the number of lines is bounded."""

    def __init__(self, seal_lag_s: Callable[[], float] = lambda: 0.0) -> None:
        self._seal_lag_s = seal_lag_s
        self._requests: Counter[tuple[str, str]] = Counter()
        self._responses: Counter[tuple[str, int]] = Counter()
        self._seconds: defaultdict[str, float] = defaultdict(float)

    def count(self, kind: str, outcome: str) -> None:
        self._requests[kind, outcome] += 1

    def served(self, path: str, status: int, seconds: float) -> None:
        self._responses[path, status] += 1
        self._seconds[path] += seconds

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
        lines += ["# HELP member_hub_audit_seal_lag_seconds How old an audit entry without a seal may be."]
        lines += ["# TYPE member_hub_audit_seal_lag_seconds gauge"]
        lines += [f"member_hub_audit_seal_lag_seconds {self._seal_lag_s():.3f}"]
        return "\n".join(lines) + "\n"
