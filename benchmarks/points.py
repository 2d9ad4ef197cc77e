"""Earning points beside pgbench: the action from as many processes as pgbench has threads, and pgbench with its SQL.

Both do the same statements, in the same order, with a commit each that is on disk before the answer: the key of the
request, the guarded account, the lot, the entry, the account. The script for pgbench is made from what one earning
sends, so it stays the same SQL when the action changes. They take turns.
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
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any, Final
from unittest.mock import patch
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

from sqlalchemy import text

from benchmarks.hub import Hub, fresh_hub
from benchmarks.tables import print_table
from member_hub import organisation, points, programme, resources
from member_hub.access import Caller, system_caller
from member_hub.clock import Clock
from member_hub.crypto import Vault
from member_hub.db import Database, binaries, transaction
from member_hub.db.base import Tx
from member_hub.db.direct import Direct
from member_hub.db.roles import Role, role_name
from member_hub.idempotency import RequestKey
from member_hub.ids import MemberId, uuid7
from member_hub.points import Asked, Earning, LotKind, Programme
from member_hub.privacy import Purpose
from member_hub.settings import Settings

BAR: Final = 0.7
MEMBERS: Final = 10_000
THREADS: Final = os.cpu_count() or 2
CLIENTS: Final = (1, 8)  # of each thread, or process
ROUNDS: Final = 5
RUN_S: Final = 3
FEN: Final = 10_000
_POLICIES: Final = resources.folder("policies")
_RULES: Final = points.rules_of(programme.read(_POLICIES / "programme.toml")["points"])
_REGISTER: Final = organisation.load(_POLICIES / "organisation.toml")
_PEOPLE: Final = f"""
insert into hub.member (member_id, status, handler, joined_at, channels, created_at, updated_at)
select lpad(to_hex(n), 32, '0')::uuid, 'active', 'brand', now(), 1, now(), now() from generate_series(1, {MEMBERS}) n;
insert into hub.channel_account (member_id, origin_id, filed_under, channel, namespace, handler, first_seen_at,
                                 last_seen_at, account)
select lpad(to_hex(n), 32, '0')::uuid, gen_random_uuid(), lpad(to_hex(n), 32, '0')::uuid, 'store', 'brand', 'brand',
       now(), now(), '' from generate_series(1, {MEMBERS}) n;
