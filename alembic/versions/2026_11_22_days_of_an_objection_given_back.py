"""Days that are added to the grace of a term, because an objection to everything kept it from being looked at."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "e7b3a91c4d58"
down_revision: str | None = "d27a90c4e1f6"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    days = sa.Column("given_days", sa.Integer(), server_default="0", nullable=False)
    op.add_column("tier_standing", days, schema="hub")


def downgrade() -> None:
    op.drop_column("tier_standing", "given_days", schema="hub")
