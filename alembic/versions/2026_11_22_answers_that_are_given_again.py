"""Answers that are given again: what the first one is found by, where a member id says too little."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "5ac0e1f97d24"
down_revision: str | None = "7d0e4c5b91aa"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("idempotency", sa.Column("result_id", sa.UUID(), nullable=True), schema="hub")


def downgrade() -> None:
    op.drop_column("idempotency", "result_id", schema="hub")
