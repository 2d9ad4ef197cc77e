"""PostgreSQL: tables' base, connections by role, the embedded server, migrations."""

from member_hub.db.base import HUB, VAULT, Base, Tx, snapshot, transaction
from member_hub.db.engines import Database

__all__ = ["HUB", "VAULT", "Base", "Database", "Tx", "snapshot", "transaction"]
