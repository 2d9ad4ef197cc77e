"""Earning points beside pgbench: from as many processes as pgbench has threads, and pgbench with the same SQL.

    by itself    points.earn, each in a transaction of its own; pgbench: BEGIN, the statement that it sends, COMMIT
    together     points.Together.earn, which pointsEarn asks first: each waits for its own receipt, within the reach of
                 an app, and those that come meanwhile go with one statement and share a commit; pgbench: the statement
                 of one earning by itself, alone, which is a transaction and the fastest way to send it

What a tier multiplies with, and the audit entry, are left out on both sides; they are in what GraphQL takes, below.
Every earning has a member, key, lot and entry of its own, and is on disk before its answer, on both sides. Both have as
many at once; pgbench has a connection for each and its statements prepared. The scripts are made from what one earning
sends, so they stay the same SQL when the action changes. They take short turns, each from the same empty books, and the
ratio is the median of those of each turn, because whatever else the machine does falls on both of a turn. A busy
machine favours whoever has more processes, and that is pgbench's server: measure on a quiet one.
What earning takes through GraphQL is recorded below: of one process that serves, beside the action in one process.
"""

import asyncio
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any, Final
from unittest.mock import patch
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

from sqlalchemy import text

from benchmarks import earning
from benchmarks.hub import Hub, fresh_hub
from benchmarks.tables import print_table
from member_hub import organisation, points, programme, resources
from member_hub.access import Caller, RowScope, system_caller
from member_hub.clock import Clock
from member_hub.crypto import Vault
from member_hub.db import Database, binaries, transaction
from member_hub.db.base import Tx
from member_hub.db.direct import Direct
from member_hub.db.roles import Role, role_name
from member_hub.idempotency import RequestKey
from member_hub.ids import MemberId, uuid7
from member_hub.members.bits import restriction_mask
from member_hub.members.reading import Visible
from member_hub.members.row_gate import RowGate
from member_hub.points import Asked, Earning, LotKind, Programme, Receipt, Wish
from member_hub.points.rules import FULL_BP
from member_hub.privacy import Purpose
from member_hub.settings import Settings

BAR: Final = 0.7
MEMBERS: Final = 10_000
THREADS: Final = os.cpu_count() or 2
CLIENTS: Final = (1, 8)  # of each thread, or process
BY_ITSELF: Final = "by itself"
TOGETHER: Final = "together"
HOWS: Final = (BY_ITSELF, TOGETHER)
TURNS: Final = 9
RUN_S: Final = 2
WARM_S: Final = 0.5
_EARNING: Final = Earning(LotKind.PURCHASE, 10_000)
_POLICIES: Final = resources.folder("policies")
_RULES: Final = points.rules_of(programme.read(_POLICIES / "programme.toml")["points"])
_REGISTER: Final = organisation.load(_POLICIES / "organisation.toml")
_GATE: Final = RowGate(
    purpose=Purpose.MEMBER_SERVICE,
    recipient="",
    handler="brand",
    restricted=restriction_mask(Purpose.MEMBER_SERVICE),
    staff_role=None,
    stores=frozenset(),
    subject="till",
    needs_consent=False,
    at=Clock().now(),
)
_APP: Final = Visible(RowScope.HANDLER, frozenset(), "brand", None, Clock().now(), _GATE)
_PEOPLE: Final = f"""
truncate hub.member, hub.channel_account, hub.points_account, hub.points_lot, hub.points_entry, hub.idempotency cascade;
insert into hub.member (member_id, status, handler, joined_at, channels, created_at, updated_at)
select lpad(to_hex(n), 32, '0')::uuid, 'active', 'brand', now(), 1, now(), now() from generate_series(1, {MEMBERS}) n;
insert into hub.channel_account (member_id, origin_id, filed_under, channel, namespace, handler, first_seen_at,
                                 last_seen_at, account)
select lpad(to_hex(n), 32, '0')::uuid, gen_random_uuid(), lpad(to_hex(n), 32, '0')::uuid, 'store', 'brand', 'brand',
       now(), now(), '' from generate_series(1, {MEMBERS}) n;
insert into hub.points_account (member_id, state, updated_at)
select lpad(to_hex(n), 32, '0')::uuid, 'open', now() from generate_series(1, {MEMBERS}) n;
analyze hub.member, hub.channel_account, hub.points_account
"""


def main() -> None:
    pgbench = _pgbench()
    with fresh_hub() as hub:
        rows = []
        for how in HOWS:
            script = hub.folder / f"{how}.sql"
            script.write_text(asyncio.run(_prepare(hub, how)), "utf-8")
            rows += [_compared(hub, pgbench, script, how, clients) for clients in CLIENTS]
        rows += [_on_one_account(hub, how) for how in HOWS]
        through = _through_graphql(hub)
    title = f"Points: earning, durable, {THREADS} processes beside pgbench with {THREADS} threads (bar {BAR})"
    print_table(title, ("", "hub/s", "pgbench/s", "ratio", "of turns"), rows)
    header = ("clients", "requests/s", "median ms", "p99 ms", "the action by itself/s", "of it")
    print_table("Points: earning through GraphQL, recorded, one process that serves (no bar yet)", header, through)
    if not pgbench:
        print("  no pgbench among the server's programs: install PostgreSQL's own (MEMBER_HUB_POSTGRES)")


