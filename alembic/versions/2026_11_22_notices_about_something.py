"""Notices about something: one open task per member, kind and subject; due ones are found by their kind.

The default of the new column lets a process of the version before go on: each of its tasks is about its own.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "d41a7be0935c"
down_revision: str | None = "38e846875a83"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None
OPEN = sa.text("told_at IS NULL")


def upgrade() -> None:
    subject_ref = sa.Column("subject_ref", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=True)
    op.add_column("notice_task", subject_ref, schema="hub")
    op.create_index(
        "uq_notice_task_open",
        "notice_task",
        ["member_id", "kind", "subject_ref"],
        unique=True,
        schema="hub",
        postgresql_where=OPEN,
        postgresql_nulls_not_distinct=True,
    )
    op.drop_index("ix_notice_task_due", table_name="notice_task", schema="hub", postgresql_where=OPEN)
    op.create_index(
        "ix_notice_task_due", "notice_task", ["kind", "due_at"], unique=False, schema="hub", postgresql_where=OPEN
    )


def downgrade() -> None:
    op.drop_index("ix_notice_task_due", table_name="notice_task", schema="hub", postgresql_where=OPEN)
    op.create_index("ix_notice_task_due", "notice_task", ["due_at"], unique=False, schema="hub", postgresql_where=OPEN)
    op.drop_index("uq_notice_task_open", table_name="notice_task", schema="hub", postgresql_where=OPEN)
    op.drop_column("notice_task", "subject_ref", schema="hub")
