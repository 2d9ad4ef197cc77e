"""Look-up by phone and a page of 100: the hub beside a hand-written handler, both on one core, recorded for later."""

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles

import orjson

from benchmarks.hub import Hub, fresh_hub, to_one_core
from benchmarks.tables import print_table
from member_hub import demo
from member_hub.demo import fixed

PEOPLE = 5_000
SECONDS = 4.0  # of asking, each; a bounded loop
CLIENTS = {"lookup": 16, "page": 4}
READY_S = 30.0
FIELDS = "id name { value } phone { value } email { value } birthday { value } address { value }"
PHONES = [member.phone for member in fixed.MEMBERS if member.phone.startswith("1")]


def main() -> None:
    """Print requests per second, latencies and the ratio."""
    with tempfile.TemporaryDirectory() as folder, fresh_hub() as hub:
        demo.generate(Path(folder), people=PEOPLE, seed=1, activity_days=1)
        for source in ("website", "app", "store"):
            hub.ingest(source, Path(folder))
        token = _token(hub)
        with served(hub, [*hub.command, "serve"]) as port:
            of_hub = {what: asyncio.run(_ask(port, _hub_request(what, token), what)) for what in CLIENTS}
        with served(hub, [sys.executable, "-m", "benchmarks.handwritten"]) as port:
            by_hand = {what: asyncio.run(_ask(port, _plain_request(what), what)) for what in CLIENTS}
    rows = [
        [what, *_cells(by_hand[what]), *_cells(of_hub[what]), f"{len(of_hub[what]) / len(by_hand[what]):.3f}"]
        for what in CLIENTS
    ]
    header = ("", "by hand req/s", "p50 ms", "p99 ms", "hub req/s", "p50 ms", "p99 ms", "hub/by hand")
    print_table(f"Reading, one core each, {PEOPLE} people (no bar yet)", header, rows)


def _token(hub: Hub) -> str:
    said = hub.run("token", "--role", "app_crm", "--purpose", "customer_support")
    return said.stdout.strip()


@contextmanager
def served(hub: Hub, command: Sequence[str]) -> Iterator[int]:
    """A server on one core and a free port, for the length of the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environ = os.environ | hub.environ | {"MEMBER_HUB_DATABASE_URL": hub.url, "MEMBER_HUB_PORT": str(port)}
    arguments = [*command, str(port)] if command[-1] != "serve" else command
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(arguments, env=environ, stdout=said, stderr=said, preexec_fn=to_one_core)  # noqa: PLW1509
        try:
            _wait_until_ready(port)
            yield port
        finally:
            process.terminate()
            process.wait(timeout=30)


def _wait_until_ready(port: int) -> None:
    until = time.monotonic() + READY_S
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError("The server did not begin to listen.")


def _hub_request(what: str, token: str) -> Sequence[bytes]:
    if what == "page":
        queries = [f"{{ memberList(first: 100) {{ edges {{ node {{ {FIELDS} }} }} }} }}"]
    else:
        queries = [f'{{ member(by: {{phone: "{phone}"}}) {{ {FIELDS} }} }}' for phone in PHONES]
    head = f"authorization: Bearer {token}\r\nx-purpose: customer_support\r\n"
    return [request_of("/graphql", orjson.dumps({"query": query}), head) for query in queries]


def _plain_request(what: str) -> Sequence[bytes]:
    if what == "page":
        return [request_of("/page", orjson.dumps({"first": 100}), "")]
    return [request_of("/lookup", orjson.dumps({"phone": f"+86{phone}"}), "") for phone in PHONES]


def request_of(path: str, body: bytes, head: str) -> bytes:
    lines = f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n{head}"
    return f"{lines}content-length: {len(body)}\r\n\r\n".encode() + body


async def _ask(port: int, requests: Sequence[bytes], what: str) -> list[float]:
    """Seconds of every answer that several connections got in a bounded time; anything but 200 is an error."""
    until = time.perf_counter() + SECONDS
    asked = [_ask_on_one(port, requests, until) for _ in range(CLIENTS[what])]
    return [took for times in await asyncio.gather(*asked) for took in times]


async def _ask_on_one(port: int, requests: Sequence[bytes], until: float) -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    times: list[float] = []
    while (began := time.perf_counter()) < until:
        writer.write(requests[len(times) % len(requests)])
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        body = await reader.readexactly(length)
        if not head.startswith(b"HTTP/1.1 200") or b'"errors"' in body:
            raise RuntimeError(f"Not answered: {head.splitlines()[0].decode()}")
        times.append(time.perf_counter() - began)
    writer.close()
    return times


def _cells(times: Sequence[float]) -> list[str]:
    cuts = quantiles(times, n=100)
    return [f"{len(times) / SECONDS:.0f}", f"{cuts[49] * 1e3:.1f}", f"{cuts[98] * 1e3:.1f}"]