def _compared(hub: Hub, pgbench: str | None, script: Path, how: str, clients: int) -> Sequence[str]:
    ours, theirs = [], []
    with _workers(hub, how, clients, MEMBERS) as turn:
        for _ in range(TURNS):
            asyncio.run(_empty(hub))
            ours.append(turn())
            asyncio.run(_empty(hub))
            theirs.append(_pgbench_rate(hub, pgbench, script, clients) if pgbench else 0.0)
    return _row(f"{how}, {clients} at once in each", ours, theirs)


def _through_graphql(hub: Hub) -> Sequence[Sequence[str]]:
    """What the clock has to do first with members that are new is done before: it is of no ordinary day."""
    asyncio.run(_empty(hub))
    hub.run("jobs", "run")
    rows = []
    for clients, (rate, median_ms, p99_ms) in earning.rates(hub, MEMBERS).items():
        with _workers(hub, BY_ITSELF, clients, MEMBERS, processes=1) as turn:
            alone = turn()
        cells = (f"{rate:.0f}", f"{median_ms:.1f}", f"{p99_ms:.1f}", f"{alone:.0f}", f"{rate / alone:.2f}")
        rows.append([str(clients), *cells])
    return rows


def _on_one_account(hub: Hub, how: str) -> Sequence[str]:
    with _workers(hub, how, max(CLIENTS), 1) as turn:
        return _row(f"{how}, one account, {max(CLIENTS)} at once in each", [turn()], [0.0])


def _row(name: str, ours: Sequence[float], theirs: Sequence[float]) -> Sequence[str]:
    hub_rate, rate = f"{statistics.median(ours):.0f}", statistics.median(theirs)
    if not rate:
        return [name, hub_rate, "", "", ""]
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    return [name, hub_rate, f"{rate:.0f}", f"{statistics.median(ratios):.2f}", spread]


def _pgbench() -> str | None:
    """Beside the programs of the server; the wheels have none."""
    beside = binaries.choose(os.environ).folder / "pgbench"
    return str(beside) if beside.is_file() else shutil.which("pgbench")


def _member(number: int) -> MemberId:
    return MemberId(UUID(int=number))


async def _prepare(hub: Hub, how: str) -> str:
    """Members with empty accounts, and what one earning sends, as a script."""
    await _empty(hub)
    database = Database.open(hub.url)
    vault = await Vault.open_ring(database, Settings.from_environ(os.environ | hub.environ), Clock())
    earn = _earner(BY_ITSELF, database, vault)
    sent: list[Sequence[Any]] = []
    given = Direct.given

    def noting(self: Direct, values: Mapping[str, Any]) -> list[Any]:
        parameters = given(self, values)
        sent.append((self.text, self.names, parameters))
        return parameters

    await earn(_member(1), "first")
    with patch.object(Direct, "given", noting):
        await earn(_member(1), _key_of_no_cleaning(vault))
    await database.close()
    (statement,) = sent  # an ordinary earning sends one
    script = [_scripted(*statement) + ";"]
    script = ["BEGIN;", *script, "END;"] if how == BY_ITSELF else script
    return "\n".join(["\\set n random(1, :members)", "\\set r random(1, 9000000000000000000)", *script, ""])


async def _empty(hub: Hub) -> None:
    """Members without points, so that each turn begins with the same books."""
    database = Database.open(hub.url)
    async with transaction(database.owner) as tx:
        for statement in _PEOPLE.split(";"):
            await tx.execute(text(statement))
    await database.close()


def _key_of_no_cleaning(vault: Vault) -> str:
    """Every sixteenth claim clears away old keys, too; the hub's runs have these, the script has not."""
    return next(k for k in (f"k{n}" for n in range(1000)) if vault.message_key("idempotency", k)[0] % 16)


def _scripted(statement: str, names: Sequence[str], parameters: Sequence[Any]) -> str:
    """The statement with each `$n::TYPE` as the value, or as what pgbench makes of its variables."""

    def value(found: re.Match[str]) -> str:
        index = int(found[1]) - 1
        kind = found[2] or ""
        given, name = parameters[index], names[index]
        return f"{_value(name, given)}::{kind}" if kind else _value(name, given)

    flat = re.sub(r"\s+", " ", statement)
    return re.sub(r"\$(\d+)(?:::([A-Z]+(?: [A-Z]+)*(?:\[\])?))?", value, flat)


_RANDOM = "lpad(to_hex(:r::bigint), 32, '0')"
_OURS: Final = {
    "p_asked": "lpad(to_hex(:n::bigint), 32, '0')",
    "p_key_digest": f"decode({_RANDOM}, 'hex')",
    "p_operation_id": _RANDOM,
    "p_lot_id": _RANDOM,
    "p_asked_at": "now()",
    "p_earned_at": "now()",
}


