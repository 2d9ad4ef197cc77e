"""What an account transferred and had adjusted in a day is found by time, not by all its entries."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "d7b92e4c8f31"
down_revision: str | None = "c5a1f0d2e684"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_index(
        "ix_points_entry_of_day",
        "points_entry",
        ["member_id", "recorded_at"],
        schema="hub",
        postgresql_where=sa.text("act IN ('transfer_out', 'adjust')"),
    )


def downgrade() -> None:
    op.drop_index("ix_points_entry_of_day", table_name="points_entry", schema="hub")
