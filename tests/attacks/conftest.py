"""Attacks go through the door, at the hubs of tests/graphql."""

from tests.graphql.conftest import people, settled, town, world
from tests.graphql.crowd import crowd

__all__ = ["crowd", "people", "settled", "town", "world"]
