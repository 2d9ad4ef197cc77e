"""A hub of the test's own, asked through HTTP in process."""

from tests.graphql.conftest import world

__all__ = ["world"]
