"""Member codes."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "18c4fe71b624"
down_revision: str | None = "a0d175ea1ed0"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "member_code",
        sa.Column("code_digest", sa.LargeBinary(), nullable=False),
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("code_digest", name=op.f("pk_member_code")),
        schema="hub",
    )
    op.create_index("ix_member_code_expires_at", "member_code", ["expires_at"], unique=False, schema="hub")
    op.create_index("ix_member_code_member_id", "member_code", ["member_id", "issued_at"], unique=False, schema="hub")


def downgrade() -> None:
    op.drop_index("ix_member_code_member_id", table_name="member_code", schema="hub")
    op.drop_index("ix_member_code_expires_at", table_name="member_code", schema="hub")
    op.drop_table("member_code", schema="hub")
