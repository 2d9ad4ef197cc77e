"""Where alembic gets its connection and the models from; called through member_hub.db.migrate only."""

from alembic import context

from member_hub.db.migrate import OPTIONS
from member_hub.errors import Misconfigured
from member_hub.tables import METADATA

connection = context.config.attributes.get("connection")
if connection is None:
    raise Misconfigured("Migrations run through the hub.", remedy="Use `member-hub migrate` or `make migration`.")
context.configure(connection=connection, target_metadata=METADATA, **OPTIONS)
with context.begin_transaction():
    context.run_migrations()
