"""In which term of the tier a benefit was counted first, so that the counts of merged members add up and part again."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "6f1d83b2c9e4"
down_revision: str | None = "b3e81f5c7a20"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("entitlement", sa.Column("term", sa.Date(), nullable=True), schema="hub")
    # What no date on the calendar ends is counted by term, or once for ever. What a campaign gave once for ever cannot
    # be told apart here; it moves with a term only if it began on the very day of it.
    op.execute(
        sa.text(
            "UPDATE hub.entitlement SET term = period "
            "WHERE source = 'tier' AND until IS NULL AND period <> DATE '1970-01-01'"
        )
    )


def downgrade() -> None:
    op.drop_column("entitlement", "term", schema="hub")
