"""Members whose benefit of the month failed are rows of their own, which go with the member.

They stood in an array of the round, where an erasure did not find them. Those of the erased are not carried over.
Price: code of before fails its round of benefits until it is replaced; the next round looks at the same members.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "8a4e61c7d0b2"
down_revision: str | None = "6f1d83b2c9e4"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# By the root: who was merged since is looked at as whom they are now.
CARRIED_OVER = """
INSERT INTO hub.benefit_again (member_id, source, month)
SELECT DISTINCT coalesce(m.merged_into, m.member_id), r.source, r.month
  FROM hub.benefit_round r
  JOIN hub.member m ON m.member_id = ANY (r.failed)
  JOIN hub.member root ON root.member_id = coalesce(m.merged_into, m.member_id) AND root.status <> 'erased'
 WHERE r.month = (SELECT max(l.month) FROM hub.benefit_round l WHERE l.source = r.source)
"""
CARRIED_BACK = """
UPDATE hub.benefit_round r
   SET failed = (SELECT coalesce(array_agg(a.member_id), '{}') FROM hub.benefit_again a
                  WHERE a.source = r.source AND a.month = r.month)
"""


def upgrade() -> None:
    op.create_table(
        "benefit_again",
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("member_id", "source", "month", name=op.f("pk_benefit_again")),
        schema="hub",
    )
    op.execute(CARRIED_OVER)
    op.drop_column("benefit_round", "failed", schema="hub")


def downgrade() -> None:
    op.add_column(
        "benefit_round",
        sa.Column("failed", postgresql.ARRAY(sa.UUID()), server_default="{}", nullable=False),
        schema="hub",
    )
    op.execute(CARRIED_BACK)
    op.drop_table("benefit_again", schema="hub")
