"""A desk of the test's own."""

import pytest

from member_hub.db import Database
from member_hub.settings import Settings
from tests.conftest import Run
from tests.tiers.desk import Desk


@pytest.fixture
def desk(database: Database, settings: Settings, run: Run) -> Desk:
    opened: Desk = run(Desk.open(database, settings))
    return opened
