"""Hubs that import channel files, as tests/ingest has them."""

from tests.hub import hub, make_hub
from tests.ingest.commands import commands, migrated, program

__all__ = ["commands", "hub", "make_hub", "migrated", "program"]
