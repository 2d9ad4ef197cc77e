"""Lines that wait are found by when they came, so that old ones go."""

from collections.abc import Sequence

from alembic import op

revision: str = "5d0a7e3c94b2"
down_revision: str | None = "8c2f4a6d1e97"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_index("ix_waiting_line_received_at", "waiting_line", ["received_at"], unique=False, schema="hub")


def downgrade() -> None:
    op.drop_index("ix_waiting_line_received_at", table_name="waiting_line", schema="hub")
