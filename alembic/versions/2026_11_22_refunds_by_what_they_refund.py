"""Refunds are found by what they refund, counted or not: growth goes by all of a line's refunds together."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "c2a96e18d740"
down_revision: str | None = "5b1e7d90c4a3"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

COLUMNS = ["refund_of_order", "refund_of_line"]


def upgrade() -> None:
    op.drop_index("ix_order_line_refunds_waiting", table_name="order_line", schema="hub")
    op.create_index(
        "ix_order_line_refunds",
        "order_line",
        COLUMNS,
        schema="hub",
        postgresql_where=sa.text("refund_of_order IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_order_line_refunds", table_name="order_line", schema="hub")
    op.create_index(
        "ix_order_line_refunds_waiting",
        "order_line",
        COLUMNS,
        schema="hub",
        postgresql_where=sa.text("counted_at IS NULL AND refund_of_order IS NOT NULL"),
    )
