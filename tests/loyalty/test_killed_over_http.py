"""The served hub and its database killed (kill -9) under load from tills: every answer stands, and nothing twice."""

import asyncio
import json
import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import Table, func, select

from member_hub.audit.tables import AuditEntry
from member_hub.benefits.tables import BenefitUse
from member_hub.db import Database, place, snapshot
from member_hub.db.bulk import table_of
from member_hub.db.session import connect
from member_hub.orders.tables import OrderLine
from member_hub.points.earning import line_t
from member_hub.points.writing import account_t, entry_t
from member_hub.settings import Settings
from tests.loyalty.served import Served, token_of
from tests.loyalty.tills import Tills, codes

MEMBERS = 24
TILLS = 8
FUNDED = 100
FEN = 300
STOPS = {50: "hub", 90: "server", 130: "both"}  # what is killed when so many have been answered
NOTICED_S = 0.5
Step = tuple[str, dict[str, Any]]

audit_t, use_t, order_t = table_of(AuditEntry), table_of(BenefitUse), table_of(OrderLine)


@dataclass
class Told:
    """What the tills were answered, by key."""

    asked: dict[str, Step] = field(default_factory=dict)
    payloads: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: set[str] = field(default_factory=set)

    @property
    def receipts(self) -> dict[str, list[Any]]:
        """The entries that each act on points said it made, by its number."""
        found = [payload.get("receipt") or {} for payload in self.payloads.values()]
        return {one["operationId"]: one["entries"] for one in found if "operationId" in one}

    @property
    def uses(self) -> list[str]:
        return [payload["use"]["id"] for payload in self.payloads.values() if "use" in payload]


@pytest.fixture
def served(settings: Settings, tmp_path: Path) -> Iterator[Served]:
    hub = Served(settings, tmp_path / "served.log")
    yield hub
    hub.stop()
    files = place.existing(settings.data_dir)
    if files is not None and not files.is_relative_to(settings.data_dir):
        shutil.rmtree(files)


