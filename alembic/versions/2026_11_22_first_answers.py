"""A request that is sent again is told how far the ledger had come when it was answered first."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "a94c7e21d5b8"
down_revision: str | None = "d7b92e4c8f31"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("idempotency", sa.Column("result_number", sa.Integer(), nullable=True), schema="hub")


def downgrade() -> None:
    op.drop_column("idempotency", "result_number", schema="hub")
