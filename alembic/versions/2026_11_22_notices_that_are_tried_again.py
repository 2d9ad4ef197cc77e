"""Notices that are tried again."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "c41d09e6b7f3"
down_revision: str | None = "a3f5767738a2"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None
WAITING = sa.text("told_at IS NULL")


def upgrade() -> None:
    op.add_column(
        "notice_task", sa.Column("tries", sa.SmallInteger(), server_default="0", nullable=False), schema="hub"
    )
    due_at = sa.Column("due_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=True)
    op.add_column("notice_task", due_at, schema="hub")
    op.create_index(
        "ix_notice_task_due", "notice_task", ["due_at"], unique=False, schema="hub", postgresql_where=WAITING
    )
    op.drop_index("ix_notice_task_open", table_name="notice_task", schema="hub", postgresql_where=WAITING)


def downgrade() -> None:
    op.create_index(
        "ix_notice_task_open", "notice_task", ["created_at"], unique=False, schema="hub", postgresql_where=WAITING
    )
    op.drop_index("ix_notice_task_due", table_name="notice_task", schema="hub", postgresql_where=WAITING)
    op.drop_column("notice_task", "due_at", schema="hub")
    op.drop_column("notice_task", "tries", schema="hub")
