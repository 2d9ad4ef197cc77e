"""What objections, age and consent cost on every read: a look-up and a page of 100, with the row gate and without.

Method: one process asks its own ASGI application, alternately in two ways, so that both meet the same machine. Without:
the same code, and the gate's conditions and parameters left out of the statement that reads; nothing else differs. The
cost is the median difference of neighbours as a share of the median without, of the time that whoever asks waits,
database and all, which the bar is for, and of the processor time of this process. Two callers: staff, of whom
objections and the approval to see minors are asked, and the CRM for marketing, of whom consent is.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from unittest.mock import patch

from sqlalchemy import insert, update

from benchmarks.access import asker
from benchmarks.hub import Hub, fresh_hub
from benchmarks.tables import print_table
from member_hub import demo
from member_hub.access import Ask, DevelopmentTokens
from member_hub.clock import Clock
from member_hub.consent.notice.gates import FROM_THE_BEGINNING
from member_hub.db import transaction
from member_hub.db.bulk import table_of
from member_hub.db.session import connect
from member_hub.demo import fixed
from member_hub.holders import HOLDERS
from member_hub.ids import uuid7
from member_hub.members.gates import ConsentGate
from member_hub.members.row_gate import GateShape, RowGate
from member_hub.members.tables import Member
from member_hub.privacy import ProfileField
from member_hub.runtime import Runtime, open_runtime
from member_hub.settings import Settings

PEOPLE = 2_000
ROUNDS = {"look-up": 600, "page of 100": 60}  # of each way
WARM_UP = 20
BAR = 0.03
BIT = 7
FIELDS = "id " + " ".join(f"{field} {{ display }}" for field in ProfileField)
PHONE = next(member.phone for member in fixed.MEMBERS if member.phone.startswith("1"))
QUERIES = {
    "look-up": f'{{ member(by: {{phone: "{PHONE}"}}) {{ {FIELDS} }} }}',
    "page of 100": f"{{ memberList(first: 100) {{ edges {{ node {{ {FIELDS} }} }} }} }}",
}
FOUND = {"look-up": 1, "page of 100": 100}
CALLERS = (("support_agent", "customer_support"), ("app_crm", "marketing"))


@dataclass(frozen=True, slots=True)
class Measured:
    what: str
    role: str
    waited: tuple[float, float]  # seconds without, and the median of how much longer its neighbour took
    busy: tuple[float, float]  # the same of processor time


def main() -> None:
    """Print what the gate costs beside the bar."""
    with tempfile.TemporaryDirectory() as folder, fresh_hub() as hub:
        demo.generate(Path(folder), people=PEOPLE, seed=1, activity_days=1)
        for source in ("website", "app", "store"):
            hub.ingest(source, Path(folder))
        measured = asyncio.run(_measured(hub))
    rows = [
        [
            f"{each.what}, {each.role}",
            *(cell for part in (each.waited, each.busy) for cell in _cells(*part)),
        ]
        for each in measured
    ]
    header = ("", "request ms", "cost us", "share", "CPU ms", "cost us", "share")
    print_table(f"Objections, age and consent on every read (bar: {BAR:.0%} of the look-up)", header, rows)


def _cells(without_s: float, cost_s: float) -> tuple[str, str, str]:
    return f"{without_s * 1e3:.2f}", f"{cost_s * 1e6:+.0f}", f"{cost_s / without_s:+.1%}"


async def _measured(hub: Hub) -> list[Measured]:
    settings = Settings.from_environ(os.environ | hub.environ | {"MEMBER_HUB_DATABASE_URL": hub.url})
    async with connect(settings) as database, open_runtime(settings, Clock(), database, HOLDERS) as runtime:
        await _everybody_consents(runtime)
        return [await _one(runtime, what, role, purpose) for what in QUERIES for role, purpose in CALLERS]


async def _everybody_consents(runtime: Runtime) -> None:
    """The dearest case: every row passes every condition."""
    handler = min(runtime.organisation.handlers)
    gate = {"handler": handler, "purpose": "marketing", "recipient": "", "effective_at": FROM_THE_BEGINNING}
    async with transaction(runtime.database.app) as tx:
        await tx.execute(insert(table_of(ConsentGate)).values(**gate, bit=BIT, notice_id=uuid7()))
        await tx.execute(update(table_of(Member)).values(consent_bits=1 << BIT, age_band="adult"))
    async with runtime.database.owner.connect() as plain:
        connection = await plain.execution_options(isolation_level="AUTOCOMMIT")
        await connection.exec_driver_sql("VACUUM ANALYZE")


async def _one(runtime: Runtime, what: str, role: str, purpose: str) -> Measured:
    ask = asker(runtime, QUERIES[what], _token(runtime, role, purpose), found=FOUND[what])
    times: dict[Way, list[tuple[float, float]]] = {_gated: [], _without_gate: []}
    for round_ in range(WARM_UP + ROUNDS[what]):
        for way in sorted(times, key=lambda each: (each is _gated) == bool(round_ % 2)):  # neither always comes first
            with way():
                taken = await _taken(ask)
            if round_ >= WARM_UP:
                times[way].append(taken)
    pairs = list(zip(times[_gated], times[_without_gate], strict=True))
    waited, busy = ([(one[part], other[part]) for one, other in pairs] for part in range(2))
    return Measured(what, role, _medians(waited), _medians(busy))


def _medians(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return median(plain for _, plain in pairs), median(gated - plain for gated, plain in pairs)


async def _taken(ask: Callable[[], Awaitable[None]]) -> tuple[float, float]:
    """Seconds that it took, and of processor time."""
    began, began_cpu = time.perf_counter(), time.process_time()
    await ask()
    return time.perf_counter() - began, time.process_time() - began_cpu


@contextmanager
def _gated() -> Iterator[None]:
    """As it is; replaced by themselves, because the interpreter is slower for a moment after a class was changed."""
    with patch.object(RowGate, "shape", RowGate.shape), patch.object(RowGate, "parameters", RowGate.parameters):
        yield


@contextmanager
def _without_gate() -> Iterator[None]:
    nothing = GateShape(restricts=False, hides_minors=False, needs_consent=False, of_each=False, is_recipient=False)
    with patch.object(RowGate, "shape", nothing), patch.object(RowGate, "parameters", {}):
        yield


Way = Callable[[], AbstractContextManager[None]]


def _token(runtime: Runtime, role: str, purpose: str) -> str:
    tokens = DevelopmentTokens.open(runtime.settings)
    stated = Ask(role=role, purposes=[purpose])
    return tokens.issue(stated, runtime.policies.register, runtime.organisation, now=runtime.clock.now())
