"""A second person for what one must not decide alone: proposals and approvals."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "5c1f0b7e92d4"
down_revision: str | None = "e4b7a19d3c60"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

OPEN = "used_at IS NULL"


def upgrade() -> None:
    op.create_table(
        "act_approval",
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("approval_id", sa.UUID(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("tier", sa.Text(), nullable=True),
        sa.Column("floor", sa.Text(), nullable=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("used_under", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("act IN ('pointsAdjust', 'tierPlace')", name=op.f("ck_act_approval_act")),
        sa.CheckConstraint("(approved_by IS NULL) = (approved_at IS NULL)", name=op.f("ck_act_approval_approved")),
        sa.CheckConstraint("used_at IS NULL OR approved_by IS NOT NULL", name=op.f("ck_act_approval_used")),
        sa.PrimaryKeyConstraint("member_id", "approval_id", name=op.f("pk_act_approval")),
        schema="hub",
    )
    op.create_index("ix_act_approval_approval_id", "act_approval", ["approval_id"], schema="hub")
    op.create_index("ix_act_approval_expires_at", "act_approval", ["expires_at"], schema="hub")
    op.create_index(
        "ix_act_approval_open",
        "act_approval",
        ["proposed_at", "approval_id"],
        schema="hub",
        postgresql_where=sa.text(OPEN),
    )
    op.create_index(
        "ix_act_approval_proposed_by",
        "act_approval",
        ["proposed_by"],
        schema="hub",
        postgresql_where=sa.text(OPEN),
    )


def downgrade() -> None:
    op.drop_table("act_approval", schema="hub")
