"""Decisions about tiers wait for their gifts, and members whose benefit of the month failed come again."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "b41f6c08d7e3"
down_revision: str | None = "5d0a7e3c94b2"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# What the last run had not read yet, and an hour before: an entitlement that is there is not given again.
UNREAD = """
INSERT INTO hub.tier_rise (member_id, change_id)
SELECT c.member_id, c.change_id
  FROM hub.tier_change c
  JOIN hub.benefit_round r ON r.source = 'promotion'
 WHERE c.reason = 'earned' AND c.changed_at >= r.changed_since - interval '1 hour'
"""


def upgrade() -> None:
    op.create_table(
        "tier_rise",
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("change_id", sa.UUID(), nullable=False),
        sa.PrimaryKeyConstraint("member_id", "change_id", name=op.f("pk_tier_rise")),
        schema="hub",
    )
    op.execute(UNREAD)
    op.add_column(
        "benefit_round",
        sa.Column("failed", postgresql.ARRAY(sa.UUID()), server_default="{}", nullable=False),
        schema="hub",
    )


def downgrade() -> None:
    op.drop_column("benefit_round", "failed", schema="hub")
    op.drop_table("tier_rise", schema="hub")
