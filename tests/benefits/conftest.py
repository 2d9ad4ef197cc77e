"""A desk of the test's own."""

import pytest

from member_hub.db import Database
from member_hub.settings import Settings
from tests.benefits.desk import Desk
from tests.conftest import Run


@pytest.fixture
def desk(database: Database, settings: Settings, run: Run) -> Desk:
    opened: Desk = run(Desk.open(database, settings))  # type: ignore[assignment]
    return opened
