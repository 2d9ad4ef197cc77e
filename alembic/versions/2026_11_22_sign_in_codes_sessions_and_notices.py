"""Sign-in codes, sessions and notices."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "a3f5767738a2"
down_revision: str | None = "5b0d92c7e1a4"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    _create_notice_task()
    _create_one_time_code()
    _create_session()
    _add_begins_at()


def _create_notice_task() -> None:
    op.create_table(
        "notice_task",
        sa.Column("task_id", sa.UUID(), nullable=False),
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("task_id", name=op.f("pk_notice_task")),
        schema="hub",
    )
    op.create_index("ix_notice_task_member_id", "notice_task", ["member_id"], unique=False, schema="hub")
    op.create_index(
        "ix_notice_task_open",
        "notice_task",
        ["created_at"],
        unique=False,
        schema="hub",
        postgresql_where=sa.text("told_at IS NULL"),
    )


def _create_one_time_code() -> None:
    op.create_table(
        "one_time_code",
        sa.Column("code_id", sa.UUID(), nullable=False),
        sa.Column("phone_token", sa.LargeBinary(), nullable=False),
        sa.Column("address_token", sa.LargeBinary(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("code_digest", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("void_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("code_id", name=op.f("pk_one_time_code")),
        schema="hub",
    )
    op.create_index(
        "ix_one_time_code_address_token", "one_time_code", ["address_token", "created_at"], unique=False, schema="hub"
    )
    op.create_index("ix_one_time_code_created_at", "one_time_code", ["created_at"], unique=False, schema="hub")
    op.create_index(
        "ix_one_time_code_phone_token", "one_time_code", ["phone_token", "created_at"], unique=False, schema="hub"
    )
    op.create_index(
        "uq_one_time_code_live",
        "one_time_code",
        ["phone_token", "purpose"],
        unique=True,
        schema="hub",
        postgresql_where=sa.text("used_at IS NULL AND void_at IS NULL"),
    )


def _create_session() -> None:
    op.create_table(
        "session",
        sa.Column("session_id", sa.UUID(), nullable=False),
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("session_id", name=op.f("pk_session")),
        schema="hub",
    )
    op.create_index("ix_session_expires_at", "session", ["expires_at"], unique=False, schema="hub")
    op.create_index("ix_session_member_id", "session", ["member_id"], unique=False, schema="hub")


def _add_begins_at() -> None:
    op.add_column("identity_claim", sa.Column("begins_at", sa.DateTime(timezone=True), nullable=True), schema="hub")


def downgrade() -> None:
    op.drop_column("identity_claim", "begins_at", schema="hub")
    op.drop_index("ix_session_member_id", table_name="session", schema="hub")
    op.drop_index("ix_session_expires_at", table_name="session", schema="hub")
    op.drop_table("session", schema="hub")
    op.drop_index(
        "uq_one_time_code_live",
        table_name="one_time_code",
        schema="hub",
        postgresql_where=sa.text("used_at IS NULL AND void_at IS NULL"),
    )
    op.drop_index("ix_one_time_code_phone_token", table_name="one_time_code", schema="hub")
    op.drop_index("ix_one_time_code_created_at", table_name="one_time_code", schema="hub")
    op.drop_index("ix_one_time_code_address_token", table_name="one_time_code", schema="hub")
    op.drop_table("one_time_code", schema="hub")
    op.drop_index(
        "ix_notice_task_open", table_name="notice_task", schema="hub", postgresql_where=sa.text("told_at IS NULL")
    )
    op.drop_index("ix_notice_task_member_id", table_name="notice_task", schema="hub")
    op.drop_table("notice_task", schema="hub")