def _value(name: str, given: Any) -> str:
    if name not in _OURS:
        return _literal(given)
    return f"ARRAY[{_OURS[name]}]" if isinstance(given, list) else _OURS[name]


def _literal(given: Any) -> str:
    if given is None:
        return "NULL"
    if isinstance(given, list):
        return f"ARRAY[{', '.join(map(_literal, given))}]"
    if isinstance(given, bytes):
        return f"'\\x{given.hex()}'"
    if isinstance(given, int):
        return str(given)
    return f"'{given.isoformat() if isinstance(given, datetime) else given}'"


def _pgbench_rate(hub: Hub, pgbench: str, script: Path, clients: int) -> float:
    parts = urlsplit(hub.url)
    where = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    role = role_name(unquote(parts.path[1:]), Role.APP)
    said = ["-n", "-M", "prepared", "-T", str(RUN_S), "-c", str(THREADS * clients), "-j", str(THREADS)]
    named = ["-D", f"members={MEMBERS}", "-f", str(script), "-h", where["host"], "-p", where["port"]]
    environ = os.environ | {"PGPASSWORD": parts.password or "", "PGOPTIONS": f"-c role={role}"}
    command = [pgbench, *said, *named, "-U", parts.username or "", unquote(parts.path[1:])]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    if done.returncode or found is None:
        raise RuntimeError(done.stderr[-2000:])
    return float(found[1])


@contextmanager
def _workers(
    hub: Hub, how: str, clients: int, members: int, *, processes: int = THREADS
) -> Iterator[Callable[[], float]]:
    """Processes that stay; each turn they begin together, and each says how many it did in how long."""
    command = [sys.executable, "-m", "benchmarks.points", hub.url, how, str(clients), str(members)]
    environ, pipe = os.environ | hub.environ, subprocess.PIPE
    workers = [
        subprocess.Popen([*command, str(n)], env=environ, text=True, stdin=pipe, stdout=pipe) for n in range(processes)
    ]

    def turn() -> float:
        for worker in workers:
            assert worker.stdin
            worker.stdin.write("go\n")
            worker.stdin.flush()
        done = [json.loads(_said(worker)) for worker in workers]
        return sum(float(one["count"]) / float(one["took_s"]) for one in done)

    try:
        for worker in workers:
            _said(worker)  # is ready
        yield turn
    finally:
        for worker in workers:
            worker.communicate()  # closes what it reads, and so it ends


def _said(worker: "subprocess.Popen[str]") -> str:
    assert worker.stdout
    return worker.stdout.readline()


async def _worker(url: str, how: str, clients: int, members: int, number: int) -> None:
    """One process: `clients` at once, after a warm-up of each connection."""
    database = Database.open(url)
    vault = await Vault.open_ring(database, Settings.from_environ(), Clock())
    earn, random, keys = _earner(how, database, vault), Random(number), _keys(number)

    async def client(until: float) -> int:
        count = 0
        while time.perf_counter() < until:
            await earn(_member(random.randint(1, members)), next(keys))
            count += 1
        return count

    await asyncio.gather(*(client(time.perf_counter() + WARM_S) for _ in range(clients)))
    print("ready", flush=True)
    while await asyncio.to_thread(sys.stdin.readline):  # beside the loop: a writer may still be clearing old keys away
        began = time.perf_counter()
        done = await asyncio.gather(*(client(began + RUN_S) for _ in range(clients)))
        print(json.dumps({"count": sum(done), "took_s": time.perf_counter() - began}), flush=True)
    await database.close()


def _keys(number: int) -> Iterator[str]:
    stem = f"{uuid7()}-{number}"
    return (f"{stem}-{n}" for n in range(10**9))


def _earner(how: str, database: Database, vault: Vault) -> Callable[[MemberId, str], Awaitable[Receipt]]:
    together = points.Together(database.app, _untiered)

    async def by_itself(member_id: MemberId, key: str) -> Receipt:
        async with transaction(database.app) as tx:
            return await points.earn(tx, _caller(), member_id, asked=_asked(vault, key), earning=_EARNING)

    async def with_others(member_id: MemberId, key: str) -> Receipt:
        asked = _asked(vault, key)
        wish = Wish(_caller(), _APP, member_id, asked, _EARNING, None, None)
        return await together.earn(wish) or await by_itself(member_id, key)

    return by_itself if how == BY_ITSELF else with_others


async def _untiered(_tx: Tx, held: Sequence[tuple[MemberId, datetime]], _now: datetime) -> list[int]:
    return [FULL_BP] * len(held)


def _asked(vault: Vault, key: str) -> Asked:
    return Asked(Programme(vault, _REGISTER, _RULES), Clock().now(), RequestKey("till", key, b"100.00 yuan"))


def _caller() -> Caller:
    return system_caller(subject="till", purpose=Purpose.MEMBER_SERVICE, request_id=uuid7())


if __name__ == "__main__":
    asyncio.run(_worker(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])))
