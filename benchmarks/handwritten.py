"""The limit: look-up and page written by hand for one purpose; one statement, opening, orjson. No grants, no audit.

    python -m benchmarks.handwritten PORT        (the hub's settings in the environment)

Answers POST /lookup {"phone": ...} and POST /page {"first": ...} with the fields that the hub is asked for.
"""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import orjson
import uvicorn

from member_hub.clock import Clock
from member_hub.crypto import KeySet, Vault
from member_hub.crypto.keycache import KeyCache, WrappedKey
from member_hub.db import Database
from member_hub.db.bulk import table_of
from member_hub.identity.kinds import ClaimKind
from member_hub.members.tables import Member
from member_hub.settings import Settings

FIELDS = ("name", "phone", "email", "birthday", "address")
COLUMNS = "m.member_id, " + ", ".join(f"m.{field}" for field in FIELDS)
KEYS = """array(select row(k.data_class, k.version, k.epoch, k.wrapped)
          from vault.data_key k where k.subject = m.member_id) as keys"""
LOOKUP = f"""select {COLUMNS}, {KEYS} from vault.identity_token t join hub.member m on m.member_id = t.member_id
             where t.kind = 'phone' and t.token = $1"""
PAGE = (
    f"select {COLUMNS}, {KEYS} from hub.member m where m.status = 'active' order by m.joined_at, m.member_id limit $1"
)

member_t = table_of(Member)
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Handwritten:
    """The ASGI application."""

    def __init__(self, pool: asyncpg.Pool, vault: Vault, cache: KeyCache) -> None:
        self._pool, self._vault, self._cache = pool, vault, cache

    async def __call__(self, scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Send) -> None:
        if scope["type"] != "http":
            return
        asked = orjson.loads((await receive())["body"])
        if scope["path"] == "/lookup":
            rows = await self._pool.fetch(LOOKUP, self._vault.token(ClaimKind.PHONE, "", asked["phone"]))
        else:
            rows = await self._pool.fetch(PAGE, asked["first"])
        body = orjson.dumps([self._opened(row) for row in rows])
        head = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": body})

    def _opened(self, row: asyncpg.Record) -> dict[str, str | None]:
        subject = row["member_id"]
        keys = [WrappedKey(subject, *key) for key in row["keys"]]
        wanted = [(key.subject, key.data_class) for key in keys]
        opener = KeySet(wanted, keys, self._cache, for_writing=False)
        values = {f: opener.open(member_t.c[f], subject, row[f]) if row[f] else None for f in FIELDS}
        return {"id": str(subject), **values}


async def main(port: int) -> None:
    settings = Settings.from_environ()
    database = Database.open(os.environ["MEMBER_HUB_DATABASE_URL"])
    vault = await Vault.open_ring(database, settings, Clock())
    await database.close()
    async with asyncpg.create_pool(os.environ["MEMBER_HUB_DATABASE_URL"], min_size=8, max_size=8) as pool:
        application = Handwritten(pool, vault, KeyCache(vault._ring.epochs))  # noqa: SLF001  (no door for this)
        config = uvicorn.Config(application, port=port, log_config=None, access_log=False, lifespan="off", http="h11")
        await uvicorn.Server(config).serve()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
