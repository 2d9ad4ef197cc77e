"""Figures by purpose: whose objections and consent they went by is part of what a kept table is found by."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "5c1e9b04d7a3"
down_revision: str | None = "b7d1f0a94c35"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

KEY = "pk_statistics_snapshot"
TABLE = "statistics_snapshot"


def upgrade() -> None:
    """What is kept so far was counted for analytics, the only purpose that had figures."""
    op.add_column(
        TABLE, sa.Column("counted_for", sa.Text(), server_default=sa.text("'analytics'"), nullable=False), schema="hub"
    )
    op.drop_constraint(op.f(KEY), TABLE, schema="hub", type_="primary")
    op.create_primary_key(op.f(KEY), TABLE, ["handler", "counted_for", "cut", "epoch"], schema="hub")


def downgrade() -> None:
    """What was counted for other purposes goes: the older hub would take it for figures of everybody."""
    op.execute("DELETE FROM hub.statistics_snapshot WHERE counted_for <> 'analytics'")
    op.drop_constraint(op.f(KEY), TABLE, schema="hub", type_="primary")
    op.create_primary_key(op.f(KEY), TABLE, ["handler", "cut", "epoch"], schema="hub")
    op.drop_column(TABLE, "counted_for", schema="hub")
