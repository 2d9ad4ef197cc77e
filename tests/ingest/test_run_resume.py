"""An import that is killed with -9 again and again: the same command goes on, in the end as if nothing had been."""

from pathlib import Path
from random import Random

import pytest

from member_hub.clock import Clock
from member_hub.demo import generate
from member_hub.ingest import batches
from member_hub.ingest.words import Source
from tests.hub import FILES, Hub
from tests.ingest.commands import Commands
from tests.picture import differing

BATCH = 25
KILLS = 4  # of each of the five commands


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("resume")
    generate(folder, people=150, seed=5, activity_days=5)
    return folder


async def test_twenty_kills_lose_nothing_and_double_nothing(
    commands: Commands, hub: Hub, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "BATCH_MAX", BATCH)
    undisturbed = Hub(hub.database, hub.vault, hub.folder, Clock(), hub.audit)
    random, killed_within = Random(11), []

    for source, name in FILES.items():
        wanted = await undisturbed.ingest(source, files / name)
        arguments = ("ingest", source.value, str(files / name), "--json")
        steps = commands.run(*arguments, "--dry-run", batch=BATCH).steps
        for _ in range(KILLS):
            at, after_ms = random.randrange(1, steps // KILLS), random.choice((0, random.uniform(0, 4)))
            assert commands.run(*arguments, batch=BATCH, dies_at=at, dies_after_ms=after_ms).status == -9
            killed_within.append(await _position(commands, source))

        (told,) = commands.run(*arguments, batch=BATCH).json

        assert told == wanted.as_json(), source
        assert told["adds_up"], source

    assert differing(await undisturbed.picture(), await commands.hub.picture()) == {}
    assert await commands.hub.counts() == await undisturbed.counts()
    assert len(killed_within) == 5 * KILLS
    assert sum(position > 0 for position in killed_within) >= 10


async def _position(commands: Commands, source: Source) -> int:
    """How far the one run of the file has come; it is not at its end."""
    runs = [row for row in await commands.hub.rows("hub.ingest_run") if row.source == source]
    if not runs:
        return 0  # killed before the run was written down
    (run,) = runs
    assert run.finished_at is None
    assert run.position < run.size_bytes
    return int(run.position)
