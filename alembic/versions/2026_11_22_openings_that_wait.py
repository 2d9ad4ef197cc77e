"""openings that wait."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "8c2f4a6d1e97"
down_revision: str | None = "3d90b6a7e21c"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

WAITING = "opening IS NOT NULL AND opened_at IS NULL"


def upgrade() -> None:
    """What was counted before is marked by the back-fill, when it finds that out."""
    op.add_column("channel_account", sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True), schema="hub")
    op.create_index(
        "ix_channel_account_unopened",
        "channel_account",
        ["member_id", "origin_id"],
        unique=False,
        schema="hub",
        postgresql_where=sa.text(WAITING),
    )


def downgrade() -> None:
    op.drop_index("ix_channel_account_unopened", table_name="channel_account", schema="hub")
    op.drop_column("channel_account", "opened_at", schema="hub")
