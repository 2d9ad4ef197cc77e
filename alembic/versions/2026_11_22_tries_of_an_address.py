"""Tries of an address."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "e92b60f1a58d"
down_revision: str | None = "c41d09e6b7f3"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "sign_in_try",
        sa.Column("try_id", sa.UUID(), nullable=False),
        sa.Column("address_token", sa.LargeBinary(), nullable=False),
        sa.Column("tried_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("try_id", name=op.f("pk_sign_in_try")),
        schema="hub",
    )
    op.create_index(
        "ix_sign_in_try_address_token", "sign_in_try", ["address_token", "tried_at"], unique=False, schema="hub"
    )
    op.create_index("ix_sign_in_try_tried_at", "sign_in_try", ["tried_at"], unique=False, schema="hub")


def downgrade() -> None:
    op.drop_index("ix_sign_in_try_tried_at", table_name="sign_in_try", schema="hub")
    op.drop_index("ix_sign_in_try_address_token", table_name="sign_in_try", schema="hub")
    op.drop_table("sign_in_try", schema="hub")
