"""Figures of a week."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "7f3ad1c85e20"
down_revision: str | None = "e92b60f1a58d"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "statistics_snapshot",
        sa.Column("handler", sa.Text(), nullable=False),
        sa.Column("cut", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Date(), nullable=False),
        sa.Column("cells", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("handler", "cut", "epoch", name=op.f("pk_statistics_snapshot")),
        schema="hub",
    )
    op.create_index("ix_statistics_snapshot_epoch", "statistics_snapshot", ["epoch"], unique=False, schema="hub")


def downgrade() -> None:
    op.drop_index("ix_statistics_snapshot_epoch", table_name="statistics_snapshot", schema="hub")
    op.drop_table("statistics_snapshot", schema="hub")
