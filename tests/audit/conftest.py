"""`keys`: the audit keys of the test's own key folder; `log`: an audit log with its sealer."""

import pytest

from member_hub.audit import AuditKeys
from member_hub.db import Database
from member_hub.settings import Settings
from tests.audit.logs import Log


@pytest.fixture
def keys(settings: Settings) -> AuditKeys:
    return AuditKeys.open(settings.key_dir)


@pytest.fixture
def log(database: Database, settings: Settings) -> Log:
    return Log.of(database, settings)
