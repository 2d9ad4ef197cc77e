"""Earning points at a till: `pointsEarn` over HTTP, asked of a served hub of one process; recorded, without a bar.

Every request has a member and a key of its own, and its answer the receipt: on disk then, with its entry in the audit
log. What asks is a process of its own, over connections that stay. The hub has a core to itself where the system can
say so; its database and what asks share the rest, and on two cores they are what the figure of many clients is about.
"""

import asyncio
import itertools
import time
from base64 import b64encode
from collections.abc import Iterator, Sequence
from random import Random
from statistics import quantiles
from typing import Final
from uuid import UUID

import orjson

from benchmarks.hub import Hub
from benchmarks.lookup import request_of, served
from member_hub.ids import uuid7

CLIENTS: Final = (1, 8, 32)
SECONDS: Final = 4.0
WARM_S: Final = 1.0
QUERY: Final = """mutation ($input: PointsEarnInput!, $key: String!) { pointsEarn(input: $input, idempotencyKey: $key) {
    receipt { operationId points balance version recordedAt } userErrors { code } } }"""


def rates(hub: Hub, members: int) -> dict[int, tuple[float, float, float]]:
    """Of so many clients: requests per second, and the median and the 99th percentile of the answers in ms."""
    said = hub.run("token", "--role", "app_checkout", "--purpose", "member_service")
    with served(hub, [*hub.command, "serve"]) as port:
        requests = _requests(said.stdout.strip(), members)
        asyncio.run(_ask(port, requests, max(CLIENTS), WARM_S))
        return {clients: _figures(asyncio.run(_ask(port, requests, clients, SECONDS))) for clients in CLIENTS}


def _figures(times: Sequence[float]) -> tuple[float, float, float]:
    cuts = quantiles(times, n=100)
    return len(times) / SECONDS, cuts[49] * 1e3, cuts[98] * 1e3


def _requests(token: str, members: int) -> Iterator[bytes]:
    random, stem = Random(1), uuid7()
    head = f"authorization: Bearer {token}\r\n"
    for number in itertools.count():
        member = b64encode(f"Member:{UUID(int=random.randint(1, members))}".encode()).decode()
        stated = {"member": member, "kind": "PURCHASE", "amount": 10_000}
        body = {"query": QUERY, "variables": {"input": stated, "key": f"{stem}-{number}"}}
        yield request_of("/graphql", orjson.dumps(body), head)


async def _ask(port: int, requests: Iterator[bytes], clients: int, seconds: float) -> list[float]:
    until = time.perf_counter() + seconds
    asked = [_ask_on_one(port, requests, until) for _ in range(clients)]
    return [took for times in await asyncio.gather(*asked) for took in times]


async def _ask_on_one(port: int, requests: Iterator[bytes], until: float) -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    times: list[float] = []
    while (began := time.perf_counter()) < until:
        writer.write(next(requests))
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0]))
        if not head.startswith(b"HTTP/1.1 200") or b'"userErrors":[]' not in body:
            raise RuntimeError(f"Not done: {head.splitlines()[0].decode()}")
        times.append(time.perf_counter() - began)
    writer.close()
    return times
