"""`family`: a mother, her daughter of thirteen, and two strangers, asked through the door."""

import pytest

from tests.conftest import Run
from tests.graphql.conftest import people, settled, town, world
from tests.graphql.world import World
from tests.guardians.family import Family, move_in

__all__ = ["people", "settled", "town", "world"]


@pytest.fixture
def family(world: World, run: Run) -> Family:
    moved: Family = run(move_in(world))
    return moved
