"""When the term ended whose grace runs, and quantiles by the day whose they are.

What was computed before was of no day, and is computed anew. A grace that runs keeps its rules: it has no `term_until`.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "d27a90c4e1f6"
down_revision: str | None = "a94c7e21d5b8"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("tier_standing", sa.Column("term_until", sa.DateTime(timezone=True), nullable=True), schema="hub")
    op.execute(sa.text("DELETE FROM hub.tier_threshold"))
    op.execute(sa.text("DELETE FROM hub.tier_review_day"))
    op.drop_constraint("pk_tier_threshold", "tier_threshold", schema="hub")
    op.drop_column("tier_threshold", "rules_version", schema="hub")
    op.add_column("tier_threshold", sa.Column("day", sa.Date(), nullable=False), schema="hub")
    op.alter_column("tier_threshold", "value", existing_type=sa.BigInteger(), nullable=True, schema="hub")
    op.create_primary_key("pk_tier_threshold", "tier_threshold", ["handler", "name", "day"], schema="hub")


def downgrade() -> None:
    op.execute(sa.text("DELETE FROM hub.tier_threshold"))
    op.execute(sa.text("DELETE FROM hub.tier_review_day"))
    op.drop_constraint("pk_tier_threshold", "tier_threshold", schema="hub")
    op.drop_column("tier_threshold", "day", schema="hub")
    op.add_column("tier_threshold", sa.Column("rules_version", sa.Integer(), nullable=False), schema="hub")
    op.alter_column("tier_threshold", "value", existing_type=sa.BigInteger(), nullable=False, schema="hub")
    op.create_primary_key("pk_tier_threshold", "tier_threshold", ["handler", "rules_version", "name"], schema="hub")
    op.drop_column("tier_standing", "term_until", schema="hub")
