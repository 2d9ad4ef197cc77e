"""points lines by account."""

from collections.abc import Sequence

from alembic import op

revision: str = "5b1e7d90c4a3"
down_revision: str | None = "0572f20cb52f"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_index("ix_points_line_origin_id", "points_line", ["origin_id"], unique=False, schema="hub")


def downgrade() -> None:
    op.drop_index("ix_points_line_origin_id", table_name="points_line", schema="hub")