@dataclass
class Load:
    """Six kinds of business with each member, by several tills at once, and what is killed meanwhile."""

    hub: Served
    tills: Tills
    told: Told = field(default_factory=Told)
    unanswered: dict[str, int] = field(default_factory=dict)  # requests, until the next was killed

    async def run(self) -> list[str]:
        """Returns who the members are."""
        members = list(await asyncio.gather(*(self._enrolled(number) for number in range(MEMBERS))))
        funds = {"kind": "TASK", "amount": FUNDED}
        await asyncio.gather(*(self._step(f"f-{m}", "pointsEarn", {"member": m} | funds) for m in members))
        numbers = iter(range(6 * MEMBERS))

        async def till() -> None:
            for number in numbers:
                last: dict[str, Any] = {}
                for at, (name, stated) in enumerate(_business(number, members[number // 6])):
                    more = {"hold": last["receipt"]["operationId"]} if name == "pointsCapture" else {}
                    last = await self._step(f"k-{number}-{at}", name, stated | more)

        await asyncio.gather(*(till() for _ in range(TILLS)))
        return members

    async def again(self) -> dict[str, dict[str, Any]]:
        """Everything that was asked, asked once more, a till's number at a time."""
        waiting = list(self.told.asked.items())
        found: dict[str, dict[str, Any]] = {}
        while waiting:
            some, waiting = waiting[:TILLS], waiting[TILLS:]
            answers = await asyncio.gather(*(self.tills.ask(name, key, said) for key, (name, said) in some))
            found |= {key: payload for (key, _), (_, payload) in zip(some, answers, strict=True)}
        return found

    async def _enrolled(self, number: int) -> str:
        card = {"channel": "STORE", "account": str(7_700_000_000 + number), "homeStore": "SH001"}
        _, payload = await self.tills.ask("memberEnrol", f"enrol-{number}", card)
        assert codes(payload) == []
        return str(payload["member"]["id"])

    async def _step(self, key: str, name: str, stated: dict[str, Any]) -> dict[str, Any]:
        self.told.asked[key] = (name, stated)
        request_id, payload = await self.tills.ask(name, key, stated)
        assert codes(payload) == [], (name, payload)
        self.told.payloads[key] = payload
        self.told.requests.add(request_id)
        if (what := STOPS.get(len(self.told.payloads))) is not None:
            await self._kill(what)
        return payload

    async def _kill(self, what: str) -> None:
        before = self.tills.unanswered
        if what != "hub":
            self.hub.kill_server()
        if what != "server":
            self.hub.kill()
            await self.hub.start()
            self.tills.address = self.hub.address
        await asyncio.sleep(NOTICED_S)
        self.unanswered[what] = self.tills.unanswered - before


def _business(number: int, member: str) -> list[Step]:
    whose = {"member": member}
    line = {"channel": "STORE", "store": "SH001", "orderNo": f"T-{number}", "lines": [{"lineNo": 1, "amountFen": FEN}]}
    kinds: list[list[Step]] = [
        [("pointsEarn", whose | {"kind": "PURCHASE", "amount": FEN})],
        [("pointsEarn", whose | {"kind": "TASK", "amount": 10})],
        [("pointsRedeem", whose | {"amount": 3})],
        [("pointsHold", whose | {"amount": 5}), ("pointsCapture", whose | {"amount": 4})],
        [("orderRecord", whose | line)],
        [("benefitUse", whose | {"benefit": "gift_wrapping"})],
    ]
    return kinds[number % 6]


async def test_whatever_is_killed_under_load_every_answer_stands_once(served: Served) -> None:
    await served.start()
    async with httpx2.AsyncClient() as client:
        tills = Tills(client, token_of(served.settings, "app_checkout"))
        tills.address = served.address
        load = Load(served, tills)

        members = await load.run()

        assert min(load.unanswered.values()) > 0, load.unanswered
        assert tills.broken == {}
        async with connect(served.settings) as database:
            before = await _proved(database, load.told)
            assert await load.again() == load.told.payloads
            assert await _proved(database, load.told) == before
            await _sums(database, len(members))
    for words in (("points", "check"), ("audit", "verify")):
        done = served.command(*words, "--json")
        assert (done.returncode, json.loads(done.stdout)["ok"]) == (0, True), done.stdout


async def _proved(database: Database, told: Told) -> Mapping[str, int]:
    """Every answer stands as it was told, nothing stands that was not, and every answer is on record."""
    entries: dict[str, list[Any]] = defaultdict(list)
    lines = await _rows(database, line_t)
    of_lines = {str(row.operation_id) for row in lines}
    for row in sorted(await _rows(database, entry_t), key=lambda row: (row.member_id, row.sequence)):
        ids = [None if one is None else str(one) for one in (row.lot_id, row.hold_id)]
        entries[str(row.operation_id)].append((row.act.upper(), row.reason.upper(), row.amount, *ids))
    assert {of: found for of, found in entries.items() if of not in of_lines} == {
        of: [(one["act"], one["reason"], one["points"], one["lot"], one["hold"]) for one in found]
        for of, found in told.receipts.items()
    }
    assert [len(entries[of]) for of in of_lines] == [1] * MEMBERS
    uses = [str(row.use_id) for row in await _rows(database, use_t)]
    assert sorted(uses) == sorted(told.uses)
    orders = {(row.order_no, row.line_no) for row in await _rows(database, order_t)}
    assert len(await _rows(database, order_t)) == len(orders) == len(lines) == MEMBERS
    async with snapshot(database.audit) as tx:
        found = select(audit_t.c.request_id).where(audit_t.c.outcome == "ok")
        assert told.requests <= {str(one) for one in await tx.scalars(found)}
    return {"entries": sum(map(len, entries.values())), "uses": len(uses), "lines": len(lines)}


async def _sums(database: Database, members: int) -> None:
    """To the point: what came, what went, and nothing on hold."""
    pots = [func.sum(account_t.c[name]) for name in ("active", "pending", "held", "debt")]
    async with snapshot(database.app) as tx:
        found = (await tx.execute(select(*pots))).one()
    bought = FEN // 100
    assert tuple(found) == (members * (FUNDED + 10 - 3 - 4), members * 2 * bought, 0, 0)


async def _rows(database: Database, table: Table) -> list[Any]:
    async with snapshot(database.app) as tx:
        return list(await tx.execute(select(table)))