insert into hub.points_account (member_id, state, updated_at)
select lpad(to_hex(n), 32, '0')::uuid, 'open', now() from generate_series(1, {MEMBERS}) n
"""


def main() -> None:
    pgbench = _pgbench()
    with fresh_hub() as hub:
        script = hub.folder / "earn.sql"
        script.write_text(asyncio.run(_prepare(hub)), "utf-8")
        rows = []
        for clients in CLIENTS:
            ours, theirs = [], []
            for _ in range(ROUNDS):
                ours.append(_hub_rate(hub, clients, MEMBERS))
                theirs.append(_pgbench_rate(hub, pgbench, script, clients) if pgbench else 0.0)
            rows.append(_row(f"{clients} at once in each", ours, theirs))
        rows.append(_row("one account, 8 at once in each", [_hub_rate(hub, 8, 1)], [0.0]))
    title = f"Points: earning, durable, {THREADS} processes beside pgbench with {THREADS} threads (bar {BAR})"
    print_table(title, ("", "hub/s", "pgbench/s", "ratio"), rows)
    if not pgbench:
        print("  no pgbench among the server's programs: install PostgreSQL's own (MEMBER_HUB_POSTGRES)")


def _row(name: str, ours: Sequence[float], theirs: Sequence[float]) -> Sequence[str]:
    """The ratio is the median of those of each turn, because whatever else the machine does falls on both of a turn."""
    hub_rate, rate = f"{statistics.median(ours):.0f}", statistics.median(theirs)
    if not rate:
        return [name, hub_rate, "", ""]
    return [name, hub_rate, f"{rate:.0f}", f"{statistics.median(a / b for a, b in zip(ours, theirs, strict=True)):.2f}"]


def _pgbench() -> str | None:
    """Beside the programs of the server; the wheels have none."""
    beside = binaries.choose(os.environ).folder / "pgbench"
    return str(beside) if beside.is_file() else shutil.which("pgbench")


def _member(number: int) -> MemberId:
    return MemberId(UUID(int=number))


async def _prepare(hub: Hub) -> str:
    """Members with empty accounts, and what one earning sends, as a script."""
    database = Database.open(hub.url)
    async with transaction(database.owner) as tx:
        for statement in _PEOPLE.split(";"):
            await tx.execute(text(statement))
        await tx.execute(text("analyze"))
    vault = await Vault.open_ring(database, Settings.from_environ(os.environ | hub.environ), Clock())
    sent: list[tuple[str, Sequence[str], Sequence[Any]]] = []

    one = Direct.one

    async def noting(self: Direct, tx: Tx, values: Mapping[str, Any]) -> Any:
        names = self.names
        sent.append((self.text, names, [values.get(name, self.known.get(name)) for name in names]))
        return await one(self, tx, values)

    await _earn(database, vault, _member(1), "first")  # the statements of the second are those of all
    with patch.object(Direct, "one", noting):
        await _earn(database, vault, _member(1), _key_of_no_cleaning(vault))
    await database.close()
    lines = ["\\set n random(1, :members)", "\\set r random(1, 9000000000000000000)", "BEGIN;"]
    for statement, names, parameters in sent:
        ends = " \\gset" if "own_origin" in statement else ";"
        lines.append(_scripted(statement, names, parameters) + ends)
    return "\n".join([*lines, "END;\n"])


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
    "asked": "lpad(to_hex(:n::bigint), 32, '0')",
    "member_id": "lpad(to_hex(:n::bigint), 32, '0')",
    "of_member": "lpad(to_hex(:n::bigint), 32, '0')",
    "key_digest": f"decode({_RANDOM}, 'hex')",
    "result_id": _RANDOM,
    "operation_id": _RANDOM,
    "lot_id": _RANDOM,
    "origin_id": ":own_origin",
    "version": ":version",
    "pending": "(:pending::bigint + 100)",
}


def _value(name: str, given: Any) -> str:
    row = int(found[2]) if (found := re.match("(lot|entry)([0-9])_", name)) else None
    name = re.sub("^(lot[0-9]|entry[0-9]|claim)_", "", name)
    if name == "sequence":
        return f"(:sequence::bigint + {(row or 0) + 1})"
    if name == "pending" and row is not None:
        return str(given)
    if name in _OURS:
        return _OURS[name]
    return _literal(given)


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


def _hub_rate(hub: Hub, clients: int, members: int) -> float:
    """Processes that begin together; each says how many it did in how long."""
    command = [sys.executable, "-m", "benchmarks.points", hub.url, str(clients), str(members)]
    environ = os.environ | hub.environ
    workers = [
        subprocess.Popen([*command, str(number)], env=environ, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for number in range(THREADS)
    ]
    for worker in workers:
        assert worker.stdout
        worker.stdout.readline()  # is ready
    for worker in workers:
        assert worker.stdin
        worker.stdin.write("go\n")
        worker.stdin.flush()
    return sum(_rate(worker) for worker in workers)


def _rate(worker: "subprocess.Popen[str]") -> float:
    said, _ = worker.communicate()
    done = json.loads(said)
    return float(done["count"]) / float(done["took_s"])


async def _worker(url: str, clients: int, members: int, number: int) -> None:
    """One process: `clients` at once, each with a connection, after a warm-up."""
    database = Database.open(url)
    vault = await Vault.open_ring(database, Settings.from_environ(), Clock())
    random, keys = Random(number), _keys(number)
    warm = [_earn(database, vault, _member(n + 1 if members > 1 else 1), next(keys)) for n in range(2 * clients)]
    await asyncio.gather(*warm)
    print("ready", flush=True)
    sys.stdin.readline()
    began, count = time.perf_counter(), 0

    async def client() -> None:
        nonlocal count
        while time.perf_counter() - began < RUN_S:
            await _earn(database, vault, _member(random.randint(1, members)), next(keys))
            count += 1

    await asyncio.gather(*(client() for _ in range(clients)))
    print(json.dumps({"count": count, "took_s": time.perf_counter() - began}))
    await database.close()


def _keys(number: int) -> Iterator[str]:
    stem = f"{uuid7()}-{number}"
    return (f"{stem}-{n}" for n in range(10**9))


async def _earn(database: Database, vault: Vault, member_id: MemberId, key: str) -> None:
    asked = Asked(Programme(vault, _REGISTER, _RULES), Clock().now(), RequestKey("till", key, b"100.00 yuan"))
    async with transaction(database.app) as tx:
        await points.earn(tx, _caller(), member_id, asked=asked, earning=Earning(LotKind.PURCHASE, FEN))


def _caller() -> Caller:
    return system_caller(subject="till", purpose=Purpose.MEMBER_SERVICE, request_id=uuid7())


if __name__ == "__main__":
    asyncio.run(_worker(sys.argv[1], *map(int, sys.argv[2:])))
