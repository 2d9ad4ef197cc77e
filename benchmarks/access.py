"""What authorisation costs: a page of 100 members, with it and without. The bar is 5 % of the request.

Method: one process asks its own ASGI application, alternately in two ways, so that both meet the same machine.
- whole: as it is served. The caller is made, the policy folder looked at, the grant taken, every operation and field
  decided, the reach put into WHERE, masks drawn.
- without: the same code with a caller made beforehand, no look at the folder, a grant that says CLEAR to everything
  without looking anything up, and no reach in the statement. Nothing else is left out: opening, audit and the answer
  are the same.
The cost is the median difference of neighbours, as a share of the whole. The second figure takes the whole path alone,
with a clock around each function that decides; the clocks' own time counts against authorisation. Both are shown as a
share of the request's own processor time in this process, which is the strictest, and of the time that whoever asks
waits, database and all, which the bar is for: on a busy machine that one flatters. Verifying the token is in both
ways, because it says who asks and not what they may; it has a row of its own.
"""

import asyncio
import inspect
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import orjson
from sqlalchemy import true

from benchmarks.hub import Hub, fresh_hub
from benchmarks.tables import print_table
from member_hub import access, demo
from member_hub.access import Ask, DevelopmentTokens, Grant, PolicyKeeper, Verdict
from member_hub.clock import Clock
from member_hub.db.session import connect
from member_hub.graphql import guarded
from member_hub.graphql.executing import Api
from member_hub.holders import HOLDERS
from member_hub.ids import uuid7
from member_hub.members.reading import Visible
from member_hub.privacy import ProfileField
from member_hub.runtime import Runtime, open_runtime
from member_hub.settings import Settings
from member_hub.web import make_app
from member_hub.web.door import Door

PEOPLE = 600
ROUNDS = 100  # of each way
WARM_UP = 8
BAR = 0.05
ROLE, PURPOSE = "support_agent", "customer_support"  # everything masked: the dearest page
FIELDS = "id " + " ".join(f"{field} {{ display }}" for field in ProfileField)
QUERY = f"{{ memberList(first: 100) {{ edges {{ node {{ {FIELDS} }} }} }} }}"
DECIDING: tuple[tuple[Any, str], ...] = (
    (Door, "_of"),
    (Api, "_asking"),
    (Grant, "read"),
    (Grant, "may"),
    (Visible, "to"),
    (Visible, "condition"),
    (guarded, "masked"),
)
VERIFYING: tuple[tuple[Any, str], ...] = ((Door, "_claims"),)


def main() -> None:
    """Print both figures beside the bar."""
    with tempfile.TemporaryDirectory() as folder, fresh_hub() as hub:
        demo.generate(Path(folder), people=PEOPLE, seed=1, activity_days=1)
        for source in ("website", "app", "store"):
            hub.ingest(source, Path(folder))
        waited, whole, cost, deciding, verifying = asyncio.run(_measured(hub))
    rows = [
        [
            what,
            f"{part * 1e3:.2f}",
            f"{whole * 1e3:.2f}",
            _share(part, whole),
            f"{waited * 1e3:.2f}",
            _share(part, waited),
        ]
        for what, part in (
            ("with less without", cost),
            ("inside what decides", deciding),
            ("verifying the token, not counted", verifying),
        )
    ]
    header = ("", "cost ms", "request CPU ms", "share", "request ms", "share")
    print_table(f"Authorisation, a page of 100, {ROLE} (bar: {BAR:.0%})", header, rows)


def _share(part: float, whole: float) -> str:
    return f"{part / whole:.1%}"


async def _measured(hub: Hub) -> tuple[float, float, float, float, float]:
    """Medians in seconds: waited, processor time, how much more of it than without, inside the deciding functions, and
    inside what verifies the token."""
    settings = Settings.from_environ(os.environ | hub.environ | {"MEMBER_HUB_DATABASE_URL": hub.url})
    async with connect(settings) as database, open_runtime(settings, Clock(), database, HOLDERS) as runtime:
        ask = asker(runtime, QUERY, _token(runtime), found=100)
        for _ in range(WARM_UP):
            await ask()
        whole, without = [], []
        for _ in range(ROUNDS):
            whole.append(await _timed(ask))
            with _without_authorisation(runtime):
                without.append((await _timed(ask))[1])
        deciding, verifying = [], []
        for functions, seconds in ((DECIDING, deciding), (VERIFYING, verifying)):
            for _ in range(ROUNDS):
                with _clocks(functions) as inside:
                    await ask()
                seconds.append(sum(inside))
    busy = [processor for _, processor in whole]
    cost = median(one - other for one, other in zip(busy, without, strict=True))
    return median(waited for waited, _ in whole), median(busy), cost, median(deciding), median(verifying)


