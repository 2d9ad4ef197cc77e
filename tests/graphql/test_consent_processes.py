"""With two hub processes, no request that comes after a withdrawal was acknowledged sees the old state."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx2
import pytest

from member_hub.clock import Clock
from member_hub.graphql.building import global_id
from tests.graphql.consenting import grant, inform, move_in, number, withdraw
from tests.graphql.world import World

# A hub on a free port of the loopback interface, with the keys of the test's own; it says the port and serves.
PROGRAM = """
import asyncio, sys
from pathlib import Path
from member_hub.clock import Clock
from member_hub.db import Database
from member_hub.holders import HOLDERS
from member_hub.runtime import open_runtime
from member_hub.settings import Mode, Settings
from member_hub.web import serve

url, prefix, folder, key_dir = sys.argv[1:]
settings = Settings(
    mode=Mode.DEVELOPMENT, database_url=None, data_dir=Path(folder) / "data", key_dir=Path(key_dir),
    ledger_dir=Path(folder) / "ledger", port=0, policy_dir=None, debug=False, cost_per_s=5_000_000,
    lookups_per_s=100_000,
)

async def main():
    database = Database.open(url, role_prefix=prefix)
    async with open_runtime(settings, Clock(), database, HOLDERS) as hub:
        await serve(hub, 0, on_ready=lambda port: print(port, flush=True))
    await database.close()

asyncio.run(main())
"""
STARTING_S = 60
ROUNDS = 50
MEANWHILE = 3  # requests to each process that are under way while the withdrawal is
LOOK_UP = "query ($by: MemberKey!) { member(by: $by) { id } }"
LIST = "{ memberList(first: 10) { edges { node { id } } } }"


@contextmanager
def served(world: World) -> Iterator[str]:
    settings, database = world.hub.settings, world.hub.database
    where = [database.url, database.role_prefix, str(settings.data_dir.parent), str(settings.key_dir)]
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *where], text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        late = threading.Timer(STARTING_S, process.kill)
        late.start()
        try:
            assert process.stdout
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            late.cancel()
            process.terminate()


@pytest.fixture
def two(world: World) -> Iterator[list[str]]:
    """The addresses of two processes on the world's database."""
    with ExitStack() as stack:
        yield [stack.enter_context(served(world)) for _ in range(2)]


async def test_no_process_shows_who_has_withdrawn(world: World, two: list[str]) -> None:
    (member,) = await move_in(world, 1)
    notice = await inform(world, [member])
    world.clock.at = Clock().now()  # of the token; the processes go by the machine's own
    headers = {"Authorization": f"Bearer {world.token('app_crm', purposes=['marketing'])}"}
    async with httpx2.AsyncClient(headers=headers, timeout=30) as client:

        async def sees(address: str, query: str) -> bool:
            variables = {"by": {"phone": number(0)}} if "$by" in query else None
            answer = await client.post(f"{address}/graphql", json={"query": query, "variables": variables})
            assert "errors" not in answer.json(), answer.json()
            return global_id(member) in answer.text

        async def all_see(times: int = 1) -> list[bool]:
            asked = [sees(address, query) for address in two for query in (LOOK_UP, LIST) for _ in range(times)]
            return list(await asyncio.gather(*asked))

        for _ in range(ROUNDS):
            world.clock.at = Clock().now()
            await grant(world, member, notice)
            assert await all_see() == [True] * 4
            meanwhile = asyncio.create_task(all_see(MEANWHILE))
            world.clock.at = Clock().now()
            await withdraw(world, member)

            assert await all_see() == [False] * 4
            await meanwhile
