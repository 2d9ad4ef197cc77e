"""Codes by network, and which were sent."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "b8e25c90d1f7"
down_revision: str | None = "7d13f0a4c62e"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("one_time_code", sa.Column("network_token", sa.LargeBinary(), nullable=True), schema="hub")
    op.add_column(
        "one_time_code",
        sa.Column("is_sent", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        schema="hub",
    )
    op.create_index(
        "ix_one_time_code_network_token",
        "one_time_code",
        ["network_token", "created_at"],
        unique=False,
        schema="hub",
        postgresql_where=sa.text("network_token IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_one_time_code_network_token", table_name="one_time_code", schema="hub")
    op.drop_column("one_time_code", "is_sent", schema="hub")
    op.drop_column("one_time_code", "network_token", schema="hub")
