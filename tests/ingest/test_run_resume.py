"""An import that is killed with -9 again and again: the same command goes on, in the end as if nothing had been."""

from pathlib import Path
from random import Random
from uuid import UUID

import pytest

from member_hub.clock import Clock
from member_hub.consent.history.recording import verify
from member_hub.demo import generate
from member_hub.demo.website import NOTICES
from member_hub.ingest import batches
from member_hub.ingest.words import Source
from tests.consent.deciding import publish
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
    for one in (hub, commands.hub):  # so that what is said about consent is decided, too
        for notice in NOTICES:
            await publish(one, notice, gates={("marketing", ""): 1} if notice == NOTICES[0] else None)

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
    decided = [sorted(await states(one)) for one in (undisturbed, commands.hub)]
    assert decided[0] == decided[1]
    assert len(decided[0]) > 50
    assert {await broken(one) for one in (undisturbed, commands.hub)} == {None}
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


async def states(hub: Hub) -> list[tuple[str, str, str]]:
    return [(row.purpose, row.channel, row.state) for row in await hub.rows("hub.consent_current")]


async def broken(hub: Hub) -> UUID | None:
    """The first event that does not follow the one before it in its member's chain."""
    rows = sorted(await hub.rows("hub.consent_event"), key=lambda row: (row.member_id, row.sequence))
    return verify([row._mapping for row in rows])
