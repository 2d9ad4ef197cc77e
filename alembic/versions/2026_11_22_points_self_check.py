"""Points: how far the self-check has come, and which accounts it found."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "b83f0c6a91d5"
down_revision: str | None = "b5e7f1c40a92"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "points_check",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.UUID(), nullable=True),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("looked_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accounts", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_points_check")),
        schema="hub",
    )
    op.create_table(
        "points_finding",
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("fault", sa.Text(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "fault IN ('pots', 'sequence', 'version', 'balance', 'lot', 'lots', 'hold', 'between')",
            name=op.f("ck_points_finding_fault"),
        ),
        sa.PrimaryKeyConstraint("member_id", "fault", name=op.f("pk_points_finding")),
        schema="hub",
    )


def downgrade() -> None:
    op.drop_table("points_finding", schema="hub")
    op.drop_table("points_check", schema="hub")
