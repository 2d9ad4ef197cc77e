"""A hub of the test's own, or several; and one that commands work on, each in a process of its own."""

from tests.hub import hub, make_hub
from tests.ingest.commands import commands, migrated, program

__all__ = ["commands", "hub", "make_hub", "migrated", "program"]
