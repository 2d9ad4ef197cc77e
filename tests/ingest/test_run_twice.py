"""A demo set with every kind of dirt: rehearsed, imported, and delivered a second time."""

from pathlib import Path

import pytest

from member_hub.demo import generate
from member_hub.ingest import batches
from member_hub.ingest.summary import Count
from member_hub.ingest.words import Source
from tests.hub import FILES, Hub
from tests.picture import differing

RUNS = "hub.ingest_run"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    generate(folder, people=300, seed=7, activity_days=20)
    return folder


async def test_a_dry_run_tells_what_the_real_one_does_and_keeps_nothing_and_a_second_delivery_changes_nothing(
    hub: Hub, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "BATCH_MAX", 100)  # later batches meet what earlier ones have made
    summaries = {}
    for source, name in FILES.items():
        before = await hub.counts()
        rehearsed = await hub.ingest(source, files / name, dry_run=True)
        assert await hub.counts() == before, source

        summaries[source] = await hub.ingest(source, files / name)

        assert rehearsed.counts == summaries[source].counts, source
        assert rehearsed.adds_up
        assert rehearsed.read >= 200

    before, picture = await hub.counts(), await hub.picture()
    for source, name in FILES.items():
        again = await hub.ingest(source, files / name)
        assert again.adds_up
        assert again.quarantined == summaries[source].quarantined
        assert again.counts[Count.DUPLICATE] == _sound(summaries[source].counts) - again.counts[Count.WAITING], source
        assert _changes(again.counts) == {}, source

    assert await hub.counts() == before | {RUNS: before[RUNS] + len(FILES)}
    assert differing(picture, await hub.picture()) == {}
    assert (again.counts[Count.WAITING], summaries[Source.ORDERS].counts[Count.WAITING]) != (0, 0)


def _sound(counts: dict[str, int]) -> int:
    """The rows that were not refused; a waiting count of activity waits on, and is counted as waiting again."""
    return counts["read"] - sum(number for name, number in counts.items() if name.startswith("quarantined."))


def _changes(counts: dict[str, int]) -> dict[str, int]:
    names = (Count.CREATED, Count.ATTACHED, Count.UPDATED, Count.APPLIED, Count.MERGED, Count.SPLIT, Count.REVIEW)
    return {name: counts[name] for name in names if counts[name]}
