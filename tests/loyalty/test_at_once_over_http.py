"""Tills of two processes that want the same at the same moment: the last one goes once, and no point is lost."""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from sqlalchemy import select

from member_hub.audit.tables import AuditEntry
from member_hub.db import Database, snapshot
from member_hub.db.bulk import table_of
from member_hub.graphql.keys import member_id_of
from member_hub.points.checking import self_check
from member_hub.points.writing import account_t
from tests.loyalty.served import Served, token_of
from tests.loyalty.tills import Tills, codes

AT_ONCE = 20
FUNDED = 1_000
BUSINESS = 200
audit_t = table_of(AuditEntry)
_numbers = itertools.count(1)


class Town:
    """Both processes with a till each, and the mini-program of one member or another."""

    def __init__(self, client: httpx2.AsyncClient, hubs: Sequence[Served]) -> None:
        self._client, self._hubs = client, hubs
        self.tills = [Tills(client, token_of(hub.settings, "app_checkout"), hub.address) for hub in hubs]

    def phones(self, member: str) -> list[Tills]:
        """The member's own mini-program, at either process."""
        about = {"member": member_id_of(member)}
        return [
            Tills(self._client, token_of(hub.settings, "app_mini_program", **about), hub.address) for hub in self._hubs
        ]

    async def ask(self, name: str, **stated: Any) -> dict[str, Any]:
        """At the first, once; what was not refused."""
        _, payload = await self.tills[0].ask_once(name, f"k-{next(_numbers)}", stated)
        assert codes(payload) == [], payload
        return payload

    async def member(self) -> str:
        card = {"channel": "STORE", "account": str(7_700_000_000 + next(_numbers)), "homeStore": "SH001"}
        return str((await self.ask("memberEnrol", **card))["member"]["id"])

    async def funded(self) -> str:
        member = await self.member()
        await self.ask("pointsEarn", member=member, kind="TASK", amount=FUNDED)
        return member

    async def at_once(self, name: str, stated: Mapping[str, Any], *, key: str | None = None) -> list[dict[str, Any]]:
        """From both in turn, each under a key of its own unless all have one."""
        asked = [self.tills[n % 2].ask_once(name, key or f"k-{next(_numbers)}", stated) for n in range(AT_ONCE)]
        return [payload for _, payload in await asyncio.gather(*asked)]


@pytest.fixture
def hubs(both: Sequence[Served]) -> Sequence[Served]:
    return both


@asynccontextmanager
async def town_of(hubs: Sequence[Served]) -> AsyncIterator[Town]:
    async with httpx2.AsyncClient() as client:
        yield Town(client, hubs)


async def _outcomes(rows: Database, member: str, name: str) -> Counter[str]:
    """What stands on record about an operation with this member."""
    async with snapshot(rows.audit) as tx:
        of = audit_t.c.member_ids.contains([member_id_of(member)])
        return Counter(await tx.scalars(select(audit_t.c.outcome).where(of, audit_t.c.operation == name)))


async def _account(rows: Database, member: str) -> tuple[int, int, int]:
    async with snapshot(rows.app) as tx:
        found = (await tx.execute(select(account_t).where(account_t.c.member_id == member_id_of(member)))).one()
    return found.active, found.held, found.debt


@pytest.mark.parametrize(
    ("name", "code", "stands"),
    [("pointsRedeem", "POINTS_NOT_ENOUGH", (0, 0, 0)), ("pointsHold", "POINTS_NOT_ENOUGH", (0, FUNDED, 0))],
)
async def test_of_many_who_want_the_whole_balance_one_gets_it(
    hubs: Sequence[Served], rows: Database, name: str, code: str, stands: tuple[int, int, int]
) -> None:
    async with town_of(hubs) as town:
        member = await town.funded()

        answers = await town.at_once(name, {"member": member, "amount": FUNDED})

    assert Counter(map(str, map(codes, answers))) == {"[]": 1, f"['{code}']": AT_ONCE - 1}
    assert await _account(rows, member) == stands
    assert await _outcomes(rows, member, name) == {"ok": 1, code: AT_ONCE - 1}


async def test_of_many_who_use_the_last_one_of_a_benefit_one_does(hubs: Sequence[Served], rows: Database) -> None:
    async with town_of(hubs) as town:
        member = await town.member()

        answers = await town.at_once("benefitUse", {"member": member, "benefit": "gift_wrapping"})

    assert Counter(map(str, map(codes, answers))) == {"[]": 1, "['BENEFIT_USED_UP']": AT_ONCE - 1}
    assert await _outcomes(rows, member, "benefitUse") == {"ok": 1, "BENEFIT_USED_UP": AT_ONCE - 1}


@pytest.mark.parametrize("kind", ["PURCHASE", "TASK"])
async def test_one_request_sent_many_times_at_once_is_done_once(
    hubs: Sequence[Served], rows: Database, kind: str
) -> None:
    async with town_of(hubs) as town:
        member = await town.funded()
        stated = {"member": member, "kind": kind, "amount": 500}

        answers = await town.at_once("pointsEarn", stated, key=f"same-{kind}")

    assert [codes(answer) for answer in answers] == [[]] * AT_ONCE
    assert len({str(answer) for answer in answers}) == 1
    assert (await _account(rows, member))[0] == FUNDED + (500 if kind == "TASK" else 0)


async def test_two_busy_accounts_lose_no_point_and_nobody_is_told_of_a_deadlock(
    hubs: Sequence[Served], rows: Database
) -> None:
    async with town_of(hubs) as town:
        anna, bo = [await town.funded() for _ in range(2)]
        phones = {anna: town.phones(anna), bo: town.phones(bo)}
        work = [_business(n, *((anna, bo) if n % 2 else (bo, anna))) for n in range(BUSINESS)]

        async def one(n: int, name: str, stated: dict[str, Any]) -> dict[str, Any]:
            tills = phones[stated["member"]] if name == "pointsTransfer" else town.tills
            return (await tills[n // 2 % 2].ask(name, f"k-{next(_numbers)}", stated))[1]

        answers = await asyncio.gather(*(one(n, *each) for n, each in enumerate(work)))

    assert [codes(answer) for answer in answers if codes(answer)] == []
    assert sum((tills.broken for tills in (*town.tills, *phones[anna], *phones[bo])), Counter()) == {}
    expected = {member: FUNDED + sum(_change(member, *each) for each in work) for member in (anna, bo)}
    found = {member: await _account(rows, member) for member in (anna, bo)}
    assert found == {member: (active, 0, 0) for member, active in expected.items()}
    async with snapshot(rows.app) as tx:
        ids = [member_id_of(member) for member in (anna, bo)]
        assert await self_check(tx, [one for one in ids if one is not None]) == []


def _business(n: int, member: str, other: str) -> tuple[str, dict[str, Any]]:
    kinds: list[tuple[str, dict[str, Any]]] = [
        ("pointsEarn", {"member": member, "kind": "TASK", "amount": 7}),
        ("pointsTransfer", {"member": member, "to": other, "amount": 5}),
        ("pointsRedeem", {"member": member, "amount": 3}),
        ("pointsTransfer", {"member": member, "to": other, "amount": 2}),
    ]
    return kinds[n // 4 % 4]


def _change(member: str, name: str, stated: Mapping[str, Any]) -> int:
    """Of the member's active points."""
    gives = stated["member"] == member
    if name == "pointsTransfer":
        return -stated["amount"] if gives else int(stated["amount"])
    return 0 if not gives else int(stated["amount"]) * (1 if name == "pointsEarn" else -1)
