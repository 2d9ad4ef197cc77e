"""A hub of the test's own, or several."""

from tests.hub import hub, make_hub

__all__ = ["hub", "make_hub"]
