"""A demo set of 2,000 people, made once per session."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from benchmarks.scoring import read_partition
from member_hub import demo
from tests.demo.channels import Census

MakeSet = Callable[[int], Census]


@pytest.fixture(scope="session")
def make_set(tmp_path_factory: pytest.TempPathFactory) -> MakeSet:
    """The set of a seed, 2,000 people."""

    @cache
    def make(seed: int) -> Census:
        folder: Path = tmp_path_factory.mktemp("demo")
        demo.generate(folder, people=2000, seed=seed, truth=folder / "truth.csv")
        return Census(folder, dict(read_partition(folder / "truth.csv")))

    return make
