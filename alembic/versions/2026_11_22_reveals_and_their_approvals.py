"""Reveals and their approvals."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "5b0d92c7e1a4"
down_revision: str | None = "18c4fe71b624"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "approval",
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("approval_id", sa.UUID(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("granted_to", sa.Text(), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=False),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("member_id", "approval_id", name=op.f("pk_approval")),
        schema="hub",
    )
    op.create_index("ix_approval_expires_at", "approval", ["expires_at"], unique=False, schema="hub")
    op.create_table(
        "daily_count",
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("operation", "subject", "day", name=op.f("pk_daily_count")),
        schema="hub",
    )


def downgrade() -> None:
    op.drop_table("daily_count", schema="hub")
    op.drop_index("ix_approval_expires_at", table_name="approval", schema="hub")
    op.drop_table("approval", schema="hub")
