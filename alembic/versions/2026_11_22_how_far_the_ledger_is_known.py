"""Keep how far the outside ledger is known, so that a restored database is noticed before it is served."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "e4b7a19d3c60"
down_revision: str | None = "e4a9c61d7b02"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "ledger_head",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.CheckConstraint("name = 'consent'", name=op.f("ck_ledger_head_one_row")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_ledger_head")),
        schema="hub",
    )


def downgrade() -> None:
    op.drop_table("ledger_head", schema="hub")
