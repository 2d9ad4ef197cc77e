"""A desk of the test's own."""

import pytest

from member_hub.db import Database
from tests.tags.desk import Desk


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)
