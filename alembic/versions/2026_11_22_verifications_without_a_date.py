"""Verifications without a date."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "c3a96d17e584"
down_revision: str | None = "b8e25c90d1f7"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column(
        "identity_claim",
        sa.Column("is_dated", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        schema="hub",
    )


def downgrade() -> None:
    op.drop_column("identity_claim", "is_dated", schema="hub")
