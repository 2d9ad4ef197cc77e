"""What was counted: a mark on order lines and activity, and opening balances once for each account."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "91d4c7e05b3f"
down_revision: str | None = "7c1e93b5d2a8"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "points_opening",
        sa.Column("origin_id", sa.UUID(), nullable=False),
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("origin_id", name=op.f("pk_points_opening")),
        schema="hub",
    )
    op.create_index("ix_points_opening_member_id", "points_opening", ["member_id"], schema="hub")
    op.add_column("order_line", sa.Column("counted_at", sa.DateTime(timezone=True), nullable=True), schema="hub")
    op.add_column("activity", sa.Column("counted", sa.SmallInteger(), nullable=True), schema="hub")
    op.create_index(
        "ix_order_line_uncounted",
        "order_line",
        ["member_id", "channel", "order_no", "line_no"],
        schema="hub",
        postgresql_where=sa.text("counted_at IS NULL"),
    )
    op.create_index(
        "ix_order_line_refunds_waiting",
        "order_line",
        ["refund_of_order", "refund_of_line"],
        schema="hub",
        postgresql_where=sa.text("counted_at IS NULL AND refund_of_order IS NOT NULL"),
    )
    op.create_index(
        "ix_activity_uncounted",
        "activity",
        ["member_id", "origin_id", "day", "kind"],
        schema="hub",
        postgresql_where=sa.text("counted IS DISTINCT FROM count"),
    )


def downgrade() -> None:
    op.drop_index("ix_activity_uncounted", table_name="activity", schema="hub")
    op.drop_index("ix_order_line_refunds_waiting", table_name="order_line", schema="hub")
    op.drop_index("ix_order_line_uncounted", table_name="order_line", schema="hub")
    op.drop_column("activity", "counted", schema="hub")
    op.drop_column("order_line", "counted_at", schema="hub")
    op.drop_table("points_opening", schema="hub")
