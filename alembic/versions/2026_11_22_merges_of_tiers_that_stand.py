"""Where two stood until they were merged, as long as the merge stands; and a protection that stands beside a floor."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "c58d20f7ae13"
down_revision: str | None = "e7b3a91c4d58"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# What a splitting protects was written as a floor before; who placed a floor left another reason.
MOVED = """
UPDATE hub.tier_standing
   SET protected = floor, protected_rank = floor_rank, protected_until = floor_until,
       floor = NULL, floor_rank = 0, floor_until = NULL
 WHERE reason = 'split' AND floor IS NOT NULL
"""
MOVED_BACK = """
UPDATE hub.tier_standing
   SET floor = protected, floor_rank = protected_rank, floor_until = protected_until
 WHERE protected IS NOT NULL AND (floor IS NULL OR floor_rank < protected_rank)
"""


def upgrade() -> None:
    op.create_table(
        "tier_merge",
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("merge_id", sa.UUID(), nullable=False),
        sa.Column("kept_ids", postgresql.ARRAY(sa.UUID()), nullable=False),
        sa.Column("gone_ids", postgresql.ARRAY(sa.UUID()), nullable=False),
        sa.Column("kept_stood", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("gone_stood", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("kept_term", sa.DateTime(timezone=True), nullable=True),
        sa.Column("gone_term", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.UUID(), nullable=True),
        sa.Column("merged_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("member_id", "merge_id", name=op.f("pk_tier_merge")),
        schema="hub",
    )
    rank = sa.Column("protected_rank", sa.SmallInteger(), server_default="0", nullable=False)
    until = sa.Column("protected_until", sa.DateTime(timezone=True), nullable=True)
    for column in (sa.Column("protected", sa.Text(), nullable=True), rank, until):
        op.add_column("tier_standing", column, schema="hub")
    op.create_check_constraint(
        op.f("ck_tier_standing_protected"),
        "tier_standing",
        "(protected IS NULL) = (protected_until IS NULL)",
        schema="hub",
    )
    op.execute(MOVED)


def downgrade() -> None:
    op.execute(MOVED_BACK)
    for name in ("protected_until", "protected_rank", "protected"):
        op.drop_column("tier_standing", name, schema="hub")
    op.drop_table("tier_merge", schema="hub")