async def _timed(ask: Callable[[], Any]) -> tuple[float, float]:
    """Seconds that it took, and of processor time."""
    began, began_cpu = time.perf_counter(), time.process_time()
    await ask()
    return time.perf_counter() - began, time.process_time() - began_cpu


def asker(runtime: Runtime, query: str, token: str, *, found: int) -> Callable[[], Any]:
    """Asks the application of this process; an answer without so many members is an error."""
    app = make_app(runtime)
    body = orjson.dumps({"query": query})
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"authorization", f"Bearer {token}".encode()),
    ]

    async def ask() -> None:
        scope = {"type": "http", "method": "POST", "path": "/graphql", "headers": headers, "query_string": b""}
        sent: list[Any] = []
        await app(scope, _receive(body), _collect(sent))
        answered = b"".join(message.get("body", b"") for message in sent)
        if sent[0]["status"] != 200 or answered.count(b'"id"') != found:
            raise RuntimeError(f"Not {found} found: {sent[0]['status']}")

    return ask


def _token(runtime: Runtime) -> str:
    stated = Ask(role=ROLE, purposes=[PURPOSE])
    tokens = DevelopmentTokens.open(runtime.settings)
    return tokens.issue(stated, runtime.policies.register, runtime.organisation, now=runtime.clock.now())


def _receive(body: bytes) -> Callable[[], Any]:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _collect(sent: list[Any]) -> Callable[[Any], Any]:
    async def send(message: Any) -> None:
        sent.append(message)

    return send


class _AllClear(Grant):
    """Says yes without looking."""

    def read(self, _guard: str) -> Verdict:
        return Verdict.CLEAR

    def may(self, _operation: str) -> bool:
        return True


@contextmanager
def _without_authorisation(runtime: Runtime) -> Iterator[None]:
    claims = DevelopmentTokens.open(runtime.settings).verify(_token(runtime), runtime.clock.now())
    caller = access.caller_from(claims, None, runtime.policies, runtime.organisation, request_id=uuid7())
    real = runtime.policies.grant(ROLE, PURPOSE)
    grant = _AllClear(**{name: getattr(real, name) for name in Grant.__slots__})

    async def no_look(_keeper: PolicyKeeper) -> None:
        return None

    with (
        patch.object(Door, "_of", lambda *_: caller),
        patch.object(PolicyKeeper, "look", no_look),
        patch.object(access.Policies, "grant", lambda *_: grant),
        patch.object(Visible, "condition", lambda *_, **__: true()),
    ):
        yield


@contextmanager
def _clocks(functions: Iterable[tuple[Any, str]]) -> Iterator[list[float]]:
    """Seconds spent inside the functions; of nested ones only the outermost counts."""
    inside: list[float] = []
    depth = 0

    @contextmanager
    def clock() -> Iterator[None]:
        nonlocal depth
        depth += 1
        began = time.perf_counter()
        try:
            yield
        finally:
            depth -= 1
            if depth == 0:
                inside.append(time.perf_counter() - began)

    def clocked(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*about: Any, **named: Any) -> Any:
            with clock():
                return function(*about, **named)

        async def wait(*about: Any, **named: Any) -> Any:
            with clock():
                return await function(*about, **named)

        return wait if inspect.iscoroutinefunction(function) else call

    patches = [patch.object(owner, name, _wrapped(owner, name, clocked)) for owner, name in functions]
    for each in patches:
        each.start()
    try:
        yield inside
    finally:
        for each in reversed(patches):
            each.stop()


def _wrapped(owner: Any, name: str, clocked: Callable[[Callable[..., Any]], Any]) -> Any:
    """A classmethod stays one."""
    plain = vars(owner)[name]
    return classmethod(clocked(plain.__func__)) if isinstance(plain, classmethod) else clocked(plain)
