"""How well accounts are matched: the demo set of five seeds, equal identifiers alone, and the hub."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks import baselines
from benchmarks.hub import SOURCES, fresh_hub
from benchmarks.scoring import Partition, Score, read_partition, score
from benchmarks.tables import print_table
from member_hub import demo
from member_hub.demo import DIRT, Summary

SEEDS = (1, 2, 3, 4, 5)
PEOPLE = 2000
PRECISION_MIN = 0.99
RECALL_LOSS_MAX = 0.02  # below the naive union's
_TITLES = ("seed", "people", "website", "app", "store", "true pairs")


def main(*, seeds: Sequence[int] = SEEDS, people: int = PEOPLE, with_hub: bool = True) -> None:
    """Print the mix of each set, and precision and recall of each way of matching."""
    mixes, rows, summaries = [], [], []
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            files, truth_file = Path(folder), Path(folder) / "truth.csv"
            summary = demo.generate(files, people=people, seed=seed, truth=truth_file)
            truth = read_partition(truth_file)
            scores = baseline_scores(files, truth)
            hub = score(hub_partition(files), truth) if with_hub else None
        summaries.append(summary)
        accounts = [str(summary.accounts[channel]) for channel in ("website", "app", "store")]
        mixes.append([str(seed), str(summary.people), *accounts, str(scores[0].true)])
        rows.append([str(seed), *(_figures(found) for found in scores), *_hub_cells(hub, naive=scores[0])])
    print_table("The mix of the demo sets", _TITLES, mixes)
    print_table("Dirt: how often in the leanest set", ("kind", "one in", "of", "times"), _dirt(summaries))
    print_table(
        f"Matching: precision / recall over pairs (bar: {PRECISION_MIN} / naive - {RECALL_LOSS_MAX})",
        ("seed", "naive union", "without junk", "guarded by name", "hub", ""),
        rows,
    )


def baseline_scores(files: Path, truth: Partition) -> tuple[Score, Score, Score]:
    """Naive union, the same without junk, the same guarded by names."""
    accounts = baselines.read(files)
    return (
        score(baselines.naive(accounts), truth),
        score(baselines.junk_free(accounts), truth),
        score(baselines.guarded(accounts), truth),
    )


def hub_partition(files: Path) -> Partition:
    """Which member the hub gives each account, from the files of a folder, through its command line."""
    with fresh_hub() as hub:
        for source in SOURCES:
            hub.ingest(source, files)
        exported = hub.folder / "partition.csv"
        exported.write_text(hub.run("identity", "export").stdout, encoding="utf-8")
        return read_partition(exported)


def is_met(hub: Score, *, naive: Score) -> bool:
    """Whether the hub keeps the promise: precise, and hardly anything lost of what equal identifiers find."""
    return hub.precision >= PRECISION_MIN and hub.recall >= naive.recall - RECALL_LOSS_MAX


def _hub_cells(hub: Score | None, *, naive: Score) -> list[str]:
    if hub is None:
        return ["not run", ""]
    return [_figures(hub), "met" if is_met(hub, naive=naive) else "NOT MET"]


def _figures(found: Score) -> str:
    return f"{found.precision:.4f} / {found.recall:.4f}"


def _dirt(summaries: Sequence[Summary]) -> list[list[str]]:
    return [
        [kind.value, str(rate.one_in), rate.of, str(min(summary.dirt[kind] for summary in summaries))]
        for kind, rate in DIRT.items()
    ]
