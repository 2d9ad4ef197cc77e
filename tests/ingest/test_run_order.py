"""The files of a demo set in any order, cut and shuffled, in batches of any size, with lines delivered twice."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from member_hub.demo import generate
from member_hub.ingest import batches
from member_hub.ingest.words import Source
from tests.hub import FILES, Hub, MakeHub
from tests.picture import Picture, differing

ACCOUNTS = (Source.WEBSITE, Source.APP, Source.STORE)
PIECES = 3  # of each account file


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("order")
    generate(folder, people=60, seed=3, activity_days=5)
    return folder


async def test_the_order_of_files_and_lines_does_not_matter(
    make_hub: MakeHub, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_written = await _imported(await make_hub(), list(FILES.items()), files)
    assert len(as_written.people) > 50
    assert as_written.candidates

    for seed, size in enumerate((500, 7, 1, 500, 7, 500, 7, 500)):
        monkeypatch.setattr(batches, "BATCH_MAX", size)
        hub = await make_hub()
        shuffled = await _imported(hub, _shuffled(files, hub.folder, Random(seed)), hub.folder)

        assert differing(as_written, shuffled) == {}, f"seed {seed}, batches of {size}"


async def _imported(hub: Hub, deliveries: list[tuple[Source, str]], folder: Path) -> Picture:
    for source, name in deliveries:
        assert (await hub.ingest(source, folder / name)).adds_up
    return await hub.picture()


def _shuffled(files: Path, folder: Path, random: Random) -> list[tuple[Source, str]]:
    """Account files with their lines in another order, some of them twice, in pieces; and the others among them."""
    deliveries = [(Source.ACTIVITY, FILES[Source.ACTIVITY])]
    (folder / FILES[Source.ACTIVITY]).write_bytes((files / FILES[Source.ACTIVITY]).read_bytes())
    deliveries += _shuffled_orders(files, folder, random)
    for source in ACCOUNTS:
        header, rows = _rows(files / FILES[source])
        rows += random.sample(rows, len(rows) // 5)
        random.shuffle(rows)
        for piece in range(PIECES):
            name = f"{piece}-{FILES[source]}"
            (folder / name).write_text(header + "".join(rows[piece::PIECES]), "utf-8", newline="")
            deliveries.append((source, name))
    random.shuffle(deliveries)
    return deliveries


def _shuffled_orders(files: Path, folder: Path, random: Random) -> list[tuple[Source, str]]:
    """Refunds before what they take back, lines of one order in two files; of lines with one key the first counts."""
    header, *rows = (files / FILES[Source.ORDERS]).read_text("utf-8-sig").splitlines(keepends=True)
    first = {",".join(row.split(",")[:3]): row for row in reversed(rows)}
    assert any(row.split(",")[8] == "refunded" for row in first.values())
    rest = list(first.values())
    random.shuffle(rest)
    deliveries = []
    for piece in range(PIECES):
        name = f"{piece}-{FILES[Source.ORDERS]}"
        (folder / name).write_text(header + "".join(rest[piece::PIECES]), "utf-8", newline="")
        deliveries.append((Source.ORDERS, name))
    return deliveries


def _rows(file: Path) -> tuple[str, list[str]]:
    """The header, where there is one, and every row as text: a cell of a card may hold line breaks."""
    if file.suffix == ".jsonl":
        return "", file.read_text("utf-8").splitlines(keepends=True)
    header, *rows = list(_written(file.read_text("gb18030")))
    return header, rows


def _written(text: str) -> Iterator[str]:
    for row in csv.reader(io.StringIO(text, newline="")):
        out = io.StringIO(newline="")
        csv.writer(out).writerow(row)
        yield out.getvalue()
