"""When the term of a tier began: what is had once in a term is had again when the tier is kept for another."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "3d90b6a7e21c"
down_revision: str | None = "c2a96e18d740"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("tier_standing", sa.Column("term_since", sa.DateTime(timezone=True), nullable=True), schema="hub")


def downgrade() -> None:
    op.drop_column("tier_standing", "term_since", schema="hub")
