"""How fast the mixed files are imported: the hub on one core beside a bare COPY of the same rows, in the same run."""

import asyncio
import csv
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import asyncpg

from benchmarks.hub import SOURCES, Done, Hub, fresh_hub
from benchmarks.tables import print_table
from member_hub import demo

RECORDS = (10_000, 300_000)
RECORDS_PER_PERSON = 25  # of the demo set, all five files
SEED = 1
REPEATS = 3  # of what is short
SMALL = 20_000
COPY_RATIO_MIN = 1 / 16
GROWTH_MAX = 1.3  # time per record of the largest run over that of the smallest
PEAK_RSS_MAX_MB = 500
ENCODINGS = {"store.csv": "gb18030", "orders.csv": "utf-8-sig"}
MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Import:
    """One size: how long the bare COPY took, and the hub's commands."""

    rows: Mapping[str, int]  # of each source
    copy_s: float
    startups: Mapping[str, Done]  # by source, of a command that finds no row
    commands: Mapping[str, Done]  # by source

    @property
    def records(self) -> int:
        return sum(self.rows.values())

    @property
    def hub_s(self) -> float:
        """What the records cost: without starting five programs."""
        return sum(self.source_s(source) for source in self.commands)

    def source_s(self, source: str) -> float:
        return self.commands[source].wall_s - self.startups[source].wall_s

    def source_cpu_s(self, source: str) -> float:
        return self.commands[source].cpu_s - self.startups[source].cpu_s

    @property
    def startup_s(self) -> float:
        return median(done.wall_s for done in self.startups.values())

    @property
    def per_record_us(self) -> float:
        return self.hub_s / self.records * 1e6

    @property
    def copy_ratio(self) -> float:
        return self.copy_s / self.hub_s

    @property
    def peak_rss_mb(self) -> float:
        return max(command.peak_rss_bytes for command in self.commands.values()) / MB


def main(*, sizes: Sequence[int] = RECORDS) -> None:
    """Print each size beside the bare COPY, then how the time per record grows."""
    imports = [_steady(size) for size in sizes]
    header = ("records", "COPY records/s", "hub records/s", "hub/COPY", "µs/record", "start-up s", "peak MB", "")
    print_table(
        f"Importing the mixed files, hub on one core (bars: 1/16 of COPY, {PEAK_RSS_MAX_MB} MB)",
        header,
        [_row(done) for done in imports],
    )
    print_table(
        "The same by source, µs per record of wall time (and of the hub's own CPU)",
        ("records", *SOURCES),
        [[str(done.records), *(_source_cell(done, source) for source in SOURCES)] for done in imports],
    )
    growth = imports[-1].per_record_us / imports[0].per_record_us
    verdict = "met" if growth <= GROWTH_MAX else "NOT MET"
    print(f"  time per record, {imports[-1].records} over {imports[0].records}: {growth:.2f} ({verdict}, {GROWTH_MAX})")


def _steady(records: int) -> Import:
    """One import of a large set; of a small one the quickest of some, source by source: noise only ever adds."""
    if records > SMALL:
        return measure(records)
    tries = [measure(records) for _ in range(REPEATS)]
    commands = {source: _quickest(done.commands[source] for done in tries) for source in SOURCES}
    startups = {source: _quickest(done.startups[source] for done in tries) for source in SOURCES}
    return Import(tries[0].rows, median(done.copy_s for done in tries), startups, commands)


def _quickest(commands: Iterable[Done]) -> Done:
    return min(commands, key=lambda done: done.wall_s)


def measure(records: int) -> Import:
    """Generate about that many records, COPY them, and import them into a fresh hub."""
    with tempfile.TemporaryDirectory() as folder, fresh_hub() as hub:
        files = Path(folder)
        summary = demo.generate(files, people=max(records // RECORDS_PER_PERSON, 1), seed=SEED)
        rows = {source: summary.rows[file] for source, file in SOURCES.items()}
        copy_s = asyncio.run(_bare_copy(hub, files))
        startups = {source: _startup(hub, files, source) for source in SOURCES}
        commands = {source: hub.ingest(source, files, one_core=True) for source in SOURCES}
    return Import(rows, copy_s, startups, commands)


def _row(done: Import) -> list[str]:
    is_met = done.copy_ratio >= COPY_RATIO_MIN and done.peak_rss_mb < PEAK_RSS_MAX_MB
    return [
        str(done.records),
        f"{done.records / done.copy_s:.0f}",
        f"{done.records / done.hub_s:.0f}",
        f"1/{1 / done.copy_ratio:.1f}",
        f"{done.per_record_us:.0f}",
        f"{done.startup_s:.2f}",
        f"{done.peak_rss_mb:.0f}",
        "met" if is_met else "NOT MET",
    ]


def _source_cell(done: Import, source: str) -> str:
    rows = max(done.rows[source], 1)
    return f"{done.source_s(source) / rows * 1e6:.0f} ({done.source_cpu_s(source) / rows * 1e6:.0f})"


def _startup(hub: Hub, files: Path, source: str) -> Done:
    """The quickest of some commands that find a file without a row: what is taken off each import."""
    file = files / SOURCES[source]
    head = b"" if file.suffix == ".jsonl" else file.read_bytes().partition(b"\n")[0] + b"\n"
    empty = files / f"empty{file.suffix}"
    empty.write_bytes(head)
    return _quickest(hub.run("ingest", source, str(empty), one_core=True) for _ in range(REPEATS))


async def _bare_copy(hub: Hub, files: Path) -> float:
    """Seconds of one COPY of every row into a table with a unique index, committed: the median of some."""
    rows = [(name, line, row) for name in demo.FILES for line, row in enumerate(_rows(files / name))]
    connection: asyncpg.Connection = await asyncpg.connect(hub.server.url("postgres"))
    try:
        return median([await _one_copy(connection, rows) for _ in range(REPEATS)])
    finally:
        await connection.close()


async def _one_copy(connection: asyncpg.Connection, rows: Sequence[tuple[str, int, str]]) -> float:
    await connection.execute("DROP TABLE IF EXISTS bare_copy")
    await connection.execute("CREATE TABLE bare_copy (source text, line bigint, row text)")
    await connection.execute("CREATE UNIQUE INDEX ON bare_copy (source, line)")
    started = time.perf_counter()
    await connection.copy_records_to_table("bare_copy", records=rows)
    return time.perf_counter() - started


def _rows(path: Path) -> Iterator[str]:
    """The rows of one file as text; a cell may hold a line break."""
    with path.open(encoding=ENCODINGS.get(path.name, "utf-8"), newline="") as file:
        if path.suffix == ".jsonl":
            yield from file
        else:
            yield from ("\x1f".join(cells) for cells in csv.reader(file))
