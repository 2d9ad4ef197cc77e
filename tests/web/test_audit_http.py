"""npm graphql-http's audits against a hub that listens.

Needs Node and an installed graphql-http: `npm install graphql-http graphql` in some folder, MEMBER_HUB_TEST_NPM naming
that folder. Where they are missing this is not shown, and says so.
"""

import asyncio
import json
import os
import shutil
from pathlib import Path

import pytest

from tests.graphql.conftest import Town
from tests.web.served import served

FOLDER = Path(os.environ.get("MEMBER_HUB_TEST_NPM", "."))
PROGRAM = Path(__file__).with_name("audit_http.mjs")
AUDITS = 61
# The September 2026 edition says 422 where this one still asks for 400. (The audit of a document that is not valid,
# 74FF, sends a field name that begins with a digit, which is not GraphQL at all, so it gets its 400.)
MOVED = {"86EE": "variable coercion failure"}
# Optional (MAY), and off: a query in an address ends in the logs of every proxy on the way.
GET = {"5A70", "D6D5", "6A70"}


async def test_the_audits_hold_but_where_the_edition_is_newer(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    node = shutil.which("node")
    if node is None or not (FOLDER / "node_modules" / "graphql-http").is_dir():
        pytest.skip("not shown: Node or npm graphql-http is missing (MEMBER_HUB_TEST_NPM names its folder)")
    async with served(town.hub, monkeypatch) as port:
        url, token = f"http://127.0.0.1:{port}/graphql", town.token("app_crm")
        process = await asyncio.create_subprocess_exec(
            node, PROGRAM, str(FOLDER.resolve()), url, token, stdout=asyncio.subprocess.PIPE
        )
        said, _ = await process.communicate()

    results = {result["id"]: result for result in json.loads(said)}
    failed = {id_: result["status"] for id_, result in results.items() if result["status"] != "ok"}
    assert len(results) == AUDITS
    assert failed == dict.fromkeys(MOVED, "warn") | dict.fromkeys(GET, "notice")
    assert all(what in results[id_]["name"] for id_, what in MOVED.items())
