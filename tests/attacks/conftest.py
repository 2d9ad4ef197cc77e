"""The shared hub of tests/graphql."""

from tests.graphql.conftest import people, settled, town, world

__all__ = ["people", "settled", "town", "world"]
